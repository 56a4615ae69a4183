"""Servers that share a Redis: one memory, and what is answered while Redis is away and when it is back."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from buysignal.client import ServerError
from buysignal.serve.live_scores import LiveScorer
from buysignal.serve.state import MemoryState
from shop import Shop

from .conftest import Server, as_sent, started
from .redis_server import RedisServer, running_redis

pytest.importorskip("redis", reason="the extra 'api' is not installed")

CLICK = {"event_name": "view_item", "item_id": "BOO-034", "category": "books", "price": 10.99}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def pair(
    shop: Shop, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    """Two servers with one Redis; one is told of it by an option, one by the environment."""
    folder = tmp_path_factory.mktemp("servers")
    told = {"BUYSIGNAL_STATE": redis.url}
    with (
        started(shop.folder, folder / "one.log", "--state", redis.url) as one,
        started(shop.folder, folder / "two.log", environment=told) as two,
    ):
        yield one, two


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def degraded(server: Server) -> tuple[int, str, str | None]:
    answer = httpx.get(f"{server.url}/readyz")
    said = answer.json()
    return answer.status_code, said["status"], said["degraded_because"]


def figure(server: Server) -> float:
    text = httpx.get(f"{server.url}/metrics").text
    (line,) = [one for one in text.splitlines() if one.startswith('buysignal_degraded{part="state"}')]
    return float(line.split()[-1])


def test_clicks_at_either_server_are_one_visit_scored_as_by_one(
    pair: tuple[Server, Server], shop: Shop, events: pa.Table
) -> None:
    scorer, memory = LiveScorer(shop.bundle), MemoryState()
    some = events.slice(0, 300)
    with pair[0].client() as one, pair[1].client() as two:
        for number, (sent, event) in enumerate(zip(as_sent(some), some.to_pylist(), strict=True)):
            found = (two if number % 3 else one).click(sent)
            told = scorer.scores(scorer.click(memory, event))
            assert found["clicks"] == told["clicks"]
            assert found["probability"] == pytest.approx(told["probability"], abs=1e-9)
        assert one.session(found["session_id"]) == two.session(found["session_id"])
        kept = [
            {**CLICK, "visitor_id": f"k{n % 7}", "session_id": f"k{n % 7}", "event_id": str(n)}
            for n in range(50)
        ]
        assert one.keep(kept) == {"kept": 50, "repeated": 0, "refused_consent": 0}
        assert two.keep(kept) == {"kept": 0, "repeated": 50, "refused_consent": 0}
        assert two.session("k0")["clicks"] == 8
        if one.ready()["recommendations"]:
            assert two.recommend(session_id="k0") == one.recommend(session_id="k0")
        with pytest.raises(ServerError, match="no open visit") as caught:
            two.session("nobody's")
        assert caught.value.status == 404


def test_clicks_of_one_visitor_at_two_servers_at_once_are_all_kept(pair: tuple[Server, Server]) -> None:
    def clicks(server: Server) -> list[int]:
        with server.client() as client:
            return [
                client.click({**CLICK, "visitor_id": "busy", "session_id": "busy"})["clicks"]
                for _ in range(60)
            ]

    with ThreadPoolExecutor(4) as pool:
        found = [clicks for part in pool.map(clicks, [*pair, *pair]) for clicks in part]
    assert Counter(found) == dict.fromkeys(range(1, 241), 1)


def test_redis_goes_away_and_comes_back_under_load(pair: tuple[Server, Server], redis: RedisServer) -> None:
    """Clicks get 503 and a sentence, whole visits their scores; then both go on by themselves."""
    stop = threading.Event()

    def load(server: Server) -> Counter[tuple[str, int]]:
        seen: Counter[tuple[str, int]] = Counter()
        with httpx.Client(base_url=server.url, timeout=30) as client:
            while not stop.is_set():
                event: dict[str, Any] = {**CLICK, "visitor_id": "loaded", "session_id": "loaded"}
                kept = client.post("/v1/score", json={"event": event})
                seen["click", kept.status_code] += 1
                if kept.status_code == 503:
                    assert "Redis" in kept.json()["error"]
                    assert kept.headers["retry-after"] == "1"
                whole = client.post("/v1/score", json={"events": [event]})
                seen["whole", whole.status_code] += 1
        return seen

    with ThreadPoolExecutor(2) as pool:
        loads = [pool.submit(load, server) for server in pair]
        time.sleep(0.3)
        for _ in range(2):
            redis.kill()
            for server in pair:
                until(lambda server=server: degraded(server)[1] == "degraded")  # type: ignore[misc]
                code, _, why = degraded(server)
                assert (code, why) == (200, "Visitors are not remembered: Redis does not answer.")
                assert figure(server) == 1
                asked = httpx.get(f"{server.url}/v1/sessions/loaded")
                assert (asked.status_code, asked.headers["retry-after"]) == (503, "1")
                assert httpx.get(f"{server.url}/healthz").status_code == 200
            redis.start()
            for server in pair:
                until(lambda server=server: degraded(server)[1] == "ready")  # type: ignore[misc]
                assert figure(server) == 0
        time.sleep(0.3)
        stop.set()
        seen = [one.result() for one in loads]
    for one in seen:
        assert set(one) == {("click", 200), ("click", 503), ("whole", 200)}
    with pair[0].client() as one, pair[1].client() as two:
        assert one.click({**CLICK, "visitor_id": "new"})["clicks"] == 1
        assert two.click({**CLICK, "visitor_id": "new"})["clicks"] == 2
    for server in pair:
        said = server.log.read_text()
        assert all(json.loads(line)["what"] for line in said.splitlines())
        assert str(redis.port) not in said
        assert said.count('"state lost"') == said.count('"state found again"') >= 2


def test_a_redis_that_hangs_is_given_up_soon_and_a_retry_counts_once(
    pair: tuple[Server, Server], redis: RedisServer
) -> None:
    """What was sent to a Redis that hangs may be done later: with its id, the retry counts once."""
    event = {**CLICK, "visitor_id": "patient", "session_id": "patient"}
    server = pair[0]
    with server.client() as client:
        assert client.click({**event, "event_id": "1"})["clicks"] == 1
        with redis.stalled():
            with pytest.raises(ServerError, match="no answer within 1 s") as caught:
                client.click({**event, "event_id": "2"})
            assert caught.value.status == 503
            until(lambda: degraded(server)[1] == "degraded")
            assert client.visit([event])["clicks"] == 1
        until(lambda: degraded(server)[1] == "ready")
        assert client.click({**event, "event_id": "2"})["clicks"] == 2
        assert client.click({**event, "event_id": "3"})["clicks"] == 3


def test_a_server_starts_without_redis_and_finds_it_later(
    shop: Shop, redis: RedisServer, tmp_path: Path
) -> None:
    redis.kill()
    command = ("--state", redis.url)
    with started(shop.folder, tmp_path / "log", *command) as server, server.client() as client:
        assert degraded(server)[1] == "degraded"
        assert client.visit([{**CLICK, "visitor_id": "v"}])["clicks"] == 1
        redis.start()
        until(lambda: degraded(server)[1] == "ready")
        assert client.click({**CLICK, "visitor_id": "v"})["clicks"] == 1
