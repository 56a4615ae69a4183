"""Committed scores of a Kafka topic, as they come; brokers may go away and come back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from buysignal.alerts.visits import Answer
from buysignal.errors import SourceError
from buysignal.stream.client import Settings, kafka, unreachable

ANSWER_S = 5.0
PROBE_S = 2.0
AT_ONCE = 500

AHEAD = timedelta(minutes=5)
"""A click further ahead of its own message than that comes from a wrong clock."""

_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Since = Literal["now", "beginning"] | float
"""Where to begin: ``"now"``, ``"beginning"``, or so many seconds ago."""


class ScoresTopic:
    """Reads what ``buysignal stream`` writes, in no group, so that it disturbs nobody.

    Args:
        settings: brokers and topic of scores.
        since: where to begin.

    Attributes:
        trouble: why nothing comes; empty while the brokers answer.
        unreadable: messages that are no scores.

    Raises:
        DependencyError: the extra ``stream`` is not installed.
        SourceError: no broker answers, or there is no such topic.
    """

    def __init__(self, settings: Settings, since: Since = "now") -> None:
        self.trouble = ""
        self.unreadable = 0
        self._library = kafka()
        self._consumer = self._library.Consumer({**settings.reader(), "error_cb": self._failed})
        self._latest: dict[int, int] = {}
        self._at_end: set[int] = set()
        self._probed = time.monotonic()
        try:
            self._places = self._begin(settings, since)
            self._consumer.assign(self._places)
        except self._library.KafkaException as error:
            self.close()
            raise unreachable(settings, error.args[0].str()) from error
        except SourceError:
            self.close()
            raise

    def poll(self, wait_s: float = 0.5) -> list[tuple[Answer, int]]:
        """Return scores that have come, each with the moment of its click, microseconds since 1970."""
        found: list[tuple[Answer, int]] = []
        for message in self._consumer.consume(AT_ONCE, wait_s):
            error = message.error()
            if error is None:
                found += self._read(message)
            elif error.code() == self._library.KafkaError._PARTITION_EOF:
                self._at_end.add(message.partition())
                self.trouble = ""
            else:
                self.trouble = error.str()
        if self.trouble and time.monotonic() - self._probed > PROBE_S:
            self._probe()
        return found

    def clock(self) -> int | None:
        """Return up to which moment all scores were read, microseconds since 1970; None while unknown.

        A partition that is behind holds the clock back, so that its visitors do not look idle.
        """
        if any(p.partition not in self._latest and p.partition not in self._at_end for p in self._places):
            return None
        behind = [moment for partition, moment in self._latest.items() if partition not in self._at_end]
        return min(behind) if behind else max(self._latest.values(), default=None)

    def close(self) -> None:
        """Leave the brokers."""
        self._consumer.close()

    def _begin(self, settings: Settings, since: Since) -> list[Any]:
        topic = settings.scores
        known = self._consumer.list_topics(topic, timeout=ANSWER_S).topics.get(topic)
        if known is None or known.error is not None:
            raise SourceError(
                f"the brokers at '{settings.bootstrap}' have no topic '{topic}'",
                todo="start 'buysignal stream', which makes it, or look at the name",
            )
        place, library = self._library.TopicPartition, self._library
        if since == "beginning":
            return [place(topic, p, library.OFFSET_BEGINNING) for p in known.partitions]
        ends = {
            p: self._consumer.get_watermark_offsets(place(topic, p), timeout=ANSWER_S)[1]
            for p in known.partitions
        }
        if since == "now":
            return [place(topic, p, end) for p, end in ends.items()]
        at = int((time.time() - since) * 1_000)
        asked = [place(topic, p, at) for p in known.partitions]
        found = self._consumer.offsets_for_times(asked, timeout=ANSWER_S)
        return [place(topic, p.partition, p.offset if p.offset >= 0 else ends[p.partition]) for p in found]

    def _read(self, message: Any) -> Iterator[tuple[Answer, int]]:
        partition = message.partition()
        self._at_end.discard(partition)
        self.trouble = ""
        try:
            answer = json.loads(message.value() or b"")
            moment = _moment(answer, message.timestamp()[1])
        except (ValueError, TypeError, KeyError, AttributeError):
            self.unreadable += 1
            return
        self._latest[partition] = max(self._latest.get(partition, 0), moment)
        yield answer, moment

    def _failed(self, error: Any) -> None:
        if error.code() == self._library.KafkaError._ALL_BROKERS_DOWN:
            self.trouble = error.str()

    def _probe(self) -> None:
        """Ask for anything; an answer means that the brokers are back."""
        try:
            self._consumer.get_watermark_offsets(self._places[0], timeout=1.0)
            self.trouble = ""
        except self._library.KafkaException as error:
            self.trouble = error.args[0].str()
        self._probed = time.monotonic()


def _moment(answer: Any, written_ms: int) -> int:
    """Return when the click was; when the score was written where the source has no clock, or a wrong one."""
    given, written = answer.get("event_time"), _START + timedelta(milliseconds=written_ms)
    if given is None:
        return (written - _START) // _MICROSECOND
    at = datetime.fromisoformat(given)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return ((written if at - written > AHEAD else at) - _START) // _MICROSECOND
