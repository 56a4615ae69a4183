"""A load generator in a process of its own: raw sockets that stay open, one request under way on each.

Open loop: each request has a moment at which it should be sent, whatever became of those before it, and its
latency is measured from that moment. A server that stalls is charged for everybody who waits. With a rate of
0 every connection sends its next request as soon as it has an answer, which gives the most there is.

Run: ``python benchmarks/_rest_load.py PORT REQUESTS --rate 1000 --seconds 10``; REQUESTS is a file with one
``PATH BODY`` a line. It prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CONNECTIONS = 32


@dataclass(frozen=True)
class Told:
    """What a run found.

    Attributes:
        requests: answered.
        wrong: with another status than 200.
        seconds: from the first request to the last answer.
        p50_ms, p90_ms, p99_ms, worst_ms: from the moment a request should have been sent to its answer.
    """

    requests: int
    wrong: int
    seconds: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    worst_ms: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def request_of(path: str, body: bytes) -> bytes:
    """Return a request as bytes."""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    return head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


def load(
    port: int,
    requests: list[bytes],
    rate: float,
    seconds: float,
    connections: int = CONNECTIONS,
    clock: Callable[[], float] = time.perf_counter,
) -> Told:
    """Send requests for so many seconds; each of them once, so there must be enough.

    Args:
        rate: requests a second; 0 sends as fast as answers come.
    """
    poll = select.epoll()
    open_ = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    by_number = {}
    for one in open_:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(one.fileno(), select.EPOLLIN)
        by_number[one.fileno()] = one
    free, due_of, parts = deque(open_), {}, {}
    latencies, wrong, sent = [], 0, 0
    begin = last = clock()
    wanted = min(int(rate * seconds), len(requests)) if rate else len(requests)
    while True:
        now = clock()
        over = now - begin >= seconds
        while free and sent < wanted and not (over and not rate):
            due = begin + sent / rate if rate else now
            if due > now:
                break
            one = free.popleft()
            one.send(requests[sent])
            due_of[one.fileno()] = due
            sent += 1
        if not due_of and (sent >= wanted or (over and not rate)):
            break
        wait = max(begin + sent / rate - clock(), 0.0) if rate and free and sent < wanted else 1.0
        # The kernel wakes late by up to a millisecond; the last stretch is waited for awake.
        for number, _ in poll.poll(wait if wait > 0.002 else 0):
            content = parts.pop(number, b"") + by_number[number].recv(65_536)
            if not is_whole(content):
                parts[number] = content
                continue
            last = clock()
            latencies.append(last - due_of.pop(number))
            wrong += not content.startswith(b"HTTP/1.1 200")
            free.append(by_number[number])
    for one in open_:
        one.close()
    p50, p90, p99, worst = np.quantile(np.array(latencies) * 1e3, [0.5, 0.9, 0.99, 1.0])
    return Told(len(latencies), wrong, last - begin, float(p50), float(p90), float(p99), float(worst))


def is_whole(content: bytes) -> bool:
    """Return whether an answer has arrived to its end.

    Raises:
        ConnectionError: the server closed the connection.
    """
    if not content:
        raise ConnectionError("the server closed a connection")
    head, blank, body = content.partition(b"\r\n\r\n")
    at = head.find(b"content-length: ")
    if not blank or at < 0:
        return False
    return len(body) >= int(head[at + 16 :].split(b"\r\n", 1)[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("port", type=int)
    parser.add_argument("requests", type=Path)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    asked = parser.parse_args()
    lines = [line.split(b" ", 1) for line in asked.requests.read_bytes().splitlines()]
    found = load(
        asked.port,
        [request_of(path.decode(), body) for path, body in lines],
        asked.rate,
        asked.seconds,
        asked.connections,
    )
    print(json.dumps(found.__dict__ | {"per_second": found.per_second}))
