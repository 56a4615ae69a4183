"""How many visits that looked at one item looked at another one later: what a reason is told by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from buysignal.sequences import Sequences

MOST_VISITS = 200_000
"""Visits that are counted, the most recent ones."""

MOST_LATER = 100
"""Items kept for each item, those most often looked at later."""

LEAST_VISITS = 2
"""One visit is no reason, and would tell what somebody looked at."""

_BLOCK = 20_000

Codes = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LookedLater:
    """Counts of visits over m items.

    Attributes:
        visits: how many visits were counted.
        looked: (m,) int32, visits that looked at each item.
        bounds: (m + 1,) where each item's later items begin in ``later``.
        later: item codes, rising within an item.
        times: visits that looked at the later item after their first look at the item.
    """

    visits: int
    looked: Codes
    bounds: Positions
    later: Codes
    times: Codes

    def after(self, item: int, wanted: Codes) -> Codes:
        """Return how many of the visits that looked at ``item`` looked at each of ``wanted`` (w,) later."""
        row = slice(self.bounds[item], self.bounds[item + 1])
        codes, times = self.later[row], self.times[row]
        if not len(codes):
            return np.zeros(len(wanted), np.int32)
        place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        return np.where(codes[place] == wanted, times[place], 0).astype(np.int32)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return it as plain arrays."""
        return {
            "visits": np.array([self.visits]), "looked": self.looked, "bounds": self.bounds,
            "later": self.later, "times": self.times,
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> LookedLater:
        """Return what ``arrays`` took apart."""
        parts = {name: arrays[name] for name in ("looked", "bounds", "later", "times")}
        return cls(int(arrays["visits"][0]), **parts)


def count_later(visits: Sequences) -> LookedLater:
    """Count the most recent visits of ``visits``."""
    recent = visits
    if visits.visits > MOST_VISITS:
        latest = np.zeros(visits.visits, bool)
        latest[np.argsort(-visits.day, kind="stable")[:MOST_VISITS]] = True
        recent = visits.only(latest)
    size = len(visits.catalog.names)
    known = recent.items >= 0
    pairs = np.unique(recent.visit_of_view()[known] * size + recent.items[known])
    looked = np.bincount(pairs % max(size, 1), minlength=size).astype(np.int32)
    total = sparse.csr_matrix((size, size), dtype=np.int32)
    for begin in range(0, recent.visits, _BLOCK):
        total = total + _later(recent, begin, min(begin + _BLOCK, recent.visits), size)
    bounds, later, times = _most(total)
    return LookedLater(recent.visits, looked, bounds, later, times)


def _later(visits: Sequences, begin: int, end: int, size: int) -> sparse.csr_matrix:
    """Return how many of the visits ``begin`` to ``end`` looked at b after a, (m, m)."""
    first, last = visits.starts[begin], visits.starts[end]
    items = visits.items[first:last].astype(np.int64)
    left = np.repeat(visits.starts[begin + 1 : end + 1] - first, np.diff(visits.starts[begin : end + 1]))
    visit = np.repeat(np.arange(end - begin), np.diff(visits.starts[begin : end + 1]))
    here, keys, step = np.flatnonzero(items >= 0), [np.empty(0, np.int64)], 1
    while len(here):
        here = here[here + step < left[here]]
        there = here + step
        other = (items[there] >= 0) & (items[there] != items[here])
        a, b = here[other], there[other]
        keys.append((visit[a] * size + items[a]) * size + items[b])
        step += 1
    pair = np.unique(np.concatenate(keys)) % (size * size or 1)
    ones = np.ones(len(pair), np.int32)
    return sparse.csr_matrix((ones, (pair // size, pair % size)), shape=(size, size))


def _most(counts: sparse.csr_matrix) -> tuple[Positions, Codes, Codes]:
    """Return bounds, columns and values: of each row the highest, those of ``LEAST_VISITS`` or more."""
    found = counts.tocoo()
    kept = found.data >= LEAST_VISITS
    row, column, times = (part[kept] for part in (found.row, found.col, found.data))
    order = np.lexsort((column, -times, row))
    row, column, times = row[order], column[order], times[order]
    begin = np.searchsorted(row, np.arange(counts.shape[0] + 1))
    rank = np.arange(len(row)) - begin[row]
    row, column, times = (part[rank < MOST_LATER] for part in (row, column, times))
    order = np.lexsort((column, row))
    bounds = np.searchsorted(row, np.arange(counts.shape[0] + 1)).astype(np.int64)
    return bounds, column[order].astype(np.int32), times[order].astype(np.int32)
