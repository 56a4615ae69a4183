"""The scripts of schedulers, run as they are: exit codes, pages, figures that are pushed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from shop import Shop

from .reading import CHART, DEPLOY, ROOT, run

JOBS = DEPLOY / "cron" / "run-jobs.sh"
HAVE_DATE = run("date", "-u", "-d", "7 days ago", "+%F").returncode == 0
pytestmark = pytest.mark.skipif(not HAVE_DATE, reason="this system's date does not know -d")


@pytest.fixture
def pushed() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """The address of what takes figures as a Pushgateway does, and what it was given."""
    taken: list[tuple[str, bytes]] = []

    class Takes(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            taken.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Takes)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", taken
    server.shutdown()
    server.server_close()


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **more}


def days_since_the_test_slice(shop: Shop) -> int:
    begins = shop.bundle.manifest.test_from
    assert begins is not None
    return (datetime.now(UTC).date() - begins.date()).days


def test_the_scheduled_look_writes_a_page_and_pushes_the_figures(
    shop: Shop, tmp_path: Path, pushed: tuple[str, list[tuple[str, bytes]]]
) -> None:
    address, taken = pushed
    done = run(
        "sh", CHART / "files" / "monitor.sh", "--json",
        env=environment(
            BUNDLE=str(shop.folder), EVENTS=str(shop.events), DAYS=str(days_since_the_test_slice(shop)),
            PAGES=str(tmp_path / "pages"), PUSHGATEWAY=address,
        ),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (page,) = (tmp_path / "pages").glob("20*.html")
    assert page.stat().st_size > 1_000
    ((path, figures),) = taken
    assert path == "/metrics/job/buysignal-monitor"
    assert figures == (tmp_path / "pages" / "buysignal.prom").read_bytes()
    assert b"buysignal_monitor_alarm" in figures


def test_a_mistake_is_no_alarm(tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    done = run(
        JOBS, "retrain",
        env=environment(BUYSIGNAL_EVENTS=str(tmp_path / "none"), BUYSIGNAL_REGISTRY=str(registry)),
    )  # fmt: skip
    assert done.returncode == 2
    assert "none" in done.stdout
    assert run(JOBS, "dance").returncode == 2


def test_what_the_crontab_and_systemd_start_is_there() -> None:
    table = (DEPLOY / "cron" / "buysignal.crontab").read_text(encoding="utf-8")
    lines = [line.split(maxsplit=5) for line in table.splitlines() if line[:1].isdigit()]
    assert {line[5].split()[-1] for line in lines} == {"monitor", "retrain"}
    for line in lines:
        assert (ROOT / line[5].split()[0].removeprefix("/opt/buysignal/")).is_file()
    units = sorted((DEPLOY / "systemd").iterdir())
    assert [u.name for u in units] == [
        "buysignal@.service", "buysignal@monitor.timer", "buysignal@retrain.timer"
    ]  # fmt: skip
    assert "ExecStart=/opt/buysignal/deploy/cron/run-jobs.sh %i" in units[0].read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there")
def test_systemd_understands_its_calendar() -> None:
    for unit in (DEPLOY / "systemd").glob("*.timer"):
        (when,) = [
            line.removeprefix("OnCalendar=")
            for line in unit.read_text(encoding="utf-8").splitlines()
            if line.startswith("OnCalendar=")
        ]
        assert run("systemd-analyze", "calendar", when).returncode == 0
