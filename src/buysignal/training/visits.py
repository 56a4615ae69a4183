"""Events in; prefix tables, segments and the parts of a bundle out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal import features, prefixes, sessions
from buysignal.evaluation import Evaluated, evaluate_conversion, evaluate_revenue
from buysignal.goals import Goal
from buysignal.models.revenue import MODELS
from buysignal.samples import Samples
from buysignal.splits import Split, checked, time_split
from buysignal.step_windows import StepWindows, fit_step_codes
from buysignal.training.few import SIMPLE_AMOUNTS, few_amounts, few_notes, network_notes, simple_plan
from buysignal.training.honesty import audit_lines
from buysignal.training.options import Options, Stage

TRAIN, VALIDATE, TEST, LEFT_OUT = 0, 1, 2, -1


@dataclass(frozen=True, eq=False)
class FoldedVisits:
    """Events with features after each, parted by time before anything was learned.

    Attributes:
        events: n events as ``sessions.assign`` leaves them.
        X: (n, f) the fold; training sessions read cross-fitted priors.
        vocabulary: learned on the training sessions alone.
        slice_of_row: (n,) ``TRAIN``, ``VALIDATE``, ``TEST`` or ``LEFT_OUT``.
        sentence: how they were parted.
        test_from: the moment (UTC) from which on the test sessions began.
    """

    events: pa.Table
    X: npt.NDArray[np.float32]
    vocabulary: features.Vocabulary
    slice_of_row: npt.NDArray[np.int8]
    sentence: str
    test_from: np.datetime64 | None

    def steps(self) -> StepWindows:
        """Return the last events up to each row; what their codes mean is learned on the training rows."""
        codes = fit_step_codes(self.events, self.slice_of_row == TRAIN, self.vocabulary)
        return StepWindows(self.events, self.vocabulary, codes)

    def split(self, samples: Samples) -> Split:
        """Return the split of ``samples`` made from these events."""
        part = self.slice_of_row[samples.source_row]
        train, validate, test = (np.flatnonzero(part == which) for which in (TRAIN, VALIDATE, TEST))
        return checked(samples, train, validate, test, self.sentence, self.test_from)


def fold_visits(events: pa.Table, goal: Goal, options: Options) -> FoldedVisits:
    """Part the sessions by time, learn the vocabulary on the earliest part, and fold them all."""
    where = sessions.layout(events)
    split = _by_time(events, where, goal, options)
    slice_of_row = np.full(events.num_rows, LEFT_OUT, np.int8)
    for which, rows in ((TRAIN, split.train), (VALIDATE, split.validate), (TEST, split.test)):
        slice_of_row[rows] = which
    training = slice_of_row[where.session_starts[:-1]] == TRAIN
    vocabulary, cross = features.fit_cross(events, training)
    X = features.fold(events, vocabulary, cross)
    return FoldedVisits(events, X, vocabulary, slice_of_row, split.sentence, split.test_from)


def _by_time(events: pa.Table, where: sessions.Layout, goal: Goal, options: Options) -> Split:
    n = events.num_rows
    session = where.session_of_row()
    rows = Samples(
        X=np.empty((n, 0), np.float32),
        names=(),
        y=None,
        revenue=None,
        time=prefixes.moments(events),
        session=session,
        visitor=where.visitor_of_session()[session],
        k=np.ones(n, np.int32),
        unit="prefix",
        goal=goal,
        source_row=np.arange(n),
    )
    gap = "0s" if goal.horizon == "session" else goal.horizon
    return time_split(rows, cut=options.cut, gap=gap)


def conversion_of(visits: FoldedVisits, goal: Goal, options: Options, stage: Stage) -> Evaluated:
    """Return the prefix table and models for the goal's yes/no question."""
    samples = prefixes.prefix_samples(visits.events, visits.X, visits.vocabulary, goal, "conversion")
    if options.deep:
        samples = replace(samples, steps=visits.steps())
    split = visits.split(samples)
    stage(f"prefix: {goal.name}")
    plan = simple_plan(options.plan(steps=True), samples, split)
    done = evaluate_conversion(samples, split, name=f"prefix: {goal.name}", plan=plan, progress=stage)
    done.table.audit = audit_lines(samples, split, "y")
    done.table.notes += few_notes(plan, samples, split) + network_notes(options.deep, plan, samples, split)
    return done


def revenue_of(visits: FoldedVisits, goal: Goal, options: Options, stage: Stage) -> Evaluated | None:
    """Return the prefix table and models for the goal's amount; None where it has none."""
    if goal.value is None:
        return None
    samples = prefixes.prefix_samples(visits.events, visits.X, visits.vocabulary, goal, "revenue")
    if samples.revenue is None or not (samples.revenue > 0).any():
        return None
    split = visits.split(samples)
    name = f"prefix: {'revenue' if goal.value == 'purchase_revenue' else goal.value}"
    stage(name)
    models = SIMPLE_AMOUNTS if few_amounts(samples, split) else MODELS
    done = evaluate_revenue(samples, split, name=name, plan=options.plan(), models=models, progress=stage)
    done.table.audit = audit_lines(samples, split, "revenue")
    return done
