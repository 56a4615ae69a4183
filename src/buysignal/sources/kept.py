"""From the typed table to what is kept and what is rejected."""

from __future__ import annotations

from collections import Counter

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events
from buysignal.sources import rejects
from buysignal.sources.parts import Part
from buysignal.sources.rejects import Rejects
from buysignal.sources.sql import name, quote

_KEEP = "__reason IS NULL AND __order NOT IN (SELECT __order FROM dropped)"


def drop_across_rows(connection: duckdb.DuckDBPyConnection, level: str) -> int:
    """Note in ``dropped`` the rows that only others make wrong; return how many equal an earlier one.

    A session id used by several visitors stays with the one who has most of its rows (of equals, the
    first in order of the id); the other visitors' rows are rejected. Duplicates are found by a 64-bit
    hash of the whole row together with the columns that order it.
    """
    connection.execute("CREATE TEMP TABLE dropped (__order BIGINT, reason VARCHAR)")
    if level == "session":
        counted = "SELECT count(*) - count(DISTINCT __hash) FROM typed WHERE __reason IS NULL"
        return int(connection.sql(counted).fetchall()[0][0])
    columns = connection.sql("SELECT * FROM typed LIMIT 0").columns
    if "session_id" in columns:
        _drop_foreign_visitors(connection)
    keys = ["__hash", "visitor_id", *(c for c in ("event_time", "event_date", "event_seq") if c in columns)]
    connection.execute(
        f"""INSERT INTO dropped
        SELECT __order, 'duplicate_event' FROM typed
        WHERE {_KEEP} AND __hash IN (
            SELECT __hash FROM typed WHERE __reason IS NULL GROUP BY __hash HAVING count(*) > 1)
        QUALIFY row_number() OVER (PARTITION BY {", ".join(keys)} ORDER BY __order) > 1"""
    )
    found = "SELECT count(*) FROM dropped WHERE reason = 'duplicate_event'"
    return int(connection.sql(found).fetchall()[0][0])


def _drop_foreign_visitors(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """CREATE TEMP TABLE shared AS
        SELECT hash(session_id) AS __session FROM typed
        WHERE __reason IS NULL AND session_id IS NOT NULL
        GROUP BY 1 HAVING min(hash(visitor_id)) <> max(hash(visitor_id))"""
    )
    connection.execute(
        """INSERT INTO dropped
        WITH mine AS (
            SELECT session_id, visitor_id, __order,
                count(*) OVER (PARTITION BY session_id, visitor_id) AS n
            FROM typed
            WHERE __reason IS NULL AND hash(session_id) IN (SELECT __session FROM shared)),
        ranked AS (
            SELECT __order,
                visitor_id = first_value(visitor_id) OVER (
                    PARTITION BY session_id ORDER BY n DESC, visitor_id) AS owner
            FROM mine)
        SELECT __order, 'session_of_two_visitors:session_id' FROM ranked WHERE NOT owner"""
    )


def collect_rejects(connection: duckdb.DuckDBPyConnection, parts: list[Part]) -> Rejects:
    """Return the rejects of all parts, malformed lines first within each part."""
    connection.execute(
        """CREATE TEMP TABLE bad AS
        SELECT __part, __row, __line, __order, __reason AS reason FROM typed WHERE __reason IS NOT NULL
        UNION ALL
        SELECT __part, __row, __line, __order, reason FROM typed JOIN dropped USING (__order)"""
    )
    found: list[Rejects] = []
    for number, part in enumerate(parts):
        if part.malformed:
            found.append(_malformed(part))
        found.append(_typed_rejects(connection, part, number))
    return rejects.join(found)


def _malformed(part: Part) -> Rejects:
    n = len(part.malformed)
    return rejects.from_columns(
        pa.array([part.names[0]] * n, pa.string()),
        pa.array([m.line for m in part.malformed], pa.int64()),
        pa.array([m.reason for m in part.malformed], pa.string()),
        pa.array([m.raw for m in part.malformed], pa.string()),
    )


def _typed_rejects(connection: duckdb.DuckDBPyConnection, part: Part, number: int) -> Rejects:
    names = ", ".join(quote(n) for n in part.names)
    table = connection.sql(
        f"""SELECT [{names}][r.file + 1] AS file, bad.__line AS line, bad.reason, r.raw
        FROM (SELECT * FROM bad WHERE __part = {number}) bad
        JOIN (SELECT __row, {part.raw} AS raw, {part.file_sql} AS file FROM {part.relation}
              WHERE __row IN (SELECT __row FROM bad WHERE __part = {number})) r USING (__row)
        ORDER BY bad.__order"""
    ).to_arrow_table()
    columns = [table.column(c).combine_chunks() for c in ("file", "line", "reason", "raw")]
    return rejects.from_columns(*columns)


def kept_events(
    connection: duckdb.DuckDBPyConnection, currency: str | None, mended: Counter[str]
) -> pa.Table:
    """Return the kept rows as conformed, sorted events."""
    described = connection.sql("SELECT * FROM typed LIMIT 0").columns
    columns = [c for c in described if c in events.SCHEMA.names or c.startswith(events.ATTRIBUTE_PREFIX)]
    picked = [name(c) for c in columns if c != "event_seq"]
    picked.append(
        "coalesce(event_seq, __order) AS event_seq" if "event_seq" in columns else "__order AS event_seq"
    )
    if currency is not None and "currency" not in columns and "price" in columns:
        picked.append(f"CASE WHEN price IS NOT NULL THEN {quote(currency)} END AS currency")
    keys = ["visitor_id", *(f"{c} NULLS FIRST" for c in ("event_time", "event_date") if c in columns)]
    table = connection.sql(
        f"SELECT {', '.join(picked)}, __order, __part FROM typed WHERE {_KEEP} "
        f"ORDER BY {', '.join(keys)}, event_seq, __order"
    ).to_arrow_table()
    mended["out_of_order"] += _out_of_order(table)
    return events.conform(table.drop_columns(["__order", "__part"]))


def _out_of_order(table: pa.Table) -> int:
    """Rows that stood, in their file, before one that precedes them in a visitor's true order."""
    if table.num_rows < 2:
        return 0
    order, part = table.column("__order").to_numpy(), table.column("__part").to_numpy()
    back = np.flatnonzero((order[1:] < order[:-1]) & (part[1:] == part[:-1]))
    visitors = table.column("visitor_id")
    return int(pc.sum(pc.equal(visitors.take(back), visitors.take(back + 1))).as_py() or 0)


def kept_sessions(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the kept rows of a session table, in the source's order."""
    columns = [c for c in connection.sql("SELECT * FROM typed LIMIT 0").columns if not c.startswith("__")]
    picked = ", ".join(name(c) for c in columns)
    return connection.sql(f"SELECT {picked} FROM typed WHERE {_KEEP} ORDER BY __order").to_arrow_table()
