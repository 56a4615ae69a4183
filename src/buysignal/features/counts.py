"""What a training period says of items and categories, as whole numbers that add up.

Sessions do not reach over visitors, so the counts of one part of the visitors and those of another
are the counts of both: a history larger than memory is counted part by part and gives the same
vocabulary to the last bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import sessions

LEVEL_COLUMNS = ("category", "channel", "device", "country")

PRICE_UNIT = 1e-4
"""Prices are added up in whole units of this size: sums of whole numbers do not depend on their order."""

SEEN, CARTED, BOUGHT = range(3)


@dataclass(frozen=True, eq=False)
class Touched:
    """How many sessions touched each of some items or categories.

    Attributes:
        names: in alphabetical order.
        sessions: (folds, names, 3) int64: sessions that saw it, put it into the cart, bought it.
    """

    names: tuple[str, ...]
    sessions: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of some training sessions; ``merged`` adds those of different visitors.

    Attributes:
        levels: per categorical column, events of each of its values.
        items: sessions per item.
        categories: sessions per category.
        prices: (categories, 2) float64 holding whole numbers: sum of the prices in ``PRICE_UNIT`` and
            how many there are.
        has_cart: somebody put something into a cart.
        has_purchase: somebody bought.
    """

    levels: dict[str, Counter[str]]
    items: Touched
    categories: Touched
    prices: npt.NDArray[np.float64]
    has_cart: bool
    has_purchase: bool


def count(events: pa.Table, training: npt.NDArray[np.bool_], folds: int) -> Counts:
    """Count the training sessions of ``events``, apart for each fold of their visitors.

    Args:
        events: events as ``sessions.assign`` leaves them.
        training: (sessions,) which of them are of the training period.
        folds: how many folds visitors are dealt into; 1 keeps them together.
    """
    where = sessions.layout(events)
    fold_of_session = fold_of_visitor(events, where, folds)[where.visitor_of_session()]
    session_of_row = where.session_of_row()
    kept = training[session_of_row] if len(training) else np.zeros(0, dtype=bool)
    learning, rows = events.filter(pa.array(kept)), session_of_row[kept]
    code = ev.codes_of_names(learning) if learning.num_rows else np.zeros(0, np.int8)
    items, item_key = _keys(learning.column("item_id"))
    categories, category_key = _keys(learning.column("category"))
    return Counts(
        levels={name: _levels(learning.column(name)) for name in LEVEL_COLUMNS},
        items=Touched(items, _sessions(item_key, len(items), rows, code, fold_of_session, folds)),
        categories=Touched(
            categories, _sessions(category_key, len(categories), rows, code, fold_of_session, folds)
        ),
        prices=_prices(learning, category_key, len(categories)),
        has_cart=bool((code == ev.EVENT_CODES["add_to_cart"]).any()),
        has_purchase=bool((code == ev.EVENT_CODES["purchase"]).any()),
    )


def merged(parts: Sequence[Counts]) -> Counts:
    """Return the counts of all parts together; no visitor may be in two of them."""
    levels: dict[str, Counter[str]] = {name: Counter() for name in LEVEL_COLUMNS}
    for part in parts:
        for name, found in part.levels.items():
            levels[name].update(found)
    categories = _merged([part.categories for part in parts])
    prices = np.zeros((len(categories.names), 2))
    for part in parts:
        prices[_positions(part.categories.names, categories.names)] += part.prices
    return Counts(
        levels=levels,
        items=_merged([part.items for part in parts]),
        categories=categories,
        prices=prices,
        has_cart=any(part.has_cart for part in parts),
        has_purchase=any(part.has_purchase for part in parts),
    )


def _merged(parts: Sequence[Touched]) -> Touched:
    names = tuple(sorted({name for part in parts for name in part.names}))
    total = np.zeros((parts[0].sessions.shape[0], len(names), 3), dtype=np.int64)
    for part in parts:
        total[:, _positions(part.names, names)] += part.sessions
    return Touched(names, total)


def _positions(names: tuple[str, ...], among: tuple[str, ...]) -> npt.NDArray[np.int64]:
    position = {name: i for i, name in enumerate(among)}
    return np.array([position[name] for name in names], dtype=np.int64)


def fold_of_visitor(events: pa.Table, where: sessions.Layout, folds: int) -> npt.NDArray[np.int64]:
    """Deal visitors into folds by a hash of their id, so that neither order nor others matter.

    Returns:
        (visitors,) in 0 to folds - 1.
    """
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


def _sessions(
    key: npt.NDArray[np.int64],
    size: int,
    session: npt.NDArray[np.int64],
    code: npt.NDArray[np.int8],
    fold_of_session: npt.NDArray[np.int64],
    folds: int,
) -> npt.NDArray[np.int64]:
    """Return (folds, size, 3): sessions that saw, carted and bought each key."""
    known = key >= 0
    frame = pd.DataFrame(
        {
            "session": session[known],
            "key": key[known],
            "carted": code[known] == ev.EVENT_CODES["add_to_cart"],
            "bought": code[known] == ev.EVENT_CODES["purchase"],
        }
    )
    once = frame.groupby(["session", "key"], sort=False).max().reset_index()
    cell = fold_of_session[once["session"].to_numpy()] * size + once["key"].to_numpy()
    happened = (np.ones(len(once), bool), once["carted"].to_numpy(), once["bought"].to_numpy())
    counted = [np.bincount(cell[mask], minlength=folds * size) for mask in happened]
    return np.stack(counted, axis=-1).reshape(folds, size, 3).astype(np.int64)


def _prices(events: pa.Table, key: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.float64]:
    price = events.column("price").to_numpy()
    known = (key >= 0) & ~np.isnan(price)
    units = np.rint(price[known] / PRICE_UNIT)
    total = np.bincount(key[known], weights=units, minlength=size)
    return np.column_stack([total, np.bincount(key[known], minlength=size).astype(float)])


def _levels(column: pa.ChunkedArray) -> Counter[str]:
    counted = pc.value_counts(column.cast(pa.string()).drop_null())
    return Counter(
        dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))
    )
