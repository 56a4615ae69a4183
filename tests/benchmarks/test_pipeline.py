"""The way from files to features: what is compared, and the sums made of it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import pipeline
from _duckdb_sort import BY_ARRIVAL, sort_files
from _process import Ran, run
from shop import Shop


def size(millions: int, events: int, ours: float, peer: float) -> pipeline.Size:
    """Return a size where the command took so many seconds on one core, alone."""
    took = dict.fromkeys(pipeline.OURS, ours) | {pipeline.PEER: peer}
    return pipeline.Size(
        millions, events, {name: pipeline.Side(Ran(s, s, 100 * s), s) for name, s in took.items()}
    )


def test_the_cost_of_an_event_leaves_the_start_out() -> None:
    small, first, second = size(0, 0, 4.0, 1.0), size(1, 1_000, 6.0, 2.0), size(10, 10_000, 34.0, 11.0)
    rows = pipeline.growth(small, [first, second])
    assert len(rows) == len(pipeline.OURS)
    for row in rows:  # ours: 2 s per 1,000 events, then 3 s; the peer: 1 s both times
        assert (row.value, row.peer_value) == (pytest.approx(1.5), pytest.approx(1.0))
        assert row.ratio == pytest.approx(1 / 1.5)


def test_every_way_is_told_in_speed_seconds_memory_and_bytes() -> None:
    rows = pipeline.rows_of(size(1, 1_000, 4.0, 1.0))
    assert {row.case for row in rows} == {f"1 million events, {name}" for name in pipeline.OURS}
    found = {row.metric: (row.value, row.peer_value) for row in rows}
    assert found["events_per_s"] == (250.0, 1_000.0)
    assert found["peak_rss_mb"] == (400.0, 100.0)
    assert "events_per_s" not in {row.metric for row in pipeline.rows_of(size(0, 9, 4.0, 1.0))}


def test_both_sides_read_the_same_files_and_lose_no_row(shop: Shop, tmp_path: Path) -> None:
    made, files = tmp_path / "made", tmp_path / "files"
    made.mkdir()
    shutil.copy(shop.events, made)
    sort_files(made, files, pipeline.MEMORY, 1, BY_ARRIVAL)
    events = pipeline.rows_in(files)
    assert events == pq.read_metadata(shop.events).num_rows
    for name in ("a bundle's vocabulary", pipeline.PEER):
        out = tmp_path / name
        ran = run(pipeline.command_of(name, files, out, shop.folder))
        pipeline.check(name, ran, out, events)
        with pytest.raises(AssertionError):
            pipeline.check(name, ran, out, events + 1)
    visitors = pq.read_table(tmp_path / pipeline.PEER).column("visitor_id").to_pylist()
    assert visitors == sorted(visitors)
