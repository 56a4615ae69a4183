"""Rows worked on a block at a time, on all cores: what a block needs stays in the processor's cache."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[Any]
T = TypeVar("T", bound=np.generic)

BLOCK = 2_048
"""Rows of a block: enough that a call costs nothing beside them."""


def in_blocks(
    work: Callable[[Rows], npt.NDArray[T]], X: Rows, *, threads: int | None = None
) -> npt.NDArray[T]:
    """Return ``work`` of the rows of X (n, f), shape (n,), in their order.

    Args:
        work: gives one value a row, whatever other rows stand beside it; called from several threads.
        X: at most `BLOCK` rows are given to ``work`` as they are.
        threads: as many as this process may use where None.
    """
    if len(X) <= BLOCK:
        return work(X)
    starts = range(0, len(X), BLOCK)
    pool = ThreadPoolExecutor(min(cores() if threads is None else threads, len(starts)))
    try:
        return np.concatenate(list(pool.map(lambda start: work(X[start : start + BLOCK]), starts)))
    finally:
        # An interruption waits for the blocks that have begun, and for no other.
        pool.shutdown(cancel_futures=True)


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows do not say.
        return os.cpu_count() or 1
