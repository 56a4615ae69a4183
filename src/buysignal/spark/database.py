"""DuckDB inside a Spark worker: one thread, one batch at a time, the same SQL as on one machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from buysignal import pseudonyms
from buysignal.pseudonyms import Pseudonyms
from buysignal.spark.parts import BATCH


@contextmanager
def database(ids: Pseudonyms | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield an in-memory database that leaves the other cores to the other tasks.

    Args:
        ids: what its SQL hashes ids by.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        pseudonyms.registered(ids, connection.create_function)
        yield connection


@contextmanager
def seen(connection: duckdb.DuckDBPyConnection, rows: pa.RecordBatch | pa.Table) -> Iterator[None]:
    """Let the database see ``rows`` under the name ``BATCH``."""
    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    connection.register(BATCH, table)
    try:
        yield
    finally:
        connection.unregister(BATCH)


def empty_batch(schema: pa.Schema, more: dict[str, pa.DataType] | None = None) -> pa.Table:
    """Return a batch without rows, further columns added."""
    for name, kind in (more or {}).items():
        schema = schema.append(pa.field(name, kind))
    return schema.empty_table()
