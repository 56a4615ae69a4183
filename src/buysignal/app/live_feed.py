"""Scores on their way to the live page: a thread that can be paused and stopped, and what it has seen."""

from __future__ import annotations

import atexit
import logging
import time
from abc import ABC, abstractmethod
from threading import Event, Thread
from typing import Literal
from weakref import WeakSet

from buysignal.alerts.post_box import PostBox
from buysignal.alerts.rules import Rule
from buysignal.alerts.visits import Answer
from buysignal.alerts.watch import Alert, Watch
from buysignal.app.live_history import History
from buysignal.errors import BuysignalError

Status = Literal["starting", "running", "paused", "lost", "done", "stopped", "failed"]

ACTIVE: tuple[Status, ...] = ("starting", "running", "paused", "lost")

UNWATCHED_S = 600.0
"""A feed that nobody has looked at for so long ends: the tab was closed."""

SAMPLE_S = 1.0
FAILED = "The feed broke off through a fault in buysignal. The server's log has the details."


class StoppedError(Exception):
    """The user asked the feed to stop, or nobody looks any more."""


class Feed(ABC):
    """Brings scores to a watch, on a thread of its own.

    Args:
        watch: over the visits that the scores are of.

    Attributes:
        label: where the scores come from, in words.
        events: read so far.
        refused: events that got no score.
        share: done so far, from 0 to 1; None where there is no end.
        sentence: what is going on, or why it ended.
    """

    def __init__(self, watch: Watch, label: str) -> None:
        self.watch = watch
        self.label = label
        self.history = History()
        self.status: Status = "starting"
        self.sentence = ""
        self.events = 0
        self.refused = 0
        self.share: float | None = None
        self.box: PostBox | None = None
        self._stop = Event()
        self._paused = Event()
        self._looked = time.monotonic()
        self._sampled = 0.0
        self._thread = Thread(target=self._run, name="live", daemon=True)

    def start(self) -> Feed:
        """Begin, and return at once."""
        _STARTED.add(self)
        self._thread.start()
        return self

    def pause(self) -> None:
        """Stand still until ``resume``."""
        self._paused.set()

    def resume(self) -> None:
        self._paused.clear()

    def stop(self) -> None:
        """End soon; alerts that wait are dropped and counted."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the end."""
        self._thread.join(seconds)

    def look(self) -> None:
        """Say that somebody looks."""
        self._looked = time.monotonic()

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def paused(self) -> bool:
        """Whether it stands still, or is about to."""
        return self._paused.is_set() and self.active

    def tell(self, rules: tuple[Rule, ...], box: PostBox | None) -> None:
        """Alert by these rules from now on, through this box; None: no more alerts."""
        before, self.box = self.box, box
        self.watch.use(rules if box is not None else ())
        if before is not None:
            before.close()

    @abstractmethod
    def _work(self) -> None:
        """Bring scores until there are no more; call ``_breathe`` often."""

    def _take(self, answer: Answer, moment: int) -> None:
        self._post(self.watch.take(answer, moment))

    def _tick(self, moment: int) -> None:
        self._post(self.watch.tick(moment))

    def _post(self, alerts: list[Alert]) -> None:
        box = self.box
        if box is not None:
            for alert in alerts:
                box.put(alert)

    def _breathe(self) -> None:
        """Sample what is to be drawn, stand still while paused, and end when asked to.

        Raises:
            StoppedError: it is to end.
        """
        self._sample()
        while self._paused.is_set() and not self._stop.is_set():
            self.status = "paused"
            self._check()
            self._sample()
            self._stop.wait(0.1)
        self._check()
        if self.status == "paused":
            self.status = "running"

    def _check(self) -> None:
        if self._stop.is_set():
            raise StoppedError
        if time.monotonic() - self._looked > UNWATCHED_S:
            self.sentence = "Ended, because nobody has looked at this page for ten minutes."
            raise StoppedError

    def _sample(self, *, now: bool = False) -> None:
        if now or time.monotonic() - self._sampled >= SAMPLE_S:
            self._sampled = time.monotonic()
            self.history.count(self.events)
            self.history.note(self.watch.visits)

    def _run(self) -> None:
        try:
            self._work()
            self.status = "done"
        except StoppedError:
            self.status = "stopped"
        except BuysignalError as error:
            self.sentence, self.status = str(error), "failed"
        except Exception:
            logging.getLogger(__name__).exception("a live feed failed")
            self.sentence, self.status = FAILED, "failed"
        finally:
            self._sample(now=True)
            if self.box is not None:
                self.box.close(0.0 if self._stop.is_set() else 10.0)


_STARTED: WeakSet[Feed] = WeakSet()


@atexit.register
def _end_all() -> None:
    """End feeds before the interpreter does: a thread inside a model would take the process down with it."""
    feeds = list(_STARTED)
    for feed in feeds:
        feed.stop()
    for feed in feeds:
        feed.wait(5)
