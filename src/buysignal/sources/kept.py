"""From the typed table to what is kept and what is rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal.sources import order, rejects
from buysignal.sources.parts import Part
from buysignal.sources.rejects import Rejects
from buysignal.sources.settled import settle_sorted, wanted_columns
from buysignal.sources.sql import name, quote

_REJECTS_AT_ONCE = 100_000


@dataclass(frozen=True)
class Kept:
    """What is kept, what is not, and how many rows equal an earlier one."""

    table: pa.Table
    rejects: Rejects
    duplicates: int


def settle(
    connection: duckdb.DuckDBPyConnection,
    parts: list[Part],
    level: str,
    currency: str | None,
    mended: Counter[str],
) -> Kept:
    """Decide about every row of ``typed``.

    A session id used by several visitors stays with the one who has most of its rows (of equals, the
    first in order of the id); the other visitors' rows are rejected. Equal events are rejected but for
    the first; equal rows of a session table may be different sessions, and stay.
    """
    drop_bad(connection, level)
    if level == "session":
        table, equal = _sessions(connection), _count_equal(connection)
        return Kept(table, collect_rejects(connection, parts), equal)
    columns = connection.sql("SELECT * FROM typed LIMIT 0").columns
    settled = settle_sorted(_sorted_events(connection, columns, currency))
    if len(settled.duplicates):
        drop(connection, settled.duplicates, "duplicate_event")
    mended["out_of_order"] += settled.out_of_order
    return Kept(settled.events, collect_rejects(connection, parts), len(settled.duplicates))


def drop_bad(connection: duckdb.DuckDBPyConnection, level: str) -> None:
    """Make ``dropped``: the rows of ``typed`` with a reason, and of events those of foreign sessions."""
    connection.execute("CREATE TEMP TABLE dropped (__order BIGINT, reason VARCHAR)")
    connection.execute("INSERT INTO dropped SELECT __order, __reason FROM typed WHERE __reason IS NOT NULL")
    if level == "event" and "session_id" in connection.sql("SELECT * FROM typed LIMIT 0").columns:
        _drop_foreign_visitors(connection)


def where_kept(connection: duckdb.DuckDBPyConnection) -> str:
    """The condition that leaves the dropped rows out, as late as there are any."""
    found = connection.sql("SELECT count(*) FROM dropped").fetchall()[0][0]
    return "WHERE __order NOT IN (SELECT __order FROM dropped)" if found else ""


def drop(connection: duckdb.DuckDBPyConnection, orders: npt.NDArray[np.int64], reason: str) -> None:
    """Reject the rows of ``typed`` that have these places in the input."""
    gone = pa.table({"o": orders})
    connection.register("gone", gone)
    connection.execute(f"INSERT INTO dropped SELECT o, {quote(reason)} FROM gone")
    connection.unregister("gone")


def _count_equal(connection: duckdb.DuckDBPyConnection) -> int:
    counted = "SELECT count(*) - count(DISTINCT __hash) FROM typed WHERE __reason IS NULL"
    return int(connection.sql(counted).fetchall()[0][0])


def _sorted_events(
    connection: duckdb.DuckDBPyConnection, columns: list[str], currency: str | None
) -> pa.Table:
    selected = wanted_columns(columns, currency)
    where = where_kept(connection)
    table = connection.sql(f"SELECT {', '.join(selected)} FROM typed {where}").to_arrow_table()
    table = order.encode(table)
    if order.is_sorted(table):
        return table
    rows = order.permutation(connection, where, columns, table.column("__order").to_numpy())
    return order.gather(table, rows)


def _drop_foreign_visitors(connection: duckdb.DuckDBPyConnection) -> None:
    where = where_kept(connection)
    connection.execute(
        f"""CREATE TEMP TABLE shared AS
        SELECT hash(session_id) AS __session FROM typed {where or "WHERE TRUE"} AND session_id IS NOT NULL
        GROUP BY 1 HAVING min(hash(visitor_id)) <> max(hash(visitor_id))"""
    )
    if not connection.sql("SELECT count(*) FROM shared").fetchall()[0][0]:
        return
    connection.execute(
        f"""INSERT INTO dropped
        WITH mine AS (
            SELECT session_id, visitor_id, __order,
                count(*) OVER (PARTITION BY session_id, visitor_id) AS n
            FROM typed {where or "WHERE TRUE"} AND hash(session_id) IN (SELECT __session FROM shared)),
        ranked AS (
            SELECT __order,
                visitor_id = first_value(visitor_id) OVER (
                    PARTITION BY session_id ORDER BY n DESC, visitor_id) AS owner
            FROM mine)
        SELECT __order, 'session_of_two_visitors:session_id' FROM ranked WHERE NOT owner"""
    )


def collect_rejects(connection: duckdb.DuckDBPyConnection, parts: list[Part]) -> Rejects:
    """Return the rejects of all parts, malformed lines first within each part."""
    return rejects.join(list(rejected_batches(connection, parts)))


def rejected_batches(connection: duckdb.DuckDBPyConnection, parts: list[Part]) -> Iterator[Rejects]:
    """Yield the rejects as ``collect_rejects`` orders them, never many at once."""
    connection.execute(
        """CREATE TEMP TABLE bad AS
        SELECT __part, __row, __line, __order, reason FROM typed JOIN dropped USING (__order)"""
    )
    for number, part in enumerate(parts):
        if part.malformed:
            yield _malformed(part)
        yield from _typed_rejects(connection, part, number)


def _malformed(part: Part) -> Rejects:
    n = len(part.malformed)
    return rejects.from_columns(
        pa.array([part.names[0]] * n, pa.string()),
        pa.array([m.line for m in part.malformed], pa.int64()),
        pa.array([m.reason for m in part.malformed], pa.string()),
        pa.array([m.raw for m in part.malformed], pa.string()),
    )


def _typed_rejects(connection: duckdb.DuckDBPyConnection, part: Part, number: int) -> Iterator[Rejects]:
    names = ", ".join(quote(n) for n in part.names)
    batches = connection.sql(
        f"""SELECT [{names}][r.file + 1] AS file, bad.__line AS line, bad.reason, r.raw
        FROM (SELECT * FROM bad WHERE __part = {number}) bad
        JOIN (SELECT __row, {part.raw} AS raw, {part.file_sql} AS file FROM {part.relation}
              WHERE __row IN (SELECT __row FROM bad WHERE __part = {number})) r USING (__row)
        ORDER BY bad.__order"""
    ).to_arrow_reader(_REJECTS_AT_ONCE)
    for batch in batches:
        yield rejects.from_columns(*(batch.column(c) for c in ("file", "line", "reason", "raw")))


def _sessions(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the kept rows of a session table, in the source's order."""
    columns = [c for c in connection.sql("SELECT * FROM typed LIMIT 0").columns if not c.startswith("__")]
    picked = ", ".join(name(c) for c in columns)
    return connection.sql(
        f"SELECT {picked} FROM typed {where_kept(connection)} ORDER BY __order"
    ).to_arrow_table()
