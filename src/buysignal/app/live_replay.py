"""A file played on the live page: its events in order of time, at a pace that can be changed meanwhile."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from threading import Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal.alerts.visits import Answer
from buysignal.alerts.watch import Watch
from buysignal.app.live_feed import Feed
from buysignal.bundle import Bundle
from buysignal.prefixes import moments
from buysignal.serve.live_scores import LiveScorer
from buysignal.serve.state import Bounds, MemoryState

PIECE = 2_000
STEP_S = 0.1
POINTS = 200
"""Points of a chart that a replay without pauses leaves behind."""

SENT = (
    "visitor_id", "session_id", "event_id", "event_time", "event_date", "event_seq", "event_name", "item_id",
    "category", "price", "quantity", "country", "device", "channel", "page", "consent",
)  # fmt: skip

Row = Mapping[str, Any]


class LostError(Exception):
    """Whoever answers cannot be reached at the moment; the event is to be asked about again."""


class Answers(Protocol):
    """Who scores the events of a replay."""

    def know(self, event: Row) -> None:
        """Take in an event from before the replay, without a score."""

    def answer(self, event: Row) -> Answer | None:
        """Return the score of the event's visit; None where the event gets none.

        Raises:
            LostError: not now.
            BuysignalError: never.
        """


class Scored:
    """Answers by a bundle in this process, as the REST door does.

    Raises:
        BundleError: the bundle reads session rows.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._scorer = LiveScorer(bundle)
        self._state = MemoryState(Bounds(visitors=1_000_000))

    def know(self, event: Row) -> None:
        if event.get("consent") is not False:
            self._state.note(event, self._scorer.reader, self._scorer.session_gap)

    def answer(self, event: Row) -> Answer | None:
        if event.get("consent") is False:
            self._state.forget(event["visitor_id"])
            return None
        standing = self._scorer.click(self._state, event)
        return None if standing.repeated else self._scorer.scores(standing)


class Pacer:
    """The shop's time in a replay; may be asked and changed from several threads.

    Args:
        begin: microseconds since 1970.
        pace: seconds of the shop in one second; infinity does not wait.
    """

    def __init__(self, begin: int, pace: float) -> None:
        self._lock = Lock()
        self._pace = pace
        self._from = begin
        self._since: float | None = None

    @property
    def pace(self) -> float:
        return self._pace

    def now(self) -> float:
        """Return the shop's time, microseconds since 1970; infinity where nothing is waited for."""
        with self._lock:
            return self._now()

    def go(self) -> None:
        """Let time pass."""
        with self._lock:
            if self._since is None:
                self._since = time.monotonic()

    def hold(self) -> None:
        """Let time stand still."""
        with self._lock:
            now = self._now()
            self._from = self._from if math.isinf(now) else int(now)
            self._since = None

    def change(self, pace: float, at: int) -> None:
        """Go on with another pace; ``at`` is the latest event's moment."""
        with self._lock:
            now = self._now()
            self._from = at if math.isinf(now) else int(now)
            self._since = None if self._since is None else time.monotonic()
            self._pace = pace

    def _now(self) -> float:
        if self._since is None:
            return float(self._from)
        if math.isinf(self._pace):
            return math.inf
        return self._from + (time.monotonic() - self._since) * 1e6 * self._pace


class ReplayFeed(Feed):
    """Plays events through whoever answers.

    Args:
        watch: over the visits.
        events: canonical events, of any order.
        answers: who scores them.
        label: what is played, in words.
        pace: seconds of the shop in one second; infinity for as fast as possible.
        begin: events before this moment are not played; None plays all.
        token: of the data that is played, so that its visits can be looked at.
        know: whether what came before ``begin`` is told to whoever answers.
    """

    def __init__(
        self,
        watch: Watch,
        events: pa.Table,
        answers: Answers,
        label: str,
        *,
        pace: float,
        begin: np.datetime64 | None = None,
        token: str = "",
        know: bool = True,
    ) -> None:
        super().__init__(watch, label)
        self.token = token
        self._answers = answers
        self._events, self._moments = _in_order(events)
        from_here = None if begin is None else begin.astype("datetime64[us]").astype(np.int64)
        self._first = 0 if from_here is None else int(np.searchsorted(self._moments, from_here))
        self._know = know
        first = int(self._moments[self._first]) if self._first < len(self._moments) else 0
        self.pacer = Pacer(first, pace)

    @property
    def now(self) -> int:
        """The shop's time, microseconds since 1970."""
        return self.watch.visits.now

    def change_pace(self, pace: float) -> None:
        """Go on at another pace."""
        self.pacer.change(pace, self.now)

    def _work(self) -> None:
        if self._know and self._first:
            self._know_the_past()
        self.status, self.share, self.sentence = "running", 0.0, ""
        self.pacer.go()
        total = len(self._moments)
        played = max(total - self._first, 1)
        for at in range(self._first, total, PIECE):
            stop = min(at + PIECE, total)
            rows = self._events.slice(at, stop - at).to_pylist()
            for place, row in zip(range(at, stop), rows, strict=True):
                self._wait_for(int(self._moments[place]))
                self._play(row, int(self._moments[place]))
                self.events += 1
                self.share = self.events / played
                if math.isinf(self.pacer.pace) and self.events % max(played // POINTS, 1) == 0:
                    self._sample(now=True)

    def _know_the_past(self) -> None:
        """Tell what came before of those who will come: nobody's score depends on another visitor."""
        self.sentence = "Reading what these visitors did before."
        coming = self._events.column("visitor_id").slice(self._first).unique()
        past = self._events.slice(0, self._first)
        past = past.filter(pc.is_in(past.column("visitor_id"), value_set=coming.cast(pa.string())))
        for at in range(0, past.num_rows, PIECE):
            for row in past.slice(at, PIECE).to_pylist():
                self._answers.know(row)
            self._breathe()
            self.share = min(at + PIECE, past.num_rows) / past.num_rows

    def _wait_for(self, moment: int) -> None:
        self._rest()
        while (now := self.pacer.now()) < moment:
            self._tick(int(now))
            ahead = (moment - now) / 1e6 / self.pacer.pace
            self._stop.wait(min(ahead, STEP_S))
            self._rest()
        self._tick(moment)

    def _rest(self) -> None:
        if self._paused.is_set():
            self.pacer.hold()
        self._breathe()
        self.pacer.go()

    def _play(self, row: Row, moment: int) -> None:
        while True:
            try:
                answer = self._answers.answer(row)
                break
            except LostError as lost:
                self._lost(str(lost))
        if self.status == "lost":
            self.status, self.sentence = "running", ""
            self.pacer.go()
        if answer is not None:
            self._take(answer, moment)
            return
        self.refused += 1
        if row.get("consent") is False:
            self.watch.visits.forget(str(row["visitor_id"]))

    def _lost(self, why: str) -> None:
        """Stand still for a second; what happens in the shop meanwhile waits."""
        self.pacer.hold()
        self.status, self.sentence = "lost", why
        self._sample()
        self._check()
        self._stop.wait(1.0)


def _in_order(events: pa.Table) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Return the columns that are played and their moments, in order of time, then of their sequence."""
    at = moments(events).astype(np.int64)
    order = np.lexsort((events.column("event_seq").to_numpy(), at))
    kept = events.select([name for name in SENT if name in events.column_names])
    return kept.take(pa.array(order)), at[order]
