"""Sorting and duplicates of the kept events, on columns that already are in memory.

DuckDB sorts the keys alone (on disk where it must) and gives the permutation; the wide rows are gathered
once, a few columns at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events

Positions = npt.NDArray[np.int64]

KEYS = ("visitor_id", "event_time", "event_date", "event_seq")
THREADS = 2
_SLICE = 4_000_000
"""Rows gathered at a time: text columns are addressed by 32 bits within one piece."""


def is_sorted(table: pa.Table) -> bool:
    """Whether events already stand in the order of ``events.sort``, ties in source order."""
    if table.num_rows < 2:
        return True
    still_equal = np.ones(table.num_rows - 1, dtype=bool)
    for key in (*KEYS, "__order"):
        if key not in table.column_names:
            continue
        column = table.column(key)
        before, after = column.slice(0, table.num_rows - 1), column.slice(1)
        falls = _true(pc.less(after, before)) | _true(pc.and_(pc.is_valid(before), pc.is_null(after)))
        if (falls & still_equal).any():
            return False
        still_equal &= _true(pc.equal(after, before)) | _true(pc.and_(pc.is_null(after), pc.is_null(before)))
    return True


def _true(mask: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return pc.fill_null(mask, False).to_numpy()


def permutation(
    connection: duckdb.DuckDBPyConnection, where: str, columns: Sequence[str], orders: Positions
) -> Positions:
    """Return the positions that bring the rows of ``typed`` (in the order of ``orders``) into order."""
    keys = [f"{key} NULLS FIRST" for key in KEYS if key in columns]
    query = f"SELECT __order FROM typed {where} ORDER BY {', '.join([*keys, '__order'])}"
    wanted = connection.sql(query).to_arrow_table().column("__order").to_numpy()
    span = int(orders.max()) + 1
    if span > 8 * len(orders):
        by_order = np.argsort(orders, kind="stable")
        return by_order[np.searchsorted(orders, wanted, sorter=by_order)].astype(np.int64)
    position = np.empty(span, dtype=np.int64)
    position[orders] = np.arange(len(orders))
    return position[wanted]


def encode(table: pa.Table) -> pa.Table:
    """Return the table with the text columns that repeat as dictionaries, as the contract has them."""

    def encoded(name: str) -> pa.Array | pa.ChunkedArray:
        column = table.column(name)
        wanted = name in events.SCHEMA.names and pa.types.is_dictionary(events.SCHEMA.field(name).type)
        return _encoded(column) if wanted else column

    with ThreadPoolExecutor(THREADS) as pool:
        return pa.table(dict(zip(table.column_names, pool.map(encoded, table.column_names), strict=True)))


def _encoded(column: pa.ChunkedArray) -> pa.Array:
    """The column as dictionary, its words in alphabetical order whatever the order of the rows."""
    whole = column.combine_chunks()
    if not pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_encode()
    by_word = pc.sort_indices(whole.dictionary)
    rank = np.empty(len(by_word), dtype=np.int32)
    rank[by_word.to_numpy()] = np.arange(len(by_word), dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(rank).take(whole.indices), whole.dictionary.take(by_word))


def gather(table: pa.Table, positions: Positions) -> pa.Table:
    """Return the rows at ``positions``."""
    pieces = [pa.array(positions[i : i + _SLICE]) for i in range(0, len(positions), _SLICE)]

    def gathered(name: str) -> pa.ChunkedArray:
        whole = table.column(name).combine_chunks()
        taken = [_take(whole, piece) for piece in pieces]
        chunks = [c for t in taken for c in (t.chunks if isinstance(t, pa.ChunkedArray) else [t])]
        return pa.chunked_array(chunks, type=whole.type)

    with ThreadPoolExecutor(THREADS) as pool:
        return pa.table(dict(zip(table.column_names, pool.map(gathered, table.column_names), strict=True)))


def _take(column: pa.Array | pa.ChunkedArray, positions: pa.Array) -> pa.Array | pa.ChunkedArray:
    """Like ``take``; of dictionaries only the codes are moved."""
    if isinstance(column, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(column.indices.take(positions), column.dictionary)
    return column.take(positions)


def duplicates(table: pa.Table) -> Positions:
    """Return the positions, in sorted events, of rows equal to an earlier one.

    Equal rows share visitor, time and day, and so stand close to each other; among those, rows are equal
    when the 64-bit hashes of their whole source rows are. Of equal rows the first of the source stays.
    """
    if table.num_rows < 2:
        return np.empty(0, dtype=np.int64)
    together = np.ones(table.num_rows - 1, dtype=bool)
    for key in ("event_time", "event_date", "visitor_id"):
        if key in table.column_names:
            column = table.column(key)
            before, after = column.slice(0, table.num_rows - 1), column.slice(1)
            both_null = pc.and_(pc.is_null(before), pc.is_null(after))
            together &= _true(pc.equal(before, after)) | _true(both_null)
    candidates = np.flatnonzero(np.append(together, False) | np.insert(together, 0, False))
    run = np.cumsum(~np.insert(together, 0, False))[candidates]
    hashes = table.column("__hash").to_numpy()[candidates]
    source = table.column("__order").to_numpy()[candidates]
    order = np.lexsort((source, hashes, run))
    same = (run[order][1:] == run[order][:-1]) & (hashes[order][1:] == hashes[order][:-1])
    return np.sort(candidates[order[1:][same]])


def out_of_order(table: pa.Table) -> int:
    """Count rows that stood, in their file, before one that precedes them in a visitor's true order."""
    if table.num_rows < 2:
        return 0
    order, part = table.column("__order").to_numpy(), table.column("__part").to_numpy()
    back = np.flatnonzero((order[1:] < order[:-1]) & (part[1:] == part[:-1]))
    visitors = table.column("visitor_id").combine_chunks()
    same = pc.equal(visitors.take(pa.array(back)), visitors.take(pa.array(back + 1)))
    return int(pc.sum(same).as_py() or 0)
