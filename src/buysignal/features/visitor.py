"""One visitor as a live door knows it, and the same as bytes for a log or store that outlives the process."""

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
"""Events of a visitor that are remembered, so that what comes twice counts once."""

VERSION = 2
"""Of the bytes of a visitor."""

_HEAD = struct.Struct("<BqqqIH")
_MARK = 8
_NO_TIME = int(NO_TIME)


class KnownVisitor:
    """One visitor's open visits, the number of the visit in progress, and marks of the latest events.

    Args:
        reader: of the bundle.
        session_gap: of the bundle, for events without a ``session_id``.
    """

    __slots__ = ("_day", "_gap", "_marks", "_number", "_session_gap", "_time", "live")

    def __init__(self, reader: Reader, session_gap: str) -> None:
        self.live = LiveVisitor(reader, session_gap)
        self._marks: dict[bytes, None] = {}
        self._session_gap = session_gap
        self._gap = gap_us(session_gap)
        self._number = 0
        self._time = _NO_TIME
        self._day = _NO_TIME

    def is_known(self, name: bytes) -> bool:
        """Whether an event of this name (its ``event_id``, or all its bytes) came before; it is marked."""
        mark = blake2b(name, digest_size=_MARK).digest()
        if mark in self._marks:
            return True
        self._marks[mark] = None
        if len(self._marks) > RECENT:
            del self._marks[next(iter(self._marks))]
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

    def read_with(self, reader: Reader) -> None:
        """Read the events with the vocabulary of ``reader``, if that is not done already."""
        if self.live.reader is not reader:
            self.live.reread(reader)

    def to_bytes(self, seen_ms: int = 0) -> bytes:
        """Return all that is known but the id, about 50 bytes an event; no vocabulary is in it.

        Args:
            seen_ms: when the visitor was last seen, milliseconds since 1970; for a store that does not know.
        """
        head = _HEAD.pack(VERSION, seen_ms, self._time, self._day, self._number, len(self._marks))
        return b"".join((head, *self._marks, to_bytes(self.live)))

    def restore(self, content: bytes) -> None:
        """Become the visitor that ``to_bytes`` was called of, as this one's reader reads it.

        Raises:
            EventsError: the bytes were written by another version.
        """
        version, _, time, day, number, marks = _HEAD.unpack_from(content)
        if version != VERSION:
            raise EventsError(
                f"the kept visitor is of version {version}",
                allowed=f"version {VERSION}",
                todo="let one version use a state, or begin it anew with another group or store",
            )
        self._time, self._day, self._number = time, day, number
        begin, end = _HEAD.size, _HEAD.size + marks * _MARK
        self._marks = {content[at : at + _MARK]: None for at in range(begin, end, _MARK)}
        self.live = from_bytes(content[end:], self.live.reader, self._session_gap)

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
    """Return when the visitor of these bytes was last seen, milliseconds since 1970."""
    return int(_HEAD.unpack_from(content)[1])
