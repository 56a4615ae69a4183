"""Which profile the opened files are read with, and which of them it fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from buysignal.errors import ProfileError
from buysignal.sources import nested
from buysignal.sources.detect import best, detect, layout_of
from buysignal.sources.parts import Part
from buysignal.sources.profile import Profile, load_profile
from buysignal.sources.resolve import require, resolve_named, with_mapping
from buysignal.sources.sql import Source


@dataclass
class Opened:
    """A part, its first rows as text, and its columns (paths, where rows are nested)."""

    part: Part
    head: list[dict[str, str]]
    columns: list[str]


def look_into(connection: duckdb.DuckDBPyConnection, part: Part, rows: int = nested.HEAD_ROWS) -> Opened:
    """Return the part with its first rows."""
    head = nested.head(connection, part, rows)
    paths = list(dict.fromkeys(column for row in head for column in row))
    return Opened(part, head, list(part.columns) if part.json is None else paths)


def choose(
    opened: Sequence[Opened],
    asked: str | Path | Profile | None,
    mapping: Mapping[str, str],
    rates: Mapping[str, float],
) -> tuple[Profile, float]:
    """Return the profile to read with, mapping and rates included, and how sure it is.

    Raises:
        ProfileError: it does not exist, none fits, or a mapping names what is not there.
    """
    columns = list(dict.fromkeys(column for one in opened for column in one.columns))
    if isinstance(asked, Profile):
        chosen, confidence = asked, 1.0
    elif asked is not None:
        chosen, confidence = load_profile(asked), 1.0
    else:
        chosen, confidence = _detected(opened, mapping)
    if mapping:
        chosen = with_mapping(chosen, mapping, columns)
    if rates:
        chosen = chosen.model_copy(update={"rates": {**chosen.rates, **rates}})
    return chosen, confidence


def _detected(opened: Sequence[Opened], mapping: Mapping[str, str]) -> tuple[Profile, float]:
    """The profile that fits some file best; mapped columns count as being there."""
    ranked = [pair for one in opened for pair in detect([*one.columns, *mapping], one.head)]
    if ranked and (mapping or max(confidence for _, confidence in ranked) >= 0.5):
        return max(ranked, key=lambda pair: pair[1])
    if mapping:
        return load_profile("generic"), 1.0
    return best(opened[0].columns, opened[0].head, opened[0].part.names[0])


def fitting(profile: Profile, opened: Sequence[Opened]) -> tuple[list[Opened], list[str]]:
    """Return the files that ``profile`` can read, and the names of those left out.

    A file that was named has to fit. Of a folder or an archive, files of another kind (item lists,
    notes) are left out, as long as one fits.

    Raises:
        ProfileError: a named file, or every file, lacks what the profile requires.
    """
    fit: list[Opened] = []
    left_out: list[str] = []
    first_error: ProfileError | None = None
    for one in opened:
        try:
            _check(profile, one)
            fit.append(one)
        except ProfileError as error:
            if one.part.named:
                raise
            first_error = first_error or error
            left_out.extend(one.part.names)
    if not fit and first_error is not None:
        raise first_error
    return fit, left_out


def _check(profile: Profile, one: Opened) -> None:
    _name_columns(profile, one)
    resolved = resolve_named(profile, {column: Source(column) for column in one.columns})
    given = {"event_name"} if one.part.event_name else set()
    require(profile, resolved.keys() | given, one.columns, one.part.names[0])


def _name_columns(profile: Profile, one: Opened) -> None:
    """Give a file without header the column names of its layout."""
    part = one.part
    if not part.headerless or not profile.layouts:
        return
    layout = layout_of(profile, one.head)
    if layout is None:
        raise ProfileError(
            f"{part.names[0]} has no header, and its cells fit no layout of profile '{profile.name}'",
            allowed=" or ".join(", ".join(lay.columns) for lay in profile.layouts),
            todo="check the file, or add a header line",
        )
    part.columns = dict(zip(layout.columns, part.columns.values(), strict=True))
    part.event_name = layout.event_name
    one.columns = list(layout.columns)
