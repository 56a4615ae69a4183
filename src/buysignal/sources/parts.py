"""Parts: each source file as a DuckDB relation whose every row knows its place.

A part's relation has the source's columns (under SQL expressions held in ``Part.columns``), ``__row`` (its
order within the part, from 0) and ``__line`` (the line of the file, or the row in it for Parquet).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb

from buysignal.errors import SourceError
from buysignal.sources import careful, text
from buysignal.sources.files import SourceFile
from buysignal.sources.sql import Source, name, place, quote


@dataclass
class Part:
    """One file, or several Parquet files of equal columns.

    Attributes:
        names: what the user knows the files by; ``file_sql`` gives each row's.
        relation: what stands after FROM.
        columns: source column -> SQL.
        raw: SQL of the whole source row as text, for the rejects.
        rows: rows in the relation.
        malformed: lines that are no rows.
        json: SQL of the row's JSON text, where columns are paths into it.
        headerless: the file has no names for its columns.
        event_name: what every row is, where a layout says so.
        named: the user named this file, rather than a folder around it.
        separator: between the cells of a text file.
    """

    names: tuple[str, ...]
    relation: str
    columns: dict[str, Source]
    raw: str
    rows: int
    kind: Literal["text", "parquet", "json"]
    malformed: list[careful.Malformed] = field(default_factory=list)
    file_sql: str = "0"
    json: str | None = None
    headerless: bool = False
    event_name: str | None = None
    named: bool = True
    separator: str = ","


def open_parts(
    connection: duckdb.DuckDBPyConnection, files: list[SourceFile], scratch: Path, mended: Counter[str]
) -> list[Part]:
    """Return the files as parts, in order; Parquet files of equal columns become one part.

    Raises:
        SourceError: a file cannot be read, or holds no row.
    """
    parts: list[Part] = []
    parquet: dict[tuple[tuple[str, str], ...], list[SourceFile]] = {}
    for position, file in enumerate(files):
        if file.kind == "text":
            parts.append(_open_text(connection, file, scratch, position, mended))
        elif file.kind == "json":
            parts.append(_open_json(connection, file, scratch, position, mended))
        else:
            parquet.setdefault(_parquet_columns(connection, file), []).append(file)
    parts += [_open_parquet(connection, dict(columns), group) for columns, group in parquet.items()]
    if not any(part.rows or part.malformed for part in parts):
        raise _no_rows(files[0].name)
    return parts


def _no_rows(shown: str) -> SourceError:
    return SourceError(
        f"{shown} holds a header and nothing else",
        allowed="a header and at least one row",
        todo="export the file again with its rows",
    )


def _open_text(
    connection: duckdb.DuckDBPyConnection,
    file: SourceFile,
    scratch: Path,
    position: int,
    mended: Counter[str],
) -> Part:
    prepared = text.prepare(file.path, file.name, scratch)
    dialect = text.dialect(prepared, file.name)
    mended["encoding"] += prepared.recoded
    mended["separator"] += dialect.separator != ","
    table = f"text_{position}"
    malformed: list[careful.Malformed] = []
    rows = _read_clean(connection, table, prepared, dialect)
    line = f"rowid + {dialect.header_lines + 1}"
    if rows is None:
        clean = scratch / f"clean-{position}.csv"
        malformed = careful.rewrite(prepared, dialect, clean)
        rows = _read_rewritten(connection, table, clean, len(dialect.columns))
        line = "CAST(line AS BIGINT)"
    cells = [f"c{i}" for i in range(len(dialect.columns))]
    return Part(
        names=(file.name,),
        relation=f"(SELECT rowid AS __row, {line} AS __line, {', '.join(cells)} FROM {table})",
        columns={column: Source(cell) for column, cell in zip(dialect.columns, cells, strict=True)},
        raw=_joined(cells, dialect.separator),
        rows=rows,
        kind="text",
        malformed=malformed,
        headerless=dialect.columns[0] == "column_1",
        named=file.named,
        separator=dialect.separator,
    )


def _read_clean(
    connection: duckdb.DuckDBPyConnection, table: str, file: text.TextFile, dialect: text.Dialect
) -> int | None:
    """Read a file in which every line is a row; None when it is not so."""
    columns = [f"c{i}" for i in range(len(dialect.columns))]
    options = {"delim": dialect.separator, "skip": dialect.header_lines, "mark": '"' if file.quoted else ""}
    try:
        _read_csv(connection, table, file.path, columns, **options)
    except duckdb.Error:
        return None
    rows = _count(connection, table)
    return rows if rows + dialect.header_lines == file.lines else None


def _read_rewritten(connection: duckdb.DuckDBPyConnection, table: str, path: Path, width: int) -> int:
    columns = ["line", *(f"c{i}" for i in range(width))]
    _read_csv(connection, table, path, columns, delim=",", skip=0, mark='"')
    return _count(connection, table)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def _read_csv(
    connection: duckdb.DuckDBPyConnection, table: str, path: Path, columns: list[str], **options: Any
) -> None:
    types = ", ".join(f"{quote(c)}: 'VARCHAR'" for c in columns)
    connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.execute(
        f"CREATE TEMP TABLE {table} AS SELECT * FROM read_csv({place(path)}, auto_detect=false, "
        f"header=false, columns={{{types}}}, delim={quote(options['delim'])}, skip={options['skip']}, "
        f"quote={quote(options['mark'])}, escape={quote(options['mark'])}, "
        f"max_line_size={text.MAX_LINE_BYTES + 100_000})"
    )


def _joined(cells: list[str], separator: str) -> str:
    """SQL of the row as CSV text, cells quoted where they have to be."""
    mark = quote('"')
    double = quote('""')

    def written(cell: str) -> str:
        inside = f"{mark} || replace({cell}, {mark}, {double}) || {mark}"
        special = (
            f"contains({cell}, {quote(separator)}) OR contains({cell}, {mark}) OR contains({cell}, chr(10))"
        )
        return f"CASE WHEN {cell} IS NULL THEN '' WHEN {special} THEN {inside} ELSE {cell} END"

    return f" || {quote(separator)} || ".join(written(cell) for cell in cells)


def _open_json(
    connection: duckdb.DuckDBPyConnection,
    file: SourceFile,
    scratch: Path,
    position: int,
    mended: Counter[str],
) -> Part:
    prepared = text.prepare(file.path, file.name, scratch)
    mended["encoding"] += prepared.recoded
    with prepared.path.open(encoding="utf-8") as stream:
        is_array = stream.read(1024).lstrip().startswith("[")
    table = f"json_{position}"
    if is_array:
        _read_json_array(connection, table, prepared.path, file.name)
    else:
        _read_csv(connection, table, prepared.path, ["line"], delim="\x01", skip=0, mark="")
    broken = f"SELECT rowid + 1, line FROM {table} WHERE line IS NOT NULL AND NOT {_IS_OBJECT} ORDER BY 1"
    malformed = [
        careful.Malformed(line, raw, "broken_json") for line, raw in connection.sql(broken).fetchall()
    ]
    relation = f"(SELECT rowid AS __row, rowid + 1 AS __line, line FROM {table} WHERE {_IS_OBJECT})"
    rows = int(connection.sql(f"SELECT count(*) FROM {relation}").fetchall()[0][0])
    return Part((file.name,), relation, {}, "line", rows, "json", malformed, json="line", named=file.named)


_IS_OBJECT = "(CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE FALSE END)"


def _read_json_array(connection: duckdb.DuckDBPyConnection, table: str, path: Path, shown: str) -> None:
    try:
        connection.execute(
            f"CREATE TEMP TABLE {table} AS SELECT CAST(json AS VARCHAR) AS line "
            f"FROM read_json_objects({place(path)}, format='array')"
        )
    except duckdb.Error as error:
        raise SourceError(
            f"{shown} is no whole JSON list: {str(error).splitlines()[0]}",
            allowed="one JSON object per line, or one list of objects",
            todo="export it again as JSON lines",
        ) from error


def _parquet_columns(connection: duckdb.DuckDBPyConnection, file: SourceFile) -> tuple[tuple[str, str], ...]:
    try:
        described = connection.sql(f"SELECT * FROM read_parquet({place(file.path)}) LIMIT 0")
        return tuple(zip(described.columns, (str(t) for t in described.types), strict=True))
    except duckdb.Error as error:
        raise SourceError(
            f"{file.name} is a damaged Parquet file",
            allowed="a complete Parquet file",
            todo="copy or export it again",
        ) from error


def _open_parquet(
    connection: duckdb.DuckDBPyConnection, columns: dict[str, str], files: list[SourceFile]
) -> Part:
    paths = ", ".join(place(f.path) for f in files)
    scan = f"read_parquet([{paths}], file_row_number=true, filename='__file')"
    relation = (
        f"(SELECT file_row_number + {_offsets(connection, files)} AS __row, file_row_number + 1 AS __line, "
        f"* EXCLUDE (file_row_number) FROM {scan})"
    )
    rows = int(connection.sql(f"SELECT count(*) FROM read_parquet([{paths}])").fetchall()[0][0])
    sources = {column: Source(name(column), kind, typed=True) for column, kind in columns.items()}
    as_json = f"CAST(to_json({{{', '.join(f'{quote(c)}: {name(c)}' for c in columns)}}}) AS VARCHAR)"
    nested = any(
        kind.startswith(("STRUCT", "MAP", "LIST")) or kind.endswith("[]") for kind in columns.values()
    )
    names = tuple(f.name for f in files)
    position = " ".join(f"WHEN {quote(str(f.path))} THEN {i}" for i, f in enumerate(files))
    return Part(
        names, relation, sources, as_json, rows, "parquet",
        file_sql=f"(CASE __file {position} ELSE 0 END)" if len(files) > 1 else "0",
        json=as_json if nested else None, named=any(f.named for f in files),
    )  # fmt: skip


def _offsets(connection: duckdb.DuckDBPyConnection, files: list[SourceFile]) -> str:
    """SQL of the rows that stand in earlier files of the group."""
    if len(files) == 1:
        return "0"
    cases, before = [], 0
    for file in files:
        cases.append(f"WHEN {quote(str(file.path))} THEN {before}")
        before += int(
            connection.sql(f"SELECT count(*) FROM read_parquet({place(file.path)})").fetchall()[0][0]
        )
    return f"(CASE __file {' '.join(cases)} END)"
