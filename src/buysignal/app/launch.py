"""Start the app's server and wait for its end."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from buysignal.errors import DependencyError

SCRIPT = Path(__file__).with_name("main.py")


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
    server = subprocess.Popen(command(port, browser))
    try:
        return server.wait()
    except KeyboardInterrupt:
        # The terminal sends Ctrl-C to the server too: it is closing its connections now.
        return _closed(server)


def command(port: int, browser: bool) -> list[str]:
    """Return the command line of the server."""
    return [
        sys.executable, "-m", "streamlit", "run", str(SCRIPT),
        "--server.port", str(port),
        "--server.headless", str(not browser).lower(),
    ]  # fmt: skip


def _closed(server: subprocess.Popen[bytes]) -> int:
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    return 0
