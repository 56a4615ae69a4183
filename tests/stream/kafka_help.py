"""Sending and reading with the plain client, and raw rows of the demo shop as messages."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from buysignal import scoring
from buysignal.bundle import Bundle
from buysignal.sources.read import load

Pair = tuple[str, bytes]


def make_topic(broker: str, name: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": broker})
    for made in admin.create_topics([NewTopic(name, partitions)]).values():
        made.result()


def start_worker(broker: str, bundle: Path, unique: str, *more: str) -> subprocess.Popen[bytes]:
    """A worker of the group ``unique`` in a process of its own, soon missed when it is killed."""
    command = [sys.executable, "-m", "buysignal", "stream", str(bundle), "--bootstrap", broker]
    topics = ["--in", f"events-{unique}", "--out", f"scores-{unique}", "--group", unique]
    quick = ["--config", "session.timeout.ms=3000", "--config", "transaction.timeout.ms=3000"]
    return subprocess.Popen([*command, *topics, *quick, *more])


def send(broker: str, topic: str, pairs: Iterable[Pair]) -> None:
    producer = Producer({"bootstrap.servers": broker, "partitioner": "murmur2_random"})
    for key, value in pairs:
        producer.produce(topic, value, key)
    assert producer.flush(30) == 0


def read_committed(broker: str, topic: str, count: int, within: float = 60.0) -> list[Message]:
    """Read from the beginning until ``count`` committed messages, and whatever follows at once."""
    settings = {"bootstrap.servers": broker, "group.id": "reader", "isolation.level": "read_committed"}
    reader = Consumer(settings)
    partitions = len(reader.list_topics(topic).topics[topic].partitions)
    reader.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(partitions)])
    found: list[Message] = []
    ends = time.monotonic() + within
    while len(found) < count and time.monotonic() < ends:
        found += [m for m in reader.consume(1_000, 0.2) if m.error() is None]
    found += [m for m in reader.consume(1_000, 0.5) if m.error() is None]
    reader.close()
    return found


def raw_rows(file: Any, count: int) -> pa.Table:
    """The first rows of the dirty file, duplicates and all, in order of time."""
    table = pq.read_table(file)
    micros = table.column("event_time").cast(pa.int64()).to_numpy()
    order = np.lexsort((table.column("event_seq").to_numpy(), micros))
    return table.take(pa.array(order[:count]))


def as_messages(rows: pa.Table) -> list[Pair]:
    return [(row["visitor_id"], orjson.dumps(row)) for row in rows.to_pylist()]


def batch_scores(bundle: Bundle, rows: pa.Table, folder: Any) -> pd.DataFrame:
    """What batch says after every event of visitors who agreed, by session and click."""
    file = folder / "rows.parquet"
    pq.write_table(rows, file)
    loaded = load(file, profile=bundle.profile)
    agreed = loaded.table.filter(loaded.table.column("consent"))
    found = scoring.score(bundle, agreed, every_event=True).table
    return found.set_index(["session_id", "clicks"]).sort_index()


def live_scores(found: list[Message]) -> pd.DataFrame:
    table = pd.DataFrame([orjson.loads(message.value()) for message in found])
    return table.set_index(["session_id", "clicks"]).sort_index()


def assert_equal(live: pd.DataFrame, batch: pd.DataFrame) -> None:
    """Every event has exactly one score, and it is batch's."""
    assert live.index.is_unique
    assert not live.duplicated(["partition", "offset"]).any()
    assert live.index.equals(batch.index)
    for name in ("probability", "expected_revenue", "revenue_low", "revenue_high", "percentile"):
        if name in batch:
            assert np.abs(live[name].to_numpy(float) - batch[name].to_numpy(float)).max() <= 1e-6, name
    for name in ("segment", "goal", "proxy", "simulated", "bundle_version", "already_bought", "visitor_id"):
        if name in batch:
            assert (live[name] == batch[name]).all(), name
