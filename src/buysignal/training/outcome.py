"""What a run has found, and the bundle that can be made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal.draft import Draft
from buysignal.evaluation import Evaluated
from buysignal.features.vocabulary import Vocabulary
from buysignal.goals import Goal
from buysignal.models.conversion import SEQUENCE_MODELS
from buysignal.models.odds import probability
from buysignal.models.segmentation import Segmentation
from buysignal.reference import Reference, reference_of
from buysignal.report import GoalNote, Report, Table
from buysignal.samples import Samples
from buysignal.sources.profile import Profile
from buysignal.splits import Split
from buysignal.step_windows import StepWindows
from buysignal.tested import ScoredRows
from buysignal.trained_visitors import TrainedVisitors
from buysignal.training.next_items import NextItems

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
        following: what is looked at next.
        visitors: ids of those whose events were read; None where rows have none.
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
    following: NextItems = field(default_factory=NextItems)
    visitors: pa.ChunkedArray | None = None

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
        reader = self._reader()
        typical = typical_row(self.samples.X[self.split.train], self.samples)
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
            typical=typical if reader is None else self._with_typical_steps(typical, rng),
            check_rows=self.samples.X[rows] if reader is None else self.samples.with_steps(rows),
            tested_scores=tested.p,
            split=self.split.sentence,
            test_from=_utc(self.split.test_from),
            report=report,
            steps=None if reader is None else reader.codes,
            recommender=self.following.recommender,
            check_visits=self.following.check_visits,
            reference=self._reference(tested, report),
            visitors=None if self.visitors is None else TrainedVisitors.of(self.visitors),
        )

    def _reference(self, tested: ScoredRows, report: Report) -> Reference:
        champion = next(row for row in self.conversion.table.rows if row.champion)
        auc, interval = champion.metrics.get("roc_auc"), champion.intervals.get("roc_auc", (None, None))
        known = auc is not None and interval[0] is not None and interval[1] is not None
        return reference_of(
            tested.samples,
            tested,
            test_from=self.split.test_from,
            kept=report.dataset.rows_kept,
            rejected=report.dataset.rows_rejected,
            auc=(auc, *interval) if known else None,  # type: ignore[arg-type]
        )

    def _reader(self) -> StepWindows | None:
        """Return what the champion reads the last events with; None where it reads features alone."""
        reads = self.conversion.table.champion in SEQUENCE_MODELS
        return self.samples.steps if reads and isinstance(self.samples.steps, StepWindows) else None

    def _with_typical_steps(
        self, typical: npt.NDArray[np.float32], rng: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        """Return the typical visit with the last events of a real one of its length behind its features.

        Of up to a thousand the one is taken that leads to the median score: no window is the mean of others.
        """
        k = self.samples.k[self.split.train]
        alike = self.split.train[k == np.median(k).astype(k.dtype)]
        drawn = rng.choice(alike, min(len(alike), 1_000), replace=False)
        rows = self.samples.with_steps(drawn)
        rows[:, : len(typical)] = typical
        p = probability(self.conversion.champion, rows)
        middle: npt.NDArray[np.float32] = rows[np.argsort(p, kind="stable")[len(p) // 2]]
        return middle


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
