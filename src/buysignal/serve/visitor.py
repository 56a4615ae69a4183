"""One visitor as the server knows it, and the same as bytes for a store that several servers share."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from buysignal.errors import EventsError
from buysignal.features.kept import from_bytes, to_bytes
from buysignal.features.live import LiveVisitor, Reader, Visit, moment_of
from buysignal.sessions import NO_TIME
from buysignal.units import duration_us

RECENT_IDS = 200
"""Event ids of a visitor that are remembered, so that what is sent twice counts once."""

VERSION = 1
"""Of the bytes of a visitor."""

_HEAD = struct.Struct("<BqqIH")
_MARK = 8

Event = Mapping[str, Any]


class KnownVisitor:
    """One visitor: the open visits, and what gives an id to those without one."""

    __slots__ = ("_day", "_gap", "_marks", "_number", "_time", "live", "seen", "visitor_id")

    def __init__(self, visitor_id: str, reader: Reader, session_gap: str) -> None:
        self.visitor_id = visitor_id
        self.live = LiveVisitor(reader, session_gap)
        self.seen = 0.0
        self._gap = duration_us(session_gap, "session_gap")
        self._number = 0
        self._time = int(NO_TIME)
        self._day = int(NO_TIME)
        self._marks: dict[bytes, None] = {}

    def note(self, event: Event) -> Visit | None:
        """Take in an event; returns its visit, or None where this ``event_id`` was here before.

        Without a ``session_id`` a visit ends after the session gap, or with the day where there is no
        clock, and is called as batch calls it: ``visitor-1``, ``visitor-2``.
        """
        if self._is_known(event.get("event_id")):
            return None
        number = self._session_number(*moment_of(event))
        if event.get("session_id") is None:
            event = {**event, "session_id": f"{self.visitor_id}-{number}"}
        return self.live.note(event)

    def visit(self, session_id: str) -> Visit | None:
        """Return an open visit by its id."""
        return next((visit for visit in self.live.visits if visit.session_id == session_id), None)

    def read_with(self, reader: Reader) -> None:
        """Read the events with the vocabulary of ``reader``, if that is not done already."""
        if self.live.reader is not reader:
            self.live.reread(reader)

    def to_bytes(self) -> bytes:
        """Return all that is known but the id, about 50 bytes an event; no vocabulary is in it."""
        head = _HEAD.pack(VERSION, self._time, self._day, self._number, len(self._marks))
        return b"".join((head, *self._marks, to_bytes(self.live)))

    @classmethod
    def from_bytes(cls, visitor_id: str, content: bytes, reader: Reader, session_gap: str) -> KnownVisitor:
        """Return the visitor that ``to_bytes`` was called of, as the vocabulary of ``reader`` reads it.

        Raises:
            EventsError: the bytes were written by another version.
        """
        version, time, day, number, marks = _HEAD.unpack_from(content)
        if version != VERSION:
            raise EventsError(
                f"the kept visitor is of version {version}",
                allowed=f"version {VERSION}",
                todo="let servers of one version share a store, or empty it",
            )
        visitor = cls(visitor_id, reader, session_gap)
        visitor._time, visitor._day, visitor._number = time, day, number
        begin, end = _HEAD.size, _HEAD.size + marks * _MARK
        visitor._marks = {content[at : at + _MARK]: None for at in range(begin, end, _MARK)}
        visitor.live = from_bytes(content[end:], reader, session_gap)
        return visitor

    def _is_known(self, event_id: str | None) -> bool:
        if event_id is None:
            return False
        mark = blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=_MARK).digest()
        if mark in self._marks:
            return True
        self._marks[mark] = None
        if len(self._marks) > RECENT_IDS:
            del self._marks[next(iter(self._marks))]
        return False

    def _session_number(self, time: int, day: int) -> int:
        if self._number == 0:
            self._number = 1
        elif time != NO_TIME and self._time != NO_TIME:
            # What comes late begins no visit, and takes the clock back for none.
            self._number += time - self._time > self._gap
        else:
            self._number += day != self._day
        self._time, self._day = max(time, self._time), max(day, self._day)
        return self._number
