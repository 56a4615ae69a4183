"""What a user may choose about a training run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from buysignal.errors import SamplesError
from buysignal.models import revenue
from buysignal.models.conversion import DEFAULT_MODELS, MODELS, NETWORK, SEQUENCE_MODELS
from buysignal.models.deep_told import require_deep
from buysignal.models.fitting import Plan
from buysignal.models.imbalance import IMBALANCE, Imbalance
from buysignal.models.preprocess import Impute
from buysignal.sources.profile import Profile

Progress = Callable[[float, str], None]
ImbalanceChoice = Literal["none", "class_weight", "smote", "undersample", "compare"]


@dataclass(frozen=True)
class Options:
    """Choices of one run; every default is the honest one.

    Attributes:
        goal: name of the goal or proxy; None takes the first the data can answer.
        profile: name, file or object; None detects it.
        mapping: canonical column → source column, on top of the profile.
        rates: currency → rate into the common currency, on top of the profile.
        fast: fewer trees and no search.
        impute: how missing values are filled where a model cannot keep them.
        imbalance: one way to treat a rare class, or "compare" for all four.
        cut: test on what starts at this date (UTC); None takes the last fifth.
        include_late: use columns known too late; the audit flags them.
        session_gap: longest pause within a session, with its unit.
        seed: of everything that draws lots.
        champion: keep this candidate of a leaderboard, such as "logistic_regression", instead of the one the
            validation slice would choose; the report says so.
        deep: let neural networks compete too (extra ``deep``): on the columns, and on the visit's events in
            their order.
        most_rows: of larger files only as many visitors are read as have about this many rows, drawn at
            random; the report says so.
    """

    goal: str | None = None
    profile: str | Path | Profile | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    fast: bool = False
    impute: Impute = "median"
    imbalance: ImbalanceChoice = "compare"
    cut: str | None = None
    include_late: bool = False
    session_gap: str = "30m"
    seed: int = 0
    champion: str | None = None
    deep: bool = False
    most_rows: int = 5_000_000

    def check(self) -> None:
        """Refuse what no run could satisfy, before anything is read.

        Raises:
            SamplesError: no leaderboard has a candidate called ``champion``.
            DependencyError: ``deep`` is asked for, and its extra is not installed.
        """
        if self.deep:
            require_deep()
        known = candidate_names(deep=self.deep)
        if self.champion is not None and self.champion not in known:
            raise SamplesError(f"there is no candidate '{self.champion}'", allowed=", ".join(known))

    def told(self) -> dict[str, Any]:
        """Return the settings a run can be repeated with, but for its data and profile."""
        apart = ("profile", "mapping", "rates")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in apart}

    def plan(self, *, compare: bool = False, small: bool = False, steps: bool = False) -> Plan:
        """Return how candidates are fitted.

        Args:
            compare: try every imbalance option where the user left it at "compare".
            small: a table of few rows, where more kinds of trees are affordable and every row counts:
                candidates are fitted once more on training and validation rows together.
            steps: the samples have the last events beside X, so that ``deep`` has sequence models join.
        """
        imbalances: tuple[Imbalance, ...] = ("none",)
        if self.imbalance == "compare":
            imbalances = tuple(IMBALANCE) if compare else ("none",)
        elif self.imbalance != "none":
            imbalances = ("none", self.imbalance)
        models = MODELS if small and not self.fast else DEFAULT_MODELS
        networks = (NETWORK, *(SEQUENCE_MODELS if steps else ())) if self.deep else ()
        return Plan(
            models=(*models, *networks),
            imbalances=imbalances,
            impute=self.impute,
            seed=self.seed,
            fast=self.fast,
            search=not self.fast,
            refit=small,
            champion=self.champion,
        )


def candidate_names(*, deep: bool = False) -> tuple[str, ...]:
    """Return every candidate that may stand on a leaderboard, of the yes/no question and of the amount."""
    resampled = [f"{model} ({way})" for way in IMBALANCE if way != "none" for model in Plan().compare]
    networks = (NETWORK, *SEQUENCE_MODELS) if deep else ()
    return (*MODELS, *networks, "soft_vote", *resampled, *revenue.MODELS)


class Stage:
    """Progress of one part of a run, from ``start`` to ``stop`` of the whole."""

    def __init__(self, progress: Progress | None, start: float, stop: float, steps: int) -> None:
        self._progress = progress
        self._start = start
        self._span = stop - start
        self._steps = max(steps, 1)
        self._done = 0

    def __call__(self, text: str) -> None:
        """Say what begins now."""
        if self._progress is not None:
            self._progress(self._start + self._span * min(self._done / self._steps, 1.0), text)
        self._done += 1
