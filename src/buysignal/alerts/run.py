"""From a topic of scores to a webhook, until told to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from buysignal.alerts.post_box import Counts, PostBox
from buysignal.alerts.scores_topic import ScoresTopic
from buysignal.alerts.watch import Watch

TELL_S = 1.0
LAST_S = 10.0
"""Seconds that alerts have to be taken once the watch ends."""


@dataclass(frozen=True)
class Told:
    """What was done so far.

    Attributes:
        scores: taken in.
        unreadable: messages that are no scores.
        open: visits at the moment.
        alerts: what became of them.
        trouble: why no scores come; empty while the brokers answer.
    """

    scores: int
    unreadable: int
    open: int
    alerts: Counts
    trouble: str


class AlertRun:
    """Reads scores, watches and posts; ends with ``stop``.

    Args:
        topic: of scores.
        watch: rules over visits.
        box: where alerts go.
        tell: called about once a second.
    """

    def __init__(
        self, topic: ScoresTopic, watch: Watch, box: PostBox, tell: Callable[[Told], None] = lambda told: None
    ) -> None:
        self._topic = topic
        self._watch = watch
        self._box = box
        self._tell = tell
        self._stop = Event()

    def stop(self) -> None:
        """End soon; may be called from a signal's handler or another thread."""
        self._stop.set()

    def run(self, until: Callable[[Told], bool] = lambda told: False) -> Told:
        """Work until ``stop`` or until ``until`` says so; then alerts have ten seconds to be taken."""
        next_told = 0.0
        try:
            while not self._stop.is_set() and not until(self._told()):
                self._step()
                if time.monotonic() >= next_told:
                    next_told = time.monotonic() + TELL_S
                    self._tell(self._told())
        finally:
            self._topic.close()
            self._box.close(LAST_S)
        return self._told()

    def _step(self) -> None:
        found = []
        for answer, moment in self._topic.poll():
            try:
                found += self._watch.take(answer, moment)
            except (KeyError, TypeError, ValueError):
                self._topic.unreadable += 1
        now = self._topic.clock()
        if now is not None:
            found += self._watch.tick(now)
        for alert in found:
            self._box.put(alert)

    def _told(self) -> Told:
        visits = self._watch.visits
        return Told(
            visits.scores, self._topic.unreadable, len(visits.open()), self._box.counts, self._topic.trouble
        )
