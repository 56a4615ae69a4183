"""Rows shared out among threads: compiled code that holds no lock, called from as many as there are cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

Chunks = Iterator[tuple[int, int]]


def share_out(work: Callable[[Chunks], None], bounds: npt.NDArray[np.int64], *, parallel: bool) -> None:
    """Let every thread take the next chunk whenever it has finished one.

    Args:
        work: what one thread does with the chunks it draws.
        bounds: (chunks + 1,) where the chunks begin, and the end of the last.
        parallel: whether all cores are used; without, the calling thread does it all.
    """
    chunks = iter(list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)))
    threads = min(cores(), len(bounds) - 1) if parallel else 1
    if threads <= 1:
        work(chunks)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, chunks) for _ in range(threads)]:
            done.result()


def cores() -> int:
    """Return how many cores this process may use; the variable NUMBA_NUM_THREADS sets fewer."""
    # Read here, not asked of Numba: its answer would start threads of its own.
    from numba.core import config

    return int(config.NUMBA_NUM_THREADS)
