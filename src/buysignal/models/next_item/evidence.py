"""What speaks for each candidate as the next item: numbers from counts, attributes and the visit itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.models.next_item.item_counts import ItemCounts, add_row, row_sum
from buysignal.sequences import Catalog, Sequences

HISTORY = 12
"""Views of the visit that are looked at, the last ones."""

DECAY = 0.7
SMOOTHING = 3.0
"""Views' worth of overall frequency mixed into what followed an item."""

PAIR_SMOOTHING = 15.0
"""The same for what followed a pair, mixed with what followed the last item."""

PLAIN = (
    "follow", "pair", "ahead", "behind", "skip", "popularity", "mixed", "times_seen", "views_since",
    "place_in_visit", "pair_seen", "steps_on_shelf", "last_step_on_shelf", "price", "price_step",
    "price_step_before", "place_on_shelf",
)  # fmt: skip
"""Columns that every catalog gives; then three for each attribute."""

(FOLLOW, PAIR, AHEAD, BEHIND, SKIP, POPULARITY, MIXED, TIMES_SEEN, VIEWS_SINCE, PLACE, PAIR_SEEN, STEPS,
 LAST_STEP, PRICE, PRICE_STEP, PRICE_BEFORE, SHELF) = range(len(PLAIN))  # fmt: skip
NEVER = 99.0


def evidence_names(catalog: Catalog) -> tuple[str, ...]:
    """Return the names of the columns."""
    return (*PLAIN, *(f"{a}_{kind}" for a in catalog.attributes for kind in ("same", "share", "lift")))


class Shelf(NamedTuple):
    """The catalog as arrays: attributes (a, m), price (m,), and how attributes follow each other.

    ``lift`` is (a, levels + 1, levels + 1): log of how often level b follows level a, over what b's
    frequency alone would give; the last row and column are for unknown levels.
    """

    attributes: npt.NDArray[np.int32]
    price: npt.NDArray[np.float32]
    lift: npt.NDArray[np.float32]


def shelf_of(train: Sequences) -> Shelf:
    """Return the catalog's arrays, learned on ``train``."""
    attributes = attributes_of(train.catalog)
    levels = int(attributes.max(initial=0)) + 1
    lift = np.zeros((len(attributes), levels + 1, levels + 1), np.float32)
    visit, items = train.visit_of_view(), train.items
    pair = (visit[:-1] == visit[1:]) & (items[:-1] >= 0) & (items[1:] >= 0)
    before, after = items[:-1][pair], items[1:][pair]
    for number, value in enumerate(attributes):
        a, b = value[before], value[after]
        known = (a >= 0) & (b >= 0)
        together = np.zeros((levels, levels))
        np.add.at(together, (a[known], b[known]), 1.0)
        overall = (together.sum(axis=0) + 1.0) / (together.sum() + levels)
        given = (together + 5.0 * overall) / (together.sum(axis=1, keepdims=True) + 5.0)
        lift[number, :levels, :levels] = np.log(given / overall)
    return Shelf(attributes, train.catalog.price, lift)


def shelf_with(catalog: Catalog, lift: npt.NDArray[np.float32]) -> Shelf:
    """Return the catalog's arrays with a ``lift`` that was learned before."""
    return Shelf(attributes_of(catalog), catalog.price, lift)


def attributes_of(catalog: Catalog) -> npt.NDArray[np.int32]:
    """Return the catalog's attributes, (a, m)."""
    return np.array(list(catalog.attributes.values()), np.int32).reshape(-1, len(catalog.names))


def describe(
    counts: ItemCounts,
    shelf: Shelf,
    items: npt.NDArray[np.int32],
    first: npt.NDArray[np.int64],
    questions: npt.NDArray[np.int64],
    candidates: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return the candidates of each question and what speaks for them.

    Args:
        items: (n,) the views.
        first: (q,) the first view of each question's visit.
        questions: (q,) the views asked for; only those before them are read.
        candidates: how many items stand for choice.

    Returns:
        (q, candidates) item codes, and (q, candidates, columns) float32.
    """
    size = len(counts.seen)
    candidates = min(candidates, size)
    columns = len(PLAIN) + 3 * len(shelf.attributes)
    chosen = np.empty((len(questions), candidates), np.int32)
    out = np.empty((len(questions), candidates, columns), np.float32)
    frequency = ((counts.seen + 1.0) / (counts.seen.sum() + size)).astype(np.float32)
    _describe_all(counts, shelf, frequency, items, first, questions, chosen, out)
    return chosen, out


@njit(cache=True)
def _describe_all(  # type: ignore[no-untyped-def]
    counts, shelf, frequency, items, first, questions, chosen, out
):
    size = len(frequency)
    work = np.empty((7, size), np.float32)
    for q in range(len(questions)):
        history = items[max(first[q], questions[q] - HISTORY) : questions[q]]
        place = questions[q] - first[q]
        pair_seen = _weigh(counts, frequency, history, work)
        chosen[q] = _best(work[MIXED], chosen.shape[1])
        _columns(shelf, history, place, pair_seen, work, chosen[q], out[q])


@njit(cache=True)
def _weigh(counts, frequency, history, work):  # type: ignore[no-untyped-def]
    """Fill ``work`` (7, m) with the log probabilities of ``PLAIN[:7]``; return the pair's count."""
    length = len(history)
    last = history[length - 1] if length else -1
    before = history[length - 2] if length > 1 else -1
    _smoothed(counts.follow, last, frequency, SMOOTHING, work[FOLLOW])
    _smoothed(counts.skip, before, frequency, 5.0, work[SKIP])
    work[PAIR] = work[FOLLOW]
    pair_seen = 0.0
    if last >= 0 and before >= 0:
        key = np.int64(before) * len(frequency) + last
        row = np.searchsorted(counts.pair_keys, key)
        if row < len(counts.pair_keys) and counts.pair_keys[row] == key:
            pair_seen = row_sum(counts.pair, row)
            work[PAIR] *= PAIR_SMOOTHING
            add_row(counts.pair, row, 1.0, work[PAIR])
            work[PAIR] /= pair_seen + PAIR_SMOOTHING
    for table, line in ((counts.ahead, AHEAD), (counts.behind, BEHIND)):
        work[line] = 0.0
        weight, total = 1.0, 0.0
        for back in range(length):
            item = history[length - 1 - back]
            if item >= 0:
                mass = row_sum(table, item) + SMOOTHING
                add_row(table, item, weight / mass, work[line])
                work[line] += np.float32(weight * SMOOTHING / mass) * frequency
                total += weight
            weight *= DECAY
        if total > 0:
            work[line] /= total
        else:
            work[line] = frequency
    work[POPULARITY] = frequency
    work[MIXED] = 0.5 * work[PAIR] + 0.3 * work[AHEAD] + 0.15 * work[SKIP] + 0.05 * frequency
    for line in range(7):
        for item in range(len(frequency)):
            work[line, item] = np.log(work[line, item])
    return pair_seen


@njit(cache=True, inline="always")
def _smoothed(table, row, frequency, weight, out):  # type: ignore[no-untyped-def]
    out[:] = frequency
    if row >= 0:
        out *= np.float32(weight)
        add_row(table, row, 1.0, out)
        out /= np.float32(row_sum(table, row) + weight)


@njit(cache=True, inline="always")
def _best(score, count):  # type: ignore[no-untyped-def]
    return np.argsort(-score)[:count].astype(np.int32)


@njit(cache=True)
def _columns(shelf, history, place, pair_seen, work, chosen, out):  # type: ignore[no-untyped-def]
    length = len(history)
    last = history[length - 1] if length else -1
    before = history[length - 2] if length > 1 else -1
    mean_price = _mean_price(shelf.price, history)
    for c in range(len(chosen)):
        item = chosen[c]
        row = out[c]
        for line in range(7):
            row[line] = work[line, item]
        seen, since = 0.0, float(NEVER)
        for back in range(length):
            if history[length - 1 - back] == item:
                seen += 1.0
                since = min(since, float(back))
        row[TIMES_SEEN], row[VIEWS_SINCE] = seen, since
        row[PLACE], row[PAIR_SEEN] = place, np.log1p(pair_seen)
        row[STEPS] = item - last if last >= 0 else np.nan
        row[LAST_STEP] = last - before if before >= 0 and last >= 0 else np.nan
        row[PRICE] = shelf.price[item]
        row[PRICE_STEP] = shelf.price[item] - shelf.price[last] if last >= 0 else np.nan
        row[PRICE_BEFORE] = shelf.price[item] - mean_price
        row[SHELF] = item
        for a in range(len(shelf.attributes)):
            _attribute(shelf.attributes[a], shelf.lift[a], history, item, row, len(PLAIN) + 3 * a)


@njit(cache=True, inline="always")
def _mean_price(price, history):  # type: ignore[no-untyped-def]
    total, n = 0.0, 0
    for item in history:
        if item >= 0 and not np.isnan(price[item]):
            total += price[item]
            n += 1
    return total / n if n else np.nan


@njit(cache=True, inline="always")
def _attribute(value, lift, history, item, row, at):  # type: ignore[no-untyped-def]
    """Write whether the value is the last item's, its share of the visit, and how it follows the last."""
    length = len(history)
    last = history[length - 1] if length else -1
    mine = value[item]
    weight, same, total = 1.0, 0.0, 0.0
    for back in range(length):
        other = history[length - 1 - back]
        if other >= 0:
            total += weight
            if value[other] == mine:
                same += weight
        weight *= DECAY
    row[at] = 1.0 if last >= 0 and value[last] == mine else 0.0
    row[at + 1] = same / total if total else np.nan
    row[at + 2] = lift[value[last], mine] if last >= 0 else 0.0
