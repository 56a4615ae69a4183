"""Starting the app: the command, its settings, a clean stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from buysignal.app import launch
from buysignal.errors import DependencyError

ROOT = Path(__file__).parents[2]


def test_without_streamlit_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match=r"buysignal\[app\]"):
        launch.launch(8501, browser=False)


def test_the_server_has_the_port_and_opens_no_browser_itself() -> None:
    line = " ".join(launch.command(8765))
    assert "--server.port 8765" in line
    assert "--server.headless true" in line


@pytest.mark.skipif(os.name == "nt", reason="$BROWSER is read on POSIX systems only")
def test_the_page_is_opened_once_the_server_answers(tmp_path: Path) -> None:
    """A browser of ours, named as users name theirs, notes the address and whether the page was there."""
    port, note = free_port(), tmp_path / "opened"
    browser = tmp_path / "browser"
    fetch = (
        "import sys, urllib.request as u; page = u.urlopen(sys.argv[1]).read(); "
        f"open({str(note)!r}, 'wb').write(page)"
    )
    browser.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{fetch}" "$1"\n')
    browser.chmod(0o755)
    program = f"import sys; from buysignal.app.launch import launch; sys.exit(launch({port}))"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "BROWSER": f"{browser} %s"},
        start_new_session=True,
    )
    try:
        for _ in range(240):
            if note.exists() and note.stat().st_size:
                break
            assert process.poll() is None
            time.sleep(0.25)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=30)
    assert b"<title>" in note.read_bytes()


def test_a_server_that_ends_is_not_waited_for() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(timeout=30)
    assert not launch.answers(ended, "http://127.0.0.1:9/none")


def test_both_ways_to_start_have_the_same_settings() -> None:
    beside_app_py = ROOT / ".streamlit" / "config.toml"
    in_package = launch.SCRIPT.parent / ".streamlit" / "config.toml"
    assert beside_app_py.read_text() == in_package.read_text()
    assert "gatherUsageStats = false" in in_package.read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent to a process group, which Windows does not have")
def test_ctrl_c_ends_it_cleanly() -> None:
    port = free_port()
    program = f"import sys; from buysignal.app.launch import launch; sys.exit(launch({port}, browser=False))"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        for _ in range(240):
            if answers(port):
                break
            assert process.poll() is None
            time.sleep(0.25)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0
    assert b"Traceback" not in errors
    assert not answers(port)
