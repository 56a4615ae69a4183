"""A worker from joining its group to leaving it: batches, each one transaction.

A transaction holds the scores, the dead letters, the changed visitors and how far the events were read.
Either all of it is there or nothing is; what is in memory is thrown away with the shift when one fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from buysignal.stream.client import ANSWER_S, BeginAnewError, Settings, kafka, persistently, within
from buysignal.stream.condition import Condition
from buysignal.stream.restore import restore
from buysignal.stream.scored import Arrived, BatchScorer, Dead, Outcome
from buysignal.stream.shelf import LARGEST, Shelf
from buysignal.units import duration_us

LOOK_S = 0.5
"""Between two questions whether the brokers are back, and how long one waits."""


class Shift:
    """One membership in the consumer group.

    Args:
        score: the bundle.
        settings: topics and group.
        ended: asked between batches; True ends the shift.
        dumps: writes a reply as bytes.
        condition: where troubles are noted.
    """

    def __init__(
        self,
        score: BatchScorer,
        settings: Settings,
        ended: Callable[[], bool],
        dumps: Callable[[Any], bytes],
        condition: Condition,
    ) -> None:
        self.shelves: dict[int, Shelf] = {}
        self._condition = condition
        self._stuck = False
        self._score = score
        self._settings = settings
        self._ended = ended
        self._dumps = dumps
        self._wait_s = settings.wait_ms / 1_000
        self._forget_ms = duration_us(settings.forget_after, "forget_after") // 1_000
        library = kafka()
        self._library = library
        noticed = {"error_cb": self._noticed}
        self._producer = library.Producer({**settings.producer(), **noticed})
        self._safely(lambda: self._producer.init_transactions(ANSWER_S))
        self._consumer = library.Consumer({**settings.consumer(), **noticed})
        self._consumer.subscribe(
            [settings.events], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def batch(self) -> Outcome:
        """Read, score and commit what has come.

        Raises:
            confluent_kafka.KafkaException: the transaction failed; the shift is over.
            BeginAnewError: nobody knows whether it did, or the brokers were away; likewise.
        """
        if self._condition.has("broker"):
            self._wait_for_brokers()
        arrived = self._arrived()
        # Who is told to end while state is read back has only part of it.
        if not arrived or self._ended():
            return Outcome()
        begun = time.monotonic()
        self._producer.begin_transaction()
        outcome = self._score(arrived, self.shelves)
        self._write(outcome, {message.partition for message in arrived})
        self._commit(arrived)
        outcome.seconds = time.monotonic() - begun
        return outcome

    def begin_again(self) -> None:
        """Undo the batch that failed: what is known, and where reading goes on, are again what was committed.

        The usual cause is another worker that joins or leaves while the batch is in work.

        Raises:
            confluent_kafka.KafkaException: that fails, too; the shift is over.
        """
        self._safely(lambda: self._producer.abort_transaction(ANSWER_S))
        places = [self._library.TopicPartition(self._settings.events, p) for p in self.shelves]
        for place in self._restored(places):
            self._consumer.seek(place)

    def exchange(self, score: BatchScorer) -> None:
        """Score with another bundle from the next batch on; visitors go on as they are."""
        self._score = score
        for shelf in self.shelves.values():
            shelf.read_with(score.reader, score.bundle.session_gap)

    @property
    def lag(self) -> int:
        """Events that wait in the partitions held, as far as the brokers have told."""
        waiting = 0
        for partition, shelf in self.shelves.items():
            place = self._library.TopicPartition(self._settings.events, partition)
            end = self._consumer.get_watermark_offsets(place, cached=True)[1]
            waiting += max(end - shelf.next_offset, 0)
        return waiting

    def leave(self) -> None:
        """Leave the group; an unfinished transaction is undone."""
        # Where none is open, or no broker answers, there is nothing to do: it is undone when it times out.
        if not self._stuck:
            with suppress(self._library.KafkaException, BeginAnewError):
                within(lambda: self._producer.abort_transaction(ANSWER_S))
        self._consumer.close()

    def _arrived(self) -> list[Arrived]:
        found = []
        for message in self._consumer.consume(self._settings.batch, self._wait_s):
            error = message.error()
            if error is not None:
                if error.fatal() or not error.retriable():
                    raise self._library.KafkaException(error)
                continue
            partition, offset = message.partition(), message.offset()
            shelf = self.shelves.get(partition)
            # Partitions may have been taken away, and come back, while the batch was gathered.
            if shelf is None or offset < shelf.next_offset:
                continue
            shelf.next_offset = offset + 1
            found.append(Arrived(partition, offset, message.timestamp()[1], message.key(), message.value()))
        return found

    def _write(self, outcome: Outcome, touched: set[int]) -> None:
        settings = self._settings
        for visitor_id, reply in outcome.scores:
            self._produce(settings.scores, self._dumps(reply), visitor_id)
        for dead in outcome.dead:
            headers = _headers(dead, settings.events)
            value = dead.message.value and dead.message.value[:LARGEST]
            self._produce(settings.dead, value, dead.message.key, headers=headers)
        for partition in touched:
            for visitor_id, content in self.shelves[partition].changes(self._forget_ms):
                self._produce(settings.changelog, content, visitor_id, partition=partition)

    def _produce(self, topic: str, value: bytes | None, key: bytes | str | None, **more: Any) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, **more)
                return
            except BufferError:
                self._producer.poll(0.1)

    def _commit(self, arrived: list[Arrived]) -> None:
        partitions = sorted({message.partition for message in arrived})
        places = [
            self._library.TopicPartition(self._settings.events, p, self.shelves[p].next_offset)
            for p in partitions
        ]
        member = self._consumer.consumer_group_metadata()
        self._safely(lambda: self._producer.send_offsets_to_transaction(places, member, ANSWER_S))
        self._safely(lambda: self._producer.commit_transaction(ANSWER_S))

    def _safely(self, call: Callable[[], Any]) -> Any:
        """Make a call of the producer, which may get stuck after its broker has gone away and come back."""
        try:
            return self._persistently(lambda: within(call))
        except BeginAnewError:
            self._stuck = True
            raise

    def _persistently(self, call: Callable[[], Any]) -> Any:
        found = persistently(call, self._ended, self._away)
        self._condition.well("broker")
        return found

    def _away(self, why: str) -> None:
        self._condition.trouble("broker", f"no Kafka broker answers at '{self._settings.bootstrap}': {why}")

    def _noticed(self, error: Any) -> None:
        if error.code() == self._library.KafkaError._ALL_BROKERS_DOWN:
            self._away(error.str())

    def _wait_for_brokers(self) -> None:
        """Wait until brokers that went away are back, and then end the shift.

        A producer whose broker was away for some seconds may wait for ever in its next transaction.
        """
        self._stuck = True
        while not self._ended():
            with suppress(self._library.KafkaException):
                self._consumer.list_topics(self._settings.events, timeout=LOOK_S)
                raise BeginAnewError("the brokers were away and are back: state is read back")
            time.sleep(LOOK_S)

    def _assigned(self, consumer: Any, partitions: list[Any]) -> None:
        consumer.incremental_assign(self._restored(partitions))

    def _restored(self, partitions: list[Any]) -> list[Any]:
        """Read the state of partitions back; returns from where on their events are not yet in it."""
        if not partitions:
            return []
        # The order matters: offsets are told once no transaction on them is undecided; whatever a former
        # owner committed with them stands before the end of the changelog that is looked up after that.
        self._condition.trouble(
            "restoring", f"the state of {len(partitions)} partitions is being read back from the changelog"
        )
        known = self._persistently(lambda: self._consumer.committed(partitions, timeout=ANSWER_S))
        for place in known:
            if place.error is not None:
                raise self._library.KafkaException(place.error)
        shelves = {place.partition: self._score.shelf(max(place.offset, 0)) for place in known}
        restore(self._settings, shelves, self._ended, self._away)
        self.shelves.update(shelves)
        self._condition.well("restoring")
        for place in known:
            if place.offset < 0:
                place.offset = self._library.OFFSET_BEGINNING
        return list(known)

    def _revoked(self, consumer: Any, partitions: list[Any]) -> None:
        for place in partitions:
            self.shelves.pop(place.partition, None)


def _headers(dead: Dead, topic: str) -> list[tuple[str, bytes]]:
    message = dead.message
    told = {
        "reason": dead.reason,
        "column": dead.column,
        "hint": dead.hint,
        "topic": topic,
        "partition": str(message.partition),
        "offset": str(message.offset),
    }
    return [(name, text.encode()) for name, text in told.items()]
