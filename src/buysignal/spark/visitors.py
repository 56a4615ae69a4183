"""Sorted rows to events of whole visitors, piece by piece, as one machine settles them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from buysignal import events as ev
from buysignal import sessions
from buysignal.sources import order
from buysignal.sources.settled import settle_sorted
from buysignal.sources.stream import PIECE, whole_visitors
from buysignal.spark.plan import REASON, SEQUENCE

Batches = Iterator[pa.RecordBatch]
Work = Callable[[Batches], Batches]

DUPLICATE = pa.schema([("__order", pa.int64()), (REASON, pa.string())])
NARROW = ("visitor_id", "event_time", "event_date", SEQUENCE, "__order", "__hash")
"""What duplicates are found by, and their order is checked by."""


def pieces(batches: Batches, rows: int = PIECE) -> Iterator[pa.Table]:
    """Yield rows of whole visitors; a visitor may reach over any number of batches.

    Raises:
        AssertionError: the rows do not come in order.
    """
    last = ""
    for piece in whole_visitors((pa.Table.from_batches([batch]) for batch in batches), rows):
        first = piece.rows.column("visitor_id")[0].as_py()
        if first <= last or not order.is_sorted(_by_source(piece.rows)):
            raise AssertionError(f"rows after visitor {last!r} are not sorted")
        last = piece.last_visitor
        yield piece.rows


def _by_source(rows: pa.Table) -> pa.Table:
    """The rows with the sequence they are sorted by: the source's own, with its gaps."""
    rest = rows.select([column for column in rows.column_names if column != "event_seq"])
    return rest.append_column("event_seq", rows.column(SEQUENCE)) if SEQUENCE in rows.column_names else rest


def settled_of(batches: Batches) -> Iterator[pa.Table]:
    """Yield settled events, in pieces of whole visitors."""
    for rows in pieces(batches):
        internal = [column for column in (REASON, SEQUENCE) if column in rows.column_names]
        yield settle_sorted(rows.drop_columns(internal)).events


def events_of(batches: Batches, session_gap: str, *, consenting: bool) -> Iterator[pa.Table]:
    """Yield settled events with their sessions, in pieces of whole visitors.

    Args:
        consenting: leave out events of visitors who refused consent.
    """
    for events in settled_of(batches):
        yield sessions.assign(without_refusals(events) if consenting else events, session_gap)


def without_refusals(events: pa.Table) -> pa.Table:
    """Return the events but for those of visitors who refused consent."""
    return ev.consenting(events)[0]


def count_refusals(batches: Batches) -> Batches:
    """Yield how many settled events were sent with a refusal of consent, a row for each piece."""
    for events in settled_of(batches):
        refused = pa.array([ev.consenting(events)[1]], pa.int64())
        yield pa.RecordBatch.from_arrays([refused], names=["refused"])


def finding_duplicates(batches: Batches) -> Batches:
    """Yield order and reason of every row that equals an earlier one, of rows with ``NARROW``."""
    for rows in pieces(batches):
        equal = order.duplicates(rows)
        found = rows.column("__order").take(pa.array(equal))
        reason = pa.array(["duplicate_event"] * len(equal), pa.string())
        yield from pa.table([found, reason], schema=DUPLICATE).to_batches()
