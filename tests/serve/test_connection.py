"""A connection has bounds, whatever is served on it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

uvicorn = pytest.importorskip("uvicorn", reason="the extra 'api' is not installed")
pytest.importorskip("httptools", reason="the extra 'api' is not installed")

from starlette.types import Receive, Scope, Send  # noqa: E402

from buysignal.serve import connection  # noqa: E402
from buysignal.serve.connection import Connection  # noqa: E402
from buysignal.serve.quick import respond  # noqa: E402

MOST = 3
ASK = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def nothing_else(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, 200, b"{}")


@contextmanager
def serving() -> Iterator[tuple[int, uvicorn.Server]]:
    config = uvicorn.Config(
        nothing_else, http=partial(Connection, most=MOST), lifespan="off", log_config=None, access_log=False
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield listening.getsockname()[1], server
        finally:
            server.should_exit = True
            thread.join()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def answer(one: socket.socket) -> bytes:
    return one.recv(65_536)


def test_one_connection_more_than_allowed_is_told_so() -> None:
    with serving() as (port, _), ExitStack() as open_:
        for _ in range(MOST):
            one = open_.enter_context(connected(port))
            one.sendall(ASK)
            assert answer(one).startswith(b"HTTP/1.1 200")
        with connected(port) as refused:
            head, _, body = answer(refused).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503")
            assert "try again" in json.loads(body)["error"]
            assert answer(refused) == b""
        one.close()
        time.sleep(0.2)
        with connected(port) as again:
            again.sendall(ASK)
            assert answer(again).startswith(b"HTTP/1.1 200")


def test_a_late_head_is_refused_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a new connection, and as the second request of one; what is silent is closed without a word."""
    monkeypatch.setattr(connection, "HEAD_S", 0.3)
    with serving() as (port, _), connected(port) as new, connected(port) as second, connected(port) as silent:
        new.sendall(ASK[:10])
        second.sendall(ASK)
        assert answer(second).startswith(b"HTTP/1.1 200")
        second.sendall(ASK[:10])
        for late in (new, second):
            assert answer(late).startswith(b"HTTP/1.1 408")
            assert answer(late) == b""
        assert answer(silent) == b""


def test_a_last_call_answers_what_is_sent_after_the_end_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LAST_CALL_S", 5.0)
    with serving() as (port, server), connected(port) as one:
        one.sendall(ASK)
        assert answer(one).startswith(b"HTTP/1.1 200")
        server.should_exit = True
        while server.servers[0].is_serving():
            time.sleep(0.01)
        one.sendall(ASK)
        said = answer(one)
        assert said.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in said
        assert answer(one) == b""
