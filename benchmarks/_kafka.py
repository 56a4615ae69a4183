"""A broker, workers and messages for the benchmark of Kafka."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from _results import skip

SCRIPT = Path(__file__).parents[1] / "scripts" / "kafka.sh"
MISSING = 3

Pair = tuple[str, bytes]


class Broker:
    """One real broker with data of its own.

    Attributes:
        address: host and port.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = self.start()

    def start(self) -> str:
        """Start it, also again after a crash, and return its address."""
        return self._script("start")

    def stop(self) -> None:
        """Stop it, and remove its data."""
        self._script("wipe")

    def kill(self) -> None:
        """End it without a word, as a power cut to its process would."""
        os.kill(int((self._folder / "kafka.pid").read_text()), 9)

    def topic(self, name: str, partitions: int) -> None:
        """Make a topic."""
        admin = AdminClient({"bootstrap.servers": self.address})
        for made in admin.create_topics([NewTopic(name, partitions)]).values():
            made.result()

    def _script(self, command: str) -> str:
        own = {
            "BUYSIGNAL_KAFKA_DATA": str(self._folder),
            "BUYSIGNAL_KAFKA_PORT": "0",
            "BUYSIGNAL_KAFKA_HEAP": "512m",
        }
        done = subprocess.run(
            [str(SCRIPT), command], env={**os.environ, **own}, capture_output=True, text=True
        )
        if done.returncode == MISSING:
            skip(done.stderr.strip())
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()


@contextmanager
def running(folder: Path) -> Iterator[Broker]:
    """A broker that is stopped at the end."""
    broker = Broker(folder)
    try:
        yield broker
    finally:
        broker.stop()


def producer(broker: Broker) -> Producer:
    """Return a producer that loses and doubles nothing."""
    return Producer(
        {
            "bootstrap.servers": broker.address, "partitioner": "murmur2_random", "linger.ms": 1,
            "enable.idempotence": True, "compression.type": "lz4", "log_level": 2,
            "queue.buffering.max.messages": 2_000_000,
        }
    )  # fmt: skip


def send_all(broker: Broker, topic: str, pairs: list[Pair]) -> None:
    """Send at once, and wait until all is taken."""
    sender = producer(broker)
    for at, (key, value) in enumerate(pairs):
        sender.produce(topic, value, key)
        if at % 1_000 == 0:
            sender.poll(0)
    if sender.flush(120):
        raise RuntimeError("the broker did not take all events")


def reader(broker: Broker, topic: str, *, committed: bool = True) -> Consumer:
    """Return a reader of all partitions from their beginning."""
    told = Consumer(
        {
            "bootstrap.servers": broker.address, "group.id": "reader", "log_level": 2,
            "isolation.level": "read_committed" if committed else "read_uncommitted",
        }
    )  # fmt: skip
    partitions = told.list_topics(topic).topics[topic].partitions
    told.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
    return told


def read(told: Consumer, count: int, within_s: float) -> list[Message]:
    """Return ``count`` messages, or those that came in time, and what follows at once."""
    found: list[Message] = []
    ends = time.monotonic() + within_s
    while len(found) < count and time.monotonic() < ends:
        found += [m for m in told.consume(5_000, 0.2) if m.error() is None]
    return found + [m for m in told.consume(5_000, 2.0) if m.error() is None]


def start_worker(broker: Broker, bundle: Path, topic: str, *more: str) -> subprocess.Popen[bytes]:
    """Start a worker as a shop would, in a process of its own."""
    command = [sys.executable, "-m", "buysignal", "stream", str(bundle), "--bootstrap", broker.address]
    topics = ["--in", topic, "--out", f"{topic}-scores", "--group", topic]
    with (bundle.parent / "workers.log").open("ab") as log:
        return subprocess.Popen([*command, *topics, *more], stderr=log)
