"""Training questions with evidence as later questions will find it: counted without their own visit.

Counts come from the visits of other folds; recent counts only from visits before the question's stretch
of time, as a question after the training period finds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from buysignal.models.next_item.base import first_views
from buysignal.models.next_item.evidence import describe_drawn
from buysignal.models.next_item.item_counts import ItemCounts, count_items, recent_counts
from buysignal.models.next_item.shelf import Shelf, shelf_of
from buysignal.sequences import Sequences

FOLDS = 5

STRETCHES = 8
"""Stretches of time that the training period is cut into; in the first, nothing is recent yet."""

HELD_SHARE = 10
MOST_HELD = 5_000


class TrainingRows(NamedTuple):
    """Evidence of q questions (q, 1 + rivals, f): first the item that was looked at, then its rivals.

    ``others`` is the share of questions whose item was no candidate; those are not among the q.
    ``visit`` (q,) says which questions belong to the same visit.
    """

    evidence: npt.NDArray[np.float32]
    others: float
    visit: npt.NDArray[np.int64]


def training_rows(
    train: Sequences, *, candidates: int, rivals: int, questions: int, seed: int
) -> TrainingRows:
    """Return at most ``questions`` questions of ``train``, drawn evenly, each with ``rivals`` candidates."""
    random = np.random.default_rng(seed)
    fold = random.integers(0, FOLDS, train.visits)
    stretch = stretches(train)
    visit = train.visit_of_view()
    asked = train.questions()
    if stretch.any():
        asked = asked[stretch[visit[asked]] > 0]
    if len(asked) > questions:
        asked = np.sort(random.choice(asked, questions, replace=False))
    found, of_visit = [], []
    for counts, shelf, mine in _parts(train, asked, fold, stretch):
        rows, there = describe_drawn(
            counts, shelf, train.items, first_views(train, mine), mine, candidates, rivals, random
        )
        found.append(rows[there])
        of_visit.append(visit[mine[there]])
    if not found:
        return TrainingRows(np.empty((0, 1, 0), np.float32), 0.0, np.empty(0, np.int64))
    evidence = np.concatenate(found)
    return TrainingRows(evidence, 1 - len(evidence) / len(asked), np.concatenate(of_visit))


def held_out(visit: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.bool_]:
    """Return which of the q questions say when to stop: those of a tenth of the visits, 5,000 at most."""
    visits, size = np.unique(visit, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(visits))
    most = min(len(visit) // HELD_SHARE, MOST_HELD)
    return np.isin(visit, visits[order[np.cumsum(size[order]) <= most]])


def stretches(train: Sequences) -> npt.NDArray[np.int64]:
    """Return each visit's stretch of time, from 0; all 0 where nearly all began at once."""
    if not train.visits:
        return np.zeros(0, np.int64)
    edges = np.quantile(train.day, np.arange(1, STRETCHES) / STRETCHES)
    found = np.searchsorted(edges, train.day, side="left")
    return np.zeros(train.visits, np.int64) if (found == 0).mean() > 0.5 else found


def _parts(
    train: Sequences,
    asked: npt.NDArray[np.int64],
    fold: npt.NDArray[np.int64],
    stretch: npt.NDArray[np.int64],
) -> Iterator[tuple[ItemCounts, Shelf, npt.NDArray[np.int64]]]:
    """Yield questions of one fold and one stretch, with what may be known of them.

    Args:
        fold, stretch: (s,) of each visit.
    """
    visit = train.visit_of_view()[asked]
    late = {s: recent_counts(train.only(stretch < s)) for s in np.unique(stretch[visit]) if s > 0}
    for left_out in np.unique(fold[visit]):
        others = train.only(fold != left_out)
        counts = count_items(others)
        shelf = shelf_of(others, counts.ahead)
        for s in np.unique(stretch[visit]):
            recent, seen = late.get(s, (counts.recent, counts.recent_seen))
            mine = asked[(fold[visit] == left_out) & (stretch[visit] == s)]
            if len(mine):
                yield counts._replace(recent=recent, recent_seen=seen), shelf, mine
