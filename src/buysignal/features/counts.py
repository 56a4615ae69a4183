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
from buysignal.features.frozen import frozen

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
    # Numba is loaded by the first use, not by the first import.
    from buysignal.features.tally import tally

    where = sessions.layout(events)
    code = ev.codes_of_names(events) if events.num_rows else np.zeros(0, np.int8)
    fold_of_session = fold_of_visitor(events, where, folds)[where.visitor_of_session()]
    kept = None if training.all() else np.repeat(training, np.diff(where.session_starts))

    price = events.column("price").to_numpy()
    inputs = [frozen(a) for a in (where.session_starts, training, fold_of_session, code, price)]

    def touched(coded: _Coded) -> tuple[Touched, npt.NDArray[np.float64]]:
        counted = np.zeros((len(coded.names), folds, 3), dtype=np.int64)
        prices = np.zeros((len(coded.names), 2))
        tally(*inputs, frozen(coded.key), PRICE_UNIT, counted, prices)
        order = sorted(np.flatnonzero(counted[:, :, SEEN].any(axis=1)), key=coded.names.__getitem__)
        names = tuple(coded.names[i] for i in order)
        return Touched(names, np.ascontiguousarray(counted[order].transpose(1, 0, 2))), prices[order]

    coded = {name: _coded(events.column(name)) for name in ("item_id", *LEVEL_COLUMNS)}
    items, _ = touched(coded["item_id"])
    categories, prices = touched(coded["category"])
    learned = code if kept is None else code[kept]
    return Counts(
        levels={name: _levels(coded[name], kept) for name in LEVEL_COLUMNS},
        items=items,
        categories=categories,
        prices=prices,
        has_cart=bool((learned == ev.EVENT_CODES["add_to_cart"]).any()),
        has_purchase=bool((learned == ev.EVENT_CODES["purchase"]).any()),
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
    """Return where each of ``names`` stands in ``among``, which holds them all."""
    return pc.index_in(pa.array(names, pa.string()), pa.array(among, pa.string())).to_numpy().astype(np.int64)


def fold_of_visitor(events: pa.Table, where: sessions.Layout, folds: int) -> npt.NDArray[np.int64]:
    """Deal visitors into folds by a hash of their id, so that neither order nor others matter.

    Returns:
        (visitors,) in 0 to folds - 1.
    """
    if folds == 1:
        return np.zeros(where.visitors, dtype=np.int64)
    first_rows = where.session_starts[where.visitor_starts[:-1]]
    ids = events.column("visitor_id").take(pa.array(first_rows)).to_numpy(zero_copy_only=False)
    hashed = pd.util.hash_array(ids.astype(object), categorize=False)
    return (hashed % np.uint64(folds)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Coded:
    """A column of text as numbers: ``names[key]`` is the value of a row, a key of -1 is null."""

    names: list[str]
    key: npt.NDArray[np.int32]


def _coded(column: pa.ChunkedArray) -> _Coded:
    merged = column.combine_chunks()
    if not pa.types.is_dictionary(merged.type):
        merged = merged.cast(pa.string()).dictionary_encode()
    indices = merged.indices
    filled = pc.fill_null(indices, -1) if indices.null_count else indices
    return _Coded(
        merged.dictionary.to_pylist(), filled.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    )


def _levels(coded: _Coded, kept: npt.NDArray[np.bool_] | None) -> Counter[str]:
    """Return how many of the ``kept`` rows hold each value, all rows if None."""
    key = coded.key if kept is None else coded.key[kept]
    counted = np.bincount(key + 1, minlength=len(coded.names) + 1)[1:]
    return Counter({coded.names[i]: int(counted[i]) for i in np.flatnonzero(counted)})
