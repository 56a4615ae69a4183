"""Run the demo shop: visitors in chunks, chunks on threads, one table out."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from buysignal.errors import InputError
from buysignal.sources.demo import tables, visitors
from buysignal.sources.demo.rules import law
from buysignal.sources.demo.walk import Rows, walk

Progress = Callable[[int, int], None]
"""Called with (visitors done, visitors in all)."""

CHUNK = 20_000
"""Visitors simulated at a time."""
MAX_VISITORS = 900_000_000
"""Ids have nine digits, and those from here on are kept for bots."""
MAX_DAYS = 3650

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Demo:
    """A simulated shop.

    Attributes:
        events: canonical events (EUR, consent true), sorted by visitor, time and sequence; its schema
            metadata says ``simulated`` and the seed.
        truth: as many rows in the same order: ``visitor_id``, ``session_id``, ``event_seq``, ``p_buy``
            (the chance that the visitor buys later in this session, given all events so far) and
            ``expected_revenue`` (EUR still to come in this session). Both are 0 from a purchase on.
        intent: the hidden intent of each row's session, for tests and pictures; no model may see it.
    """

    events: pa.Table
    truth: pa.Table
    intent: pa.Array


def simulate(
    visitors: int,
    days: int = 28,
    seed: int = 0,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Demo:
    """Return a simulated shop with ``visitors`` visitors whose first session falls into ``days`` days.

    The same arguments give the same rows, whatever the number of threads. A visitor is the same, too,
    in a run with more visitors.

    Raises:
        InputError: a number is out of range.

    >>> demo = simulate(visitors=50, days=7, seed=1)
    >>> demo.events.num_rows == demo.truth.num_rows
    True
    """
    check(visitors, days, seed)
    parts = list(in_chunks(visitors, days, seed, _part, threads=threads, progress=progress))
    return Demo(
        events=_joined([part.events for part in parts]).replace_schema_metadata(
            metadata(visitors, days, seed)
        ),
        truth=_joined([part.truth for part in parts]).replace_schema_metadata(metadata(visitors, days, seed)),
        intent=pa.concat_arrays([part.intent for part in parts]),
    )


def check(visitors: int, days: int, seed: int) -> None:
    """Raise an InputError unless all three numbers are in range."""
    for name, value, low, high in (
        ("visitors", visitors, 1, MAX_VISITORS),
        ("days", days, 1, MAX_DAYS),
        ("seed", seed, 0, 2**63 - 1),
    ):
        if not low <= value <= high:
            raise InputError(f"the demo shop was asked for {name}={value}", allowed=f"{low:,} to {high:,}")


def metadata(visitors: int, days: int, seed: int) -> dict[str, str]:
    """Return what the schema of every simulated table says about itself."""
    return {"simulated": "true", "seed": str(seed), "visitors": str(visitors), "days": str(days)}


def in_chunks(
    visitors_: int,
    days: int,
    seed: int,
    make: Callable[[int, Rows], T],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[T]:
    """Yield ``make(chunk number, rows)`` for every chunk of visitors, in order, few at a time in memory."""
    law()

    def work(first: int) -> T:
        count = min(CHUNK, visitors_ - first)
        return make(first // CHUNK, walk(first, count, days, seed))

    workers = threads or min(os.cpu_count() or 1, 8)
    waiting: deque[tuple[int, Future[T]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, visitors_, CHUNK):
            waiting.append((first, pool.submit(work, first)))
            if len(waiting) > workers:
                yield _next(waiting, visitors_, progress)
        while waiting:
            yield _next(waiting, visitors_, progress)


def _next(waiting: deque[tuple[int, Future[T]]], total: int, progress: Progress | None) -> T:
    first, future = waiting.popleft()
    made = future.result()
    if progress:
        progress(min(first + CHUNK, total), total)
    return made


def _part(chunk: int, rows: Rows) -> Demo:
    intent = pa.DictionaryArray.from_arrays(rows["intent"].copy(), list(visitors.INTENTS))
    return Demo(events=tables.events_table(rows), truth=tables.truth_table(rows), intent=intent)


def _joined(parts: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(parts).combine_chunks()
