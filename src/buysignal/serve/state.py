"""What the server remembers of visitors: their open visits in memory, bounded in number and in time.

The state of a visit is its own events; ``features.live`` folds them with each click. Whoever was not seen for
longest is forgotten first, and is a new visitor when coming back.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any

from buysignal.features.live import LiveVisitor, Reader, Visit, moment_of
from buysignal.sessions import NO_TIME
from buysignal.units import duration_us

RECENT_IDS = 200
"""Event ids of a visitor that are remembered, so that what is sent twice counts once."""

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Bounds:
    """How much is remembered.

    Attributes:
        visitors: at most.
        forget_after: a visitor who was not seen for so long is forgotten, such as ``"7d"``.
    """

    visitors: int = 100_000
    forget_after: str = "7d"


class KnownVisitor:
    """One visitor: the open visits, and what gives an id to those without one."""

    __slots__ = ("_day", "_gap", "_ids", "_number", "_time", "live", "seen", "visitor_id")

    def __init__(self, visitor_id: str, reader: Reader, session_gap: str) -> None:
        self.visitor_id = visitor_id
        self.live = LiveVisitor(reader, session_gap)
        self.seen = 0.0
        self._gap = duration_us(session_gap, "session_gap")
        self._number = 1
        self._time: int | None = None
        self._day = int(NO_TIME)
        self._ids: dict[str, None] = {}

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

    def _is_known(self, event_id: str | None) -> bool:
        if event_id is None:
            return False
        if event_id in self._ids:
            return True
        self._ids[event_id] = None
        if len(self._ids) > RECENT_IDS:
            del self._ids[next(iter(self._ids))]
        return False

    def _session_number(self, time: int, day: int) -> int:
        if self._time is not None:
            if time != NO_TIME and self._time != NO_TIME:
                self._number += time - self._time > self._gap
            else:
                self._number += day != self._day
        self._time, self._day = time, day
        return self._number


class MemoryState:
    """Visitors in this process.

    One lock guards everything: it is held for the microseconds that an event takes.

    Args:
        bounds: how much is remembered.
        clock: seconds that only rise.
    """

    name = "memory"

    def __init__(self, bounds: Bounds | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.bounds = bounds or Bounds()
        self.lock = RLock()
        self.forgotten = 0
        self._clock = clock
        self._keep = duration_us(self.bounds.forget_after, "forget_after") / 1e6
        self._visitors: OrderedDict[str, KnownVisitor] = OrderedDict()
        self._visitor_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._visitors)

    def note(self, event: Event, reader: Reader, session_gap: str) -> tuple[KnownVisitor, Visit | None]:
        """Take in an event; returns its visitor, and its visit as ``KnownVisitor.note`` does.

        Args:
            event: columns of the events table by name, ``visitor_id`` and ``event_name`` at least.
            reader: of the bundle in use; a visitor that another one read is read anew.
            session_gap: of the same bundle.
        """
        with self.lock:
            visitor = self._visitor(event["visitor_id"], reader, session_gap)
            before = visitor.live.visits
            visit = visitor.note(event)
            if visit is not None and visit not in before:
                self._index(visitor, before)
            return visitor, visit

    def find(
        self, session_id: str, reader: Reader, visitor_id: str | None = None
    ) -> tuple[KnownVisitor, Visit] | None:
        """Return an open visit and its visitor; None where there is none (any more)."""
        with self.lock:
            self._forget(self._clock())
            visitor = self._visitors.get(visitor_id or self._visitor_of.get(session_id, ""))
            visit = None if visitor is None else visitor.visit(session_id)
            if visitor is None or visit is None:
                return None
            _read_with(visitor, reader)
            return visitor, visit

    def forget(self, visitor_id: str) -> bool:
        """Forget a visitor at once; returns whether there was one."""
        with self.lock:
            visitor = self._visitors.pop(visitor_id, None)
            if visitor is None:
                return False
            self._drop(visitor)
            return True

    def _visitor(self, visitor_id: str, reader: Reader, session_gap: str) -> KnownVisitor:
        now = self._clock()
        self._forget(now)
        visitor = self._visitors.get(visitor_id)
        if visitor is None:
            visitor = self._visitors[visitor_id] = KnownVisitor(visitor_id, reader, session_gap)
            if len(self._visitors) > self.bounds.visitors:
                self._drop(self._visitors.popitem(last=False)[1])
                self.forgotten += 1
        else:
            self._visitors.move_to_end(visitor_id)
            _read_with(visitor, reader)
        visitor.seen = now
        return visitor

    def _forget(self, now: float) -> None:
        """Drop whom time has passed; the one not seen for longest stands first."""
        while self._visitors:
            oldest = next(iter(self._visitors.values()))
            if now - oldest.seen <= self._keep:
                return
            self._visitors.popitem(last=False)
            self._drop(oldest)
            self.forgotten += 1

    def _index(self, visitor: KnownVisitor, before: tuple[Visit, ...]) -> None:
        """Note where a new visit is found, and drop the one that was summed up for it."""
        now = visitor.live.visits
        self._unlist(visitor, [visit for visit in before if visit not in now])
        self._visitor_of[str(now[-1].session_id)] = visitor.visitor_id

    def _drop(self, visitor: KnownVisitor) -> None:
        self._unlist(visitor, visitor.live.visits)

    def _unlist(self, visitor: KnownVisitor, visits: tuple[Visit, ...] | list[Visit]) -> None:
        for visit in visits:
            if self._visitor_of.get(str(visit.session_id)) == visitor.visitor_id:
                del self._visitor_of[str(visit.session_id)]


def _read_with(visitor: KnownVisitor, reader: Reader) -> None:
    if visitor.live.reader is not reader:
        visitor.live.reread(reader)
