"""The state of partitions read back from the changelog, up to the last committed word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from buysignal.stream.client import ANSWER_S, Settings, kafka, persistently
from buysignal.stream.shelf import Shelf

AT_ONCE = 5_000


def restore(
    settings: Settings,
    shelves: Mapping[int, Shelf],
    give_up: Callable[[], bool],
    away: Callable[[str], None] = lambda why: None,
) -> None:
    """Fill the shelves of partitions that were just assigned.

    Reading ends where the log ended when this began, open transactions included: those of a worker that
    lost the partitions are waited for until they are decided, which is at latest when they time out.

    Args:
        give_up: asked now and then; True ends the reading, and the shelves are of no use.
        away: told why where no broker answers.
    """
    ends = _ends(settings, list(shelves), give_up, away)
    missing = {partition for partition, (begin, end) in ends.items() if end > begin}
    if not missing:
        return
    library = kafka()
    reader = library.Consumer(settings.reader())
    try:
        beginning = library.OFFSET_BEGINNING
        reader.assign([library.TopicPartition(settings.changelog, p, beginning) for p in sorted(missing)])
        while missing and not give_up():
            for message in reader.consume(AT_ONCE, 0.2):
                _take(message, shelves, ends, missing)
    finally:
        reader.close()


def _take(
    message: Any, shelves: Mapping[int, Shelf], ends: dict[int, tuple[int, int]], missing: set[int]
) -> None:
    partition, error = message.partition(), message.error()
    if error is None:
        shelves[partition].restore(message.key().decode(), message.value())
    elif error.code() != kafka().KafkaError._PARTITION_EOF:
        if not error.retriable():
            raise kafka().KafkaException(error)
    elif message.offset() >= ends[partition][1]:
        missing.discard(partition)


def _ends(
    settings: Settings, partitions: list[int], give_up: Callable[[], bool], away: Callable[[str], None]
) -> dict[int, tuple[int, int]]:
    """Return, per partition of the changelog, where it begins and ends, what is undecided included."""
    library = kafka()
    # A reader of committed records would be told the end of the decided part.
    asker = library.Consumer({**settings.reader(), "isolation.level": "read_uncommitted"})
    try:
        found = {}
        for partition in partitions:
            place = library.TopicPartition(settings.changelog, partition)
            asked = partial(asker.get_watermark_offsets, place, timeout=ANSWER_S)
            found[partition] = persistently(asked, give_up, away)
        return found
    finally:
        asker.close()
