"""The vocabulary: levels and priors learned on the training period, and nothing else.

Priors say what *other* visitors did with an item or category. A training session must not see its own
outcome through them, so training rows read tables that leave their visitor's fold out (cross-fitting,
as in target encoding); later rows read the table of the whole training period.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import sessions
from buysignal.features.kernel import CATEGORY_PRIORS, ITEM_PRIORS

MAX_LEVELS = 100
"""Levels kept of a categorical column, most frequent first; rarer ones are "never seen"."""

SMOOTHING_SESSIONS = 20.0
"""Sessions' worth of the overall rate mixed into an item's own rate (additive smoothing)."""

LEVEL_COLUMNS = ("category", "channel", "device", "country")


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


@dataclass(frozen=True)
class _Touches:
    """One row per (session, item or category): was it seen, put into the cart, bought."""

    key: npt.NDArray[np.int64]
    session: npt.NDArray[np.int64]
    carted: npt.NDArray[np.bool_]
    bought: npt.NDArray[np.bool_]


def fit_vocabulary(events: pa.Table) -> Vocabulary:
    """Learn levels and priors from ``events``, which must be of the training period alone."""
    return _fit(events, None, folds=0)[0]


def fit_cross(
    events: pa.Table, training: npt.NDArray[np.bool_], *, folds: int = 5
) -> tuple[Vocabulary, CrossFit]:
    """Learn from the training sessions of ``events``, with a table per left-out fold of visitors.

    Args:
        events: all events, as ``sessions.assign`` leaves them.
        training: (sessions,) which sessions are of the training period.
        folds: how many folds the training visitors are dealt into.
    """
    vocabulary, cross = _fit(events, training, folds=folds)
    assert cross is not None
    return vocabulary, cross


def _fit(
    events: pa.Table, training: npt.NDArray[np.bool_] | None, *, folds: int
) -> tuple[Vocabulary, CrossFit | None]:
    where = sessions.layout(events)
    session_of_row = where.session_of_row()
    if training is None:
        training = np.ones(where.sessions, dtype=bool)
    kept = training[session_of_row] if len(training) else np.zeros(0, dtype=bool)
    learning = events.filter(pa.array(kept))
    rows = session_of_row[kept]
    fold_of_visitor = _fold_of_visitor(events, where, folds)
    fold_of_session = fold_of_visitor[where.visitor_of_session()]

    code = ev.codes_of_names(learning) if learning.num_rows else np.zeros(0, np.int8)
    items, item_key = _keys(learning.column("item_id"))
    categories, category_key = _keys(learning.column("category"))
    item_touches = _touches(item_key, rows, code)
    category_touches = _touches(category_key, rows, code)
    has_purchase = bool((code == ev.EVENT_CODES["purchase"]).any())
    has_cart = bool((code == ev.EVENT_CODES["add_to_cart"]).any())
    prices = _usual_prices(learning, category_key, len(categories))

    def tables(left_out: int | None) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        item = _rates(item_touches, fold_of_session, left_out, len(items), has_cart, has_purchase)
        category = _rates(
            category_touches, fold_of_session, left_out, len(categories), has_cart, has_purchase
        )
        priced = np.column_stack([category[:, 2], np.append(prices, np.nan)]).astype(np.float32)
        return item, priced

    whole_items, whole_categories = tables(None)
    vocabulary = Vocabulary(
        levels={name: _levels(learning.column(name)) for name in LEVEL_COLUMNS},
        items=items,
        item_priors=whole_items,
        categories=categories,
        category_priors=whole_categories,
    )
    if not folds:
        return vocabulary, None
    left_out = [tables(fold) for fold in range(folds)]
    return vocabulary, CrossFit(
        item_priors=np.stack([whole_items, *(item for item, _ in left_out)]),
        category_priors=np.stack([whole_categories, *(category for _, category in left_out)]),
        table_of_session=np.where(training, 1 + fold_of_session, 0).astype(np.int8),
    )


def _fold_of_visitor(events: pa.Table, where: sessions.Layout, folds: int) -> npt.NDArray[np.int64]:
    """Deal visitors into folds by a hash of their id, so that neither order nor others matter."""
    if not folds:
        return np.zeros(where.visitors, dtype=np.int64)
    first_rows = where.session_starts[where.visitor_starts[:-1]]
    ids = events.column("visitor_id").take(pa.array(first_rows)).to_numpy(zero_copy_only=False)
    hashed = pd.util.hash_array(ids.astype(object), categorize=False)
    return (hashed % np.uint64(folds)).astype(np.int64)


def _keys(column: pa.ChunkedArray) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Return the distinct values, sorted, and each row's position among them (-1 for null)."""
    values = column.cast(pa.string())
    distinct = tuple(sorted(v for v in pc.unique(values).to_pylist() if v is not None))
    position = pc.index_in(values, pa.array(distinct, pa.string()))
    return distinct, pc.fill_null(position, -1).to_numpy().astype(np.int64)


def _touches(
    key: npt.NDArray[np.int64], session: npt.NDArray[np.int64], code: npt.NDArray[np.int8]
) -> _Touches:
    known = key >= 0
    frame = pd.DataFrame(
        {
            "session": session[known],
            "key": key[known],
            "carted": code[known] == ev.EVENT_CODES["add_to_cart"],
            "bought": code[known] == ev.EVENT_CODES["purchase"],
        }
    )
    merged = frame.groupby(["session", "key"], sort=False).max().reset_index()
    return _Touches(
        key=merged["key"].to_numpy(),
        session=merged["session"].to_numpy(),
        carted=merged["carted"].to_numpy(),
        bought=merged["bought"].to_numpy(),
    )


def _rates(
    touches: _Touches,
    fold_of_session: npt.NDArray[np.int64],
    left_out: int | None,
    size: int,
    has_cart: bool,
    has_purchase: bool,
) -> npt.NDArray[np.float32]:
    """Return (size + 1, 3): log1p sessions, smoothed cart rate, smoothed buy rate; NaN if never held."""
    keep = slice(None) if left_out is None else fold_of_session[touches.session] != left_out
    key = touches.key[keep]
    seen = np.bincount(key, minlength=size).astype(float)
    table = np.full((size + 1, ITEM_PRIORS), np.nan, dtype=np.float64)
    table[:size, 0] = np.log1p(seen)
    table[size, 0] = 0.0
    for column, happened, exists in ((1, touches.carted, has_cart), (2, touches.bought, has_purchase)):
        if exists:
            count = np.bincount(key, weights=happened[keep], minlength=size)
            overall = count.sum() / max(seen.sum(), 1.0)
            table[:size, column] = (count + SMOOTHING_SESSIONS * overall) / (seen + SMOOTHING_SESSIONS)
            table[size, column] = overall
    return table.astype(np.float32)


def _usual_prices(events: pa.Table, key: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.float64]:
    """Return the mean price of each category's events, shape (size,), NaN where none has a price."""
    price = events.column("price").to_numpy()
    known = (key >= 0) & ~np.isnan(price)
    total = np.bincount(key[known], weights=price[known], minlength=size)
    count = np.bincount(key[known], minlength=size)
    return np.divide(total, count, out=np.full(size, np.nan), where=count > 0)


def _levels(column: pa.ChunkedArray) -> tuple[str, ...]:
    counts = pc.value_counts(column.cast(pa.string()).drop_null())
    ranked = sorted(
        zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True),
        key=lambda pair: (-pair[1], pair[0]),
    )
    return tuple(level for level, _ in ranked[:MAX_LEVELS])


assert CATEGORY_PRIORS == 2  # what ``tables`` stacks, and the kernel reads
