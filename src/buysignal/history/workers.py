"""Pieces worked on side by side, their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

WORKERS = 2
"""Threads: the work is done in Arrow, NumPy and the fold, which hold no lock."""


def in_order(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], *, workers: int = WORKERS
) -> Iterator[Result]:
    """Yield ``work(piece)`` of every piece in order, at most ``workers`` pieces ahead of the reader.

    What is under way when the reader stops, or a piece fails, is finished before this returns.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for piece in pieces:
                waiting.append(pool.submit(work, piece))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
