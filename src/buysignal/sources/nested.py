"""Nested rows (JSON lines, nested Parquet): paths to cells, and lists of items to rows.

Three forms of path, as profiles write them:

- ``a.b`` is field ``b`` of object ``a``;
- ``params[key]`` is the value of the entry called ``key`` in a list of {key, value}, as in Google
  Analytics' BigQuery export, whose value is an object with one field per type;
- ``items[].price`` is the field of every item; the row becomes one row per item.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import duckdb

from buysignal.sources.parts import Part
from buysignal.sources.sql import Source, quote

HEAD_ROWS = 100

_KEYED = re.compile(r"(?P<list>[^\[\]]+)\[(?P<key>[^\[\]]+)\]")


def flatten(line: str) -> dict[str, str]:
    """Return the cells of one JSON row by path.

    >>> flatten('{"a": {"b": 1}, "items": [{"price": 5}], "p": [{"key": "k", "value": {"int_value": 3}}]}')
    {'a.b': '1', 'items[].price': '5', 'p[k]': '3'}
    """
    cells: dict[str, str] = {}
    try:
        _flatten(json.loads(line), "", cells)
    except RecursionError:
        # No event is so deep; what the row is worth is decided with all others.
        return {}
    return cells


def _flatten(value: Any, path: str, cells: dict[str, str]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(inner, f"{path}.{key}" if path else key, cells)
    elif isinstance(value, list):
        for entry in value:
            if isinstance(entry, dict) and set(entry) == {"key", "value"}:
                cells[f"{path}[{entry['key']}]"] = _first_filled(entry["value"])
            elif isinstance(entry, dict):
                _flatten(entry, f"{path}[]", cells)
    else:
        cells[path] = "" if value is None else str(value)


def _first_filled(value: Any) -> str:
    if isinstance(value, dict):
        return next((str(v) for v in value.values() if v is not None), "")
    return "" if value is None else str(value)


def select_paths(part: Part, paths: Iterable[str], items: str | None) -> tuple[str, dict[str, Source]]:
    """Return a relation with one text column per path, and its columns by path.

    Where ``items`` names a list, a row with n ≥ 1 items becomes n rows, with the same ``__line`` and an
    ``__item`` number.
    """
    wanted = list(dict.fromkeys(paths))
    inner = (
        f"SELECT __row, __line, {part.raw} AS __raw, {part.file_sql} AS __of, {part.json} AS __json "
        f"FROM {part.relation}"
    )
    if items:
        list_path = quote(_json_path(items))
        inner = (
            f"SELECT * EXCLUDE (__items), unnest(__items) AS __item_json, "
            f"generate_subscripts(__items, 1) - 1 AS __item FROM (SELECT *, "
            f"CASE WHEN json_array_length(__json, {list_path}) > 0 "
            f"THEN from_json(json_extract(__json, {list_path}), '[\"JSON\"]') ELSE [NULL] END AS __items "
            f"FROM ({inner}))"
        )
    else:
        inner = f"SELECT *, 0 AS __item FROM ({inner})"
    cells = [f"{_extract(path, items)} AS p{i}" for i, path in enumerate(wanted)]
    relation = f"(SELECT __row, __line, __raw, __of, __item, {', '.join(cells)} FROM ({inner}))"
    return relation, {path: Source(f"p{i}") for i, path in enumerate(wanted)}


def _extract(path: str, items: str | None) -> str:
    if items and path.startswith(f"{items}[]."):
        return f"json_extract_string(__item_json, {quote(_json_path(path[len(items) + 3 :]))})"
    keyed = _KEYED.fullmatch(path)
    if keyed:
        entries = f"from_json(json_extract(__json, {quote(_json_path(keyed['list']))}), '[\"JSON\"]')"
        found = (
            f"list_filter({entries}, lambda x: json_extract_string(x, '$.key') = {quote(keyed['key'])})[1]"
        )
        fields = ("string_value", "int_value", "double_value", "float_value")
        values = ", ".join(f"json_extract_string({found}, '$.value.{f}')" for f in fields)
        return f"coalesce({values})"
    return f"json_extract_string(__json, {quote(_json_path(path))})"


def _json_path(path: str) -> str:
    return "$" + "".join(f'."{field}"' for field in path.split("."))


def head(connection: duckdb.DuckDBPyConnection, part: Part, count: int = HEAD_ROWS) -> list[dict[str, str]]:
    """Return the first rows as text by column, for detection; nested rows are flattened to paths."""
    if part.json is not None:
        rows = connection.sql(f"SELECT {part.json} FROM {part.relation} LIMIT {count}").fetchall()
        return [flatten(row[0]) for row in rows]
    cells = ", ".join(f"CAST({s.sql} AS VARCHAR)" for s in part.columns.values())
    rows = connection.sql(f"SELECT {cells} FROM {part.relation} LIMIT {count}").fetchall()
    return [dict(zip(part.columns, (v or "" for v in row), strict=True)) for row in rows]
