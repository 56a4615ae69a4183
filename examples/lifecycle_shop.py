"""Six weeks of the demo shop: four to learn from, a quiet one, and one in which the shop changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from buysignal.sources import load

WEEKS, LEARNED = 6, 4
DEARER = 1.2
MOVED_EVERY = 4
UNPAID_OF_FOUR = 3
SENT = (
    "visitor_id", "session_id", "event_time", "event_seq", "event_name", "item_id", "category", "price",
    "quantity", "country", "device", "channel", "page", "consent",
)  # fmt: skip
"""What the door is told of an event."""


@dataclass(frozen=True)
class Month:
    """Files of events, and when the two weeks after the training begin.

    Attributes:
        learned: four weeks.
        quiet: a week by the same rules.
        changed: a week in which prices, the mix of visitors and their wish to buy are others.
        unsold: the week ``changed`` without its purchases.
    """

    learned: Path
    quiet: Path
    changed: Path
    unsold: Path
    quiet_since: str
    changed_since: str


def month_of(events: Path, folder: Path) -> Month:
    """Cut the shop's events into files, and plant the change in the last week."""
    table = pq.read_table(events)
    begin = pc.min(table.column("event_time")).as_py()
    begin = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    cuts = [begin, *(begin + timedelta(weeks=week) for week in (LEARNED, LEARNED + 1, WEEKS))]
    learned, quiet, last = (_between(table, *pair) for pair in pairwise(cuts))
    changed = fewer_buy(other_visitors(dearer(last)))
    parts = {
        "learned": learned, "quiet": quiet, "changed": changed,
        "unsold": changed.filter(pc.invert(_bought(changed))),
    }  # fmt: skip
    for name, part in parts.items():
        pq.write_table(part, folder / f"{name}.parquet")
    files = {name: folder / f"{name}.parquet" for name in parts}
    return Month(**files, quiet_since=_utc(cuts[1]), changed_since=_utc(cuts[2]))


def dearer(table: pa.Table) -> pa.Table:
    """Prices rise by a fifth."""
    return _replaced(table, "price", pc.multiply(table.column("price"), DEARER))


def other_visitors(table: pa.Table) -> pa.Table:
    """A quarter of the visitors come by e-mail instead."""
    moved = pa.array(_number(table) % MOVED_EVERY == 0)
    return _replaced(table, "channel", pc.if_else(moved, "email", table.column("channel").cast(pa.string())))


def fewer_buy(table: pa.Table) -> pa.Table:
    """Three of four visitors no longer pay for what they take to the till."""
    drawn = pa.array(_number(table) // MOVED_EVERY % 4 < UNPAID_OF_FOUR)
    return table.filter(pc.invert(pc.and_(_bought(table), drawn)))


def as_json(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a file as the door takes them, in order of time."""
    table = load(file).table.select(SENT).sort_by("event_time")
    for batch in table.to_batches(max_chunksize=5_000):
        for row in batch.to_pylist():
            row["event_time"] = row["event_time"].astimezone(UTC).isoformat()
            yield {name: value for name, value in row.items() if value is not None}


def _between(table: pa.Table, first: datetime, last: datetime) -> pa.Table:
    time = table.column("event_time")
    low, high = (pa.scalar(moment, time.type) for moment in (first, last))
    return table.filter(pc.and_(pc.greater_equal(time, low), pc.less(time, high)))


def _bought(table: pa.Table) -> pa.ChunkedArray:
    return pc.equal(table.column("event_name").cast(pa.string()), "purchase")


def _number(table: pa.Table) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return a number for each row's visitor that has nothing to do with when it came."""
    ids = [int("".join(filter(str.isdigit, v)) or 0) for v in table.column("visitor_id").to_pylist()]
    return (np.array(ids, np.uint64) * np.uint64(2_654_435_761)) >> np.uint64(13)


def _replaced(table: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    field = table.schema.field(name)
    return table.set_column(table.schema.get_field_index(name), field, values.cast(field.type))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d")
