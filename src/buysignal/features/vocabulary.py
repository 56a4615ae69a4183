"""The vocabulary: levels and priors learned on the training period, and nothing else.

Priors say what *other* visitors did with an item or category. A training session must not see its own
outcome through them, so training rows read tables that leave their visitor's fold out (cross-fitting,
as in target encoding); later rows read the table of the whole training period.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal import sessions
from buysignal.features.counts import BOUGHT, CARTED, PRICE_UNIT, SEEN, Counts, count, fold_of_visitor

# Item priors, then category priors, as the tables lay them out and the kernel reads them.
POPULARITY, CART_RATE, BUY_RATE = range(3)
ITEM_PRIORS = 3
CATEGORY_RATE, CATEGORY_PRICE = range(2)
CATEGORY_PRIORS = 2

MAX_LEVELS = 100
"""Levels kept of a categorical column, most frequent first; rarer ones are "never seen"."""

SMOOTHING_SESSIONS = 20.0
"""Sessions' worth of the overall rate mixed into an item's own rate (additive smoothing)."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What the fold knows beyond the events themselves.

    Attributes:
        levels: per categorical column, its levels by falling frequency; codes are positions.
        items: item ids with a prior, in the order of ``item_priors``.
        item_priors: (items + 1, 3) float32: log1p of sessions that saw it, share that carted it, share
            that bought it; the last row is for items never seen.
        categories: category names with a prior.
        category_priors: (categories + 1, 2) float32: share of sessions that bought, usual price.
    """

    levels: dict[str, tuple[str, ...]]
    items: tuple[str, ...]
    item_priors: npt.NDArray[np.float32]
    categories: tuple[str, ...]
    category_priors: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CrossFit:
    """Prior tables for training rows: table 0 is the whole, table 1 + j leaves fold j out.

    Attributes:
        item_priors: (folds + 1, items + 1, 3) float32.
        category_priors: (folds + 1, categories + 1, 2) float32.
        table_of_session: (sessions,) int8, the table each session of the events may see.
    """

    item_priors: npt.NDArray[np.float32]
    category_priors: npt.NDArray[np.float32]
    table_of_session: npt.NDArray[np.int8]


def fit_vocabulary(events: pa.Table) -> Vocabulary:
    """Learn levels and priors from ``events``, which must be of the training period alone."""
    return vocabulary_of(count(events, np.ones(sessions.layout(events).sessions, dtype=bool), 1))


def fit_cross(
    events: pa.Table, training: npt.NDArray[np.bool_], *, folds: int = 5
) -> tuple[Vocabulary, CrossFit]:
    """Learn from the training sessions of ``events``, with a table per left-out fold of visitors.

    Args:
        events: all events, as ``sessions.assign`` leaves them.
        training: (sessions,) which sessions are of the training period.
        folds: how many folds the training visitors are dealt into.
    """
    counts = count(events, training, folds)
    return vocabulary_of(counts), cross_fit_of(counts, events, training)


def vocabulary_of(counts: Counts) -> Vocabulary:
    """Return what ``counts`` say."""
    item_priors, category_priors = _tables(counts, None)
    return Vocabulary(
        levels={name: _frequent(found) for name, found in counts.levels.items()},
        items=counts.items.names,
        item_priors=item_priors,
        categories=counts.categories.names,
        category_priors=category_priors,
    )


def cross_fit_of(counts: Counts, events: pa.Table, training: npt.NDArray[np.bool_]) -> CrossFit:
    """Return the tables for the training sessions of ``events``, from the counts of the whole period.

    Args:
        counts: of all training sessions, with their folds.
        events: some or all of the events, as ``sessions.assign`` leaves them.
        training: (sessions,) which sessions of ``events`` are of the training period.
    """
    folds = counts.items.sessions.shape[0]
    tables = [_tables(counts, None), *(_tables(counts, fold) for fold in range(folds))]
    where = sessions.layout(events)
    fold_of_session = fold_of_visitor(events, where, folds)[where.visitor_of_session()]
    return CrossFit(
        item_priors=np.stack([item for item, _ in tables]),
        category_priors=np.stack([category for _, category in tables]),
        table_of_session=np.where(training, 1 + fold_of_session, 0).astype(np.int8),
    )


def _tables(counts: Counts, left_out: int | None) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the priors of items and of categories, a fold of the visitors left out."""
    item, category = (
        _rates(_without(touched.sessions, left_out), counts.has_cart, counts.has_purchase)
        for touched in (counts.items, counts.categories)
    )
    total, n = counts.prices.T
    usual = np.divide(total * PRICE_UNIT, n, out=np.full(len(n), np.nan), where=n > 0)
    return item, np.column_stack([category[:, BOUGHT], np.append(usual, np.nan)]).astype(np.float32)


def _without(by_fold: npt.NDArray[np.int64], left_out: int | None) -> npt.NDArray[np.int64]:
    total = by_fold.sum(axis=0)
    return total if left_out is None else total - by_fold[left_out]


def _rates(sessions_of: npt.NDArray[np.int64], has_cart: bool, has_purchase: bool) -> npt.NDArray[np.float32]:
    """Return (size + 1, 3): log1p sessions, smoothed cart rate, smoothed buy rate; NaN if never held."""
    size, seen = len(sessions_of), sessions_of[:, SEEN]
    table = np.full((size + 1, ITEM_PRIORS), np.nan, dtype=np.float64)
    table[:size, SEEN] = np.log1p(seen)
    table[size, SEEN] = 0.0
    for column, exists in ((CARTED, has_cart), (BOUGHT, has_purchase)):
        if exists:
            happened = sessions_of[:, column]
            overall = happened.sum() / max(seen.sum(), 1)
            table[:size, column] = (happened + SMOOTHING_SESSIONS * overall) / (seen + SMOOTHING_SESSIONS)
            table[size, column] = overall
    return table.astype(np.float32)


def _frequent(found: Counter[str]) -> tuple[str, ...]:
    ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(level for level, _ in ranked[:MAX_LEVELS])
