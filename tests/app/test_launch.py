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


def test_port_and_browser_reach_the_server() -> None:
    line = " ".join(launch.command(8765, browser=False))
    assert "--server.port 8765" in line
    assert "--server.headless true" in line
    assert "--server.headless false" in " ".join(launch.command(8765, browser=True))


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
