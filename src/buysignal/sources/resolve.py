"""A profile meets a part: which source column feeds which canonical one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import duckdb

from buysignal.errors import ProfileError
from buysignal.events import ATTRIBUTE_PREFIX, SCHEMA
from buysignal.sources.profile import ColumnMap, ColumnType, Profile, did_you_mean, folded
from buysignal.sources.sql import Source, text

Resolved = dict[str, tuple[ColumnMap, list[Source]]]
"""Canonical column -> how it is read, and from which source columns."""


def with_mapping(profile: Profile, mapping: Mapping[str, str], columns: Sequence[str]) -> Profile:
    """Return ``profile`` with single columns taken from elsewhere (``{"visitor_id": "uid"}``).

    Raises:
        ProfileError: a canonical or a source column does not exist.
    """
    present = {folded(c): c for c in columns}
    changed = dict(profile.columns)
    for canonical, source in mapping.items():
        _check_canonical(profile, canonical)
        if folded(source) not in present:
            raise ProfileError(
                f"there is no column '{source}'{did_you_mean(source, list(columns))} to map {canonical} to",
                allowed=", ".join(columns),
                todo="check its spelling",
            )
        before = changed.get(canonical)
        new = ColumnMap(source=(present[folded(source)],))
        changed[canonical] = (
            before.model_copy(update={"source": new.source, "combine": "first"}) if before else new
        )
    return profile.model_copy(update={"columns": changed})


def _check_canonical(profile: Profile, canonical: str) -> None:
    allowed = list(profile.columns) if profile.level == "session" else SCHEMA.names
    is_attribute = profile.level == "event" and canonical.startswith(ATTRIBUTE_PREFIX)
    if canonical not in allowed and not is_attribute:
        raise ProfileError(
            f"there is no column '{canonical}'{did_you_mean(canonical, allowed)} to map to",
            allowed=f"{', '.join(allowed)}"
            + (f" and {ATTRIBUTE_PREFIX}*" if profile.level == "event" else ""),
            todo="write it as canonical=source, such as visitor_id=uid",
        )


def resolve(
    profile: Profile, sources: Mapping[str, Source], types: Mapping[str, ColumnType] | None = None
) -> Resolved:
    """Return what of ``profile.columns`` these source columns can feed.

    Source columns called ``attr_…`` are kept without being named in the profile; of a session table
    every column is kept. ``types`` says what such columns hold (text where it does not).
    """
    resolved = resolve_named(profile, sources)
    for column in extra_columns(profile, sources, resolved):
        kind = (types or {}).get(column, "text")
        resolved[column] = (ColumnMap(source=(column,), type=kind), [sources[column]])
    return resolved


def resolve_named(profile: Profile, sources: Mapping[str, Source]) -> Resolved:
    """Return what of ``profile.columns`` these source columns can feed, and nothing else."""
    present = {folded(column): source for column, source in sources.items()}
    resolved: Resolved = {}
    for canonical, mapping in profile.columns.items():
        found = [present[folded(s)] for s in mapping.source or (canonical,) if folded(s) in present]
        needed = {"first": 1, "join": 2, "ymd": 3}[mapping.combine]
        if len(found) >= needed:
            resolved[canonical] = (mapping, found)
    return resolved


def extra_columns(profile: Profile, sources: Mapping[str, Source], resolved: Resolved) -> list[str]:
    """Return the source columns that are kept though the profile does not name them."""
    used = {source.sql for _, found in resolved.values() for source in found}
    return [
        column
        for column, source in sources.items()
        if (profile.level == "session" or column.startswith(ATTRIBUTE_PREFIX))
        and source.sql not in used
        and column not in resolved
    ]


def infer_types(
    connection: duckdb.DuckDBPyConnection, relation: str, sources: Mapping[str, Source]
) -> dict[str, ColumnType]:
    """Return what each column holds: a native type as it is, text by whether every cell can be read so."""
    types = {column: _native(source) for column, source in sources.items() if not source.is_text}
    unknown = {column: source for column, source in sources.items() if source.is_text}
    if not unknown:
        return types
    counts = []
    for source in unknown.values():
        cell = text(source)
        truths = f"lower({cell}) IN ('true', 'false')"
        counts += [f"count({cell})", f"count(try_cast({cell} AS DOUBLE))", f"count(*) FILTER ({truths})"]
    found = connection.sql(f"SELECT {', '.join(counts)} FROM {relation}").fetchall()[0]
    for i, column in enumerate(unknown):
        filled, numbers, truths_found = found[3 * i : 3 * i + 3]
        if filled and filled == numbers:
            types[column] = "number"
        elif filled and filled == truths_found:
            types[column] = "boolean"
        else:
            types[column] = "text"
    return types


def _native(source: Source) -> ColumnType:
    if source.type == "BOOLEAN":
        return "boolean"
    if source.type.startswith("TIMESTAMP"):
        return "time"
    if source.type == "DATE":
        return "date"
    if source.is_number:
        return "number" if source.type in {"FLOAT", "DOUBLE"} or "DECIMAL" in source.type else "integer"
    return "text"


def require(profile: Profile, fed: Collection[str], columns: Sequence[str], shown: str) -> None:
    """Check that every required column is fed.

    Raises:
        ProfileError: one is not.
    """
    for needed in profile.required:
        constant = needed == "event_name" and profile.event_name is not None
        if needed in fed or constant:
            continue
        mapping = profile.columns.get(needed)
        expected = mapping.source if mapping and mapping.source else (needed,)
        guess = next((g for e in (needed, *expected) if (g := did_you_mean(e, list(columns)))), "")
        raise ProfileError(
            f"{shown} has no column for {needed}, which profile '{profile.name}' reads from "
            f"{' or '.join(expected)}{guess}",
            allowed=f"one of this file's columns: {', '.join(columns)}",
            todo=f"map it: {needed}=COLUMN",
        )
