"""Rows into columns, compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

BLOCK_ROWS = 128
"""Rows turned at a time: with all features they fit into the cache, and each column gets a run of them."""


@njit(cache=True, nogil=True, error_model="numpy")
def turn(X: npt.NDArray[np.float32], first: int, last: int, out: npt.NDArray[np.float32]) -> None:
    """Write the rows ``first`` to ``last`` of ``X``, (n, f), into the columns of ``out``, (f, n)."""
    for begin in range(first, last, BLOCK_ROWS):
        end = min(begin + BLOCK_ROWS, last)
        for column in range(X.shape[1]):
            for row in range(begin, end):
                out[column, row] = X[row, column]
