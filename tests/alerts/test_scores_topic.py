"""Scores of a real topic to a real webhook; a broker that goes away and comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from buysignal.alerts.post_box import PostBox
from buysignal.alerts.rules import rules_of
from buysignal.alerts.run import AlertRun
from buysignal.alerts.scores_topic import ScoresTopic
from buysignal.alerts.visits import OpenVisits
from buysignal.alerts.watch import Watch
from buysignal.alerts.webhook import Webhook
from buysignal.app.live_doors import TopicFeed
from buysignal.errors import SourceError
from buysignal.stream.client import Settings, kafka
from shop import Shop
from stream.conftest import broker, unique
from stream.kafka_help import make_topic, send

from .receiver import receiving
from .scores import answer, filled

__all__ = ["broker", "unique"]

BEGAN = datetime.now(UTC) - timedelta(hours=1)
SECRET = "a long random text of our own"


def message(minute: float, score: dict[str, Any]) -> tuple[str, bytes]:
    at = BEGAN + timedelta(minutes=minute)
    return score["visitor_id"], orjson.dumps({**score, "event_time": at})


def left_carts(visitors: int) -> list[tuple[str, bytes]]:
    """Carts that are left at once, and one visitor who clicks on for half an hour."""
    carts = [message(0, filled(f"v{number}")) for number in range(visitors)]
    return carts + [message(minute, answer("busy", clicks=minute)) for minute in range(1, 31)]


def read(topic: ScoresTopic, count: int, within: float = 30.0) -> list[str]:
    """Return the visitors of so many scores, and of what follows at once."""
    found: list[str] = []
    until = time.monotonic() + within
    while len(found) < count and time.monotonic() < until:
        found += [score["visitor_id"] for score, _ in topic.poll()]
    return found + [score["visitor_id"] for score, _ in topic.poll(0.2)]


def test_carts_of_all_partitions_are_told_once_and_only_committed_scores_are_read(
    broker: str, unique: str
) -> None:
    make_topic(broker, f"scores-{unique}", 3)
    undone = kafka().Producer({"bootstrap.servers": broker, "transactional.id": unique})
    undone.init_transactions(10)
    undone.begin_transaction()
    key, value = message(0, filled("undone"))
    undone.produce(f"scores-{unique}", value, key)
    undone.flush(10)
    undone.abort_transaction(10)
    send(broker, f"scores-{unique}", [*left_carts(20), ("x", b"no json"), ("x", b'{"event_time": null}')])
    visits = OpenVisits("30m")
    with receiving(503, 204) as receiver:
        webhook = Webhook(receiver.url, SECRET.encode(), allow_private=True)
        watch = Watch(visits, rules_of("EUR", cart="50 EUR", idle="10m"), currency="EUR")
        topic = ScoresTopic(Settings(broker, scores=f"scores-{unique}"), "beginning")
        ends = time.monotonic() + 60
        done = AlertRun(topic, watch, PostBox(webhook)).run(
            lambda told: told.alerts.taken == 20 or time.monotonic() > ends
        )
    assert (done.alerts.taken, done.alerts.retried, done.unreadable) == (20, 1, 2)
    assert {alert["visitor_id"] for alert in receiver.alerts} == {f"v{number}" for number in range(20)}
    assert all(alert["currency"] == "EUR" and not alert["replayed"] for alert in receiver.alerts)


def test_the_pages_feed_reads_a_topic_and_can_be_stopped(broker: str, unique: str) -> None:
    settings = Settings(broker, scores=f"scores-{unique}")
    make_topic(broker, settings.scores, 2)
    send(broker, settings.scores, [*left_carts(5), ("x", b"[]")])
    watch = Watch(OpenVisits("2h"))
    feed = TopicFeed(watch, lambda: ScoresTopic(settings, "beginning"), "scores").start()
    until = time.monotonic() + 60
    while (feed.events < 35 or not feed.refused) and time.monotonic() < until:
        time.sleep(0.05)
    feed.stop()
    feed.wait(20)
    assert (feed.status, feed.events, feed.refused) == ("stopped", 35, 1)
    assert len(watch.visits.open()) == 6
    assert len(feed.history.table()) > 0


def test_where_to_begin(broker: str, unique: str) -> None:
    settings = Settings(broker, scores=f"scores-{unique}")
    make_topic(broker, settings.scores, 2)
    send(broker, settings.scores, [message(0, answer("before"))])
    topics = [ScoresTopic(settings, since) for since in ("beginning", 3_600.0, "now")]
    send(broker, settings.scores, [message(1, answer("after"))])
    assert [sorted(read(topic, 1 if at == 2 else 2)) for at, topic in enumerate(topics)] == [
        ["after", "before"], ["after", "before"], ["after"],
    ]  # fmt: skip
    for topic in topics:
        topic.close()


def test_a_wrong_clock_ahead_of_its_message_does_not_move_the_shops_time(broker: str, unique: str) -> None:
    settings = Settings(broker, scores=f"scores-{unique}")
    make_topic(broker, settings.scores, 1)
    send(broker, settings.scores, [message(60 * 24 * 365, answer("ahead")), message(0, answer("right"))])
    topic = ScoresTopic(settings, "beginning")
    assert topic.clock() is None
    assert read(topic, 2) == ["ahead", "right"]
    now = topic.clock()
    topic.close()
    assert now is not None
    assert abs(now / 1e6 - time.time()) < 600


def test_a_missing_topic_and_a_missing_broker_are_said(broker: str, unique: str) -> None:
    with pytest.raises(SourceError, match=f"no topic 'none-{unique}'"):
        ScoresTopic(Settings(broker, scores=f"none-{unique}"))
    with pytest.raises(SourceError, match="no Kafka broker answers"):
        ScoresTopic(Settings("127.0.0.1:1", config={"socket.timeout.ms": "500"}))


@pytest.fixture
def own_broker(broker: str, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A broker of this test alone, which it may stop and start."""
    script = Path(__file__).parents[2] / "scripts" / "kafka.sh"
    settings = {**os.environ, "BUYSIGNAL_KAFKA_DATA": str(tmp_path / "kafka"), "BUYSIGNAL_KAFKA_HEAP": "256m"}
    settings["BUYSIGNAL_KAFKA_PORT"] = "0"

    def call(command: str) -> str:
        done = subprocess.run(
            [str(script), command], env=settings, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        address = done.stdout.strip()
        if command == "start":
            settings["BUYSIGNAL_KAFKA_PORT"] = address.rpartition(":")[2]
        return address

    yield call
    call("wipe")


def test_a_broker_that_goes_away_is_said_and_found_again(own_broker: Callable[[str], str]) -> None:
    settings = Settings(own_broker("start"), scores="scores")
    make_topic(settings.bootstrap, "scores", 1)
    send(settings.bootstrap, "scores", [message(0, answer("before"))])
    topic = ScoresTopic(settings, "beginning")
    assert read(topic, 1) == ["before"]
    own_broker("stop")
    until = time.monotonic() + 30
    while not topic.trouble and time.monotonic() < until:
        assert topic.poll(0.2) == []
    assert topic.trouble
    own_broker("start")
    while topic.trouble and time.monotonic() < until + 60:
        topic.poll(0.2)
    assert topic.trouble == ""
    send(settings.bootstrap, "scores", [message(1, answer("after"))])
    assert read(topic, 1) == ["after"]
    topic.close()


def test_the_command_tells_once_over_restarts_and_never_shows_the_secret(
    broker: str, shop: Shop, unique: str, tmp_path: Path
) -> None:
    topic = f"scores-{unique}"
    make_topic(broker, topic, 2)
    send(broker, topic, left_carts(3))
    said = ""
    with receiving(204) as receiver:
        for wanted in (3, 4):
            process = _alert(shop, broker, topic, receiver.url, tmp_path)
            if wanted == 4:
                send(broker, topic, [message(31, filled("late")), message(45, answer("busy", clicks=31))])
            until = time.monotonic() + 60
            while len(receiver.bodies) < wanted and time.monotonic() < until:
                time.sleep(0.1)
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            said += process.communicate(timeout=60)[1]
            assert process.returncode == 0
    assert sorted(alert["visitor_id"] for alert in receiver.alerts) == ["late", "v0", "v1", "v2"]
    assert SECRET not in said
    assert "hook" not in said
    assert "3 taken" in said
    assert "1 taken" in said


def _alert(shop: Shop, broker: str, topic: str, url: str, folder: Path) -> subprocess.Popen[str]:
    currency = shop.bundle.goal.currency
    rules = ["--cart", f"50 {currency}", "--below", "20%", "--idle", "10m", "--since", "beginning"]
    to = ["--url", url, "--secret-env", "HOOK", "--allow-private", "--remember", str(folder / "told")]
    command = [
        sys.executable,
        "-m",
        "buysignal",
        "alert",
        str(shop.folder),
        "--bootstrap",
        broker,
        "--in",
        topic,
    ]
    return subprocess.Popen(
        [*command, *rules, *to], env={**os.environ, "HOOK": SECRET}, stderr=subprocess.PIPE, text=True
    )
