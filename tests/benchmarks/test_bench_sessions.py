"""Two sides count as equal only where they split at the same moments and count the same things."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import _sessions
import sessions as benchmark

MINUTES = [0, 10, 41, 200]


def stream() -> pa.Table:
    """Return two visitors' events: pauses of 10, 31 and 159 minutes, in no order."""
    begun = pd.Timestamp("2025-03-03", tz="UTC")
    rows = [(v, begun + pd.Timedelta(minutes=m), n, "view_item") for v in "ab" for n, m in enumerate(MINUTES)]
    frame = pd.DataFrame(rows, columns=["visitor_id", "event_time", "event_seq", "event_name"])
    return pa.Table.from_pandas(frame.sample(frac=1.0, random_state=0), preserve_index=False)


def theirs(index: list[int]) -> pd.DataFrame:
    split = _sessions.split(stream()).to_pandas()
    return split[["visitor_id", "event_time"]].assign(session_index=index)


def test_the_page_names_the_version_that_is_installed() -> None:
    assert f"{benchmark.PEER} {benchmark.VERSION}." in str(benchmark.__doc__)


def test_a_pause_of_more_than_half_an_hour_begins_a_session() -> None:
    ours = _sessions.split(stream()).to_pandas()
    benchmark.check_same_sessions(ours, theirs([1, 1, 2, 3] * 2))
    with pytest.raises(AssertionError):
        benchmark.check_same_sessions(ours, theirs([1, 1, 2, 3, 1, 1, 1, 2]))


def test_sessions_are_measured_as_the_peer_measures_them() -> None:
    X, last = _sessions.measures(_sessions.split(stream()))
    assert last.tolist() == [1, 2, 3, 5, 6, 7]
    counted = dict(zip(_sessions.MEASURES, X[0].tolist(), strict=True))
    assert (counted["n_events"], counted["seconds_since_start"], counted["n_view_item"]) == (2.0, 600.0, 2.0)
    assert counted["n_purchase"] == 0.0


def test_another_count_is_no_equal_answer() -> None:
    ids = ["a-1", "a-2"]
    ours = pd.DataFrame(
        {name: [1.0, 2.0] for name in _sessions.MEASURES} | {"session_id": ids, "cluster": [0, 1]}
    )
    names = ["length", "duration", *(f"event_count_bulk_{name}" for name in _sessions.COUNTED.values())]
    peer = pd.DataFrame({name: [1.0, 2.0] for name in names} | {"cluster": [0, 1]}, index=ids)
    benchmark.check_same_measures(ours, peer)
    with pytest.raises(AssertionError, match="duration"):
        benchmark.check_same_measures(ours, peer.assign(duration=[1.0, 3.0]))
