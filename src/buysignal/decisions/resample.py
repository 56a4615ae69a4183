"""Intervals of sums over lists of visits, by a bootstrap that draws visitors and not visits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_GROUPS = 2_000
"""More visitors than this are dealt into as many groups, which are then drawn."""
DRAWS = 1_000


def grouped(visitor: npt.ArrayLike, seed: int = 0) -> Ints:
    """Return a code per row, (n,) from 0, equal for equal visitors.

    Many visitors are dealt at random into ``MOST_GROUPS`` groups: visitors are independent of each other,
    so groups of them are too, and drawing those gives the same interval at a bounded cost.
    """
    codes = np.unique(np.asarray(visitor), return_inverse=True)[1].astype(np.int64)
    count = int(codes.max(initial=-1)) + 1
    if count <= MOST_GROUPS:
        return codes
    dealt = np.random.default_rng(seed).permutation(count) % MOST_GROUPS
    return dealt[codes].astype(np.int64)


def bootstrap_counts(groups: int, draws: int = DRAWS, seed: int = 0) -> Floats:
    """Return how often each group is drawn, (draws, groups), each row summing to ``groups``."""
    rng = np.random.default_rng(seed)
    if groups == 0:
        return np.zeros((draws, 0))
    drawn = rng.integers(groups, size=(draws, groups)) + groups * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * groups).reshape(draws, groups).astype(np.float64)


def prefix_sums(value: Floats, group: Ints, ends: Ints) -> Floats:
    """Return each group's sum over the first ``ends`` rows, (groups, len(ends)).

    Args:
        value: (n,) in the order of the list.
        group: (n,) codes from 0.
        ends: (e,) rising list lengths.
    """
    segment = np.searchsorted(ends, np.arange(len(value)), side="right")
    table = np.zeros((int(group.max(initial=-1)) + 1, len(ends) + 1))
    np.add.at(table, (group, segment), value)
    return table[:, :-1].cumsum(axis=1)


def ratio_deviations(value: Floats, size: Floats, group: Ints, ends: Ints) -> Floats:
    """Return what each group adds to the sum of the first rows' values, their total size held fixed.

    Drawn sums of these, ``counts @ deviations``, are the bootstrap's deviations of total size times
    (sum of values / sum of sizes) from what was seen (Davison & Hinkley 1997, section 2.7). With ``size`` 1
    that is the list's length times the mean. Each column sums to 0.

    Args:
        value, size: (n,) in the order of the list.
        group: (n,) codes from 0.
        ends: (e,) rising list lengths.
    """
    sums, sizes = prefix_sums(value, group, ends), prefix_sums(size, group, ends)
    total = sizes.sum(0)
    return sums - sizes * np.divide(sums.sum(0), total, out=np.zeros_like(total), where=total > 0)


def quantiles(values: Floats, level: float) -> tuple[Floats, Floats]:
    """Return the ends of the central interval along the first axis."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
