"""Copies of rows, told from rows that are equal by chance.

In data with few different values equal rows are common and mean nothing. But where rows are equal
by chance, rows that differ in just one column must be common too, since there are many more ways
to be nearly equal than equal. Copies betray themselves as test rows that have an exact twin in train
and no near twin there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.audit.view import mix
from buysignal.samples import Samples, concatenate

HashArray = npt.NDArray[np.uint64]
MAX_TEST_ROWS = 30_000
DERIVED_ROWS = 20_000


@dataclass(frozen=True)
class Twins:
    """Test rows by what they find in train.

    Attributes:
        rows: test rows looked at (a seeded sample of a long test set).
        equal: rows with an exact twin, answer included.
        lonely: of these, rows without any near twin (equal but for one block of columns).
        near_only: rows with a near twin but no twin (not counted where twins are too few to matter).
        blocks: groups of columns that vary together; with one alone nothing can be told.
    """

    rows: int
    equal: int
    lonely: int
    near_only: int
    blocks: int

    @property
    def copies(self) -> bool:
        """Whether lonely twins are too many for chance, which brings near twins at least as often."""
        enough = self.lonely >= _enough(self.rows)
        return self.blocks >= 3 and enough and self.lonely > 3 * self.near_only


def _enough(rows: int) -> float:
    """So many copies are worth a word."""
    return max(5, 0.001 * rows)


def count_twins(train: Samples, test: Samples) -> Twins:
    """Count twins and near twins of test rows among the train rows."""
    if len(test) > MAX_TEST_ROWS:
        test = test.subset(np.random.default_rng(0).choice(len(test), MAX_TEST_ROWS, replace=False))
    hashes = _hashes(concatenate(train, test))
    n = len(train)
    if not hashes:
        return Twins(rows=len(test), equal=len(test), lonely=0, near_only=0, blocks=0)
    whole = _sum(hashes)
    equal = np.isin(whole[n:], whole[:n])
    if equal.sum() < _enough(len(test)):
        return Twins(rows=len(test), equal=int(equal.sum()), lonely=0, near_only=0, blocks=len(hashes))
    near = np.zeros(len(test), dtype=np.bool_)
    for block in hashes:
        near |= _near(whole - block, block, n)
    return Twins(
        rows=len(test),
        equal=int(equal.sum()),
        lonely=int((equal & ~near).sum()),
        near_only=int((near & ~equal).sum()),
        blocks=len(hashes),
    )


def _near(others: HashArray, block: HashArray, n: int) -> npt.NDArray[np.bool_]:
    """Whether some train row agrees with the test row in all ``others`` but not in ``block``."""
    groups = pd.Series(block[:n]).groupby(others[:n]).agg(["min", "max"])
    at = groups.index.get_indexer(pd.Index(others[n:]))
    lowest, highest = groups["min"].to_numpy()[at], groups["max"].to_numpy()[at]
    return np.asarray((at >= 0) & ((lowest != block[n:]) | (highest != block[n:])))


def _hashes(samples: Samples) -> list[HashArray]:
    """Return one hash per row and block; the columns of a block follow from its first one.

    The moment belongs to a prefix: after one or two clicks many visits look the same, and only the
    same moment makes them one. A row of a table that was copied may have been given another time.
    """
    columns: list[npt.NDArray[Any]] = [samples.X[:, i] for i in range(len(samples.names))]
    columns += [c for c in (samples.y, samples.revenue) if c is not None]
    if samples.unit == "prefix":
        columns.append(samples.time.astype(np.int64))
    codes = [pd.factorize(c, use_na_sentinel=False)[0].astype(np.int64) for c in columns]
    codes = [c for c in codes if c.max(initial=0) > 0]
    hashed = [mix(mix(c) + np.uint64(salt)) for salt, c in enumerate(codes)]
    return [_sum([hashed[i] for i in block]) for block in _blocks(codes, len(samples))]


def _sum(hashes: list[HashArray]) -> HashArray:
    return np.asarray(np.sum(hashes, axis=0, dtype=np.uint64))


def _blocks(codes: list[npt.NDArray[np.int64]], n: int) -> list[list[int]]:
    """Group columns that follow from one other (colour and price from the item, say).

    They change together, so that a difference in one of them alone is not to be expected. Only a
    column whose values repeat often can be said to fix another.
    """
    rows = np.linspace(0, n - 1, min(n, DERIVED_ROWS)).astype(np.int64)
    small = [pd.factorize(c[rows])[0] for c in codes]
    sizes = [int(c.max(initial=0)) + 1 for c in small]
    order = sorted(range(len(codes)), key=lambda i: -sizes[i])
    free, blocks = set(order), []
    for head in order:
        if head not in free:
            continue
        free.discard(head)
        repeats = sizes[head] <= len(rows) / 10
        derived = [i for i in free if repeats and _fixes(small[head], small[i], sizes[head], sizes[i])]
        free.difference_update(derived)
        blocks.append([head, *derived])
    return blocks


def _fixes(head: npt.NDArray[np.int64], other: npt.NDArray[np.int64], heads: int, others: int) -> bool:
    return len(pd.unique(head * others + other)) <= heads


def copied_rows(samples: Samples) -> npt.NDArray[np.bool_]:
    """Return which rows repeat an earlier row, where there are copies at all; else none."""
    half = np.random.default_rng(0).random(len(samples)) < 0.5
    nothing = np.zeros(len(samples), dtype=np.bool_)
    if half.all() or not half.any():
        return nothing
    if not count_twins(samples.subset(half), samples.subset(~half)).copies:
        return nothing
    return np.asarray(pd.Series(_sum(_hashes(samples))).duplicated())
