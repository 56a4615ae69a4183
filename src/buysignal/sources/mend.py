"""Rejected rows, mended by hand, read again by the same reader and put with those that were kept."""

from __future__ import annotations

import json
import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from buysignal import events
from buysignal.errors import SourceError
from buysignal.sources import raw as rows
from buysignal.sources.form import FileForm
from buysignal.sources.merge import NUMBER, merged_events, merged_sessions
from buysignal.sources.profile import ColumnMap, ColumnType, Profile
from buysignal.sources.read import Loaded, load_some
from buysignal.sources.rejects import SCHEMA as REJECTS
from buysignal.sources.rejects import Rejects, from_columns, join

Place = tuple[str, int]
"""A reject's file, as the rejects name it, and its line."""


@dataclass(frozen=True, eq=False)
class Mended:
    """What came of mended rows.

    Attributes:
        loaded: all data, with what is good now; rows in = rows kept + rows rejected still.
        fed: rows that were read again.
        good: how many of them are kept now.
    """

    loaded: Loaded
    fed: int
    good: int


def form_by_file(forms: Sequence[FileForm]) -> dict[str, FileForm]:
    """Return each file's form by the name its rejects carry."""
    return {name: form for form in forms for name in form.names}


def mend(loaded: Loaded, mended: Mapping[Place, str]) -> Mended:
    """Read mended rows again, by the profile and currency of the first reading.

    Args:
        loaded: the first reading.
        mended: a reject's place -> the row as it is now. Other rejects stay rejected.

    A row that now equals a kept one in every column that is read is rejected as a duplicate; one whose
    session is another visitor's is rejected as that.

    Raises:
        SourceError: none of the places holds a reject.
    """
    places = list(zip(*(loaded.rejects.table.column(c).to_pylist() for c in ("file", "line")), strict=True))
    taken = {place: mended[place] for place in dict.fromkeys(places) if place in mended}
    if not taken:
        raise SourceError(
            "none of these rows is among the rejected ones",
            allowed="rows of the rejects of these very files, each with its file and line",
            todo="write the rejects anew, and mend those",
        )
    again, origin = _read(loaded, taken)
    table, rejects = again.table, again.rejects
    if loaded.profile.level == "event":
        table, doubled = merged_events(loaded, again.table)
        rejects = join([rejects, _rejected(doubled, origin)])
    else:
        table = merged_sessions(loaded.table, again.table)
    others = loaded.rejects.table.filter(pa.array([place not in taken for place in places]))
    rejects = join([Rejects(others), rejects])
    whole = replace(
        loaded,
        table=table,
        rejects=rejects,
        rows_in=table.num_rows + len(rejects),
        rows_kept=table.num_rows,
        rows_rejected=len(rejects),
        mended=dict(Counter(loaded.mended) + Counter(again.mended)),
        duplicates=loaded.duplicates
        if loaded.profile.level == "session"
        else rejects.by_reason().get("duplicate_event", 0),
    )
    return Mended(whole, len(taken), table.num_rows - loaded.table.num_rows)


def _rejected(doubled: Mapping[str, Sequence[int]], origin: Sequence[tuple[Place, str]]) -> Rejects:
    """The rejects of rows that could be read but do not go with the others: reason -> their numbers."""
    found = [
        (*origin[number][0], reason, origin[number][1]) for reason, ns in doubled.items() for number in ns
    ]
    kinds = (pa.string(), pa.int64(), pa.string(), pa.string())
    return from_columns(*(pa.array([row[i] for row in found], kind) for i, kind in enumerate(kinds)))


def _read(loaded: Loaded, taken: Mapping[Place, str]) -> tuple[Loaded, list[tuple[Place, str]]]:
    """Read the rows as files of their own, one per form; the rows' places and texts by their numbers."""
    forms = form_by_file(loaded.forms)
    origin = sorted(taken.items(), key=lambda pair: id(forms[pair[0][0]]))
    pinned = _pinned(loaded)
    found: list[Loaded] = []
    with tempfile.TemporaryDirectory(prefix="buysignal-") as folder:
        for _, group in groupby(enumerate(origin), key=lambda pair: id(forms[pair[1][0][0]])):
            numbered = list(group)
            form = forms[numbered[0][1][0][0]]
            path = Path(folder) / f"{len(found)}.{'jsonl' if form.kind == 'json' else 'csv'}"
            starts = _write(numbered, form, path)
            given = {} if form.event_name is None else {"event_name": form.event_name}
            again = load_some(path, profile=pinned.model_copy(update=given))
            found.append(replace(again, rejects=_at(again.rejects, starts, origin)))
    return _together(found), origin


def _write(numbered: Sequence[tuple[int, tuple[Place, str]]], form: FileForm, path: Path) -> dict[int, int]:
    """Write the rows as the form has them, each with its number; return the number at each first line."""
    lines: list[str] = []
    if form.kind == "text":
        # The separator is said, because a few damaged rows may look as if it were another one.
        lines = [f"sep={form.separator}", rows.line([*form.columns, NUMBER], form.separator)]
    starts: dict[int, int] = {}
    at = sum(line.count("\n") + 1 for line in lines) + 1
    for number, (_, row) in numbered:
        starts[at] = number
        lines.append(_numbered(row, number, form))
        at += lines[-1].count("\n") + 1
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return starts


def _numbered(row: str, number: int, form: FileForm) -> str:
    if form.kind == "text":
        return f"{row}{form.separator}{number}"
    try:
        cells = json.loads(row)
    except json.JSONDecodeError:
        return row.replace("\n", " ")
    return json.dumps({**cells, NUMBER: number}) if isinstance(cells, dict) else row.replace("\n", " ")


def _pinned(loaded: Loaded) -> Profile:
    """The first reading's profile, with what it found out by itself said outright."""
    columns = dict(loaded.profile.columns)
    extra = [c for c in loaded.table.column_names if c not in columns and c not in events.SCHEMA.names]
    for column in extra:
        columns[column] = ColumnMap(source=(column,), type=_type(loaded.table.schema.field(column).type))
    columns[NUMBER] = ColumnMap(source=(NUMBER,), type="integer")
    return loaded.profile.model_copy(
        update={"columns": columns, "currency": loaded.currency or loaded.profile.currency}
    )


def _type(kind: pa.DataType) -> ColumnType:
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_timestamp(kind):
        return "time"
    return "date" if pa.types.is_date(kind) else "text"


def _at(rejects: Rejects, starts: Mapping[int, int], origin: Sequence[tuple[Place, str]]) -> Rejects:
    """Return the rejects at the places, and with the texts, that the rows have where they come from."""
    firsts = sorted(starts)
    lines = rejects.table.column("line").to_pylist()
    rows_ = [origin[starts[firsts[max(bisect_right(firsts, n) - 1, 0)]]] for n in lines]
    cells = {
        "file": pa.array([place[0] for place, _ in rows_], pa.string()),
        "line": pa.array([place[1] for place, _ in rows_], pa.int64()),
        "raw": pa.array([row for _, row in rows_], pa.string()),
    }
    table = rejects.table
    for name, values in cells.items():
        table = table.set_column(table.column_names.index(name), REJECTS.field(name), values)
    return Rejects(table)


def _together(found: Sequence[Loaded]) -> Loaded:
    mended: Counter[str] = Counter()
    for one in found:
        mended.update({k: n for k, n in one.mended.items() if k not in ("separator", "out_of_order")})
    return replace(
        found[0],
        table=pa.concat_tables([one.table for one in found], promote_options="permissive"),
        rejects=join([one.rejects for one in found]),
        mended=dict(mended),
    )


def mended_file(path: Path, loaded: Loaded) -> dict[Place, str]:
    """Return the rows of a rejects CSV that were changed: place -> the row as it is now.

    Raises:
        SourceError: the file is no CSV of rejects.
    """
    try:
        table = pacsv.read_csv(
            path,
            parse_options=pacsv.ParseOptions(newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types={"file": pa.string(), "line": pa.int64(), "raw": pa.string()},
                include_columns=["file", "line", "raw"],
                strings_can_be_null=False,
            ),
        )
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise SourceError(
            f"{path} is no file of rejects",
            allowed="a CSV with the columns file, line and raw, as --rejects writes it",
            todo="write the rejects with check --rejects, mend the column raw, and save as CSV",
        ) from error
    before = {(r["file"], r["line"]): r["raw"] for r in loaded.rejects.to_pylist()}
    found = {(r["file"], r["line"]): _unarmoured(r["raw"]) for r in table.to_pylist()}
    return {place: row for place, row in found.items() if row != before.get(place, row)}


def _unarmoured(row: str) -> str:
    """The row without the apostrophe that kept a spreadsheet from running it."""
    return row[1:] if row[:1] == "'" and row[1:2] in "=+-@\t\r" else row


def good_rows(done: Mended, mended: Mapping[Place, str]) -> dict[Place, str]:
    """Return those of the mended rows that are not rejected any more."""
    table = done.loaded.rejects.table
    still = set(zip(*(table.column(c).to_pylist() for c in ("file", "line")), strict=True))
    return {place: row for place, row in mended.items() if place not in still}


def write_rows(mended: Mapping[Place, str], loaded: Loaded, path: Path) -> None:
    """Write mended rows as a file of the source's own columns, to be read beside the source's files.

    Raises:
        SourceError: the rows come of files of different columns, or the file cannot be written.
    """
    forms = form_by_file(loaded.forms)
    used = {(forms[file].kind, forms[file].columns) for file, _ in mended}
    if not used:
        raise SourceError("none of the mended rows is good now", todo="look at the reasons again")
    if len(used) > 1:
        raise SourceError(
            "the mended rows come of files with different columns", todo="mend the rows of one file at a time"
        )
    form = forms[next(iter(mended))[0]]
    head = [] if form.kind == "json" else [rows.line(form.columns, form.separator)]
    try:
        path.write_text("\n".join([*head, *mended.values()]) + "\n", encoding="utf-8")
    except OSError as error:
        raise SourceError(
            f"the mended rows cannot be written to {path}: {error.strerror}", todo="choose another path"
        ) from error
