"""What speaks for each candidate as the next item: numbers from counts, attributes and the visit itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.models.next_item.item_counts import ItemCounts, add_row, row_sum
from buysignal.models.next_item.shelf import WALK, Shelf
from buysignal.sequences import Catalog

HISTORY = 30
"""Views of the visit that are looked at, the last ones."""

DECAY = 0.7
SMOOTHING = 3.0
"""Views' worth of overall frequency mixed into what followed an item."""

PAIR_SMOOTHING = 15.0
"""The same for what followed a pair, mixed with what followed the last item."""

PLAIN = (
    "follow", "pair", "ahead", "behind", "skip", "popularity", "recent_follow", "recent_popularity", "mixed",
    "times_seen", "views_since", "place_in_visit", "pair_seen", "steps_on_shelf", "last_step_on_shelf",
    "walk", "nearest_seen", "seen_around", "beyond_seen", "company_last", "company_visit",
    "price", "price_step", "price_step_before", "place_on_shelf",
)  # fmt: skip
"""Columns that every catalog gives; then ``OF_ATTRIBUTE`` for each attribute."""

OF_ATTRIBUTE = ("same", "share", "lift", "lift_pair")

(FOLLOW, PAIR, AHEAD, BEHIND, SKIP, POPULARITY, RECENT, RECENT_POPULARITY, MIXED, TIMES_SEEN, VIEWS_SINCE,
 PLACE, PAIR_SEEN, STEPS, LAST_STEP, WALKED, NEAREST, AROUND, BEYOND, COMPANY_LAST, COMPANY_VISIT, PRICE,
 PRICE_STEP, PRICE_BEFORE, SHELF) = range(len(PLAIN))  # fmt: skip

LINES = MIXED + 1
NEVER = 99.0
NEAR = 3
"""Steps along the catalog's order that count as around."""


def evidence_names(catalog: Catalog) -> tuple[str, ...]:
    """Return the names of the columns."""
    return (*PLAIN, *(f"{a}_{kind}" for a in catalog.attributes for kind in OF_ATTRIBUTE))


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
    columns = len(PLAIN) + len(OF_ATTRIBUTE) * len(shelf.attributes)
    chosen = np.empty((len(questions), candidates), np.int32)
    out = np.empty((len(questions), candidates, columns), np.float32)
    base = frequencies(counts)
    _describe_all(counts, shelf, base[0], base[1], items, first, questions, chosen, out)
    return chosen, out


def describe_drawn(
    counts: ItemCounts,
    shelf: Shelf,
    items: npt.NDArray[np.int32],
    first: npt.NDArray[np.int64],
    questions: npt.NDArray[np.int64],
    candidates: int,
    rivals: int,
    random: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return what speaks for the item that was looked at and for ``rivals`` of the other candidates.

    Returns:
        (q, 1 + rivals, columns) float32, the item itself first, and (q,) whether it was a candidate.
    """
    candidates = min(candidates, len(counts.seen))
    rivals = min(rivals, candidates - 1)
    columns = len(PLAIN) + len(OF_ATTRIBUTE) * len(shelf.attributes)
    out = np.empty((len(questions), 1 + rivals, columns), np.float32)
    there = np.zeros(len(questions), np.bool_)
    order = random.random((len(questions), candidates), np.float32).argsort(axis=1)
    base = frequencies(counts)
    _describe_drawn(counts, shelf, base[0], base[1], items, first, questions, order, there, out)
    return out, there


def frequencies(counts: ItemCounts) -> npt.NDArray[np.float32]:
    """Return each item's share of the views, overall and of late, (2, m)."""
    size = len(counts.seen)
    overall = (counts.seen + 1.0) / (counts.seen.sum() + size)
    late = (counts.recent_seen + 50.0 * overall) / (counts.recent_seen.sum() + 50.0)
    return np.stack([overall, late]).astype(np.float32)


@njit(cache=True)
def _describe_all(  # type: ignore[no-untyped-def]
    counts, shelf, frequency, late, items, first, questions, chosen, out
):
    work = np.empty((LINES, len(frequency)), np.float32)
    for q in range(len(questions)):
        history = items[max(first[q], questions[q] - HISTORY) : questions[q]]
        place = questions[q] - first[q]
        pair_seen = _weigh(counts, frequency, late, history, work)
        _best(work[MIXED], chosen[q])
        _columns(shelf, history, place, pair_seen, work, chosen[q], out[q])


@njit(cache=True)
def _describe_drawn(  # type: ignore[no-untyped-def]
    counts, shelf, frequency, late, items, first, questions, order, there, out
):
    work = np.empty((LINES, len(frequency)), np.float32)
    best = np.empty(order.shape[1], np.int32)
    drawn = np.empty(out.shape[1], np.int32)
    for q in range(len(questions)):
        history = items[max(first[q], questions[q] - HISTORY) : questions[q]]
        pair_seen = _weigh(counts, frequency, late, history, work)
        _best(work[MIXED], best)
        drawn[0] = items[questions[q]]
        filled = 1
        for k in order[q]:
            there[q] |= best[k] == drawn[0]
            if best[k] != drawn[0] and filled < len(drawn):
                drawn[filled] = best[k]
                filled += 1
        if there[q]:
            _columns(shelf, history, questions[q] - first[q], pair_seen, work, drawn, out[q])


@njit(cache=True)
def _weigh(counts, frequency, late, history, work):  # type: ignore[no-untyped-def]
    """Fill ``work`` (LINES, m) with the probabilities of the first columns; return the pair's count."""
    length = len(history)
    last = history[length - 1] if length else -1
    before = history[length - 2] if length > 1 else -1
    _smoothed(counts.follow, last, frequency, SMOOTHING, work[FOLLOW])
    _smoothed(counts.recent, last, work[FOLLOW], SMOOTHING, work[RECENT])
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
    _around(counts.ahead, frequency, history, work[AHEAD])
    _around(counts.behind, frequency, history, work[BEHIND])
    work[POPULARITY] = frequency
    work[RECENT_POPULARITY] = late
    work[MIXED] = (
        np.float32(0.3) * work[PAIR] + np.float32(0.2) * work[RECENT] + np.float32(0.3) * work[AHEAD]
        + np.float32(0.15) * work[SKIP] + np.float32(0.05) * late
    )  # fmt: skip
    return pair_seen


@njit(cache=True, inline="always")
def _smoothed(table, row, base, weight, out):  # type: ignore[no-untyped-def]
    out[:] = base
    if row >= 0:
        out *= np.float32(weight)
        add_row(table, row, 1.0, out)
        out /= np.float32(row_sum(table, row) + weight)


@njit(cache=True)
def _around(table, frequency, history, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with what stood near the visit's items, late ones weighing more."""
    out[:] = 0.0
    weight, total, rest = 1.0, 0.0, 0.0
    for back in range(len(history)):
        item = history[len(history) - 1 - back]
        if item >= 0:
            mass = row_sum(table, item) + SMOOTHING
            add_row(table, item, weight / mass, out)
            rest += weight * SMOOTHING / mass
            total += weight
        weight *= DECAY
        if weight < 1e-3:
            break
    if total > 0:
        out += np.float32(rest) * frequency
        out /= np.float32(total)
    else:
        out[:] = frequency


@njit(cache=True)
def _best(score, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (c,) with the places of the highest scores, by their place; of equals the first."""
    size, count = len(score), len(out)
    bar = np.partition(score, size - count)[size - count]
    free = count
    for item in range(size):
        free -= score[item] > bar
    filled = 0
    for item in range(size):
        if score[item] > bar or (score[item] == bar and free > 0):
            free -= score[item] == bar
            out[filled] = item
            filled += 1


@njit(cache=True)
def _columns(shelf, history, place, pair_seen, work, chosen, out):  # type: ignore[no-untyped-def]
    length = len(history)
    last = history[length - 1] if length else -1
    before = history[length - 2] if length > 1 else -1
    mean_price = _mean_price(shelf.price, history)
    visit = _mean_company(shelf.before, history)
    step_before = min(max(last - before, -WALK), WALK) + WALK if last >= 0 and before >= 0 else 2 * WALK + 1
    highest = -1
    for item in history:
        highest = max(highest, item)
    for c in range(len(chosen)):
        item = chosen[c]
        row = out[c]
        for line in range(LINES):
            row[line] = np.log(work[line, item])
        _seen(history, item, row)
        row[PLACE], row[PAIR_SEEN] = place, np.log1p(pair_seen)
        row[LAST_STEP] = last - before if before >= 0 and last >= 0 else np.nan
        row[BEYOND] = item - highest if highest >= 0 else np.nan
        row[PRICE] = shelf.price[item]
        row[PRICE_BEFORE] = shelf.price[item] - mean_price
        row[SHELF] = item
        row[COMPANY_VISIT] = _product(visit, shelf.after[item])
        if last >= 0:
            row[STEPS] = item - last
            row[WALKED] = shelf.walk[step_before, min(max(item - last, -WALK), WALK) + WALK]
            row[COMPANY_LAST] = _product(shelf.before[last], shelf.after[item])
            row[PRICE_STEP] = shelf.price[item] - shelf.price[last]
        else:
            row[STEPS] = row[WALKED] = row[COMPANY_LAST] = row[PRICE_STEP] = np.nan
        for a in range(len(shelf.attributes)):
            at = len(PLAIN) + len(OF_ATTRIBUTE) * a
            _attribute(shelf.attributes[a], shelf.lift[a], shelf.lift_pair[a], history, item, row[at:])


@njit(cache=True, inline="always")
def _seen(history, item, row):  # type: ignore[no-untyped-def]
    """Write how often, and how long ago, the item was looked at, and its neighbours in the catalog."""
    seen, since, nearest, around = 0.0, NEVER, np.nan, 0.0
    for back in range(len(history)):
        other = history[len(history) - 1 - back]
        if other == item:
            seen += 1.0
            since = min(since, float(back))
        elif other >= 0:
            around += abs(item - other) <= NEAR
            if np.isnan(nearest) or abs(item - other) < abs(nearest):
                nearest = float(item - other)
    row[TIMES_SEEN], row[VIEWS_SINCE], row[NEAREST], row[AROUND] = seen, since, nearest, around


@njit(cache=True, inline="always")
def _mean_price(price, history):  # type: ignore[no-untyped-def]
    total, n = 0.0, 0
    for item in history:
        if item >= 0 and not np.isnan(price[item]):
            total += price[item]
            n += 1
    return total / n if n else np.nan


@njit(cache=True, inline="always")
def _mean_company(company, history):  # type: ignore[no-untyped-def]
    mean = np.zeros(company.shape[1], np.float32)
    weight, total = 1.0, 0.0
    for back in range(len(history)):
        item = history[len(history) - 1 - back]
        if item >= 0:
            for k in range(len(mean)):
                mean[k] += np.float32(weight) * company[item, k]
            total += weight
        weight *= 0.8
    return mean / np.float32(max(total, 1e-6))


@njit(cache=True, inline="always")
def _product(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


@njit(cache=True, inline="always")
def _attribute(value, lift, lift_pair, history, item, row):  # type: ignore[no-untyped-def]
    """Write whether the value is the last item's, its share of the visit, and how it follows the last."""
    length = len(history)
    last = history[length - 1] if length else -1
    before = history[length - 2] if length > 1 else -1
    mine = value[item]
    weight, same, total = 1.0, 0.0, 0.0
    for back in range(length):
        other = history[length - 1 - back]
        if other >= 0:
            total += weight
            if value[other] == mine:
                same += weight
        weight *= DECAY
    row[0] = 1.0 if last >= 0 and value[last] == mine else 0.0
    row[1] = same / total if total else np.nan
    row[2] = lift[value[last], mine] if last >= 0 else 0.0
    row[3] = row[2]
    if last >= 0 and before >= 0 and len(lift_pair) > 1:
        row[3] = lift_pair[value[before], value[last], mine]
