"""A recommender's answers to questions, and the figures that come from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from buysignal.metrics import bootstrap_intervals
from buysignal.ranking_metrics import LIST, ranking_metrics, ranks
from buysignal.report import SliceRow
from buysignal.sequences import Positions, Sequences

DRAWS = 500
KS = (1, 2, 3, 5, 10)
LEAST_SLICE = 20
SLICED = ("mrr_at_20", "recall_at_20")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Questions:
    """What is asked: views of visits, each from the views before it.

    Attributes:
        visits: the visits.
        views: (q,) positions in ``visits.items``.
        percentile: (m,) how much each item was looked at in training, from 0 for the rarest to 1.
    """

    visits: Sequences
    views: Positions
    percentile: Floats

    @property
    def wanted(self) -> npt.NDArray[np.int32]:
        return self.visits.items[self.views]

    @property
    def visit(self) -> Positions:
        """Return the visit of each question, (q,)."""
        return np.searchsorted(self.visits.starts, self.views, side="right") - 1


@dataclass(frozen=True, eq=False)
class Answers:
    """Where the wanted items stood in a recommender's lists.

    Attributes:
        asked: the questions.
        rank: (q,) from 1.
        popular: (q,) mean percentile of the first ``LIST`` items.
        shown: (m,) whether an item stands in any of these lists.
    """

    asked: Questions
    rank: Floats
    popular: Floats
    shown: npt.NDArray[np.bool_]

    def metrics(self) -> dict[str, float]:
        """Return all figures of the lists."""
        found = {name: float(values[0]) for name, values in _weighted(self.rank, self.popular).items()}
        return {**found, "coverage": float(self.shown.mean())}

    def intervals(self, seed: int = 0) -> dict[str, tuple[float, float]]:
        """Return 95 % intervals, drawing visits; none for the coverage, which shrinks in any draw."""
        return bootstrap_intervals(
            _weighted, self.rank, self.popular, groups=self.asked.visit, seed=seed, n=DRAWS
        )

    def slices_by_k(self, seed: int = 0, ks: Sequence[int] = KS) -> list[SliceRow]:
        """Return one row per number of looks seen before."""
        place = self.asked.visits.place_in_visit()[self.asked.views]
        return [self._slice(k, place == k, seed) for k in ks if (place == k).sum() >= LEAST_SLICE]

    def _slice(self, k: int, mask: npt.NDArray[np.bool_], seed: int) -> SliceRow:
        asked = Questions(self.asked.visits, self.asked.views[mask], self.asked.percentile)
        part = Answers(asked, self.rank[mask], self.popular[mask], self.shown)
        metrics, intervals = part.metrics(), part.intervals(seed)
        return SliceRow(
            slice=f"k={k}",
            n=int(mask.sum()),
            base_rate=None,
            metrics={name: metrics[name] for name in SLICED},
            intervals={name: intervals[name] for name in SLICED if name in intervals},
        )


class Tally:
    """Collects the answers of one recommender, piece by piece, in the order of the questions."""

    def __init__(self, asked: Questions) -> None:
        self.asked = asked
        self._rank: list[Floats] = []
        self._popular: list[Floats] = []
        self._shown = np.zeros(len(asked.percentile), bool)

    def add(self, chances: npt.NDArray[np.float32], wanted: npt.NDArray[np.int32]) -> None:
        """Add the next questions, chances (c, m) and what was wanted (c,)."""
        size = min(LIST, chances.shape[1])
        lists = np.argpartition(-chances, size - 1, axis=1)[:, :size]
        self._rank.append(ranks(chances, wanted))
        self._popular.append(self.asked.percentile[lists].mean(axis=1))
        self._shown[np.unique(lists)] = True

    def answers(self) -> Answers:
        """Return them all."""
        return Answers(self.asked, np.concatenate(self._rank), np.concatenate(self._popular), self._shown)


def draw(visits: Sequences, most: int, seed: int) -> Positions:
    """Return the questions of ``visits``, or of whole visits drawn at random until there are ``most``."""
    views = visits.questions()
    if len(views) <= most:
        return views
    visit = np.searchsorted(visits.starts, views, side="right") - 1
    count = np.bincount(visit, minlength=visits.visits)
    order = np.random.default_rng(seed).permutation(visits.visits)
    taken = np.zeros(visits.visits, bool)
    taken[order[: np.searchsorted(np.cumsum(count[order]), most) + 1]] = True
    return views[taken[visit]]


def percentiles(train: Sequences) -> Floats:
    """Return how much each item was looked at, (m,) from 0 for the rarest to 1 for the most."""
    seen = np.bincount(train.items[train.items >= 0], minlength=len(train.catalog.names))
    order = np.argsort(np.argsort(seen, kind="stable"), kind="stable")
    return order / max(len(seen) - 1, 1)


def _weighted(rank: Floats, popular: Floats, *, weights: Floats | None = None) -> dict[str, Floats]:
    w = np.ones((1, len(rank))) if weights is None else weights
    with np.errstate(invalid="ignore"):
        bias = (w @ popular) / w.sum(axis=1)
    return {**ranking_metrics(rank, w), "popularity_bias": bias}
