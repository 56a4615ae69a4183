"""Kept events stand in the order of ``events.sort``, whatever the order of the source."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buysignal import events
from buysignal.sources import load, order

ROW = st.tuples(
    st.sampled_from(["a", "b", "Z", "ä"]),
    st.sampled_from([None, 1_709_283_600_000_000, 1_709_283_601_000_000, 1_709_283_602_500_000]),
    st.integers(0, 4),
    st.sampled_from(["x", "y"]),
)


def table_of(rows) -> pa.Table:
    visitor, time, seq, item = zip(*rows, strict=True)
    return pa.table(
        {
            "visitor_id": pa.array(visitor),
            "event_time": pa.array(time, pa.timestamp("us", tz="UTC")),
            "event_seq": pa.array(seq, pa.int64()),
            "event_name": pa.array(["view_item"] * len(rows)),
            "item_id": pa.array(item),
        }
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=1, max_size=25))
def test_any_parquet_comes_out_sorted_once_and_without_equal_rows(tmp_path, rows):
    pq.write_table(table_of([*rows, ("a", 1_709_283_600_000_000, 0, "x")]), tmp_path / "events.parquet")
    loaded = load(tmp_path / "events.parquet")
    timed = {row for row in rows if row[1] is not None} | {("a", 1_709_283_600_000_000, 0, "x")}
    assert loaded.rows_kept == len(timed)
    keys = ["visitor_id", "event_time", "event_seq"]
    assert loaded.table.select(keys).equals(events.sort(loaded.table).select(keys))
    found = loaded.table.to_pylist()
    assert {(r["visitor_id"], r["event_seq"], r["item_id"]) for r in found} == {
        (v, s, i) for v, _, s, i in timed
    }


@settings(max_examples=50, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=25))
def test_is_sorted_agrees_with_sorting(rows):
    numbered = table_of(rows).append_column("__order", pa.array(range(len(rows)), pa.int64()))
    nothing = (-1, 0)
    keys = [(v.encode(), nothing if t is None else (0, t), s) for v, t, s, _ in rows]
    assert order.is_sorted(numbered) == (keys == sorted(keys))


def test_words_of_a_dictionary_do_not_depend_on_the_order_of_rows():
    there, back = (order.encode(pa.table({"page": pages})) for pages in (["b", "a", None], [None, "a", "b"]))
    assert there.column("page").chunk(0).dictionary.to_pylist() == ["a", "b"]
    assert back.column("page").chunk(0).dictionary.to_pylist() == ["a", "b"]
    assert there.column("page").to_pylist() == ["b", "a", None]
