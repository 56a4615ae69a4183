"""Where the item that came stood in each list, and what follows from it, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from buysignal.metrics import bootstrap_intervals
from buysignal.models.next_item.base import chunks
from buysignal.ranking_metrics import LIST, coverage, popularity_bias, ranking_metrics, ranks
from buysignal.sequences import Sequences

DRAWS = 500
"""Bootstrap draws of whole visits."""

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]


class Scorer(Protocol):
    """What can be asked: one of ours, a peer, or the truth."""

    def scores(self, visits: Sequences, questions: Positions) -> npt.NDArray[np.float32]: ...


@dataclass(frozen=True, eq=False)
class Answers:
    """What one recommender said to q questions.

    Attributes:
        rank: (q,) where the item that came stood, from 1.
        lists: (q, 20) item codes, best first.
        visit: (q,) the visit of each question.
        questions: (q,) the views asked for.
    """

    rank: Floats
    lists: npt.NDArray[np.int32]
    visit: Positions
    questions: Positions

    def only(self, questions: Positions) -> Answers:
        """Return the answers to ``questions``, which are among those asked."""
        kept = np.isin(self.questions, questions)
        return Answers(self.rank[kept], self.lists[kept], self.visit[kept], self.questions[kept])


@dataclass(frozen=True)
class Figure:
    """A figure, and its 95 % interval where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


def ask(scorer: Scorer, visits: Sequences, questions: Positions | None = None) -> Answers:
    """Return the answers to ``questions``, all of them where None: full ranking, nothing sampled."""
    asked = visits.questions() if questions is None else questions
    size = len(visits.catalog.names)
    rank, lists = [], []
    for piece in chunks(asked, size):
        scores = scorer.scores(visits, piece)
        rank.append(ranks(scores, visits.items[piece]))
        lists.append(np.argsort(-scores, axis=1, kind="stable")[:, :LIST].astype(np.int32))
    return Answers(np.concatenate(rank), np.concatenate(lists), visits.visit_of_view()[asked], asked)


def figures(answers: Answers, train: Sequences) -> dict[str, Figure]:
    """Return every metric; intervals by drawing whole visits, the recommender held fixed."""
    value = {name: float(found[0]) for name, found in ranking_metrics(answers.rank).items()}
    interval = bootstrap_intervals(_metrics, answers.rank, groups=answers.visit, n=DRAWS)
    found = {name: Figure(value[name], *interval.get(name, (None, None))) for name in value}
    size = len(train.catalog.names)
    seen = np.bincount(train.items[train.items >= 0], minlength=size).astype(float)
    return found | {
        "coverage": Figure(coverage(answers.lists, size)),
        "popularity_bias": Figure(popularity_bias(answers.lists, seen)),
    }


def hits(answers: Answers) -> dict[str, Figure]:
    """Return how often the first guess was right, and MRR; for few things to choose from."""

    def metric(rank: Floats, *, weights: Floats) -> dict[str, Floats]:
        total = weights.sum(axis=1)
        mrr = _metrics(rank, weights=weights)["mrr_at_20"]
        return {"accuracy": weights @ (rank == 1).astype(float) / total, "mrr_at_20": mrr}

    once = metric(answers.rank, weights=np.ones((1, len(answers.rank))))
    interval = bootstrap_intervals(metric, answers.rank, groups=answers.visit, n=DRAWS)
    return {name: Figure(float(once[name][0]), *interval[name]) for name in once}


def ahead(ours: Answers, theirs: Answers) -> dict[str, Figure]:
    """Return by how much ours is above theirs on the same questions, with intervals of the difference.

    Raises:
        AssertionError: the questions differ.
    """
    assert np.array_equal(ours.questions, theirs.questions)

    def metric(a: Floats, b: Floats, *, weights: Floats) -> dict[str, Floats]:
        mine, other = _metrics(a, weights=weights), _metrics(b, weights=weights)
        return {name: mine[name] - other[name] for name in mine}

    once = metric(ours.rank, theirs.rank, weights=np.ones((1, len(ours.rank))))
    interval = bootstrap_intervals(metric, ours.rank, theirs.rank, groups=ours.visit, n=DRAWS)
    return {name: Figure(float(once[name][0]), *interval[name]) for name in once}


def _metrics(rank: Floats, *, weights: Floats) -> dict[str, Floats]:
    return ranking_metrics(rank, weights)
