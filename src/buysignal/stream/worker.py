"""A worker: shifts one after the other, so that brokers may go away and come back."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event

from buysignal import pseudonyms
from buysignal.bundle import Bundle
from buysignal.stream.client import BeginAnewError, Settings, kafka
from buysignal.stream.condition import Condition
from buysignal.stream.figures import Figures
from buysignal.stream.forms import Forms
from buysignal.stream.next_bundle import NextBundle
from buysignal.stream.registry import RegistryAwayError
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
        lag: events that wait in them.
        trouble: what keeps it from its work; empty while all is well.
    """

    scored: int = 0
    dead: int = 0
    duplicates: int = 0
    refused: int = 0
    visitors: int = 0
    partitions: int = 0
    lag: int = 0
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
        watch: whether a bundle that replaces this one in its folder takes over.

    Attributes:
        done: what was done so far.
        condition, figures: for whoever asks for its health.

    Raises:
        BundleError: the bundle reads session rows.
        DependencyError: the extra ``stream`` is not installed.
        SourceError: no broker or registry answers, a topic is missing, or a schema does not fit.
        InputError: the key to hash ids with cannot be used.
    """

    def __init__(
        self,
        bundle: Bundle,
        settings: Settings,
        tell: Callable[[Done], None] = lambda done: None,
        *,
        watch: bool = False,
    ) -> None:
        self._forms = Forms.of(settings)
        self._settings = settings
        self._ids = pseudonyms.from_environment()
        self._score = self._scorer(bundle)
        self._tell = tell
        self._told = 0.0
        self._stop = Event()
        self._next = NextBundle(bundle.path, self._scorer, self._not_exchanged) if watch else None
        self.done = Done()
        self.condition = Condition(self._changed)
        self.figures = Figures()
        self.figures.uses(bundle.version)
        prepare(settings)
        self._score.tried()

    @property
    def bundle(self) -> Bundle:
        """The bundle in use."""
        return self._score.bundle

    def stop(self) -> None:
        """End after the batch in work; may be called from a signal's handler or another thread."""
        self._stop.set()

    def run(self, until: Callable[[Done], bool] = lambda done: False) -> Done:
        """Work until ``stop``, or until ``until`` says so after a batch; returns what was done."""
        library = kafka()
        over = False
        with _collecting_by_hand(), self._watching():
            while not over and not self._stop.is_set():
                try:
                    over = self._shift(until)
                except library.KafkaException as error:
                    self._broken("shift", error.args[0].str())
                except BeginAnewError as error:
                    self._broken("shift", str(error))
                except RegistryAwayError as error:
                    self._broken("registry", str(error))
        self._say()
        return self.done

    def _scorer(self, bundle: Bundle) -> BatchScorer:
        return BatchScorer(bundle, self._settings.recommend, self._forms.loads, self._ids)

    def _shift(self, until: Callable[[Done], bool]) -> bool:
        ended = self._stop.is_set
        shift = Shift(self._score, self._settings, ended, self._forms.dumps, self.condition)
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
                self._exchange(shift)
            return False
        finally:
            shift.leave()

    def _count(self, shift: Shift, outcome: Outcome) -> None:
        before = self.done
        if shift.shelves:
            self.condition.well("shift")
            self.condition.well("registry")
        if outcome.seconds:
            self.done = before.after(outcome)
            self.figures.committed(before, self.done, outcome.seconds)
        if time.monotonic() - self._told > TELL_S:
            visitors = sum(map(len, shift.shelves.values()))
            self.done = replace(self.done, visitors=visitors, partitions=len(shift.shelves), lag=shift.lag)
            gc.collect(1)
            self._say()

    def _say(self) -> None:
        self._told = time.monotonic()
        self.done = replace(self.done, trouble=self.condition.because or "")
        self.figures.stands(self.done)
        self._tell(self.done)

    def _changed(self) -> None:
        """Tell at once; by whichever thread noticed, so that nothing is counted here."""
        self._tell(replace(self.done, trouble=self.condition.because or ""))

    def _broken(self, what: str, why: str) -> None:
        """Note what broke a shift, and wait a little before the next."""
        self.condition.trouble(what, why)
        self.done = replace(self.done, visitors=0, partitions=0, lag=0)
        self._say()
        self._stop.wait(PAUSE_S)

    def _exchange(self, shift: Shift) -> None:
        score = None if self._next is None else self._next.take()
        if score is not None:
            self._score = score
            shift.exchange(score)
            self.figures.swapped(well=True)
            self.figures.uses(score.bundle.version)

    def _not_exchanged(self, why: str | None) -> None:
        if why is None:
            self.condition.well("bundle")
        else:
            self.condition.trouble("bundle", why)
            self.figures.swapped(well=False)

    @contextmanager
    def _watching(self) -> Iterator[None]:
        if self._next is not None:
            self._next.start()
        try:
            yield
        finally:
            if self._next is not None:
                self._next.stop()


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
