"""What follows what, counted: the ground that every recommender here stands on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import sparse

from buysignal.sequences import Sequences

REACH = 10
"""How many views ahead still count as following."""

DECAY = 0.7
"""Weight that a view loses with every further step."""

HALF_LIFE = 21.0
"""Days after which a visit weighs half in recent counts."""


class Table(NamedTuple):
    """A sparse matrix in rows (CSR): row i holds ``columns[bounds[i]:bounds[i + 1]]``, sorted."""

    bounds: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]


def table_arrays(name: str, table: Table) -> dict[str, npt.NDArray[Any]]:
    """Return a table as arrays under names of its own."""
    return {f"{name}_{part}": values for part, values in table._asdict().items()}


def table_from(name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Table:
    """Return the table that ``table_arrays`` took apart."""
    return Table(*(arrays[f"{name}_{part}"] for part in Table._fields))


class ItemCounts(NamedTuple):
    """Counts over training visits of m items.

    Attributes:
        seen: (m,) float64 views of each item.
        follow: a -> b: b was looked at right after a.
        skip: a -> b: b two views after a.
        ahead: a -> b: b within ``REACH`` views after a, each step weighing ``DECAY`` times the last.
        behind: ``ahead`` turned round: what came before.
        pair: (a, b) -> c: c right after a and b; row numbers by ``pair_row``.
        pair_keys: (pairs,) sorted, a * m + b of each row of ``pair``.
        recent: ``follow``, a visit weighing half of one that is ``HALF_LIFE`` days younger.
        recent_seen: (m,) float64 views, weighed alike.
    """

    seen: npt.NDArray[np.float64]
    follow: Table
    skip: Table
    ahead: Table
    behind: Table
    pair: Table
    pair_keys: npt.NDArray[np.int64]
    recent: Table
    recent_seen: npt.NDArray[np.float64]


def count_items(train: Sequences) -> ItemCounts:
    """Count the visits of ``train``; views of unknown items end a chain."""
    recent, recent_seen = recent_counts(train)
    size = len(train.catalog.names)
    items, visit = train.items.astype(np.int64), train.visit_of_view()
    follow = _steps(items, visit, 1, size)
    ahead = follow.copy()
    for step in range(2, REACH + 1):
        ahead = ahead + DECAY ** (step - 1) * _steps(items, visit, step, size)
    known = items[items >= 0]
    pair, keys = _pairs(items, visit, size)
    return ItemCounts(
        seen=np.bincount(known, minlength=size).astype(np.float64),
        follow=_table(follow),
        skip=_table(_steps(items, visit, 2, size)),
        ahead=_table(ahead),
        behind=_table(ahead.T.tocsr()),
        pair=pair,
        pair_keys=keys,
        recent=recent,
        recent_seen=recent_seen,
    )


def recent_counts(late: Sequences) -> tuple[Table, npt.NDArray[np.float64]]:
    """Return ``recent`` and ``recent_seen`` of ``ItemCounts`` as they stand at the end of ``late``."""
    size, visit = len(late.catalog.names), late.visit_of_view()
    weight = 0.5 ** ((late.day.max(initial=0.0) - late.day) / HALF_LIFE)
    known = late.items >= 0
    seen = np.bincount(late.items[known], weights=weight[visit[known]], minlength=size)
    return _table(_steps(late.items.astype(np.int64), visit, 1, size, weight)), seen.astype(np.float64)


def _steps(
    items: npt.NDArray[np.int64],
    visit: npt.NDArray[np.int64],
    step: int,
    size: int,
    weight: npt.NDArray[np.float64] | None = None,
) -> sparse.csr_matrix:
    """Return how often b came ``step`` views after a, (m, m); visits weigh 1, or ``weight`` (s,)."""
    before, after = items[:-step], items[step:]
    ok = (visit[:-step] == visit[step:]) & (before >= 0) & (after >= 0)
    each = np.ones(int(ok.sum())) if weight is None else weight[visit[step:][ok]]
    return sparse.csr_matrix((each, (before[ok], after[ok])), shape=(size, size))


def _pairs(
    items: npt.NDArray[np.int64], visit: npt.NDArray[np.int64], size: int
) -> tuple[Table, npt.NDArray[np.int64]]:
    first, second, third = items[:-2], items[1:-1], items[2:]
    ok = (visit[:-2] == visit[2:]) & (first >= 0) & (second >= 0) & (third >= 0)
    keys, row = np.unique(first[ok] * size + second[ok], return_inverse=True)
    shape = (max(len(keys), 1), size)
    return _table(sparse.csr_matrix((np.ones(len(row)), (row, third[ok])), shape=shape)), keys


def _table(matrix: sparse.csr_matrix) -> Table:
    matrix.sum_duplicates()
    matrix.sort_indices()
    return Table(
        matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float32)
    )


@njit(cache=True, inline="always")
def add_row(table: Table, row: int, weight: float, out: npt.NDArray[np.float32]) -> None:
    """Add ``weight`` times a row of ``table`` to ``out`` (m,)."""
    for k in range(table.bounds[row], table.bounds[row + 1]):
        out[table.columns[k]] += weight * table.values[k]


@njit(cache=True, inline="always")
def row_sum(table: Table, row: int) -> float:
    """Return the sum of a row."""
    total = 0.0
    for k in range(table.bounds[row], table.bounds[row + 1]):
        total += table.values[k]
    return total
