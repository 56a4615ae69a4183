"""Rows of features with the last events beside them, taken apart again; whole visits put together of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]

NONE = -1
"""Target of a step of which nothing is asked."""

_GRID = 256.0


def last_events(X: Rows, features: int, columns: int) -> Rows:
    """Return the steps (n, L, columns) that stand behind the first ``features`` columns of X."""
    return np.ascontiguousarray(X[:, features:]).reshape(len(X), -1, columns)


def beside(X: Rows, features: int, odds: npt.NDArray[np.floating[Any]]) -> Rows:
    """Return the features with networks' log odds (n,) behind them, shape (n, features + 1).

    The odds are rounded to 1/256: a tree splits at values that occurred, and the last digits of a product
    of matrices depend on how many rows it has.
    """
    seen = np.round(odds.astype(np.float64) * _GRID) / _GRID
    return np.column_stack([X[:, :features], seen.astype(np.float32)])


def whole_visits(steps: Rows, y: npt.NDArray[np.int8]) -> tuple[Rows, npt.NDArray[np.int8]]:
    """Return visits (s, L, c), and what is asked after which of their steps, (s, L) with ``NONE`` elsewhere.

    A causal network answers at every step of a visit in one pass, so prefixes of a visit need not be read
    one by one. A row is part of the next one where that is the same window, one event later; of visits
    longer than a window every L-th prefix and the last one stay.

    Args:
        steps: (n, L, c) windows, padded on the left, those of a visit one after the other.
        y: (n,) answers.
    """
    n, length, _ = steps.shape
    goes_on = np.zeros(n, bool)
    goes_on[:-1] = (steps[1:, :-1] == steps[:-1, 1:]).all(axis=(1, 2))
    run = np.cumsum(np.concatenate([[0], ~goes_on[:-1]])) if n else np.zeros(0, np.int64)
    ends = np.flatnonzero(~goes_on)
    before_end = ends[run] - np.arange(n)
    kept = np.flatnonzero(before_end % length == 0)
    place = length - 1 - before_end % length
    goal = np.full((len(kept), length), NONE, np.int8)
    goal[np.searchsorted(kept, np.arange(n)), place] = y
    return steps[kept], goal
