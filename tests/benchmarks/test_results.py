"""Benchmark results keep their form, and a ratio above 1 always means we are the better one."""

from __future__ import annotations

import doctest
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import _markdown
import _process
import _results
import _table
from _results import Row, write_results


def test_a_written_file_has_the_documented_form(tmp_path: Path) -> None:
    rows = [
        Row(benchmark="fold", metric="events_per_s", value=20, n=7, peer="pandas", peer_value=5),
        Row(benchmark="fold", metric="peak_rss_mb", value=300.5, n=7, case="all features"),
    ]
    path = write_results("fold", rows, tmp_path)

    content = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == "fold.json"
    assert set(content) == {"machine", "commit", "rows"}
    assert content["rows"][0] == {
        "benchmark": "fold", "peer": "pandas", "metric": "events_per_s", "unit": "events/s",
        "value": 20.0, "peer_value": 5.0, "ratio": 4.0, "n": 7,
    }  # fmt: skip
    assert content["rows"][1]["peer"] is content["rows"][1]["ratio"] is None
    assert content["rows"][1]["case"] == "all features"
    assert content["machine"]["cores"] >= 1
    assert re.fullmatch(r"[0-9a-f]{12}(\+changes)?|unknown", content["commit"])


@pytest.mark.parametrize(
    ("metric", "ours", "theirs", "better"),
    [
        ("seconds", 1.0, 2.0, True),
        ("p99_us", 9.0, 3.0, False),
        ("roc_auc", 0.8, 0.6, True),
        ("rmse", 2.0, 1.0, False),
    ],
)
def test_the_ratio_follows_the_direction_of_the_metric(
    metric: str, ours: float, theirs: float, better: bool
) -> None:
    row = Row(benchmark="score", metric=metric, value=ours, n=1, peer="polars", peer_value=theirs)
    assert row.ratio is not None
    assert (row.ratio > 1) is better


@pytest.mark.parametrize(
    "changed",
    [
        {"benchmark": "folds"},
        {"metric": "speed"},
        {"peer": "excel"},
        {"peer_value": None},
        {"value": float("nan")},
        {"peer_value": float("inf")},
    ],
)
def test_a_row_outside_the_vocabulary_is_refused(changed: dict[str, object]) -> None:
    good: dict[str, object] = {
        "benchmark": "fold", "metric": "seconds", "value": 1.0, "n": 1, "peer": "pandas", "peer_value": 2.0,
    }  # fmt: skip
    Row(**good)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r".+"):
        Row(**{**good, **changed})  # type: ignore[arg-type]


def test_a_file_holds_rows_of_its_own_benchmark_only(tmp_path: Path) -> None:
    row = Row(benchmark="click", metric="p50_us", value=1.0, n=1)
    with pytest.raises(ValueError, match="click"):
        write_results("fold", [row], tmp_path)
    with pytest.raises(ValueError, match="nothing"):
        write_results("fold", [], tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_table_shows_every_row(tmp_path: Path) -> None:
    rows = [
        Row(benchmark="fold", metric=metric, value=value, n=1234, peer="polars", peer_value=peer_value)
        for metric, value, peer_value in (("seconds", 1.5, 3.0), ("peak_rss_mb", 400.0, 2000.0))
    ]
    write_results("fold", rows, tmp_path)
    conversion = Row(benchmark="conversion", metric="roc_auc", value=0.87654, n=99, case="late [leak]")
    write_results("conversion", [conversion], tmp_path)
    demo = Row(benchmark="demo", metric="peak_rss_mb", value=612.0, n=5_000_000, case="written")
    write_results("demo", [demo], tmp_path)

    console = Console(width=_table.WIDTH, record=True)
    console.print(_table.table(_table.read(tmp_path)))
    shown = console.export_text()

    assert re.search(r"^fold: against polars +1,234 +1\.5 s +3 s +2 +400 / 2,000 ", shown, re.MULTILINE)
    assert re.search(r"^conversion: late \[leak\], roc_auc +99 +0\.8765 ", shown, re.MULTILINE)
    assert re.search(r"^demo: written +5 M +612 MB ", shown, re.MULTILINE)
    assert len(shown.splitlines()) == 5  # title, heads, and one line a figure


def test_every_benchmark_script_is_named_after_a_known_benchmark() -> None:
    scripts = {p.stem for p in Path(_results.__file__).parent.glob("[!_]*.py")}
    assert scripts <= set(_results.BENCHMARKS)


@pytest.mark.parametrize("module", [_results, _table, _process, _markdown])
def test_the_examples_hold(module: ModuleType) -> None:
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0
