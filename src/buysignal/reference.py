"""What was normal when a bundle was made: the test slice, which later data is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal import drift
from buysignal.drift import Histogram
from buysignal.errors import BundleError
from buysignal.samples import Samples
from buysignal.tested import ScoredRows

CALENDAR = frozenset({"hour", "weekday"})
"""Columns that tell the calendar and not the shop: a week differs from a month in them by itself."""
SCORE = "probability"
_DAY = np.timedelta64(1, "D")

Intervals = dict[str, tuple[float, float, float]]
Counts = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reference:
    """The test slice of the data that a bundle was made from.

    Attributes:
        columns: histogram of each feature over the visits as they stood last (before they reached the goal).
        scores: histogram of their scores.
        visitors: whose visits they are.
        lead_days: days of events that lie before them; the past of a visitor reaches back that far.
        daily_visits: (d,) visits begun on each whole day of the data.
        kept, rejected: rows of the source.
        outcome: figure -> (value, low, high) with its 95 % interval on the test slice: ``roc_auc``.
    """

    columns: dict[str, Histogram]
    scores: Histogram
    visitors: int
    lead_days: float
    daily_visits: Counts
    kept: int
    rejected: int
    outcome: Intervals

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the reference as arrays without objects."""
        named = {**self.columns, SCORE: self.scores}
        return {
            "names": np.array(list(named)),
            "levels": np.array([one.levels for one in named.values()]),
            "edges": np.concatenate([one.edges for one in named.values()]),
            "counts": np.concatenate([one.counts for one in named.values()]),
            "bins": np.array([len(one.edges) for one in named.values()]),
            "numbers": np.array([self.visitors, self.lead_days, self.kept, self.rejected], np.float64),
            "daily_visits": self.daily_visits,
            "outcome_names": np.array(list(self.outcome), dtype=np.str_),
            "outcome": np.array(list(self.outcome.values()), np.float64).reshape(-1, 3),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Reference:
        """Return what ``to_arrays`` was made of.

        Raises:
            BundleError: the arrays do not belong together.
        """
        bins = arrays["bins"].astype(np.int64)
        if bins.sum() != len(arrays["edges"]) or (bins + 2).sum() != len(arrays["counts"]):
            raise BundleError("the reference of this bundle does not hold together", todo="train again")
        edges = np.split(arrays["edges"], np.cumsum(bins)[:-1])
        counts = np.split(arrays["counts"], np.cumsum(bins + 2)[:-1])
        found = {
            str(name): Histogram(edge, count, bool(levels))
            for name, edge, count, levels in zip(
                arrays["names"], edges, counts, arrays["levels"], strict=True
            )
        }
        scores = found.pop(SCORE)
        visitors, lead_days, kept, rejected = arrays["numbers"].tolist()
        outcome = zip(arrays["outcome_names"].tolist(), arrays["outcome"].tolist(), strict=True)
        return cls(
            found, scores, int(visitors), lead_days, arrays["daily_visits"], int(kept), int(rejected),
            {name: (value, low, high) for name, (value, low, high) in outcome},
        )  # fmt: skip


def reference_of(
    samples: Samples,
    tested: ScoredRows,
    *,
    test_from: np.datetime64 | None,
    kept: int,
    rejected: int,
    auc: tuple[float, float, float] | None,
) -> Reference:
    """Return the reference of a trained bundle.

    Args:
        samples: all rows of the run.
        tested: the champion's scores of the test rows, in the samples.
        test_from: when the test slice began; None where it is not parted by time.
        kept, rejected: rows of the source.
        auc: the champion's ROC-AUC with its 95 % interval, where it is defined.
    """
    last = last_of_visits(samples, tested.rows)
    X = samples.X[tested.rows[last]]
    histograms = drift.columns(X, samples.names, levels_of(samples))
    start = None if np.isnat(samples.time).all() else np.nanmin(samples.time)
    return Reference(
        columns={name: one for name, one in histograms.items() if name not in CALENDAR},
        scores=drift.histogram(tested.p[last]),
        visitors=len(np.unique(samples.visitor[tested.rows])),
        lead_days=0.0 if test_from is None or start is None else float((test_from - start) / _DAY),
        daily_visits=daily_visits(samples),
        kept=kept,
        rejected=rejected,
        outcome={} if auc is None else {"roc_auc": auc},
    )


def last_of_visits(samples: Samples, rows: Rows) -> Rows:
    """Return which of ``rows`` (n,) stand last in their session, in order of sessions."""
    order = np.lexsort((samples.k[rows], samples.session[rows]))
    session = samples.session[rows][order]
    ends = np.append(session[1:] != session[:-1], True) if len(order) else np.zeros(0, bool)
    return order[ends]


def levels_of(samples: Samples) -> dict[str, int]:
    """Return how many codes each column of levels has."""
    return {name: len(levels) for name, levels in samples.categories.items()}


def daily_visits(samples: Samples) -> Counts:
    """Return the visits begun on each day, (d,), without the first and the last, which may be cut."""
    known = np.flatnonzero(~np.isnat(samples.time))
    if not len(known):
        return np.zeros(0, np.int64)
    order = known[np.lexsort((samples.time[known], samples.session[known]))]
    session = samples.session[order]
    first = order[np.append(True, session[1:] != session[:-1])]
    day = samples.time[first].astype("datetime64[D]").astype(np.int64)
    return np.bincount(day - day.min())[1:-1].astype(np.int64)
