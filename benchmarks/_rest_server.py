"""A server to measure: a bundle served by the command line on a free port, and the requests for it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pyarrow as pa

from buysignal import training
from buysignal.events import consenting
from buysignal.sources.demo import write_demo
from buysignal.sources.read import load

VISITORS = 20_000
TRAINED_ON = 5_000
PATIENCE_S = 120
SENT = ("visitor_id", "session_id", "event_name", "item_id", "category", "price", "quantity", "country",
         "device", "channel", "page")  # fmt: skip


def trained(folder: Path) -> Path:
    """Return a bundle trained quickly on a small demo shop, its champion XGBoost."""
    options = training.Options(fast=True, imbalance="none", champion="xgboost")
    source = write_demo(folder / "small", TRAINED_ON, 28, seed=0).events
    return training.train([source], out=folder / "bundle", options=options).path


def demo_events(folder: Path) -> pa.Table:
    """Return consented events of a demo shop as they happened, visits of many visitors beside each other."""
    table, _ = consenting(load(write_demo(folder / "large", VISITORS, 28, seed=1).events).table)
    return table.sort_by([("event_time", "ascending"), ("event_seq", "ascending")])


def bodies(events: pa.Table) -> list[bytes]:
    """Return a request for each event: the next click of a visit that the server keeps."""
    kept = events.select([*SENT, "event_time"]).to_pylist()
    found = []
    for event in kept:
        sent = {name: event[name] for name in SENT if event[name] is not None}
        sent["event_time"] = event["event_time"].isoformat()
        found.append(json.dumps({"event": sent}).encode())
    return found


def write_requests(place: Path, path: str, found: list[bytes]) -> Path:
    """Write what ``_rest_load`` reads."""
    place.write_bytes(b"".join(path.encode() + b" " + body + b"\n" for body in found))
    return place


@contextmanager
def served(bundle: Path, *options: str) -> Iterator[int]:
    """Serve a bundle in a process of its own; gives the port, and ends the process afterwards."""
    with served_process(bundle, *options) as (port, _):
        yield port


@contextmanager
def served_process(bundle: Path, *options: str) -> Iterator[tuple[int, int]]:
    """Do as ``served``; gives the port and the id of the process."""
    port = free_port()
    program = shutil.which("buysignal", path=str(Path(sys.executable).parent)) or "buysignal"
    command = [program, "serve", str(bundle), "--port", str(port), "--no-watch", *options]
    with subprocess.Popen(
        command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"}
    ) as process:
        try:
            _until_ready(port, process)
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the server does not answer")
