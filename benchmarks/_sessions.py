"""Our side of ``sessions.py``, as a process of its own so that its memory is its own.

Run: ``python _sessions.py sessions|clusters EVENTS OUT REPEATS``. Prints seconds and processor time of every
run as JSON and writes what was found as Parquet.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from buysignal import events as ev
from buysignal import features, sessions
from buysignal.models.segments import fit_segments

GAP = "30m"
COUNTED = {
    f"n_{name}": name
    for name in (
        "page_view", "view_item_list", "search", "view_item", "add_to_wishlist", "add_to_cart",
        "remove_from_cart", "view_cart", "purchase",
    )
}  # fmt: skip
"""The catalogue's counts that are of one event name, as the peer counts them."""

MEASURES = ("n_events", "seconds_since_start", *COUNTED)
WARM_UP_ROWS = 10_000


def split(table: pa.Table) -> pa.Table:
    """Return the events with ``session_id``: after 30 minutes without an event a new one begins."""
    return sessions.assign(ev.sort(ev.conform(table)), session_gap=GAP)


def measures(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return what sessions are clustered by, and the row of each session's last event."""
    vocabulary = features.fit_vocabulary(table)
    last = sessions.layout(table).session_starts[1:] - 1
    picked = [features.NAMES.index(name) for name in MEASURES]
    return features.fold(table, vocabulary)[last][:, picked], last


def cluster(table: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return measures, cluster and last row of every session."""
    X, last = measures(table)
    best, _ = fit_segments(X, MEASURES, methods=("kmeans",), most=8)
    return X, best.labels, last


def timed(work: Callable[[], Any], repeats: int) -> tuple[dict[str, list[float]], Any]:
    """Return seconds and processor time of every run, and the last result."""
    took: dict[str, list[float]] = {"seconds": [], "cpu_seconds": []}
    result = None
    for _ in range(repeats):
        begun, processor = time.perf_counter(), time.process_time()
        result = work()
        took["seconds"].append(time.perf_counter() - begun)
        took["cpu_seconds"].append(time.process_time() - processor)
    return took, result


def main(what: str, source: str, out: str, repeats: int) -> None:
    table = pq.read_table(source)
    few = table.slice(0, WARM_UP_ROWS)
    if what == "sessions":
        split(few)
        took, found = timed(lambda: split(table), repeats)
        pq.write_table(
            found.select(["visitor_id", "session_id", "event_time", "event_seq", "event_name"]), out
        )
    else:
        table = ev.conform(table)
        cluster(ev.conform(few))
        took, (X, labels, last) = timed(lambda: cluster(table), repeats)
        columns = {name: X[:, place] for place, name in enumerate(MEASURES)}
        ids = table.column("session_id").take(pa.array(last))
        pq.write_table(pa.table({"session_id": ids, **columns, "cluster": labels}), out)
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
