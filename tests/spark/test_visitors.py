"""Pieces of whole visitors, wherever Spark cuts its batches."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal.spark.visitors import DUPLICATE, finding_duplicates, pieces


def rows(visitors: list[int]) -> pa.Table:
    """Sorted typed rows: as many of each visitor as ``visitors`` says."""
    ids = np.repeat([f"v{i:03d}" for i in range(len(visitors))], visitors)
    n = len(ids)
    times = pa.array(np.arange(n) * 1_000_000).cast(pa.timestamp("us", "UTC"))
    orders = pa.array(np.arange(n))
    return pa.table(
        {"visitor_id": pa.array(ids, pa.string()), "event_time": times, "__order": orders, "__hash": orders}
    )


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 40), st.integers(1, 60))
def test_no_visitor_is_cut_and_no_row_is_lost(visitors: list[int], batch: int, size: int) -> None:
    table = rows(visitors)
    found = list(pieces(iter(table.to_batches(max_chunksize=batch)), size))
    assert pa.concat_tables(found).equals(table)
    seen = [set(piece.column("visitor_id").to_pylist()) for piece in found]
    assert sum(map(len, seen)) == len(visitors)
    assert all(piece.num_rows >= size for piece in found[:-1])


def test_rows_out_of_order_stop_the_work() -> None:
    table = rows([3, 3])
    backwards = table.take(pa.array([3, 4, 5, 0, 1, 2]))
    with pytest.raises(AssertionError, match="not sorted"):
        list(pieces(iter(backwards.to_batches()), 2))


def test_of_equal_rows_the_first_of_the_source_stays() -> None:
    table = rows([4])
    twice = pa.concat_tables([table, table.set_column(2, "__order", pa.array([14, 13, 12, 11]))])
    order = [("visitor_id", "ascending"), ("event_time", "ascending"), ("__order", "ascending")]
    found = pa.Table.from_batches(finding_duplicates(iter(twice.sort_by(order).to_batches())), DUPLICATE)
    assert sorted(found.column("__order").to_pylist()) == [11, 12, 13, 14]
    assert set(found.column("__reason").to_pylist()) == {"duplicate_event"}
