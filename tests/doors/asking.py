"""Events sent over HTTP one by one, on raw connections that stay open."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zlib import crc32

import orjson

Request = tuple[str, bytes]

OK, REFUSED = 200, 422


def ask_one_by_one(port: int, requests: Sequence[Request], connections: int = 4) -> list[dict[str, Any]]:
    """Return the answers; a visitor's events are sent in their order, each after the answer to the last.

    Args:
        requests: visitor and body.
    """
    dealt: list[list[bytes]] = [[] for _ in range(connections)]
    for visitor, body in requests:
        dealt[crc32(visitor.encode()) % connections].append(body)
    with ThreadPoolExecutor(connections) as pool:
        return [answer for own in pool.map(lambda bodies: _asked(port, bodies), dealt) for answer in own]


def _asked(port: int, bodies: Iterable[bytes]) -> list[dict[str, Any]]:
    answers = []
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for body in bodies:
            head = (
                "POST /v1/score HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)
            status, content = _answer(connection)
            assert status in (OK, REFUSED), content
            if status == OK:
                answers.append(orjson.loads(content))
            else:
                assert b"consent" in content
    return answers


def _answer(connection: socket.socket) -> tuple[int, bytes]:
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(connection)
    head = received[:end].decode().lower().split("\r\n")
    length = next(int(line.split(":")[1]) for line in head if line.startswith("content-length:"))
    while len(received) < end + 4 + length:
        received += _more(connection)
    return int(head[0].split()[1]), received[end + 4 :]


def _more(connection: socket.socket) -> bytes:
    found = connection.recv(65_536)
    assert found, "the server closed the connection"
    return found
