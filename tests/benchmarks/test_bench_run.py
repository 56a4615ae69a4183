"""Measured commands show their own memory and nobody else's; a failing benchmark stops no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import _run
from _process import CommandFailed, run
from _results import SKIPPED, skip


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_peak_is_the_commands_own_and_not_that_of_who_started_it() -> None:
    held = bytearray(200 * 2**20)
    held[:: 2**12] = b"\1" * len(held[:: 2**12])  # touched, so that it is resident
    small = run([sys.executable, "-I", "-S", "-c", "pass"])
    large = run([sys.executable, "-I", "-S", "-c", "held = b'1' * (150 * 2**20)"])
    assert small.peak_mb < 100
    assert 150 < large.peak_mb < 200
    assert len(held) > 0


def test_a_command_may_use_only_the_cores_it_is_given() -> None:
    asked = "import os; print(len(os.sched_getaffinity(0)), os.environ['NUMBA_NUM_THREADS'])"
    if sys.platform != "linux":
        pytest.skip("only Linux pins a process to cores")
    assert run([sys.executable, "-c", asked], cores=1).output.split() == ["1", "1"]


def test_a_command_that_fails_says_its_last_words() -> None:
    command = [sys.executable, "-c", "raise SystemExit('the disk is full')"]
    with pytest.raises(CommandFailed, match="code 1: the disk is full"):
        run(command)
    assert run(command, check=False).code == 1
    with pytest.raises(FileNotFoundError, match="no program nowhere"):
        run(["nowhere"])


def test_an_interrupted_benchmark_leaves_no_command_behind(tmp_path: Path) -> None:
    told = repr(str(tmp_path / "pid"))
    text = f"import os, pathlib, time; pathlib.Path({told}).write_text(f'{{os.getpid()}} '); time.sleep(600)"
    waits = program(tmp_path, "waits", text)
    measures = f"import sys; sys.path.insert(0, {str(_run.FOLDER)!r}); import _process\n"
    measures += f"_process.run([sys.executable, {str(waits)!r}])"
    with subprocess.Popen([sys.executable, "-c", measures], stderr=subprocess.DEVNULL) as benchmark:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().endswith(" "):
            assert benchmark.poll() is None
            time.sleep(0.05)
        benchmark.send_signal(signal.SIGINT)
    assert benchmark.returncode != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_failing_script_stops_no_other_and_a_skipped_one_is_no_failure(tmp_path: Path) -> None:
    scripts = [
        program(tmp_path, "broken", "raise ValueError"),
        program(tmp_path, "absent", f"raise SystemExit({SKIPPED})"),
        program(tmp_path, "fine", f"open({str(tmp_path / 'ran')!r}, 'w').close()"),
    ]
    ended = _run.run_all(scripts)
    assert [one.failed for one in ended] == [True, False, False]
    assert (tmp_path / "ran").exists()
    assert "FAILED with code 1" in str(ended[0])
    assert "skipped" in str(ended[1])


def test_only_scripts_that_know_the_large_sizes_are_asked_for_them(tmp_path: Path) -> None:
    told = f"import sys; open({str(tmp_path / 'told')!r}, 'a').write(repr(sys.argv[1:]))"
    knows = program(tmp_path, "knows", f'{told}  # "--large"')
    plain = program(tmp_path, "plain", told)
    _run.run_all([knows, plain], large=True)
    _run.run_all([knows], large=False)
    assert (tmp_path / "told").read_text() == "['--large'][][]"


def test_a_script_that_cannot_run_here_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        skip("there is no chromium on the path")
    assert end.value.code == SKIPPED
    assert "no chromium" in capsys.readouterr().out


def test_every_script_of_the_suite_is_found_and_an_unknown_name_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert {"fold", "conversion"} <= set(_run.scripts(_run.FOLDER))
    with pytest.raises(SystemExit):
        _run.main(["folds"])
    assert "there is no benchmark folds" in capsys.readouterr().err
