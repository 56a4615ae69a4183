"""A real server on a free port, and what is sent to it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from buysignal import sources
from buysignal.client import Client, ServerError
from buysignal.events import consenting
from shop import Shop

SENT = (
    "visitor_id", "session_id", "event_time", "event_name", "item_id", "category", "price", "quantity",
    "country", "device", "channel", "page",
)  # fmt: skip
PATIENCE_S = 120


@dataclass(frozen=True)
class Server:
    """A server of a process of its own."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **options: Any) -> Client:
        return Client(self.url, **options)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


@contextmanager
def started(
    bundle: Path,
    log: Path,
    *options: str,
    environment: dict[str, str] | None = None,
) -> Iterator[Server]:
    """Start ``buysignal serve``, wait until it answers, and end it by its own id."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    program = shutil.which("buysignal", path=str(Path(sys.executable).parent))
    command = [str(program), "serve", str(bundle), "--port", str(port), *options]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stderr=stream, env={**os.environ, **(environment or {})})
    server = Server(port, process, log)
    try:
        until = time.monotonic() + PATIENCE_S
        while not answers(server):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)


def answers(server: Server) -> bool:
    with server.client(timeout_s=5) as client:
        try:
            return client.ready()["status"] in ("ready", "degraded")
        except ServerError:
            return False


def swaps(server: Server) -> int:
    """Return how often the server says that it exchanged its bundle."""
    text = httpx.get(f"{server.url}/metrics").text
    found = [
        line for line in text.splitlines() if line.startswith('buysignal_bundle_swaps_total{how="done"}')
    ]
    return int(float(found[0].split()[-1])) if found else 0


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="session")
def server(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that change nothing about it."""
    pytest.importorskip("fastapi", reason="the extra 'api' is not installed")
    with started(shop.folder, tmp_path_factory.mktemp("serve") / "log") as found:
        yield found


@pytest.fixture(scope="session")
def events(shop: Shop) -> pa.Table:
    """Dirty demo events as they were read, in the order they happened, but those without consent."""
    table, _ = consenting(sources.load(shop.events).table.slice(0, 3_000))
    return table.sort_by([("event_time", "ascending"), ("event_seq", "ascending")])


def as_sent(table: pa.Table) -> list[dict[str, Any]]:
    """Return events as a shop sends them: no empty keys, times as text."""
    found = []
    for event in table.select(list(SENT)).to_pylist():
        sent = {name: value for name, value in event.items() if value is not None}
        if "event_time" in sent:
            sent["event_time"] = sent["event_time"].isoformat()
        found.append(sent)
    return found
