"""VMIS-kNN: the visits most like this one, found through an index of items, and what they looked at.

B. Kersbergen, O. Sprangers, S. Schelter: Serenade: low-latency session-based recommendation in
e-commerce at scale (SIGMOD 2022). It computes what V-SKNN (Ludewig & Jannach 2018) computes, from an
index that knows for each item its most recent visits, so that a question touches few of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.models.next_item.base import NextItem, Scores, Stored, first_views
from buysignal.models.next_item.popularity import RARE
from buysignal.sequences import Catalog, Sequences


class Index(NamedTuple):
    """The visits of the training period, both ways; visits are numbered from the most recent, 0.

    Attributes:
        item_bounds: (m + 1,) where each item's visits begin in ``item_visits``.
        item_visits: per item its visits, the most recent first, at most ``recent`` of them.
        visit_bounds: (s + 1,) where each visit's items begin in ``visit_items``.
        visit_items: per visit its distinct items.
        rarity: (m,) log(visits / visits with the item): rare items say more.
    """

    item_bounds: npt.NDArray[np.int64]
    item_visits: npt.NDArray[np.int32]
    visit_bounds: npt.NDArray[np.int64]
    visit_items: npt.NDArray[np.int32]
    rarity: npt.NDArray[np.float32]


class Scratch(NamedTuple):
    """Working memory of one question: zero between questions."""

    similarity: npt.NDArray[np.float32]
    latest: npt.NDArray[np.int32]
    touched: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    reached: npt.NDArray[np.int32]


class VMISkNN(NextItem):
    """Neighbours by the items they share with this visit, late items weighing more.

    Args:
        neighbours: how many visits answer (the paper's k).
        recent: how many visits of an item are looked at, the most recent (the paper's m).
        reach: items of the visit that count, the last ones.
    """

    def __init__(self, neighbours: int = 500, recent: int = 2_500, reach: int = 10) -> None:
        self.neighbours = neighbours
        self.recent = recent
        self.reach = reach

    def fit(self, train: Sequences) -> VMISkNN:
        """Build the index."""
        self.catalog_ = train.catalog
        self.index_ = build_index(train, self.recent)
        self.seen_ = np.bincount(train.items[train.items >= 0], minlength=len(train.catalog.names))
        return self

    def scores(self, visits: Sequences, questions: npt.NDArray[np.int64]) -> Scores:
        """Return (questions, items)."""
        out = np.tile((RARE * self.seen_).astype(np.float32), (len(questions), 1))
        first = np.maximum(first_views(visits, questions), questions - self.reach)
        scratch = new_scratch(self.index_)
        _answer_all(self.index_, visits.items, first, questions, self.neighbours, scratch, out)
        return out

    def stored(self) -> Stored:
        """Return the index."""
        return Stored("vmis_knn", self.get_params(), {"seen": self.seen_, **self.index_._asdict()})

    @classmethod
    def restored(cls, stored: Stored, catalog: Catalog) -> VMISkNN:
        """Return it with the index that was stored."""
        found = cls(**stored.settings)
        found.catalog_, found.seen_ = catalog, stored.arrays["seen"]
        found.index_ = Index(*(stored.arrays[name] for name in Index._fields))
        return found


def build_index(train: Sequences, recent: int) -> Index:
    """Return the index of ``train``; visits are renumbered from the most recent."""
    size, visits = len(train.catalog.names), train.visits
    number = np.empty(visits, np.int64)
    number[np.argsort(-train.day, kind="stable")] = np.arange(visits)
    known = train.items >= 0
    pairs = np.unique(number[train.visit_of_view()[known]] * size + train.items[known])
    visit, item = pairs // size, (pairs % size).astype(np.int32)
    visit_bounds = np.searchsorted(visit, np.arange(visits + 1))
    by_item = np.lexsort((visit, item))
    full = np.searchsorted(item[by_item], np.arange(size + 1))
    rank = np.arange(len(by_item)) - full[item[by_item]]
    kept = by_item[rank < recent]
    in_visits = np.diff(full)
    rarity = np.log(max(visits, 1) / np.maximum(in_visits, 1))
    return Index(
        np.searchsorted(item[kept], np.arange(size + 1)).astype(np.int64),
        visit[kept].astype(np.int32),
        visit_bounds.astype(np.int64),
        item,
        rarity.astype(np.float32),
    )


def new_scratch(index: Index) -> Scratch:
    """Return working memory for one thread."""
    visits, items = len(index.visit_bounds) - 1, len(index.rarity)
    return Scratch(
        np.zeros(visits, np.float32), np.zeros(visits, np.int32), np.empty(visits, np.int32),
        np.zeros(items, np.float32), np.empty(items, np.int32),
    )  # fmt: skip


@njit(cache=True)
def _answer_all(
    index: Index,
    items: npt.NDArray[np.int32],
    first: npt.NDArray[np.int64],
    questions: npt.NDArray[np.int64],
    neighbours: int,
    scratch: Scratch,
    out: npt.NDArray[np.float32],
) -> None:
    for q in range(len(questions)):
        reached = answer(index, items[first[q] : questions[q]], neighbours, scratch)
        for k in range(reached):
            item = scratch.reached[k]
            out[q, item] += scratch.scores[item]
            scratch.scores[item] = 0.0


@njit(cache=True)
def answer(index: Index, history: npt.NDArray[np.int32], neighbours: int, scratch: Scratch) -> int:
    """Score items for ``history``; returns how many were reached.

    ``scratch.reached`` names them and ``scratch.scores`` holds their scores; the caller sets those back
    to 0.
    """
    touched = 0
    length = len(history)
    for back in range(length):
        place = length - back
        item = history[place - 1]
        if item < 0:
            continue
        seen_later = False
        for k in range(place, length):
            seen_later |= history[k] == item
        if seen_later:
            continue
        weight = np.float32(place / length)
        for k in range(index.item_bounds[item], index.item_bounds[item + 1]):
            visit = index.item_visits[k]
            if scratch.similarity[visit] == 0.0:
                scratch.touched[touched] = visit
                scratch.latest[visit] = place
                touched += 1
            scratch.similarity[visit] += weight
    least, ties = _bar(scratch, touched, neighbours)
    reached = 0
    for k in range(touched):
        visit = scratch.touched[k]
        similarity = scratch.similarity[visit]
        scratch.similarity[visit] = 0.0
        if similarity < least:
            continue
        if similarity == least:
            if ties == 0:
                continue
            ties -= 1
        reached = _vote(index, visit, similarity * _recency(length - scratch.latest[visit]), scratch, reached)
    return reached


@njit(cache=True, inline="always")
def _recency(steps_back: int) -> float:
    """Return the weight of a neighbour by how long ago the last shared item was looked at."""
    return max(0.0, 1.0 - 0.1 * steps_back)


@njit(cache=True)
def _vote(index: Index, visit: int, weight: float, scratch: Scratch, reached: int) -> int:
    for k in range(index.visit_bounds[visit], index.visit_bounds[visit + 1]):
        item = index.visit_items[k]
        if scratch.scores[item] == 0.0:
            scratch.reached[reached] = item
            reached += 1
        scratch.scores[item] += np.float32(weight * (1.0 + index.rarity[item]) + 1e-9)
    return reached


@njit(cache=True)
def _bar(scratch: Scratch, touched: int, neighbours: int) -> tuple[float, int]:
    """Return the similarity that the k-th neighbour has, and how many at exactly it are let in."""
    if touched <= neighbours:
        return 0.0, touched
    values = np.empty(touched, np.float32)
    for k in range(touched):
        values[k] = scratch.similarity[scratch.touched[k]]
    bar = np.partition(values, touched - neighbours)[touched - neighbours]
    above = 0
    for k in range(touched):
        above += values[k] > bar
    return bar, neighbours - above
