"""A worker's health over HTTP: three small pages, by the conventions of the REST door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from buysignal.errors import InputError
from buysignal.stream.worker import Worker

_PAGES = "/healthz, /readyz, /metrics"


@contextmanager
def health_served(worker: Worker, port: int, host: str = "127.0.0.1") -> Iterator[int]:
    """Answer questions about a worker beside its work; yields the port, a free one where 0 was asked for.

    Raises:
        InputError: the address cannot be used.
    """
    try:
        server = ThreadingHTTPServer((host, port), _handler(worker))
    except OSError as error:
        raise InputError(
            f"{host}:{port} cannot be listened to: {error.strerror}",
            allowed="a free port of this machine",
            todo="choose another --health-port",
        ) from error
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True, name="health").start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def ready(worker: Worker) -> dict[str, Any]:
    """Return whether a worker can score, and with what; ``degraded`` says why not."""
    bundle, done, because = worker.bundle, worker.done, worker.condition.because
    return {
        "status": "ready" if because is None else "degraded",
        "degraded_because": because,
        "bundle_version": bundle.version,
        "goal": bundle.goal.name,
        "proxy": bundle.goal.proxy,
        "simulated": bundle.manifest.dataset.simulated,
        "recommendations": bundle.recommender is not None,
        "partitions": done.partitions,
        "visitors": done.visitors,
        "lag": done.lag,
    }


def _handler(worker: Worker) -> type[BaseHTTPRequestHandler]:
    class Pages(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._json(200, {"status": "ok"})
            elif self.path == "/readyz":
                self._json(200, ready(worker))
            elif self.path == "/metrics":
                self._answer(200, worker.figures.content_type, worker.figures.text())
            else:
                self._json(404, {"error": f"There is no such page. Allowed: {_PAGES}."})

        def _json(self, status: int, content: dict[str, Any]) -> None:
            self._answer(status, "application/json", json.dumps(content).encode())

        def _answer(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: health is asked every few seconds."""

    return Pages
