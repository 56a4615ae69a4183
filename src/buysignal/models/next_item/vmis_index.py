"""The index behind VMIS-kNN, and one question asked of it: two counting sorts, and a walk over few visits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.features.frozen import frozen
from buysignal.sequences import Sequences

MOST_REACH = 1_000
"""Items of a visit that a question may use: what keeps its packed numbers within 31 bits."""

_PLACES = 1_024
"""Packed: similarity times this, plus the place of the last shared item."""

STEP = 0.1
"""Weight that a neighbour loses with every view since the last item shared with it."""

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


class Index(NamedTuple):
    """The visits of the training period, both ways; visits are numbered from the most recent, 0.

    Per visit it takes 8 bytes, and 4 for each of its distinct items; per item 12 bytes, and 4 for each of
    its visits, at most ``recent`` of them.

    Attributes:
        item_bounds: (m + 1,) where each item's visits begin in ``item_visits``.
        item_visits: per item its visits, the most recent first, at most ``recent`` of them.
        visit_bounds: (s + 1,) where each visit's items begin in ``visit_items``.
        visit_items: per visit its distinct items, in the order they were first looked at.
        rarity: (m,) log(visits / visits with the item): rare items say more.
    """

    item_bounds: npt.NDArray[np.int64]
    item_visits: Ints
    visit_bounds: npt.NDArray[np.int64]
    visit_items: Ints
    rarity: Floats


class Scratch(NamedTuple):
    """Working memory of one thread: 4 bytes a visit and 8 an item; zero between questions.

    Attributes:
        packed: (s,) similarity and place of the last shared item.
        touched: visits with a similarity, in the order they were met.
        scores: (m,).
        reached: items with a score.
    """

    packed: Ints
    touched: Ints
    scores: Floats
    reached: Ints


def build_index(train: Sequences, recent: int) -> Index:
    """Return the index of ``train``; visits are renumbered from the most recent."""
    newest_first = np.argsort(-train.day, kind="stable")
    return index_from(
        *_indexed(
            np.asarray(train.items), np.asarray(train.starts), newest_first, len(train.catalog.names), recent
        )
    )


def index_from(*parts: npt.NDArray[np.generic]) -> Index:
    """Return an index of its parts, as compiled code takes them."""
    return Index(*(frozen(part) for part in parts))


def new_scratch(index: Index, recent: int, reach: int) -> Scratch:
    """Return working memory for one thread."""
    visits, items = len(index.visit_bounds) - 1, len(index.rarity)
    return Scratch(
        np.zeros(visits, np.int32), np.empty(min(visits, recent * reach), np.int32),
        np.zeros(items, np.float32), np.empty(items, np.int32),
    )  # fmt: skip


@njit(cache=True)
def _indexed(items, starts, newest_first, size, recent):  # type: ignore[no-untyped-def]
    """Return the parts of an index: one pass over the views each way, no sorting."""
    visits = len(newest_first)
    visit_bounds = np.zeros(visits + 1, np.int64)
    visit_items = np.empty(len(items), np.int32)
    in_visits = np.zeros(size, np.int64)
    last_visit = np.full(size, -1, np.int64)
    n = 0
    for visit in range(visits):
        old = newest_first[visit]
        for k in range(starts[old], starts[old + 1]):
            item = items[k]
            if item >= 0 and last_visit[item] != visit:
                last_visit[item] = visit
                in_visits[item] += 1
                visit_items[n] = item
                n += 1
        visit_bounds[visit + 1] = n
    item_bounds = np.zeros(size + 1, np.int64)
    for item in range(size):
        item_bounds[item + 1] = item_bounds[item] + min(in_visits[item], recent)
    item_visits = np.empty(item_bounds[size], np.int32)
    free = item_bounds[:size].copy()
    for visit in range(visits):
        for k in range(visit_bounds[visit], visit_bounds[visit + 1]):
            item = visit_items[k]
            if free[item] < item_bounds[item + 1]:
                item_visits[free[item]] = visit
                free[item] += 1
    rarity = np.empty(size, np.float32)
    for item in range(size):
        rarity[item] = np.log(max(visits, 1) / max(in_visits[item], 1))
    return item_bounds, item_visits, visit_bounds, visit_items[:n].copy(), rarity


@njit(cache=True)
def answer_all(index, items, first, questions, neighbours, scratch, out):  # type: ignore[no-untyped-def]
    """Add each question's scores to its row of ``out`` (q, m)."""
    for q in range(len(questions)):
        reached = answer(index, items[first[q] : questions[q]], neighbours, scratch)
        for k in range(reached):
            item = scratch.reached[k]
            out[q, item] += scratch.scores[item]
            scratch.scores[item] = 0.0


@njit(cache=True)
def answer_one(  # type: ignore[no-untyped-def]
    index, history, neighbours, scratch, background, by_background, count
):
    """Return the items that can be among the best ``count``, and their scores.

    Those are all that neighbours looked at, and as many of the others as are asked for.

    Args:
        background: (m,) scores of items that no neighbour looked at.
        by_background: (m,) items, the highest background first.
    """
    reached = answer(index, history, neighbours, scratch)
    items = np.empty(min(reached + count, len(background)), np.int32)
    items[:reached] = scratch.reached[:reached]
    filled, k = reached, 0
    while filled < len(items):
        item = by_background[k]
        k += 1
        if scratch.scores[item] == 0.0:
            items[filled] = item
            filled += 1
    scores = np.empty(len(items), np.float32)
    for k in range(len(items)):
        scores[k] = background[items[k]] + scratch.scores[items[k]]
    for k in range(reached):
        scratch.scores[items[k]] = 0.0
    return items, scores


@njit(cache=True)
def answer(index, history, neighbours, scratch):  # type: ignore[no-untyped-def]
    """Score items for ``history``; return how many were reached.

    ``scratch.reached`` names them and ``scratch.scores`` holds their scores; the caller sets those back
    to 0. The similarity of a visit is the sum of the shared items' places in the history, a whole number.
    Of visits that are as similar as the last neighbour, those win that share a later item, then the more
    recent ones.
    """
    length = len(history)
    touched = _touch(index, history, scratch)
    least, ties = _bar(scratch, touched, neighbours, length * (length + 1) // 2)
    reached = 0
    for k in range(touched):
        visit = scratch.touched[k]
        similarity = scratch.packed[visit] // _PLACES
        place = scratch.packed[visit] % _PLACES
        scratch.packed[visit] = 0
        if similarity < least:
            continue
        if similarity == least:
            if ties == 0:
                continue
            ties -= 1
        weight = similarity / length * max(0.0, 1.0 - STEP * (length - place))
        for j in range(index.visit_bounds[visit], index.visit_bounds[visit + 1]):
            item = index.visit_items[j]
            if scratch.scores[item] == 0.0:
                scratch.reached[reached] = item
                reached += 1
            # The last term marks what neighbours without weight looked at as reached.
            scratch.scores[item] += np.float32(weight * (1.0 + index.rarity[item]) + 1e-9)
    return reached


@njit(cache=True, inline="always")
def _touch(index, history, scratch):  # type: ignore[no-untyped-def]
    touched = 0
    length = len(history)
    for place in range(length, 0, -1):
        item = history[place - 1]
        if item < 0:
            continue
        seen_later = False
        for k in range(place, length):
            seen_later |= history[k] == item
        if seen_later:
            continue
        for k in range(index.item_bounds[item], index.item_bounds[item + 1]):
            visit = index.item_visits[k]
            packed = scratch.packed[visit]
            if packed == 0:
                scratch.touched[touched] = visit
                touched += 1
                packed = place
            scratch.packed[visit] = packed + np.int32(place * _PLACES)
    return touched


@njit(cache=True, inline="always")
def _bar(scratch, touched, neighbours, most):  # type: ignore[no-untyped-def]
    """Return the similarity that the last neighbour has, and how many at exactly it are let in."""
    if touched <= neighbours:
        return 0, touched
    number = np.zeros(most + 1, np.int32)
    for k in range(touched):
        number[scratch.packed[scratch.touched[k]] // _PLACES] += 1
    above, bar = 0, most
    while above + number[bar] < neighbours:
        above += number[bar]
        bar -= 1
    return bar, neighbours - above
