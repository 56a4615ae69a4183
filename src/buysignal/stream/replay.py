"""A file played into a topic, in order of time and at a chosen pace."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from buysignal.errors import SourceError, UnitError
from buysignal.sessions import NO_TIME, times
from buysignal.sources.profile import Profile
from buysignal.sources.read import load
from buysignal.stream.client import Settings, kafka
from buysignal.stream.forms import event_writer
from buysignal.stream.message import json_writer
from buysignal.stream.topics import create, partitions

PIECE = 5_000
"""Rows written as JSON at a time."""

FLUSH_S = 10.0

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Replayed:
    """What was played.

    Attributes:
        events: sent and confirmed.
        rejected: rows of the file that are no events.
        seconds: it took.
    """

    events: int
    rejected: int
    seconds: float


def pace_of(text: str) -> float:
    """Return how many seconds of the file pass in one second; infinity for ``max``.

    Raises:
        UnitError: it is no pace.

    >>> pace_of("100x"), pace_of("real"), pace_of("max")
    (100.0, 1.0, inf)
    """
    if text == "max":
        return float("inf")
    if text == "real":
        return 1.0
    match = re.fullmatch(r"(\d+(?:\.\d+)?)x", text)
    if match is None or float(match[1]) == 0:
        raise UnitError(f"'{text}' is no pace", allowed="real, max, or a factor such as 100x")
    return float(match[1])


def replay(
    paths: Sequence[Path],
    settings: Settings,
    *,
    pace: str = "real",
    new_partitions: int = 4,
    profile: str | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    rates: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> Replayed:
    """Send the events of files to ``settings.events``, keyed by visitor, in order of time.

    Prices are sent in the common currency. Where there is no clock the order is that of the file. Ids are
    sent as the files have them: a topic of events is a source, and whoever reads it hashes its ids.

    Args:
        pace: ``"real"``, ``"100x"`` or ``"max"``.
        new_partitions: of the topic, where it is not there yet.

    Raises:
        SourceError: the files cannot be read, or no broker answers.
        UnitError: ``pace`` is none.
    """
    factor = pace_of(pace)
    tell = progress or (lambda share, text: None)
    loaded = load(list(paths), profile=profile, mapping=mapping, rates=rates, raw_ids=True)
    events = in_time_order(loaded.table)
    if not np.isinf(factor) and events.num_rows and events.column("event_time").null_count:
        raise SourceError(
            "these events have no clock", allowed="the pace max", todo="play them with --pace max"
        )
    dumps = event_writer(settings)
    admin = kafka().admin.AdminClient(settings.common())
    if settings.events not in partitions(admin, settings):
        create(admin, {settings.events: {}}, new_partitions)
    begun = time.monotonic()
    sent = _Sender(settings).send(messages(events, dumps), times(events), factor, tell)
    return Replayed(sent, len(loaded.rejects), time.monotonic() - begun)


def in_time_order(events: pa.Table) -> pa.Table:
    """Return canonical events of all visitors in order of time, then of their sequence."""
    order = np.lexsort((events.column("event_seq").to_numpy(), times(events)))
    return events.take(pa.array(order))


def messages(
    events: pa.Table, dumps: Callable[[dict[str, Any]], bytes] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield each event's key and itself, as JSON if ``dumps`` is None; empty cells are left out."""
    dumps = dumps or json_writer()
    for begin in range(0, events.num_rows, PIECE):
        for row in events.slice(begin, PIECE).to_pylist():
            if row["event_time"] is not None:
                del row["event_date"]
            yield row["visitor_id"], dumps({name: value for name, value in row.items() if value is not None})


class _Sender:
    """A producer that keeps to a pace."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.events
        self._lost: list[str] = []
        told = {"enable.idempotence": True, "partitioner": "murmur2_random", "linger.ms": 5}
        compressed = {"compression.type": "lz4", "on_delivery": self._delivered}
        self._producer = kafka().Producer({**settings.common(), **told, **compressed})

    def send(self, found: Iterator[tuple[str, bytes]], moments: Any, factor: float, tell: Progress) -> int:
        """Send all; returns how many.

        Raises:
            SourceError: the brokers did not take some.
        """
        total, sent = len(moments), 0
        begun, first = time.monotonic(), int(moments[0]) if total else NO_TIME
        try:
            for at, (key, value) in enumerate(found):
                if not np.isinf(factor):
                    self._wait(begun + (int(moments[at]) - first) / 1e6 / factor)
                self._one(key, value)
                sent = at + 1
                if at % PIECE == 0:
                    tell(at / total, f"{at:,} events")
        finally:
            waiting = self._producer.flush(FLUSH_S)
        if self._lost or waiting:
            why = self._lost[0] if self._lost else "no broker answers"
            raise SourceError(
                f"{len(self._lost) + waiting:,} of {sent:,} events were not taken: {why}",
                todo="look at the brokers, and replay into a new topic",
            )
        return sent

    def _wait(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            self._producer.poll(min(left, 0.5))

    def _one(self, key: str, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value, key)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None:
            self._lost.append(error.str())
