"""How Kafka is spoken to: settings for every client, and what its errors become."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Thread
from types import ModuleType
from typing import Any

from buysignal.errors import DependencyError, SourceError
from buysignal.units import duration_us

ANSWER_S = 10.0
"""How long a call waits for the brokers before it is made again."""


STUCK_S = 2 * ANSWER_S
"""A call that has not come back by then never will: librdkafka's own limit is not always kept."""


class BeginAnewError(Exception):
    """Clients that cannot be trusted any more: a call does not come back, or the brokers were away."""


@dataclass(frozen=True)
class Settings:
    """What a worker reads and writes; workers of one group share the events.

    Attributes:
        bootstrap: brokers, such as ``"localhost:9092"``.
        events, scores: topics; the events are keyed by visitor.
        dead_letters: topic of messages without a score; ``EVENTS-dead`` where None.
        group: the consumer group; the changelog is ``GROUP-changelog``.
        name: of this worker, the same after a restart and no other's; it then takes its partitions back at
            once. Without one the group waits for ``session_timeout`` when a worker dies.
        batch: messages of one transaction, at most.
        wait_ms: how long a batch is waited for, milliseconds.
        session_timeout: after so long without a sign of life a worker counts as dead.
        transaction_timeout: after so long the brokers undo what a dead worker left unfinished.
        forget_after: visitors who were not seen for so long are forgotten.
        recommend: items suggested with each score, 0 for none.
        format: of events and scores: ``"json"``, or ``"avro"``, which needs ``registry``.
        registry: address of the schema registry.
        config: further settings of librdkafka, such as those of a secured cluster.
    """

    bootstrap: str
    events: str = "events"
    scores: str = "scores"
    dead_letters: str | None = None
    group: str = "buysignal"
    name: str | None = None
    batch: int = 5_000
    wait_ms: int = 20
    session_timeout: str = "10s"
    transaction_timeout: str = "10s"
    forget_after: str = "90d"
    recommend: int = 0
    format: str = "json"
    registry: str | None = None
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def dead(self) -> str:
        return self.dead_letters or f"{self.events}-dead"

    @property
    def changelog(self) -> str:
        return f"{self.group}-changelog"

    def common(self) -> dict[str, Any]:
        """Return what every client is told."""
        return self._with({})

    def _with(self, own: dict[str, Any]) -> dict[str, Any]:
        # Of settings that are another kind of client's, librdkafka takes no notice.
        quiet = {"log_level": 2}
        shared = {"bootstrap.servers": self.bootstrap, "reconnect.backoff.max.ms": 2_000}
        return {**quiet, **shared, **own, **self.config}

    def consumer(self) -> dict[str, Any]:
        """Return the settings of the consumer of events."""
        own: dict[str, Any] = {
            "group.id": self.group,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": _ms(self.session_timeout, "session_timeout"),
            "heartbeat.interval.ms": max(_ms(self.session_timeout, "session_timeout") // 6, 100),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            # Also makes the committed offset wait for transactions that are being decided.
            "isolation.level": "read_committed",
        }
        if self.name is not None:
            own["group.instance.id"] = f"{self.group}-{self.name}"
        return self._with(own)

    def producer(self) -> dict[str, Any]:
        """Return the settings of the producer of everything."""
        own = {
            "transactional.id": f"{self.group}-{self.name or uuid.uuid4().hex}",
            "transaction.timeout.ms": _ms(self.transaction_timeout, "transaction_timeout"),
            "compression.type": "lz4",
            "linger.ms": 5,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 1_000_000,
            "delivery.report.only.error": True,
        }
        return self._with(own)

    def reader(self) -> dict[str, Any]:
        """Return the settings of a reader of what was committed, outside of any group."""
        own = {
            "group.id": f"{self.group}-reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
        return self._with(own)


def _ms(text: str, name: str) -> int:
    return max(duration_us(text, name) // 1_000, 1)


def kafka() -> ModuleType:
    """Return the client library.

    Raises:
        DependencyError: the extra ``stream`` is not installed.
    """
    try:
        import confluent_kafka
        import confluent_kafka.admin
    except ImportError:
        raise DependencyError("confluent-kafka", "stream") from None
    return confluent_kafka


def persistently(
    call: Callable[[], Any],
    give_up: Callable[[], bool] = lambda: False,
    away: Callable[[str], None] = lambda why: None,
) -> Any:
    """Return what ``call`` does; while the brokers do not answer it is called again.

    Args:
        give_up: asked between calls; True ends the trying.
        away: told each time why there was no answer.

    Raises:
        confluent_kafka.KafkaException: an error that trying again does not mend.
    """
    library = kafka()
    absent = {library.KafkaError._TIMED_OUT, library.KafkaError._TRANSPORT}
    while True:
        try:
            return call()
        except library.KafkaException as raised:
            error = raised.args[0]
            final = error.fatal() or error.txn_requires_abort()
            if final or not (error.retriable() or error.code() in absent) or give_up():
                raise
            away(error.str())
            time.sleep(0.05)


def within(call: Callable[[], Any], limit_s: float = STUCK_S) -> Any:
    """Return what ``call`` does, made in a thread of its own, which is left alone if it does not come back.

    Raises:
        BeginAnewError: it did not.
    """
    found: list[Any] = []
    raised: list[BaseException] = []

    def make() -> None:
        try:
            found.append(call())
        except BaseException as error:
            raised.append(error)

    thread = Thread(target=make, daemon=True, name="call")
    thread.start()
    thread.join(limit_s)
    if raised:
        raise raised[0]
    if not found:
        raise BeginAnewError(f"a call to the brokers has not come back for {limit_s:g} seconds")
    return found[0]


def unreachable(settings: Settings, error: object) -> SourceError:
    """Return the error that says that no broker answers."""
    return SourceError(
        f"no Kafka broker answers at '{settings.bootstrap}': {error}",
        allowed="brokers as host:port, with commas between",
        todo="start one (scripts/kafka.sh start), or mend the address",
    )
