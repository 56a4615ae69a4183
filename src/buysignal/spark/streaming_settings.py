"""What a streaming query reads, what it writes, and how much at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from buysignal.errors import SourceError
from buysignal.units import duration_us

_TOPIC = "kafka:"


@dataclass(frozen=True)
class Place:
    """A topic of Kafka, or a folder of files.

    Attributes:
        name: of the topic, or the folder as Spark names it.
        is_topic: which of both.
    """

    name: str
    is_topic: bool

    @classmethod
    def of(cls, text: str) -> Place:
        """Return the place that a text names.

        Raises:
            SourceError: it names none.

        >>> Place.of("kafka:events")
        Place(name='events', is_topic=True)
        >>> Place.of("s3a://shop/events/")
        Place(name='s3a://shop/events', is_topic=False)
        """
        name = text.removeprefix(_TOPIC) if text.startswith(_TOPIC) else text.rstrip("/") or text
        if not name:
            raise SourceError(f"'{text}' names no place", allowed="kafka:TOPIC, or a folder", todo="name one")
        return cls(name, text.startswith(_TOPIC))


@dataclass(frozen=True)
class StreamSettings:
    """How a query is asked for.

    Attributes:
        source: ``"kafka:TOPIC"``, or a folder of files that more files come into.
        sink: ``"kafka:TOPIC"``, or a folder.
        checkpoint: a folder of this query's own; with it the query goes on where it ended.
        rejects: topic of what gets no score, where the sink is a topic; ``TOPIC-dead`` where None.
        bootstrap: Kafka brokers, where one of both is a topic.
        files: what the files of ``source`` are; JSON has an event a line.
        at_once: messages of a micro-batch at most, from Kafka.
        files_at_once: files of a micro-batch at most.
        every: pause between the beginnings of two micro-batches, such as ``"10s"``; None makes none.
        until_empty: score what is there, and end.
        forget_after: visitors who were not seen for so long are forgotten.
        recommend: items suggested with each score, 0 for none.
        partitions: pieces the visitors are dealt into, the same for as long as the checkpoint lives; None
            takes one a core.
        kafka: further settings of Kafka's Java client, such as those of a secured cluster.
        master, conf: of Spark.
    """

    source: str
    sink: str
    checkpoint: str
    rejects: str | None = None
    bootstrap: str | None = None
    files: Literal["parquet", "json"] = "parquet"
    at_once: int = 100_000
    files_at_once: int = 100
    every: str | None = None
    until_empty: bool = False
    forget_after: str = "90d"
    recommend: int = 0
    partitions: int | None = None
    kafka: Mapping[str, str] = field(default_factory=dict)
    master: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)

    @property
    def reads(self) -> Place:
        return Place.of(self.source)

    @property
    def writes(self) -> Place:
        return Place.of(self.sink)

    @property
    def dead(self) -> str:
        """The topic of what gets no score."""
        return self.rejects or f"{(self.reads if self.reads.is_topic else self.writes).name}-dead"

    @property
    def uses_kafka(self) -> bool:
        return self.reads.is_topic or self.writes.is_topic

    @property
    def forget_ms(self) -> int:
        return max(duration_us(self.forget_after, "forget_after") // 1_000, 1)

    def brokers(self) -> dict[str, str]:
        """Return what every client of Kafka is told, by the names of Spark's connector.

        Raises:
            SourceError: nothing says where the brokers are.
        """
        if self.bootstrap is None:
            raise SourceError(
                "a topic is named, and no broker", allowed="brokers as host:port", todo="add --bootstrap"
            )
        told = {f"kafka.{name}": value for name, value in self.kafka.items()}
        return {"kafka.bootstrap.servers": self.bootstrap, **told}

    def checked(self) -> StreamSettings:
        """Return these settings.

        Raises:
            InputError: they do not fit together.
        """
        _ = self.forget_ms, self.every and duration_us(self.every, "every")
        if self.uses_kafka:
            self.brokers()
        elif self.bootstrap is not None:
            raise SourceError(
                "brokers are named, and no topic",
                allowed="--in kafka:TOPIC or --out kafka:TOPIC beside --bootstrap",
                todo="name a topic, or leave --bootstrap out",
            )
        if self.rejects is not None and not self.writes.is_topic:
            raise SourceError(
                "rejects lie beside the scores, in the folder 'rejects'",
                allowed="a topic of their own where the scores go to one",
                todo="leave --rejects out",
            )
        return self
