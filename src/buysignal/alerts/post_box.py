"""Alerts on their way: a bounded queue, a thread that posts, and further tries after longer pauses."""

from __future__ import annotations

import heapq
import random
import time
from collections import deque
from dataclasses import dataclass, replace
from threading import Condition, Thread

from buysignal.alerts.watch import Alert
from buysignal.alerts.webhook import Fate, Webhook

ROOM = 1_000
ATTEMPTS = 8
LATEST = 50


@dataclass(frozen=True)
class Counts:
    """What became of alerts.

    Attributes:
        waiting: in the queue now.
        taken: the receiver said yes.
        refused: the receiver said no, which is final.
        given_up: no answer after the last attempt.
        dropped: the queue was full, or it was closed before they were taken.
        retried: attempts after a first one.
        problem: of the latest attempt that was not taken; empty once one is.
    """

    waiting: int = 0
    taken: int = 0
    refused: int = 0
    given_up: int = 0
    dropped: int = 0
    retried: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Backoff:
    """How long to wait before another attempt: exponential, with full jitter.

    The pause is drawn evenly between nothing and the bound, which doubles each time: alerts that failed
    together do not come back together (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog,
    2015).

    Attributes:
        first_s: bound before the second attempt, seconds.
        most_s: largest bound, seconds.
        attempts: then it is given up.
    """

    first_s: float = 1.0
    most_s: float = 60.0
    attempts: int = ATTEMPTS

    def pause_s(self, attempts: int, drawn: float) -> float:
        """Return seconds to wait after so many attempts; ``drawn`` is from 0 to 1.

        >>> Backoff().pause_s(3, 0.5)
        2.0
        """
        return drawn * float(min(self.first_s * 2 ** (attempts - 1), self.most_s))


class PostBox:
    """Posts alerts on a thread of its own, which ends with ``close`` or the process.

    Args:
        webhook: who is told.
        room: alerts that may wait; more are dropped and counted.
        backoff: when to try again.
    """

    def __init__(self, webhook: Webhook, *, room: int = ROOM, backoff: Backoff | None = None) -> None:
        self.latest: deque[Alert] = deque(maxlen=LATEST)
        self._webhook = webhook
        self._room = room
        self._backoff = backoff or Backoff()
        self._counts = Counts()
        self._queue: list[tuple[float, int, int, Alert]] = []
        self._number = 0
        self._busy = 0
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    @property
    def counts(self) -> Counts:
        """What became of alerts so far."""
        with self._changed:
            return replace(self._counts, waiting=len(self._queue) + self._busy)

    def put(self, alert: Alert) -> bool:
        """Queue an alert; False where there is no room."""
        with self._changed:
            self.latest.appendleft(alert)
            if self._closed or len(self._queue) + self._busy >= self._room:
                self._counts = replace(self._counts, dropped=self._counts.dropped + 1)
                return False
            self._push(time.monotonic(), 0, alert)
            return True

    def close(self, within_s: float = 0.0) -> Counts:
        """Wait for the queue at most so long, then end; what is left counts as dropped."""
        until = time.monotonic() + within_s
        with self._changed:
            while self._queue or self._busy:
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            lost = len(self._queue)
            self._queue.clear()
            self._closed = True
            self._counts = replace(self._counts, dropped=self._counts.dropped + lost)
            self._changed.notify_all()
        return self.counts

    def _push(self, due: float, attempts: int, alert: Alert) -> None:
        self._number += 1
        heapq.heappush(self._queue, (due, self._number, attempts, alert))
        self._changed.notify_all()

    def _run(self) -> None:
        while (found := self._next()) is not None:
            attempts, alert = found
            posted = self._webhook.post(alert)
            with self._changed:
                self._busy = 0
                self._settle(posted.fate, posted.why, attempts + 1, alert)
                self._changed.notify_all()

    def _next(self) -> tuple[int, Alert] | None:
        """Return the alert whose time has come; None at the end."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                if self._queue and self._queue[0][0] <= now:
                    _, _, attempts, alert = heapq.heappop(self._queue)
                    self._busy = 1
                    return attempts, alert
                self._changed.wait(self._queue[0][0] - now if self._queue else None)
        return None

    def _settle(self, fate: Fate, why: str, attempts: int, alert: Alert) -> None:
        counts = replace(self._counts, problem=why, retried=self._counts.retried + (attempts > 1))
        if fate is Fate.TAKEN:
            counts = replace(counts, taken=counts.taken + 1)
        elif fate is Fate.REFUSED:
            counts = replace(counts, refused=counts.refused + 1)
        elif attempts >= self._backoff.attempts:
            counts = replace(counts, given_up=counts.given_up + 1)
        elif self._closed:
            counts = replace(counts, dropped=counts.dropped + 1)
        else:
            # Jitter is no secret.
            pause = self._backoff.pause_s(attempts, random.random())
            self._push(time.monotonic() + pause, attempts, alert)
        self._counts = counts
