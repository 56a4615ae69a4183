"""The documents hold every figure on file, with the words of the script that measured it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import _page
import _readme
from _results import Row, write_results
from _table import figure, read


def test_the_page_is_what_the_results_and_scripts_say() -> None:
    assert _page.PAGE.read_text(encoding="utf-8") == _page.render(), "run: python benchmarks/_readme.py"


def test_every_figure_on_file_stands_on_the_page() -> None:
    page = _page.PAGE.read_text(encoding="utf-8")
    rows = read()
    assert rows
    for row in rows:
        if row["metric"] == "peak_rss_mb" and row["peer"]:
            shown = f"{row['value']:,.0f} / {row['peer_value']:,.0f}"
        elif row["metric"] == "peak_rss_mb":
            shown = f"{row['value']:,.0f}"
        else:
            shown = figure(row["value"], row["unit"]) if row["unit"] else f"{row['value']:.3f}"
        assert shown in page, row
        assert row["commit"] in page


def test_a_script_says_what_it_measures_and_how_it_is_run() -> None:
    for script in _page.FOLDER.glob("[!_]*.py"):
        assert f"Run: `python benchmarks/{script.name}" in _page.docstring(script), script.name


def test_a_script_without_words_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fold.py").write_text("print(1)\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"fold\.py has no docstring"):
        _page.render(tmp_path, tmp_path)


def test_a_benchmark_without_results_says_how_to_get_them(tmp_path: Path) -> None:
    (tmp_path / "fold.py").write_text('"""The fold.\n\nBoth ``sides`` start\nwarm.\n"""', encoding="utf-8")
    page = _page.render(tmp_path, tmp_path)
    assert "## fold\n\nThe fold.\n\nBoth `sides` start warm.\n\nNo figures on file:" in page


def test_a_peak_stands_beside_the_figure_it_belongs_to(tmp_path: Path) -> None:
    shared = {"benchmark": "sessions", "n": 9, "peer": "retentioneering", "case": "events split"}
    rows = [
        Row(metric="seconds", value=0.5, peer_value=2.0, **shared),  # type: ignore[arg-type]
        Row(metric="peak_rss_mb", value=300.0, peer_value=900.0, **shared),  # type: ignore[arg-type]
    ]
    write_results("sessions", rows, tmp_path)
    line = "events split | 9 | 0.5 s | retentioneering | 2 s | 4 × | 300 / 900 |"
    assert f"| {line}" in _page.section("sessions", "Words.", read(tmp_path))
    assert f"| sessions: {line}" in _readme.render(tmp_path)


def test_the_pages_of_the_app_stand_in_one_line_each(tmp_path: Path) -> None:
    rows = [
        Row(benchmark="pages", metric="seconds", value=seconds, n=9, case=f"demo shop, 9 visitors: {what}")
        for what, seconds in (
            ("Reading the data, first", 2.5),
            ("Visits, first", 1.25),
            ("Visits, again", 0.5),
        )
    ]
    write_results("pages", rows, tmp_path)
    rendered = _page.section("pages", "Words.", read(tmp_path))
    assert "| Reading the data | 2.5 s |  |" in rendered
    assert "| Visits | 1.25 s | 0.5 s |" in rendered
    assert "demo shop, 9 visitors, again" in rendered
