"""What the server remembers of visitors: their open visits in memory, bounded in number and in time.

The state of a visit is its own events; ``features.live`` folds them with each click. Whoever was not seen for
longest is forgotten first, and is a new visitor when coming back.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock

from buysignal.features.live import Reader, Visit
from buysignal.serve.visitor import Event, ServedVisitor
from buysignal.units import duration_us

__all__ = ["Bounds", "MemoryState", "ServedVisitor"]


@dataclass(frozen=True)
class Bounds:
    """How much is remembered.

    Attributes:
        visitors: at most; in Redis its own bound on memory takes this one's place.
        forget_after: a visitor who was not seen for so long is forgotten, such as ``"7d"``.
    """

    visitors: int = 100_000
    forget_after: str = "7d"

    def keep_s(self) -> float:
        """Return ``forget_after`` in seconds."""
        return duration_us(self.forget_after, "forget_after") / 1e6


class MemoryState:
    """Visitors in this process.

    One lock guards everything: it is held for the microseconds that an event takes.

    Args:
        bounds: how much is remembered.
        clock: seconds that only rise.
    """

    name = "memory"
    failure: str | None = None

    def __init__(self, bounds: Bounds | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.bounds = bounds or Bounds()
        self.lock = RLock()
        self.forgotten = 0
        self._clock = clock
        self._keep = self.bounds.keep_s()
        self._visitors: OrderedDict[str, ServedVisitor] = OrderedDict()
        self._visitor_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._visitors)

    def note(self, event: Event, reader: Reader, session_gap: str) -> tuple[ServedVisitor, Visit | None]:
        """Take in an event; returns its visitor, and its visit as ``ServedVisitor.note_once`` does.

        Args:
            event: columns of the events table by name, ``visitor_id`` and ``event_name`` at least.
            reader: of the bundle in use; a visitor that another one read is read anew.
            session_gap: of the same bundle.
        """
        with self.lock:
            visitor = self._visitor(event["visitor_id"], reader, session_gap)
            before = visitor.live.visits
            visit = visitor.note_once(event)
            if visit is not None and visit not in before:
                self._index(visitor, before)
            return visitor, visit

    def find(
        self, session_id: str, reader: Reader, visitor_id: str | None = None
    ) -> tuple[ServedVisitor, Visit] | None:
        """Return an open visit and its visitor; None where there is none (any more)."""
        with self.lock:
            self._forget(self._clock())
            visitor = self._visitors.get(visitor_id or self._visitor_of.get(session_id, ""))
            visit = None if visitor is None else visitor.visit(session_id)
            if visitor is None or visit is None:
                return None
            visitor.read_with(reader)
            return visitor, visit

    def forget(self, visitor_id: str) -> bool:
        """Forget a visitor at once; returns whether there was one."""
        with self.lock:
            visitor = self._visitors.pop(visitor_id, None)
            if visitor is None:
                return False
            self._drop(visitor)
            return True

    def _visitor(self, visitor_id: str, reader: Reader, session_gap: str) -> ServedVisitor:
        now = self._clock()
        self._forget(now)
        visitor = self._visitors.get(visitor_id)
        if visitor is None:
            visitor = self._visitors[visitor_id] = ServedVisitor(visitor_id, reader, session_gap)
            if len(self._visitors) > self.bounds.visitors:
                self._drop(self._visitors.popitem(last=False)[1])
                self.forgotten += 1
        else:
            self._visitors.move_to_end(visitor_id)
            visitor.read_with(reader)
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

    def _index(self, visitor: ServedVisitor, before: tuple[Visit, ...]) -> None:
        """Note where a new visit is found, and drop the one that was summed up for it."""
        now = visitor.live.visits
        self._unlist(visitor, [visit for visit in before if visit not in now])
        self._visitor_of[str(now[-1].session_id)] = visitor.visitor_id

    def _drop(self, visitor: ServedVisitor) -> None:
        self._unlist(visitor, visitor.live.visits)

    def _unlist(self, visitor: ServedVisitor, visits: tuple[Visit, ...] | list[Visit]) -> None:
        for visit in visits:
            if self._visitor_of.get(str(visit.session_id)) == visitor.visitor_id:
                del self._visitor_of[str(visit.session_id)]
