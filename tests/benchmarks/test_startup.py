"""What is measured of a start, and how it stands in the table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import startup
from _process import Ran


def test_seconds_and_memory_stand_beside_the_target() -> None:
    case = startup.Case("check 10 clicks", ["true"], n=10, target=2.0)
    rows = startup.rows_of(case, Ran(1.5, 2.5, 80.0))
    assert {row.metric: row.value for row in rows} == {
        "seconds": 1.5, "cpu_seconds": 2.5, "peak_rss_mb": 80.0,
    }  # fmt: skip
    assert {(row.case, row.n, row.peer) for row in rows} == {("check 10 clicks (target 2 s)", 10, None)}


def test_a_case_is_run_warm_and_as_often_as_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marks = tmp_path / "marks"
    program = f"open({str(marks)!r}, 'a').write('x')"
    rows = startup.measured(startup.Case("mark", [sys.executable, "-c", program], times=3))
    assert marks.read_text() == "x" * 4
    assert all(row.value > 0 for row in rows)
    assert "mark" in capsys.readouterr().out


def test_what_is_measured_are_the_commands_one_types() -> None:
    cases = {case.name: case for case in startup.starts()}
    assert cases["buysignal --help"].target == startup.HELP_SECONDS == 0.3
    eshop = startup.on_eshop(Path("e.zip"), Path("out"), training=True)
    assert [case.target for case in eshop] == [startup.CHECK_SECONDS, startup.TRAIN_SECONDS] == [2.0, 120.0]
    assert "--fast" not in eshop[1].command
    assert eshop[1].times == 1


def test_without_the_real_data_nothing_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"):
        monkeypatch.setenv(variable, "1")  # so that both are put back after the script has set them
    monkeypatch.setenv("BUYSIGNAL_DATA", str(tmp_path))
    monkeypatch.setattr(startup, "starts", list)
    monkeypatch.setattr(startup, "first_scores", lambda _folder: [])
    with pytest.raises(SystemExit) as ended:
        startup.main([])
    assert ended.value.code == 77
