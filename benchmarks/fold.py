"""The fold against a dozen of the same features in pandas, Polars and DuckDB window functions.

All start from the same sorted events in memory, coded as integers. The fold is asked for its whole
catalogue, and for the dozen alone; the peers compute the dozen, in their fastest forms, checked to be
equal. All take turns, so that they meet the same moments of the machine, and the best of each counts.
Run: ``python benchmarks/fold.py [visitors]``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from _fold_peers import DOZEN, check_equal, contenders, flat_table
from _results import Row, write_results
from buysignal import features, sessions
from buysignal.features.encode import encode
from buysignal.features.frozen import frozen
from buysignal.features.kernel import fold_visitors, make_scratch, selection
from buysignal.features.run import even_chunks
from buysignal.features.threads import Chunks, share_out
from buysignal.sources.demo import simulate

VISITORS = 200_000
ROUNDS = 5

Run = Callable[[], Any]


def main(visitors: int = VISITORS) -> None:
    events = sessions.assign(simulate(visitors=visitors, days=28, seed=0).events)
    n = events.num_rows
    print(f"{n:,} events of {visitors:,} visitors, {len(features.NAMES)} features")
    runs, peers = ours(events), contenders(flat_table(events))
    dozen = runs[f"walk, {len(DOZEN)} features"]()
    for peer, forms in peers.items():
        for form in forms.values():
            check_equal(dozen, form(), peer)
    everybody = runs | {
        f"{peer}: {form}": run for peer, forms in peers.items() for form, run in forms.items()
    }
    seconds = _best_in_turn(everybody)
    for name, best in seconds.items():
        print(f"{name:40} {n / best / 1e6:7.2f} million events/s")
    write_results("fold", _rows(n, seconds, list(runs), {peer: list(forms) for peer, forms in peers.items()}))


def ours(events: pa.Table) -> dict[str, Run]:
    """Return the ways the fold is asked: the walk alone, with encoding, and with memory to be handed out."""
    vocabulary = features.fit_vocabulary(events)
    every = np.zeros((events.num_rows, len(features.NAMES)), np.float32)
    few = np.zeros((events.num_rows, len(DOZEN)), np.float32)
    fold = features.fold
    return {
        f"walk, all {len(features.NAMES)} features": _walk(events, vocabulary, None, every),
        f"walk, {len(DOZEN)} features": _walk(events, vocabulary, DOZEN, few),
        "all features, with encoding": lambda: fold(events, vocabulary, out=every),
        f"{len(DOZEN)} features, with encoding": lambda: fold(events, vocabulary, columns=DOZEN, out=few),
        "all features, with encoding and memory": lambda: fold(events, vocabulary),
    }


def _walk(
    events: pa.Table, vocabulary: features.Vocabulary, columns: tuple[str, ...] | None, out: np.ndarray
) -> Run:
    """Return the compiled walk alone, over arrays and into memory that are there already."""
    where = sessions.layout(events)
    arrays, wanted = encode(events, vocabulary), selection(columns, out)
    tables = [
        np.zeros(where.sessions, np.int8),
        vocabulary.item_priors[None],
        vocabulary.category_priors[None],
    ]
    inputs = [frozen(array) for array in (where.session_starts, where.visitor_starts, *tables)]

    def work(chunks: Chunks) -> None:
        scratch = make_scratch(len(arrays.item_row), len(arrays.category_row))
        for first, last in chunks:
            fold_visitors(arrays, *inputs, scratch, first, last, wanted, out)

    def run() -> np.ndarray:
        share_out(work, even_chunks(where), parallel=True)
        return out

    return run


def _best_in_turn(runs: dict[str, Run]) -> dict[str, float]:
    """Return the least of several times of each, all taking turns; the first of each does not count."""
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for done in range(ROUNDS):
        print(f"round {done + 1} of {ROUNDS}", flush=True)
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: min(times) for name, times in seconds.items()}


def _rows(n: int, seconds: dict[str, float], runs: list[str], peers: dict[str, list[str]]) -> list[Row]:
    """Return each of our figures alone, and both walks beside the fastest form of each peer."""
    rows = [
        Row(benchmark="fold", metric="events_per_s", value=n / seconds[run], n=n, case=run) for run in runs
    ]
    for peer, forms in peers.items():
        theirs = min(seconds[f"{peer}: {form}"] for form in forms)
        for run, size in zip(runs[:2], (len(features.NAMES), len(DOZEN)), strict=True):
            print(
                f"{size} features against {len(DOZEN)} by {peer}: {theirs / seconds[run]:.1f} times as fast"
            )
            rows.append(
                Row(
                    benchmark="fold", metric="events_per_s", value=n / seconds[run], n=n, peer=peer,
                    peer_value=n / theirs, case=f"{size} features against {len(DOZEN)}",
                )
            )  # fmt: skip
    return rows


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
