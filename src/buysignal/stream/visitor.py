"""What a worker knows of one visitor, and the same as bytes for the log that outlives the worker."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from buysignal.errors import EventsError
from buysignal.features.kept import from_bytes, to_bytes
from buysignal.features.live import LiveVisitor, Reader, Visit, gap_us, moment_of
from buysignal.sessions import NO_TIME

RECENT = 200
"""Messages of a visitor by which one that comes twice is known."""

_VERSION = 2
_HEAD = struct.Struct("<BqqqIH")
_MARK = 8
_NO_TIME = int(NO_TIME)


class StreamVisitor:
    """One visitor's open visits, the number of the visit in progress, and marks of the latest messages.

    Args:
        reader: of the bundle.
        session_gap: of the bundle, for events without a ``session_id``.
    """

    __slots__ = ("_day", "_gap", "_number", "_time", "live", "recent")

    def __init__(self, reader: Reader, session_gap: str) -> None:
        self.live = LiveVisitor(reader, session_gap)
        self.recent: dict[bytes, None] = {}
        self._gap = gap_us(session_gap)
        self._number = 0
        self._time = _NO_TIME
        self._day = _NO_TIME

    def is_known(self, event: Mapping[str, Any], message: bytes) -> bool:
        """Whether the same came before, by its ``event_id`` or, without one, byte for byte; it is marked."""
        mark = blake2b((event.get("event_id") or "").encode() or message, digest_size=_MARK).digest()
        if mark in self.recent:
            return True
        self.recent[mark] = None
        if len(self.recent) > RECENT:
            del self.recent[next(iter(self.recent))]
        return False

    def note(self, event: Mapping[str, Any]) -> Visit:
        """Take in an event; returns its visit.

        Without a ``session_id`` a visit ends after the session gap, or with the day where there is no clock,
        and is called as batch calls it: ``visitor-1``, ``visitor-2``.
        """
        time, day = moment_of(event)
        number = self._session_number(time, day)
        session_id = event.get("session_id")
        if session_id is None:
            session_id = f"{event['visitor_id']}-{number}"
        return self.live.note_at(event, session_id, time, day)

    def to_bytes(self, seen_ms: int) -> bytes:
        """Return all that is known, last seen ``seen_ms`` milliseconds after 1970."""
        head = _HEAD.pack(_VERSION, seen_ms, self._time, self._day, self._number, len(self.recent))
        return b"".join((head, *self.recent, to_bytes(self.live)))

    @classmethod
    def from_bytes(cls, content: bytes, reader: Reader, session_gap: str) -> StreamVisitor:
        """Return the visitor that ``to_bytes`` was called of.

        Raises:
            EventsError: the bytes were written by another version.
        """
        version, _, time, day, number, recent = _HEAD.unpack_from(content)
        if version != _VERSION:
            raise EventsError(
                f"the changelog holds a visitor of version {version}",
                allowed=f"version {_VERSION}",
                todo="start with a new group and changelog, from the beginning of the events",
            )
        visitor = cls(reader, session_gap)
        visitor._time, visitor._day, visitor._number = time, day, number
        marks, rest = _HEAD.size, _HEAD.size + recent * _MARK
        visitor.recent = {content[at : at + _MARK]: None for at in range(marks, rest, _MARK)}
        visitor.live = from_bytes(content[rest:], reader, session_gap)
        return visitor

    def _session_number(self, time: int, day: int) -> int:
        if self._number == 0:
            self._number = 1
        elif time != _NO_TIME and self._time != _NO_TIME:
            # What comes late begins no visit, and takes the clock back for none.
            self._number += time - self._time > self._gap
        else:
            self._number += day != self._day
        self._time, self._day = max(time, self._time), max(day, self._day)
        return self._number


def seen_ms(content: bytes) -> int:
    """Return when the visitor was last seen, milliseconds since 1970."""
    return int(_HEAD.unpack_from(content)[1])
