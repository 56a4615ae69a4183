"""What a run has found, and the bundle that can be made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from buysignal.bundle import Draft
from buysignal.evaluation import Evaluated
from buysignal.features.vocabulary import Vocabulary
from buysignal.goals import Goal
from buysignal.models.segmentation import Segmentation
from buysignal.report import GoalNote, Report, Table
from buysignal.samples import Samples
from buysignal.sources.profile import Profile
from buysignal.splits import Split
from buysignal.tested import ScoredRows

SAMPLE_ROWS = 5_000
"""Real rows on which a bundle's scores are held against the trained models'."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Tables for the report and models for the bundle.

    Attributes:
        goal: the question.
        profile: of the source.
        samples: the rows the champion was made from.
        split: how they were parted.
        conversion: models for the yes/no question.
        revenue: models for the amount, where there is one.
        segmentation: named segments, where there were enough sessions.
        vocabulary: of the fold; None for session tables.
        session_gap: longest pause within a session.
        tables: in the order of the report.
        notes: on the run as a whole.
    """

    goal: Goal
    profile: Profile
    samples: Samples
    split: Split
    conversion: Evaluated
    revenue: Evaluated | None
    segmentation: Segmentation | None
    vocabulary: Vocabulary | None
    session_gap: str
    tables: list[Table]
    notes: list[str] = field(default_factory=list)

    def goal_note(self) -> GoalNote:
        """Return the goal as the report shows it."""
        return GoalNote.of(self.goal)

    def bundle(self, report: Report) -> Draft:
        """Return everything the bundle is written from."""
        tested = self.conversion.tested
        assert isinstance(tested, ScoredRows)
        rng = np.random.default_rng(0)
        held = np.concatenate([self.split.validate, self.split.test])
        rows = rng.choice(held, min(len(held), SAMPLE_ROWS), replace=False)
        return Draft(
            goal=self.goal,
            profile=self.profile,
            names=self.samples.names,
            categories=self.samples.categories,
            unit=self.samples.unit,
            conversion=self.conversion.champion,
            threshold=self.conversion.threshold,
            revenue=None if self.revenue is None else self.revenue.champion,
            interval=None if self.revenue is None else self.revenue.interval,
            segmentation=self.segmentation,
            vocabulary=self.vocabulary,
            session_gap=self.session_gap,
            typical=typical_row(self.samples.X[self.split.train], self.samples),
            check_rows=self.samples.X[rows],
            tested_scores=tested.p,
            split=self.split.sentence,
            test_from=_utc(self.split.test_from),
            report=report,
        )


def _utc(moment: np.datetime64 | None) -> datetime | None:
    if moment is None:
        return None
    naive: datetime = moment.astype("datetime64[us]").item()
    return naive.replace(tzinfo=UTC)


def typical_row(X: npt.NDArray[np.float32], samples: Samples) -> npt.NDArray[np.float32]:
    """Return the median of each column, the most frequent level of a categorical one, shape (f,).

    A column that is missing in most rows is missing in the typical row too.
    """
    row = np.full(X.shape[1], np.nan, np.float32)
    for i, name in enumerate(samples.names):
        known = X[~np.isnan(X[:, i]), i]
        if 2 * len(known) >= len(X) > 0:
            frequent = np.bincount(known.astype(np.int64)).argmax() if name in samples.categories else None
            row[i] = np.median(known) if frequent is None else frequent
    return row
