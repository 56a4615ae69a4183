"""A broker that goes away and comes back, and a bundle exchanged meanwhile: one worker all along."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import orjson
import pytest

from buysignal import bundle as bundles
from buysignal.errors import InputError
from buysignal.segment_names import rename_segments
from buysignal.stream.client import Settings
from buysignal.stream.health import health_served
from buysignal.stream.worker import Worker
from shop import Shop
from stream.conftest import MISSING, SCRIPT
from stream.kafka_help import as_messages, make_topic, raw_rows, read_committed, send


class OwnBroker:
    """A broker that no other test uses, so that it can be killed."""

    def __init__(self, folder: Path) -> None:
        own = {"BUYSIGNAL_KAFKA_PORT": "0", "BUYSIGNAL_KAFKA_HEAP": "256m"}
        self._environment = {**os.environ, **own, "BUYSIGNAL_KAFKA_DATA": str(folder)}
        self._folder = folder
        self.address = self.start()

    def start(self) -> str:
        return self.script("start")

    def kill(self) -> None:
        os.kill(int((self._folder / "kafka.pid").read_text()), 9)

    def script(self, command: str) -> str:
        done = subprocess.run(
            [str(SCRIPT), command], env=self._environment, capture_output=True, text=True, timeout=300
        )
        if done.returncode == MISSING:
            pytest.skip(f"no broker: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[OwnBroker]:
    broker = OwnBroker(tmp_path / "kafka")
    yield broker
    broker.script("wipe")


@contextmanager
def working(worker: Worker) -> Iterator[None]:
    """A worker in a thread, ended at the end."""
    thread = Thread(target=worker.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(60)


def page(port: int, path: str) -> Any:
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        content = answer.read()
    return content.decode() if path == "/metrics" else json.loads(content)


def wait_for(what: Callable[[], bool], within: float = 90.0) -> None:
    ends = time.monotonic() + within
    while not what():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.1)


def test_a_worker_says_that_the_broker_is_away_goes_on_when_it_is_back_and_takes_a_new_bundle(
    own_broker: OwnBroker, shop: Shop, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(shop.folder, folder)
    pairs = as_messages(raw_rows(shop.events, 1_500))
    make_topic(own_broker.address, "events", 2)
    settings = Settings(own_broker.address, group="g", batch=100)
    worker = Worker(bundles.load(folder), replace(settings, transaction_timeout="3s"), watch=True)

    def taken() -> int:
        return worker.done.scored + worker.done.dead + worker.done.refused

    with health_served(worker, 0) as port, working(worker):
        assert page(port, "/healthz") == {"status": "ok"}
        send(own_broker.address, "events", pairs[:500])
        wait_for(lambda: taken() == 500)
        wait_for(lambda: page(port, "/readyz")["status"] == "ready")

        own_broker.kill()
        wait_for(lambda: page(port, "/readyz")["status"] == "degraded")
        assert "no Kafka broker answers" in page(port, "/readyz")["degraded_because"]
        own_broker.start()
        wait_for(lambda: page(port, "/readyz")["status"] == "ready")
        send(own_broker.address, "events", pairs[500:1_000])
        wait_for(lambda: taken() == 1_000)

        before = worker.bundle.version
        _spoil(folder)
        wait_for(lambda: page(port, "/readyz")["status"] == "degraded")
        assert "the old one goes on" in page(port, "/readyz")["degraded_because"]
        assert page(port, "/readyz")["bundle_version"] == before
        rename_segments(shop.folder, {0: "Renamed"}, folder)
        wait_for(lambda: page(port, "/readyz")["status"] == "ready")
        send(own_broker.address, "events", pairs[1_000:])
        wait_for(lambda: taken() == 1_500)
        wait_for(lambda: "buysignal_lag 0.0" in page(port, "/metrics"))
        figures = page(port, "/metrics")
        done = worker.done

    assert f'buysignal_events_total{{kind="scored"}} {done.scored:.1f}' in figures
    assert 'buysignal_bundle_swaps_total{how="done"} 1.0' in figures
    assert 'buysignal_bundle_swaps_total{how="failed"} 1.0' in figures
    replies = [orjson.loads(m.value()) for m in read_committed(own_broker.address, "scores", done.scored)]
    times = Counter((reply["partition"], reply["offset"]) for reply in replies)
    assert len(times) == len(replies) == done.scored
    assert "Renamed" in {reply["segment"] for reply in replies}


def _spoil(folder: Path) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text()[:-10])


def test_other_pages_and_ports_in_use_are_refused(broker: str, shop: Shop, unique: str) -> None:
    make_topic(broker, f"events-{unique}", 1)
    worker = Worker(shop.bundle, Settings(broker, f"events-{unique}", group=unique))
    with health_served(worker, 0) as port:
        with pytest.raises(HTTPError, match="404"):
            page(port, "/")
        with pytest.raises(InputError, match="cannot be listened to"), health_served(worker, port):
            pass
