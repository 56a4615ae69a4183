"""The peer of ``sessions.py``: retentioneering, which lives in an environment of its own.

Run there: ``python _retentioneering.py sessions|clusters EVENTS OUT REPEATS``. Prints the seconds of every
run as JSON and writes what was found as Parquet.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pandas as pd

# By name: it is no dependency of the project, and its environment holds nothing else of it.
Eventstream = importlib.import_module("retentioneering.eventstream").Eventstream

GAP = "30m"
COLUMNS = {"event_col": "event_name", "timestamp_col": "event_time"}
WARM_UP_VISITORS = 1_000


def split(events: pd.DataFrame) -> pd.DataFrame:
    """Return the events with ``session_id``: after 30 minutes without an event a new one begins."""
    stream = Eventstream(events, {"path_cols": ["visitor_id"], **COLUMNS})
    return stream.split_sessions(timeout=GAP).df


def cluster(stream: Any, counted: list[str]) -> pd.DataFrame:
    """Return length, duration and counts of each session, and the cluster it is in."""
    features = [{"metric": "length"}, {"metric": "duration"}]
    features.append({"metric": "event_count_bulk", "metric_args": {"events": counted}})
    found = stream.cluster_analysis_data(
        features, method="kmeans", method_args={"n_clusters": "2-8"}, scaler="std", path_col="session_id"
    )
    return found["cluster_labels"].rename("cluster").to_frame()


def measures(stream: Any, counted: list[str]) -> pd.DataFrame:
    """Return what ``cluster`` clusters by, one row a session."""
    features = [{"metric": "length"}, {"metric": "duration"}]
    features.append({"metric": "event_count_bulk", "metric_args": {"events": counted}})
    return stream.get_metrics(features, path_col="session_id")


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
    keys = ["visitor_id"] if what == "sessions" else ["visitor_id", "session_id"]
    events = pd.read_parquet(source, columns=[*keys, "event_time", "event_name"])
    few = events[events["visitor_id"].isin(events["visitor_id"].unique()[:WARM_UP_VISITORS])]
    if what == "sessions":
        split(few)
        took, found = timed(lambda: split(events), repeats)
        found[["visitor_id", "event_time", "session_index"]].to_parquet(out)
    else:
        counted = sorted(set(events["event_name"]) & set(sys.argv[5:]))
        schema = {"path_cols": keys, **COLUMNS}
        cluster(Eventstream(few, schema), counted)
        stream = Eventstream(events, schema)
        took, found = timed(lambda: cluster(stream, counted), repeats)
        measures(stream, counted).join(found).to_parquet(out)
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
