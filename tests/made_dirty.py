"""Files with every kind of dirt, as a cluster would find them: several, not alike, out of order."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from buysignal.sources.demo import write_demo

HUGE = "v_huge"
HUGE_EVENTS = 200_000


def write_dirty(folder: Path, visitors: int = 1_500) -> Path:
    """Write three files into a new folder and return it.

    The first and the second are alike; the third has other columns, which the profile reads as well.
    """
    source = folder / "dirty input"
    source.mkdir(parents=True)
    first = pq.read_table(write_demo(folder / "one", visitors, seed=5).events)
    second = pq.read_table(write_demo(folder / "two", visitors // 2, seed=6).events)
    pq.write_table(first, source / "a é.parquet", row_group_size=3_000)
    second = _spoilt(pa.concat_tables([second, first.slice(0, 50)]))
    pq.write_table(second, source / "b.parquet", row_group_size=1_000)
    (source / "below").mkdir()
    third = pq.read_table(write_demo(folder / "three", visitors // 3, seed=7).events)
    pq.write_table(_otherwise(third), source / "below" / "c.parquet")
    return source


def _spoilt(table: pa.Table) -> pa.Table:
    """Rows that are rejected for each reason, times and sequences that are partly missing."""
    n = table.num_rows
    row = np.arange(n)
    table = _where(table, row % 97 == 3, "price", pc.multiply(table.column("price"), -1.0))
    table = _where(table, row % 101 == 4, "price", 2e6)
    table = _where(table, row % 103 == 5, "currency", "GBP")
    table = _where(table, row % 89 == 6, "visitor_id", None)
    table = _where(table, row % 113 == 7, "event_time", None)
    table = _where(table, row % 127 == 8, "event_time", dt.datetime(1970, 1, 2, tzinfo=dt.UTC))
    table = _where(table, row % 31 == 9, "event_seq", None)
    return _where(table, row % 211 == 10, "session_id", table.column("session_id")[0].as_py())


def _where(table: pa.Table, rows: np.ndarray, name: str, value: object) -> pa.Table:
    column = table.column(name).combine_chunks()
    new = value if isinstance(value, pa.ChunkedArray) else pa.scalar(value, column.type)
    changed = pc.if_else(pa.array(rows), new, column)
    return table.set_column(table.column_names.index(name), name, changed)


def _otherwise(table: pa.Table) -> pa.Table:
    """Fewer columns in another order, times in the old form, a sequence that is unsigned, and texts."""
    n = table.num_rows
    table = table.drop_columns(["device", "consent"])
    table = table.append_column("attr_rank", pa.array([str(i % 7) for i in range(n)]))
    table = table.append_column("attr_mixed", pa.array([("x" if i == n - 1 else str(i)) for i in range(n)]))
    sequence = table.column("event_seq").cast(pa.uint64())
    table = table.set_column(table.column_names.index("event_seq"), "event_seq", sequence)
    return table.select(["event_name", *(c for c in table.column_names if c != "event_name")])


def write_huge(folder: Path) -> Path:
    """Write one file in which one visitor has most of the events, and return it."""
    folder.mkdir(parents=True)
    few = pq.read_table(write_demo(folder / "few", 200, seed=8).events)
    plain = [f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in few.schema]
    few = few.cast(pa.schema(list(zip(few.column_names, plain, strict=True))))
    start = few.column("event_time")[0].as_py()
    times = [start + dt.timedelta(seconds=7 * i + (i % 50 == 0) * 40_000) for i in range(HUGE_EVENTS)]
    row = np.arange(HUGE_EVENTS)
    huge = pa.table(
        {
            "visitor_id": [HUGE] * HUGE_EVENTS,
            "event_time": pa.array(times, few.schema.field("event_time").type),
            "event_name": pa.array(np.array(["page_view", "view_item", "add_to_cart", "purchase"])[row % 4]),
            "item_id": few.column("item_id").combine_chunks().take(pa.array(row % few.num_rows)),
            "price": few.column("price").combine_chunks().take(pa.array(row % few.num_rows)),
            "event_seq": pa.array(row, few.schema.field("event_seq").type),
            "attr_simulated": [True] * HUGE_EVENTS,
        }
    )
    whole = pa.concat_tables([few.slice(0, 500), huge, few.slice(500)], promote_options="permissive")
    path = folder / "huge.parquet"
    pq.write_table(whole.select(few.column_names), path)
    return path
