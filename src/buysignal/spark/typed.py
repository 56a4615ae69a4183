"""Rows of the source to typed rows, and rejected rows as they stood: the SQL of one machine on batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from buysignal.sources import rejects
from buysignal.spark.database import database, seen
from buysignal.spark.plan import REASON, PartPlan, Plan

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

Batches = Iterator[pa.RecordBatch]
Work = Callable[[Batches], Batches]

REJECTED = rejects.SCHEMA.append(pa.field("__order", pa.int64()))


def typed_schema(plan: Plan) -> pa.Schema:
    """Return the columns of the typed rows that workers hand back."""
    with database() as connection:
        connection.register("shape", plan.shape.empty_table())
        schema = connection.sql(f"SELECT {', '.join(plan.wanted)} FROM shape").to_arrow_table().schema
    return pa.schema([f.with_type(_signed(f.type)) for f in schema])


def spark_schema(schema: pa.Schema) -> StructType:
    """Return an Arrow schema as Spark's; times without a zone stay without."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema, prefer_timestamp_ntz=True)


def _signed(kind: pa.DataType) -> pa.DataType:
    """Spark has no unsigned numbers; of hashes only equality counts."""
    return pa.int64() if kind == pa.uint64() else kind


def typing(plan: Plan, part: PartPlan) -> Work:
    """Return the work that types batches of ``part``."""
    schema, shape = typed_schema(plan), plan.shape
    query = f"SELECT {', '.join(plan.wanted)} FROM (SELECT * FROM shape UNION ALL BY NAME ({part.select}))"

    def type_rows(batches: Batches) -> Batches:
        with database(plan.ids) as connection:
            connection.register("shape", shape.empty_table())
            for batch in batches:
                with seen(connection, batch):
                    table = connection.sql(query).to_arrow_table()
                yield from _as(table, schema).to_batches()

    return type_rows


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        column.combine_chunks().view(pa.int64()) if column.type == pa.uint64() else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names).cast(schema)


def telling(part: PartPlan, *, raw: bool) -> Work:
    """Return the work that turns source rows with ``__order`` and ``__reason`` into rejects.

    Args:
        raw: say what stood in the row; left out where ids are hashed.
    """
    source = part.source
    relation = source.relation(more=("__order", REASON))
    names = pa.array(source.part.names, pa.string())
    told = source.part.raw if raw else "CAST(NULL AS VARCHAR)"
    query = f"SELECT __of, __line, {REASON} AS reason, {told} AS raw, __order FROM {relation}"

    def tell(batches: Batches) -> Batches:
        with database() as connection:
            for batch in batches:
                if not batch.num_rows:
                    continue
                with seen(connection, batch):
                    table = connection.sql(query).to_arrow_table().combine_chunks()
                file, line, reason, rows = (
                    table.column(c).combine_chunks() for c in ("__of", "__line", "reason", "raw")
                )
                found = rejects.from_columns(names.take(file), line, reason, rows).table
                yield from found.append_column("__order", table.column("__order")).cast(REJECTED).to_batches()

    return tell
