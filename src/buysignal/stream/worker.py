"""A worker: shifts one after the other, so that brokers may go away and come back."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event

from buysignal.bundle import Bundle
from buysignal.stream.client import Settings, kafka
from buysignal.stream.message import json_writer
from buysignal.stream.scored import DUPLICATE, BatchScorer, Outcome
from buysignal.stream.shift import Shift
from buysignal.stream.topics import prepare

PAUSE_S = 1.0
"""Between a shift that broke and the next."""

TELL_S = 1.0


@dataclass(frozen=True)
class Done:
    """What a worker has done so far.

    Attributes:
        scored: events with a score.
        dead: messages in the dead-letter topic, duplicates included.
        duplicates: those of them that came twice.
        refused: events of visitors who refused consent: no score, nothing kept.
        visitors: known at the moment.
        partitions: at the moment.
        trouble: what broke the last shift; empty while all is well.
    """

    scored: int = 0
    dead: int = 0
    duplicates: int = 0
    refused: int = 0
    visitors: int = 0
    partitions: int = 0
    trouble: str = ""

    def after(self, outcome: Outcome) -> Done:
        """Return the counts with those of one more batch."""
        duplicates = sum(dead.reason == DUPLICATE for dead in outcome.dead)
        return replace(
            self,
            scored=self.scored + len(outcome.scores),
            dead=self.dead + len(outcome.dead),
            duplicates=self.duplicates + duplicates,
            refused=self.refused + outcome.refused,
        )


class Worker:
    """Scores the events of a topic, together with the other workers of its group.

    Args:
        bundle: one that reads events.
        settings: topics and group.
        tell: called about once a second with what was done.

    Raises:
        BundleError: the bundle reads session rows.
        DependencyError: the extra ``stream`` is not installed.
        SourceError: no broker answers, or a topic is missing.
    """

    def __init__(
        self, bundle: Bundle, settings: Settings, tell: Callable[[Done], None] = lambda done: None
    ) -> None:
        self._score = BatchScorer(bundle, settings.recommend)
        self._dumps = json_writer()
        self._settings = settings
        self._tell = tell
        self._told = 0.0
        self._stop = Event()
        self.done = Done()
        prepare(settings)

    def stop(self) -> None:
        """End after the batch in work; may be called from a signal's handler or another thread."""
        self._stop.set()

    def run(self, until: Callable[[Done], bool] = lambda done: False) -> Done:
        """Work until ``stop``, or until ``until`` says so after a batch; returns what was done."""
        library = kafka()
        over = False
        with _collecting_by_hand():
            while not over and not self._stop.is_set():
                try:
                    over = self._shift(until)
                except library.KafkaException as error:
                    self.done = replace(self.done, visitors=0, partitions=0, trouble=error.args[0].str())
                    self._tell(self.done)
                    self._stop.wait(PAUSE_S)
        self._tell(self.done)
        return self.done

    def _shift(self, until: Callable[[Done], bool]) -> bool:
        shift = Shift(self._score, self._settings, self._stop.is_set, self._dumps)
        try:
            while not self._stop.is_set():
                try:
                    outcome = shift.batch()
                except kafka().KafkaException as error:
                    if not error.args[0].txn_requires_abort():
                        raise
                    shift.begin_again()
                    continue
                self._count(shift, outcome)
                if until(self.done):
                    return True
            return False
        finally:
            shift.leave()

    def _count(self, shift: Shift, outcome: Outcome) -> None:
        visitors = sum(map(len, shift.shelves.values()))
        trouble = self.done.trouble if not shift.shelves else ""
        self.done = replace(
            self.done.after(outcome), visitors=visitors, partitions=len(shift.shelves), trouble=trouble
        )
        if time.monotonic() - self._told > TELL_S:
            self._told = time.monotonic()
            gc.collect(1)
            self._tell(self.done)


@contextmanager
def _collecting_by_hand() -> Iterator[None]:
    """Look for cyclic garbage once a second and among what is new: visitors are many objects, in no cycle.

    Left alone, the interpreter walks over all of them again and again, a fifth of a worker's time.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
