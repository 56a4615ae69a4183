"""One click in process: what ``click.py`` measures."""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from _process import CORES
from _rest_server import demo_events, trained
from _results import Row, write_results
from buysignal import bundle as bundles
from buysignal import scoring
from buysignal.bundle import Bundle
from buysignal.serve.live_scores import LiveScorer, standing_of
from buysignal.serve.one_row import RowScorer
from buysignal.serve.state import MemoryState

CHECKED = 300
WARM_UP = 2_000
LARGEST_DIFFERENCE = 1e-6


def main(clicks: int, path: Path | None) -> None:
    """Train, assert equal answers, measure, write the results."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory(prefix="buysignal-click-") as temporary:
        used = bundles.load(path or trained(Path(temporary)))
        events = demo_events(Path(temporary)).slice(0, clicks + WARM_UP)
        assert_equal(used, events)
        rows = measured(used, events.to_pylist())
    write_results("click", rows)


def assert_equal(used: Bundle, events: pa.Table) -> None:
    """Refuse to measure wrong answers."""
    ids = pc.unique(events.column("visitor_id"))[:CHECKED]
    some = events.filter(pc.is_in(events.column("visitor_id"), ids))
    batch = scoring.score(used, some).table.set_index(["visitor_id", "session_id"])
    scorer, state, last = LiveScorer(used), MemoryState(), {}
    for event in some.to_pylist():
        standing = scorer.click(state, event)
        last[standing.visitor_id, standing.session_id] = standing
    for key, standing in last.items():
        off = abs(scorer.scores(standing)["probability"] - batch.loc[key, "probability"])
        if not off <= LARGEST_DIFFERENCE:
            raise AssertionError(f"{key} is off by {off:.2g}")


def measured(used: Bundle, events: Sequence[dict[str, Any]]) -> list[Row]:
    """Return the figures of whole clicks, and of their parts."""
    scorer = LiveScorer(used)
    state, parts = MemoryState(), MemoryState()
    rows = RowScorer(used)
    gc.collect()
    gc.freeze()
    whole = timed(events, lambda event: scorer.scores(scorer.click(state, event)))
    noted: list[Any] = []
    note = timed(events, lambda event: noted.append(parts.note(event, scorer.reader, scorer.session_gap)))
    fold = timed(noted, lambda one: standing_of(*one))
    standings = [standing_of(*one) for one in noted[-10_000:]]
    score = timed(standings, lambda one: rows(one.row))
    return [
        *told("all", whole),
        *told("note the event", note),
        *told("fold the visit", fold),
        *told("score the row", score),
    ]


def timed(things: Sequence[Any], work: Callable[[Any], object]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the microseconds of each call, those of the warm-up left out."""
    found = np.empty(len(things))
    clock = time.perf_counter_ns
    for number, thing in enumerate(things):
        begin = clock()
        work(thing)
        found[number] = clock() - begin
    return found[min(WARM_UP, len(found) // 2) :] / 1e3


def told(case: str, microseconds: np.ndarray[Any, np.dtype[np.float64]]) -> list[Row]:
    """Return the median and the slowest hundredth, said on the screen as well."""
    p50, p99 = np.quantile(microseconds, [0.5, 0.99])
    print(f"  {case:20} p50 {p50:8.1f} µs   p99 {p99:8.1f} µs   n {len(microseconds):,}", flush=True)
    return [
        Row(
            benchmark="click",
            metric=metric,
            value=float(value),
            n=len(microseconds),
            case=f"{case}, {within}",
        )
        for metric, value, within in (("p50_us", p50, "half within"), ("p99_us", p99, "99 % within"))
    ]
