"""Start the app's server, open the page when it answers, and wait for its end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from importlib.util import find_spec
from pathlib import Path

from buysignal.errors import DependencyError

SCRIPT = Path(__file__).with_name("main.py")

PATIENCE = 60.0
"""Seconds in which a server that starts answers, also on a slow machine."""


def launch(port: int = 8501, browser: bool = True) -> int:
    """Serve the app on this machine until it is stopped, and return the server's exit code.

    Args:
        port: on localhost.
        browser: open the page once the server answers.

    Raises:
        DependencyError: streamlit or plotly is not installed.
    """
    for package in ("streamlit", "plotly"):
        if find_spec(package) is None:
            raise DependencyError(package, "app")
    server = subprocess.Popen(command(port))
    if browser:
        threading.Thread(target=_open, args=(server, port), name="browser", daemon=True).start()
    try:
        return server.wait()
    except KeyboardInterrupt:
        # The terminal sends Ctrl-C to the server too: it is closing its connections now.
        return _closed(server)


def command(port: int) -> list[str]:
    """Return the command line of the server.

    It opens no browser: a server that does so itself asks its visitors to become Streamlit developers.
    """
    return [
        sys.executable, "-m", "streamlit", "run", str(SCRIPT),
        "--server.port", str(port),
        "--server.headless", "true",
    ]  # fmt: skip


def _open(server: subprocess.Popen[bytes], port: int) -> None:
    """Open the page as soon as it can be seen; a server that ends first is not waited for."""
    if answers(server, f"http://localhost:{port}/_stcore/health"):
        webbrowser.open(f"http://localhost:{port}")


def answers(server: subprocess.Popen[bytes], url: str, patience: float = PATIENCE) -> bool:
    """Wait until ``url`` answers; False where the server ends or ``patience`` (seconds) does."""
    until = time.monotonic() + patience
    while server.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return True
    return False


def _closed(server: subprocess.Popen[bytes]) -> int:
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    return 0
