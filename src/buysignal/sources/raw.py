"""Rejected rows taken apart into their cells, and put together again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from buysignal.sources.form import FileForm

SURPLUS = "(more cells)"
"""What stands behind the last column of a row with too many cells."""

WHOLE = "(the row)"
"""A row that cannot be taken apart, as it stands."""

Cells = dict[str, str]


def split(raw: str, form: FileForm) -> Cells:
    """Return the cells of a rejected row by column.

    A row of too few cells leaves the last columns empty; one of too many has the others, as they stand,
    under ``SURPLUS``. What is no row at all stands whole under ``WHOLE``.
    """
    if form.kind == "json":
        return _split_json(raw)
    cells = _cells(raw, form.separator)
    names = form.columns
    found = dict(zip(names, [*cells[: len(names)], *[""] * (len(names) - len(cells))], strict=True))
    if len(cells) > len(names):
        found[SURPLUS] = line(cells[len(names) :], form.separator)
    return found


def _cells(raw: str, separator: str) -> list[str]:
    """The cells as far as quotes allow; where they do not, the row is cut at every separator."""
    try:
        rows = list(csv.reader([raw], delimiter=separator, strict=True))
    except csv.Error:
        return [cell.strip('"') for cell in raw.split(separator)]
    return rows[0] if len(rows) == 1 else raw.split(separator)


def _split_json(raw: str) -> Cells:
    try:
        found = json.loads(raw)
    except (json.JSONDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return {WHOLE: raw}
    return {name: _shown(value) for name, value in found.items()}


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def join(cells: Mapping[str, str], raw: str, form: FileForm) -> str:
    """Return the row that ``cells`` make, as its file would hold it; ``raw`` is what it was.

    >>> form = FileForm(("a.csv",), "text", ";", {"id": (), "text": ()}, {})
    >>> join({"id": "1", "text": "a;b"}, "", form)
    '1;"a;b"'
    """
    if form.kind == "json":
        return _join_json(cells, raw)
    surplus = cells.get(SURPLUS, "")
    whole = line([cells.get(name, "") for name in form.columns], form.separator)
    return f"{whole}{form.separator}{surplus}" if surplus else whole


def line(cells: Sequence[str], separator: str) -> str:
    """Return cells as one line of a file, quoted where they have to be."""
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="").writerow(cells)
    return out.getvalue()


def _join_json(cells: Mapping[str, str], raw: str) -> str:
    if WHOLE in cells:
        return cells[WHOLE]
    before = json.loads(raw)
    row = {
        name: value if cells.get(name, "") == _shown(value) else _typed(cells.get(name, ""), value)
        for name, value in before.items()
    }
    return json.dumps(row, ensure_ascii=False)


def _typed(text: str, before: Any) -> Any:
    """An edited cell: text stays text; numbers, lists and the like are read as JSON where they are."""
    if isinstance(before, str) or not text:
        return text or None
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
