"""Many connections at once: ten thousand that say nothing, and requests under way when the server ends."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from buysignal import bundle as bundles
from buysignal.segment_names import rename_segments
from shop import Shop

from .conftest import Server, started, swaps, until

OPEN = 10_000
ASKING = 24
CLICK = {"visitor_id": "ann", "event_name": "view_item", "item_id": "BOO-034", "price": 10.99}


@contextmanager
def many_files(count: int) -> Iterator[None]:
    """Let this process have so many open files; skips where the system does not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"a process may have {hard:,} open files here, and {count:,} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ten_thousand_open_connections_stop_nobody(server: Server) -> None:
    with many_files(OPEN + 500), ExitStack() as open_:
        for _ in range(OPEN):
            open_.enter_context(server.connect())
        with server.client() as client:
            for number in range(20):
                assert client.click({**CLICK, "visitor_id": f"among-{number}"})["clicks"] == 1
            assert client.ready()["status"] == "ready"
    with server.client() as client:
        assert client.visit([CLICK])["clicks"] == 1


def request(number: int) -> bytes:
    body = json.dumps({"event": {**CLICK, "visitor_id": f"v{number}"}}).encode()
    return b"POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def answered(one: socket.socket) -> tuple[bytes, dict[str, object]]:
    """Read one answer; fails where the connection ends before it does."""
    found = b""
    while b"\r\n\r\n" not in found:
        piece = one.recv(65_536)
        assert piece, "a request was sent and not answered"
        found += piece
    head, _, body = found.partition(b"\r\n\r\n")
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        piece = one.recv(65_536)
        assert piece, "an answer was cut off"
        body += piece
    return head, json.loads(body)


def ask_until_closed(server: Server, number: int) -> list[dict[str, object]]:
    """Click again and again on one connection, until the server says that it closes it."""
    found = []
    with server.connect() as one:
        while True:
            one.sendall(request(number))
            head, answer = answered(one)
            assert head.startswith(b"HTTP/1.1 200"), head
            found.append(answer)
            if b"connection: close" in head:
                assert one.recv(1) == b""
                return found


def test_a_new_bundle_a_broken_one_and_the_end_lose_no_request(shop: Shop, tmp_path: Path) -> None:
    """Clicks on many connections go on all the while, and a slow request is under way when the end comes."""
    folder = tmp_path / "bundle"
    shutil.copytree(shop.folder, folder)
    names = {one.segment: f"kind {one.segment}" for one in shop.bundle.segment_profiles}
    with (
        started(folder, tmp_path / "log", "--no-watch") as server,
        ThreadPoolExecutor(ASKING) as pool,
        ExitStack() as open_,
    ):
        asked = [pool.submit(ask_until_closed, server, number) for number in range(ASKING)]
        try:
            rename_segments(shop.folder, names, folder)
            renamed = bundles.load(folder).version
            os.kill(server.process.pid, signal.SIGHUP)
            until(lambda: swaps(server) == 1)
            (folder / "manifest.json").write_text("{}")
            os.kill(server.process.pid, signal.SIGHUP)
            until(lambda: "degraded" in httpx.get(f"{server.url}/readyz").text)
            assert swaps(server) == 1
            slow, whole = open_.enter_context(server.connect()), request(ASKING)
            slow.sendall(whole)
            assert answered(slow)[0].startswith(b"HTTP/1.1 200")
            slow.sendall(whole[:-10])
            time.sleep(0.3)
        finally:
            server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        slow.sendall(whole[-10:])
        assert answered(slow)[0].startswith(b"HTTP/1.1 200")
        answers = [one.result(60) for one in asked]
        # Once it has ended well, uvicorn lets the signal have its way.
        assert server.process.wait(30) in (0, -signal.SIGTERM)
    for found in answers:
        assert [one["clicks"] for one in found] == [min(n + 1, 500) for n in range(len(found))]
        assert found[-1]["bundle_version"] == renamed
    assert {one["bundle_version"] for found in answers for one in found} == {shop.bundle.version, renamed}
    assert '"stopped"' in (tmp_path / "log").read_text()
