"""``mlflow models serve`` with the same bundle, and whole visits as both servers are asked for them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pyarrow as pa

from _rest_server import PATIENCE_S, SENT, free_port
from buysignal.mlflow_model import save_model

Visit = list[dict[str, Any]]

LONGEST = 50
"""Visits that are asked for have so many events at most."""


def visits_of(events: pa.Table, most: int) -> list[Visit]:
    """Return the events of so many visitors with one visit each, as a shop sends them."""
    found: dict[str, Visit] = {}
    for event in events.select([*SENT, "event_time"]).to_pylist():
        sent = {name: event[name] for name in SENT if event[name] is not None}
        sent["event_time"] = event["event_time"].isoformat()
        found.setdefault(event["visitor_id"], []).append(sent)
    whole = [
        visit for visit in found.values()
        if len(visit) <= LONGEST and len({event["session_id"] for event in visit}) == 1
    ]  # fmt: skip
    return whole[:most]


def for_buysignal(visits: Sequence[Visit]) -> list[bytes]:
    """Return the visits as bodies of ``/v1/score``."""
    return [json.dumps({"events": visit}).encode() for visit in visits]


def for_mlflow(visits: Sequence[Visit]) -> list[bytes]:
    """Return the same visits as bodies of ``/invocations``."""
    return [json.dumps({"dataframe_records": visit}).encode() for visit in visits]


@contextmanager
def mlflow_served(bundle: Path, folder: Path) -> Iterator[int]:
    """Serve a bundle with MLflow in a process group of its own; gives the port, and ends the group."""
    port = free_port()
    model = save_model(bundle, folder / "mlflow-model")
    program = shutil.which("mlflow", path=str(Path(sys.executable).parent)) or "mlflow"
    command = [program, "models", "serve", "-m", str(model), "-p", str(port), "--env-manager", "local"]
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "PATH": places, "OMP_NUM_THREADS": "1"},
    ) as process:  # fmt: skip
        try:
            _until_it_answers(port, process)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(PATIENCE_S)


def asked_once(url: str, body: bytes) -> Any:
    """Return one answer."""
    request = Request(url, body, {"content-type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def _until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        try:
            with urlopen(f"http://127.0.0.1:{port}/ping", timeout=1):
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("MLflow's server does not answer")
