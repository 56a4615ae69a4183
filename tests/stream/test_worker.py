"""Workers on a real broker: equal scores, dead letters, crashes, rebalances."""

from __future__ import annotations

import signal
from pathlib import Path

import orjson
import pytest

from buysignal.errors import SourceError
from buysignal.privacy.state import forget_in_state
from buysignal.privacy.whom import Whom
from buysignal.stream.client import Settings
from buysignal.stream.replay import replay
from buysignal.stream.worker import Worker
from shop import Shop
from stream.kafka_help import (
    as_messages,
    assert_equal,
    batch_scores,
    live_scores,
    make_topic,
    raw_rows,
    read_committed,
    send,
    start_worker,
)  # fmt: skip

BAD = {
    b"no json": "broken_json",
    b'{"visitor_id": "v"}': "missing",
    b'{"visitor_id": "v", "event_name": "page_view", "price": "many"}': "bad_number",
    b'{"visitor_id": "v", "event_name": "page_view", "event_time": "soon"}': "bad_time",
}


def test_dirty_events_get_batchs_scores_and_bad_messages_a_reason(
    broker: str, shop: Shop, unique: str, tmp_path: Path
) -> None:
    rows = raw_rows(shop.events, 2_000)
    pairs = as_messages(rows)
    batch = batch_scores(shop.bundle, rows, tmp_path)
    make_topic(broker, f"events-{unique}", 3)
    send(broker, f"events-{unique}", pairs[:1_000])
    send(broker, f"events-{unique}", [("v", value) for value in BAD] + pairs[1_000:])
    settings = Settings(broker, f"events-{unique}", f"scores-{unique}", group=unique)
    total = len(pairs) + len(BAD)
    done = Worker(shop.bundle, settings).run(lambda d: d.scored + d.dead + d.refused >= total)

    assert_equal(live_scores(read_committed(broker, settings.scores, len(batch))), batch)
    dead = read_committed(broker, settings.dead, done.dead)
    reasons = {m.value(): dict(m.headers())["reason"].decode() for m in dead}
    assert BAD.items() <= reasons.items()
    assert done.duplicates > 0
    assert set(reasons.values()) - set(BAD.values()) == {"duplicate_event"}
    assert done.duplicates == len(dead) - len(BAD)
    assert done.scored + done.refused + done.duplicates == len(pairs)
    assert all(dict(m.headers())["hint"] for m in dead)


def test_three_workers_one_killed_one_ended_lose_nothing_and_their_visitors_move_on(
    broker: str, shop: Shop, unique: str, tmp_path: Path
) -> None:
    rows = raw_rows(shop.events, 3_000)
    pairs = as_messages(rows)
    batch = batch_scores(shop.bundle, rows, tmp_path)
    events, scores = f"events-{unique}", f"scores-{unique}"
    make_topic(broker, events, 3)
    make_topic(broker, scores, 2)
    running = [start_worker(broker, shop.folder, unique, "--batch", "50") for _ in range(3)]
    try:
        send(broker, events, pairs[:1_000])
        assert len(read_committed(broker, scores, 200)) >= 200
        send(broker, events, pairs[1_000:1_500])
        running[0].kill()
        running.append(start_worker(broker, shop.folder, unique, "--batch", "50"))
        send(broker, events, pairs[1_500:2_500])
        assert len(read_committed(broker, scores, 1_800, within=90)) >= 1_800
        running[1].send_signal(signal.SIGTERM)
        send(broker, events, pairs[2_500:])
        found = read_committed(broker, scores, len(batch), within=90)
        assert running[1].wait(30) == 0
    finally:
        for worker in running:
            worker.kill()
            worker.wait()
    assert_equal(live_scores(found), batch)


def test_a_file_is_replayed_in_time_order_keyed_by_visitor(broker: str, shop: Shop, unique: str) -> None:
    settings = Settings(broker, f"events-{unique}")
    done = replay([shop.events], settings, pace="max", new_partitions=1)
    found = read_committed(broker, settings.events, done.events)
    sent = [orjson.loads(message.value()) for message in found]
    times = [event["event_time"] for event in sent]
    assert len(found) == done.events > 20_000
    assert done.rejected == shop.report.dataset.rows_rejected
    assert times == sorted(times)
    assert all(m.key().decode() == e["visitor_id"] for m, e in zip(found, sent, strict=True))


def test_a_missing_topic_and_a_missing_broker_are_said(broker: str, shop: Shop, unique: str) -> None:
    with pytest.raises(SourceError, match=f"no topic 'none-{unique}'"):
        Worker(shop.bundle, Settings(broker, f"none-{unique}"))


def test_a_visitor_who_is_to_be_forgotten_is_so_once_the_worker_reads_on(
    broker: str, shop: Shop, unique: str
) -> None:
    topic = f"events-{unique}"
    make_topic(broker, topic, 2)
    events = {who: {"visitor_id": who, "event_name": "view_item", "item_id": "A"} for who in ("anna", "ben")}
    send(broker, topic, [(who, orjson.dumps(event)) for who, event in events.items()])
    settings = Settings(broker, topic, f"scores-{unique}", group=unique)
    Worker(shop.bundle, settings).run(lambda done: done.scored == 2)
    forget_in_state(f"kafka://{broker}/{topic}", Whom.of(["anna"]))
    Worker(shop.bundle, settings).run(lambda done: done.refused == 2)
    kept = {m.key(): m.value() for m in read_committed(broker, settings.changelog, 4)}
    assert kept[b"anna"] is None
    assert kept[b"ben"] is not None
