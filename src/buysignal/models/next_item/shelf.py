"""The catalog as arrays, and what training visits say of its attributes, its order and its likenesses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from buysignal.models.next_item.item_counts import Table
from buysignal.sequences import Catalog, Sequences

WALK = 30
"""Steps along the catalog's order, either way, that are told apart."""

MOST_LEVELS = 40
"""Attributes with more values have no table of what follows two of them."""

SMOOTHING = 5.0
"""Views' worth of the rate beneath, in every rate here."""

RANK = 24
"""Numbers that describe an item by its company."""

MOST_ITEMS = 20_000
"""Catalogs beyond this are not described by their company: it would take minutes."""

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]


class Shelf(NamedTuple):
    """The catalog as arrays, a attributes of m items, and what was learned of it.

    Attributes:
        attributes: (a, m) code of each value, -1 unknown.
        price: (m,).
        lift: (a, levels + 1, levels + 1) log of how often level c follows level b, over what c's frequency
            alone would give; the last row and column are for unknown levels.
        lift_pair: (a, levels + 1, levels + 1, levels + 1) the same for c after a and b; (a, 1, 1, 1) zeros
            where there are too many levels.
        walk: (2 WALK + 2, 2 WALK + 1) log of how often a step along the catalog's order follows the step
            before; the last row is for visits with no step before.
        before, after: (m, RANK) what an item's company says, as the one before and as the one after;
            their product is high where the two belong together (a truncated SVD of positive pointwise
            mutual information, Levy & Goldberg 2014, "Neural word embedding as implicit matrix
            factorization").
    """

    attributes: Codes
    price: Floats
    lift: Floats
    lift_pair: Floats
    walk: Floats
    before: Floats
    after: Floats


LEARNED = ("lift", "lift_pair", "walk", "before", "after")
"""What is stored of a shelf; the rest is the catalog."""


def shelf_of(train: Sequences, ahead: Table) -> Shelf:
    """Return the catalog's arrays, learned on ``train``.

    Args:
        ahead: (m, m) how often items were looked at soon after others.
    """
    attributes = attributes_of(train.catalog)
    first, second, third = _triples(train)
    before, after = _company(_matrix(ahead))
    return Shelf(
        attributes,
        train.catalog.price,
        _lift(attributes, second, third),
        _lift_pair(attributes, first, second, third),
        _walk(first, second, third),
        before,
        after,
    )


def shelf_with(catalog: Catalog, learned: dict[str, Floats]) -> Shelf:
    """Return the catalog's arrays with what was learned before, by the names in ``LEARNED``."""
    return Shelf(attributes_of(catalog), catalog.price, **learned)


def attributes_of(catalog: Catalog) -> Codes:
    """Return the catalog's attributes, (a, m)."""
    return np.array(list(catalog.attributes.values()), np.int32).reshape(-1, len(catalog.names))


def _triples(train: Sequences) -> tuple[Codes, Codes, Codes]:
    """Return each view of a known item after a known one: the one two before (or -1), the one before, it."""
    items, visit = train.items, train.visit_of_view()
    pair = np.flatnonzero((visit[:-1] == visit[1:]) & (items[:-1] >= 0) & (items[1:] >= 0))
    earlier = np.maximum(pair - 1, 0)
    inside = (pair > 0) & (visit[earlier] == visit[pair])
    return np.where(inside, items[earlier], -1).astype(np.int32), items[pair], items[pair + 1]


def _lift(attributes: Codes, last: Codes, then: Codes) -> Floats:
    levels = int(attributes.max(initial=0)) + 1
    lift = np.zeros((len(attributes), levels + 1, levels + 1), np.float32)
    for number, value in enumerate(attributes):
        given, overall = _given(value[last], value[then], levels)
        lift[number, :levels, :levels] = np.log(given / overall)
    return lift


def _given(a: Codes, b: Codes, levels: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return how often b follows each a, (levels, levels), and overall, (levels,)."""
    known = (a >= 0) & (b >= 0)
    together = np.zeros((levels, levels))
    np.add.at(together, (a[known], b[known]), 1.0)
    overall = (together.sum(axis=0) + 1.0) / (together.sum() + levels)
    given = (together + SMOOTHING * overall) / (together.sum(axis=1, keepdims=True) + SMOOTHING)
    return given, overall


def _lift_pair(attributes: Codes, first: Codes, last: Codes, then: Codes) -> Floats:
    levels = int(attributes.max(initial=0)) + 1
    if levels > MOST_LEVELS:
        return np.zeros((len(attributes), 1, 1, 1), np.float32)
    lift = np.zeros((len(attributes), levels + 1, levels + 1, levels + 1), np.float32)
    there = first >= 0
    for number, value in enumerate(attributes):
        a, b, c = value[first[there]], value[last[there]], value[then[there]]
        given, overall = _given(value[last], value[then], levels)
        known = (a >= 0) & (b >= 0) & (c >= 0)
        together = np.zeros((levels, levels, levels))
        np.add.at(together, (a[known], b[known], c[known]), 1.0)
        chance = (together + SMOOTHING * given) / (together.sum(axis=2, keepdims=True) + SMOOTHING)
        lift[number, :levels, :levels, :levels] = np.log(chance / overall)
    return lift


def _walk(first: Codes, last: Codes, then: Codes) -> Floats:
    width = 2 * WALK + 1
    step = np.clip(then - last, -WALK, WALK) + WALK
    earlier = np.where(first >= 0, np.clip(last - first, -WALK, WALK) + WALK, width)
    together = np.zeros((width + 1, width))
    np.add.at(together, (earlier, step), 1.0)
    overall = (together.sum(axis=0) + 1.0) / (together.sum() + width)
    chance = (together + 20.0 * overall) / (together.sum(axis=1, keepdims=True) + 20.0)
    return np.log(chance).astype(np.float32)


def _matrix(table: Table) -> sparse.csr_matrix:
    size = len(table.bounds) - 1
    return sparse.csr_matrix((table.values.astype(float), table.columns, table.bounds), shape=(size, size))


def _company(ahead: sparse.csr_matrix) -> tuple[Floats, Floats]:
    size = ahead.shape[0]
    rank = min(RANK, size - 1)
    if rank < 1 or size > MOST_ITEMS or ahead.nnz == 0:
        return np.zeros((size, 1), np.float32), np.zeros((size, 1), np.float32)
    cells = ahead.tocoo()
    rows = np.asarray(ahead.sum(axis=1)).ravel()
    columns = np.asarray(ahead.sum(axis=0)).ravel() ** 0.75
    columns /= columns.sum()
    lift = np.log(cells.data / (rows[cells.row] * columns[cells.col]))
    kept = lift > 0
    positive = sparse.csr_matrix((lift[kept], (cells.row[kept], cells.col[kept])), shape=ahead.shape)
    left, strength, right = sparse.linalg.svds(positive, rank, v0=np.ones(size))
    root = np.sqrt(strength)
    return (left * root).astype(np.float32), (right.T * root).astype(np.float32)
