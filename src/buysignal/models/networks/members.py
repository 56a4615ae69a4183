"""Several networks of one kind on the same visits: one finds how long to train, then all are trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from buysignal.models.networks.design import Design, Plan
from buysignal.models.networks.steps import Steps
from buysignal.models.networks.to_onnx import export
from buysignal.models.networks.training import Progress, Trained, train
from buysignal.models.networks.visits import Reader
from buysignal.sequences import Sequences

FEWEST_HELD_OUT = 20
"""Visits below which validation says nothing, and every pass is made."""


@dataclass(frozen=True)
class Schooling:
    """How the visits are used.

    Attributes:
        members: networks to be averaged.
        validate_share: share of the visits, the last ones, that decide how many passes are best.
        refit: whether the members then learn from those visits, too.
        half_life_days: after how many days a visit counts half; all alike where None.
        most_views: views learned from, those of the latest visits.
    """

    members: int = 1
    validate_share: float = 0.1
    refit: bool = True
    half_life_days: float | None = None
    most_views: int = 2_000_000


@dataclass(frozen=True)
class Members:
    """Trained networks as ONNX.

    Attributes:
        validation: loss after each pass of the run that decided about the passes.
        epochs: passes that every member has made.
    """

    graphs: list[bytes]
    validation: list[float]
    epochs: int


def train_members(
    visits: Sequences,
    reader: Reader,
    design: Design,
    plan: Plan,
    schooling: Schooling,
    progress: Progress | None = None,
) -> Members:
    """Return ``schooling.members`` networks trained on ``visits``."""
    visits = _latest(visits, schooling.most_views)
    steps = reader.steps(visits, _weights(visits, schooling.half_life_days))
    early, late = _parted(visits, reader, schooling.validate_share)
    runs = schooling.members + (schooling.refit and bool(late.any()))
    tell = _shares(progress, runs)
    kept: list[Trained] = []
    validation, epochs = [], plan.epochs
    if late.any():
        first = train(
            steps.only(early), reader.inputs, design, plan, validate=_even(steps.only(late)), progress=tell(0)
        )
        validation, epochs = first.validation, first.epochs
        kept = [] if schooling.refit else [first]
    learned = steps if schooling.refit or not late.any() else steps.only(early)
    for number in range(len(kept), schooling.members):
        own = replace(plan, seed=plan.seed + number)
        told = tell(runs - schooling.members + number)
        kept.append(train(learned, reader.inputs, design, own, stop_after=epochs, progress=told))
    return Members([export(network, steps.X) for network in kept], validation, epochs)


def _latest(visits: Sequences, most_views: int) -> Sequences:
    if len(visits.items) <= most_views:
        return visits
    order = np.argsort(-visits.day, kind="stable")
    inside = np.zeros(visits.visits, bool)
    inside[order[np.cumsum(np.diff(visits.starts)[order]) <= most_views]] = True
    return visits.only(inside)


def _weights(visits: Sequences, half_life_days: float | None) -> npt.NDArray[np.float32] | None:
    if half_life_days is None:
        return None
    weight = 0.5 ** ((visits.day.max() - visits.day) / half_life_days)
    return (weight / weight.mean()).astype(np.float32)


def _parted(
    visits: Sequences, reader: Reader, share: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which windows are of the visits before, and which of those after, the moment that parts them."""
    late = visits.day > np.quantile(visits.day, 1 - share) if share else np.zeros(visits.visits, bool)
    if late.sum() < FEWEST_HELD_OUT or late.all():
        late = np.zeros(visits.visits, bool)
    of_window = late[reader.windows(visits).visit]
    return ~of_window, of_window


def _even(steps: Steps) -> Steps:
    return replace(steps, weight=None)


def _shares(progress: Progress | None, runs: int) -> Callable[[int], Progress | None]:
    def of_run(number: int) -> Progress | None:
        if progress is None:
            return None
        return lambda done, what: progress((number + done) / runs, f"network {number + 1} of {runs}, {what}")

    return of_run
