"""The files as Spark reads them, in the parts that one machine would make of them.

Files of equal columns are one part. Every row knows its place in it: ``__row`` counts the rows of the
part's earlier files first, ``__line`` is the row within its file and ``__of`` the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from buysignal.errors import SourceError
from buysignal.sources.parts import Part
from buysignal.sources.sql import Source, name, quote
from buysignal.spark.files import ParquetFile

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import StructType

BATCH = "batch"
"""The name under which DuckDB sees the rows that Spark hands over."""

PLACE = ("__row", "__line", "__of")

_UNSIGNED_COLUMN = re.compile(r"^  \w+ int(?:32|64) (.+) \(INTEGER\((8|16|32|64),false\)\)")
_INT96 = re.compile(r"^  \w+ int96 (\S+)")
_UNSIGNED_KIND = {"8": "UTINYINT", "16": "USMALLINT", "32": "UINTEGER", "64": "UBIGINT"}
_UNSIGNED = frozenset(_UNSIGNED_KIND.values())


@dataclass(frozen=True, eq=False)
class Read:
    """Files that Spark reads with one schema, and where their rows begin in the part.

    Attributes:
        int96: columns in the old form of times, which name no zone.
    """

    schema: StructType
    int96: tuple[str, ...]
    files: list[tuple[int, int, ParquetFile]]


@dataclass(frozen=True, eq=False)
class SparkPart:
    """One part, and how Spark reads it.

    Attributes:
        part: what the SQL of the sources needs to know; its relation stands on ``BATCH``.
        kinds: source column -> DuckDB type.
        arrow: what a batch of it looks like.
    """

    part: Part
    kinds: dict[str, str]
    reads: list[Read]
    arrow: pa.Schema

    def relation(self, columns: Sequence[str] | None = None, more: Sequence[str] = ()) -> str:
        """Return what stands after FROM for a batch with these source columns."""
        return relation_of(self.kinds, list(self.kinds) if columns is None else columns, more)


def relation_of(kinds: dict[str, str], columns: Sequence[str], more: Sequence[str] = ()) -> str:
    """Return the batch with the types that DuckDB gives the file, where Spark has no such type."""
    casts = {c: f"CAST({name(c)} AS {kinds[c]}) AS {name(c)}" for c in columns if kinds[c] in _UNSIGNED}
    cells = [casts.get(c, name(c)) for c in columns]
    return f"(SELECT {', '.join([*PLACE, *more, *cells])} FROM {BATCH})"


def make_parts(spark: SparkSession, files: Sequence[ParquetFile]) -> list[SparkPart]:
    """Return the files as parts, in the order of their first files.

    Raises:
        SourceError: a column is of a type that Spark cannot read.
    """
    seen: dict[str, tuple[StructType, tuple[str, ...], dict[str, str]]] = {}
    parts: dict[tuple[tuple[str, str], ...], list[ParquetFile]] = {}
    for file in files:
        if file.footer not in seen:
            seen[file.footer] = _columns(spark, file)
        parts.setdefault(tuple(seen[file.footer][2].items()), []).append(file)
    return [_part(spark, dict(kinds), group, seen) for kinds, group in parts.items()]


def _columns(spark: SparkSession, file: ParquetFile) -> tuple[StructType, tuple[str, ...], dict[str, str]]:
    """Return the file's Spark schema, its INT96 columns and its DuckDB types."""
    lines = file.footer.splitlines()
    int96 = tuple(m.group(1) for line in lines if (m := _INT96.match(line)))
    unsigned = {
        m.group(1): _UNSIGNED_KIND[m.group(2)] for line in lines if (m := _UNSIGNED_COLUMN.match(line))
    }
    try:
        schema = spark.read.parquet(_literal(file.path)).schema
        arrow = _arrow_schema(schema, int96)
    except Exception as error:
        raise SourceError(
            f"{file.name} has a column that Spark cannot read: {str(error).splitlines()[0]}",
            allowed="Parquet with types that Spark knows (times in milli- or microseconds)",
            todo="write the file again with such types",
        ) from error
    with duckdb.connect() as connection:
        connection.register(BATCH, arrow.empty_table())
        described = connection.sql(f"SELECT * FROM {BATCH}")
        kinds = dict(zip(described.columns, (str(t) for t in described.types), strict=True))
    return schema, int96, {**kinds, **{c: k for c, k in unsigned.items() if c in kinds}}


def _literal(path: str) -> str:
    """The path with the signs escaped that Spark would take for a pattern."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", path)


def _arrow_schema(schema: StructType, int96: tuple[str, ...]) -> pa.Schema:
    from pyspark.sql.pandas.types import to_arrow_schema

    arrow = to_arrow_schema(schema, timezone="UTC")
    return pa.schema([f.with_type(pa.timestamp("us")) if f.name in int96 else f for f in arrow])


def _part(
    spark: SparkSession,
    kinds: dict[str, str],
    files: list[ParquetFile],
    seen: dict[str, tuple[StructType, tuple[str, ...], dict[str, str]]],
) -> SparkPart:
    reads: dict[tuple[str, tuple[str, ...]], Read] = {}
    before = 0
    for position, file in enumerate(files):
        schema, int96, _ = seen[file.footer]
        read = reads.setdefault((schema.json(), int96), Read(schema, int96, []))
        read.files.append((position, before, file))
        before += file.rows
    as_json = f"CAST(to_json({{{', '.join(f'{quote(c)}: {name(c)}' for c in kinds)}}}) AS VARCHAR)"
    nested = any(k.startswith(("STRUCT", "MAP", "LIST")) or k.endswith("[]") for k in kinds.values())
    part = Part(
        tuple(f.name for f in files),
        relation_of(kinds, list(kinds)),
        {column: Source(name(column), kind, typed=True) for column, kind in kinds.items()},
        as_json, before, "parquet",
        file_sql="__of", json=as_json if nested else None, named=any(f.named for f in files),
    )  # fmt: skip
    first = next(iter(reads.values()))
    return SparkPart(part, kinds, list(reads.values()), _with_place(_arrow_schema(first.schema, first.int96)))


def _with_place(schema: pa.Schema) -> pa.Schema:
    for column in PLACE:
        schema = schema.append(pa.field(column, pa.int64()))
    return schema


def rows_of(
    spark: SparkSession, part: SparkPart, columns: Sequence[str] | None = None, first: int | None = None
) -> DataFrame:
    """Return the part's rows: source columns, ``__row``, ``__line`` and ``__of``.

    Args:
        columns: the source columns to read; None reads all.
        first: only files that hold some of the part's first rows, and these rows of them.
    """
    frames = [_read(spark, read, list(columns or part.kinds), first) for read in part.reads]
    return reduce(lambda a, b: a.unionByName(b), [frame for frame in frames if frame is not None])


def _read(spark: SparkSession, read: Read, columns: Sequence[str], first: int | None) -> DataFrame | None:
    from pyspark.sql import functions as sf

    files = [entry for entry in read.files if first is None or entry[1] < first]
    if not files:
        return None
    frame = spark.read.schema(read.schema).parquet(*(_literal(file.path) for _, _, file in files))
    cells = [_cell(column, read.int96) for column in columns]
    index = sf.col("_metadata.row_index")
    if len(files) == 1:
        position, before, _ = files[0]
        placed = frame.select(
            *cells, (index + sf.lit(before)).alias("__row"), (index + sf.lit(1)).alias("__line"),
            sf.lit(position).cast("bigint").alias("__of"),
        )  # fmt: skip
    else:
        where = [(file.metadata_path, position, before) for position, before, file in files]
        table = spark.createDataFrame(where, "__path string, __of bigint, __before bigint")
        indexed = frame.select(*cells, index.alias("__index"), sf.col("_metadata.file_path").alias("__path"))
        placed = indexed.join(sf.broadcast(table), "__path").select(
            *(sf.col(_ticked(c)) for c in columns), (sf.col("__index") + sf.col("__before")).alias("__row"),
            (sf.col("__index") + sf.lit(1)).alias("__line"), "__of",
        )  # fmt: skip
    return placed if first is None else placed.where(sf.col("__row") < first)


def _cell(column: str, int96: tuple[str, ...]) -> Column:
    from pyspark.sql import functions as sf

    cell = sf.col(_ticked(column))
    return cell.cast("timestamp_ntz").alias(column) if column in int96 else cell


def _ticked(column: str) -> str:
    return "`" + column.replace("`", "``") + "`"
