"""One visitor as the server knows it: with the id, and when it was last seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buysignal.features.live import Reader, Visit
from buysignal.features.visitor import KnownVisitor

Event = Mapping[str, Any]


class ServedVisitor(KnownVisitor):
    """One visitor whom requests name.

    Attributes:
        visitor_id: as the requests have it.
        seen: seconds of the state's clock.
    """

    __slots__ = ("seen", "visitor_id")

    def __init__(self, visitor_id: str, reader: Reader, session_gap: str) -> None:
        super().__init__(reader, session_gap)
        self.visitor_id = visitor_id
        self.seen = 0.0

    def note_once(self, event: Event) -> Visit | None:
        """Take in an event; returns its visit, or None where this ``event_id`` was here before."""
        event_id = event.get("event_id")
        if event_id is not None and self.is_known(event_id.encode("utf-8", "surrogatepass")):
            return None
        return self.note(event)

    def visit(self, session_id: str) -> Visit | None:
        """Return an open visit by its id."""
        return next((visit for visit in self.live.visits if visit.session_id == session_id), None)
