"""Which rows of a file are to go: by the visitor they are of, or by their age.

Files are read as for training, by the same profiles, so that a visitor is found wherever scoring would find
one. A file without a profile is looked at by its column ``visitor_id``; written rejects by their raw rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from buysignal.errors import ProfileError
from buysignal.sources import nested, sql
from buysignal.sources.profile import Profile, folded
from buysignal.sources.reading import Reading, opened_reading
from buysignal.sources.rejects import SCHEMA as REJECTS
from buysignal.sources.resolve import Resolved
from buysignal.sources.sql import Source, quote

MEMORY, THREADS = "1GB", 2
_AT_ONCE = 100_000

Malformed = Callable[[str], bool]


@dataclass(frozen=True)
class Asked:
    """What makes a row go.

    Attributes:
        of_events: the condition on rows that a profile reads; None where they lack what is asked about.
        of_columns: the condition on other rows, by their columns.
        of_rejects: the condition on written rejects, whose whole rows stand in one cell, by that cell and
            when the file was written.
        malformed: whether a line goes that is no row.
    """

    of_events: Callable[[Profile, Resolved], str | None]
    of_columns: Callable[[Mapping[str, Source]], str | None]
    of_rejects: Callable[[Source, datetime], str | None]
    malformed: Malformed
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marks:
    """The rows of one file.

    Attributes:
        rows: all, lines that are no rows included.
        gone: those that are to go.
        knows: the file holds what was asked about.
        profile: what it was read with; None where none fits.
    """

    connection: duckdb.DuckDBPyConnection
    rows: int
    gone: int
    knows: bool
    profile: Profile | None

    def starts(self) -> Iterator[tuple[int, bool]]:
        """Yield the line (of Parquet the row, from 1) where each row begins, and whether it goes."""
        found = self.connection.execute("SELECT line, gone FROM marks ORDER BY line")
        while some := found.fetchmany(_AT_ONCE):
            yield from some


@contextmanager
def marked(
    path: Path, asked: Asked, *, profile: str | Profile | None, mapping: Mapping[str, str]
) -> Iterator[Marks]:
    """Yield which rows of a file go.

    Raises:
        SourceError: it cannot be read.
        ProfileError: the profile that was named does not fit.
    """
    with opened_reading([path], memory=MEMORY, threads=THREADS, raw_ids=True) as reading:
        reading.open()
        reading.connection.execute("CREATE TEMP TABLE wanted (id VARCHAR)")
        for word in asked.words:
            reading.connection.execute("INSERT INTO wanted VALUES (?)", [word])
        relation, condition, found = _condition(reading, asked, profile, mapping)
        said = f"coalesce(bool_or({condition}), FALSE)" if condition else "FALSE"
        reading.connection.execute(
            f"CREATE TEMP TABLE marks AS SELECT __line AS line, {said} AS gone FROM {relation} GROUP BY 1"
        )
        for part in reading.parts:
            told = [(one.line, condition is not None and asked.malformed(one.raw)) for one in part.malformed]
            if told:
                reading.connection.executemany("INSERT INTO marks VALUES (?, ?)", told)
        counted = "SELECT count(*), count(*) FILTER (gone) FROM marks"
        rows, gone = reading.connection.sql(counted).fetchall()[0]
        yield Marks(reading.connection, int(rows), int(gone), condition is not None, found)


def _condition(
    reading: Reading, asked: Asked, profile: str | Profile | None, mapping: Mapping[str, str]
) -> tuple[str, str | None, Profile | None]:
    """Return the relation to ask, the condition (None where it lacks what is asked about), the profile."""
    part = reading.parts[0]
    if set(REJECTS.names) <= set(part.columns):
        written = datetime.fromtimestamp(reading.paths[0].stat().st_mtime, UTC)
        return part.relation, asked.of_rejects(part.columns["raw"], written), None
    try:
        reading.choose_profile(profile, mapping, {})
    except ProfileError:
        if profile is not None or mapping:
            raise
        relation, columns = part.relation, part.columns
        if part.json is not None:
            relation, columns = nested.select_paths(part, reading.opened[0].columns, None)
        return relation, asked.of_columns({folded(name): s for name, s in columns.items()}), None
    assert reading.profile is not None
    relation, resolved = reading.plan(reading.profile, reading.opened[0])
    return relation, asked.of_events(reading.profile, resolved), reading.profile


def of_visitors(words: list[str], pattern: str) -> Asked:
    """Ask for the rows of visitors.

    Args:
        words: what a visitor's cell may hold.
        pattern: a regular expression that finds an id in a whole row.
    """
    found = _python(pattern)

    def is_theirs(sources: list[Source]) -> str:
        cells = [f"trim({sql.text(source)}) IN (SELECT id FROM wanted)" for source in sources]
        return " OR ".join(cells)

    def of_events(_profile: Profile, resolved: Resolved) -> str | None:
        return is_theirs(resolved["visitor_id"][1]) if "visitor_id" in resolved else None

    def of_columns(columns: Mapping[str, Source]) -> str | None:
        return is_theirs([columns["visitorid"]]) if "visitorid" in columns else None

    return Asked(
        of_events,
        of_columns,
        lambda raw, _written: f"regexp_matches({raw.sql}, {quote(pattern)})",
        lambda line: found.search(line) is not None,
        tuple(words),
    )


def _python(pattern: str) -> re.Pattern[str]:
    """The same pattern as Python writes it: code points have eight digits there."""
    return re.compile(re.sub(r"\\x\{([0-9a-f]+)\}", lambda m: f"\\U{int(m[1], 16):08x}", pattern))


def of_age(before: datetime) -> Asked:
    """Ask for rows older than a moment, which has a zone; a row without a time stays."""
    moment, day = before.isoformat(), before.date().isoformat()

    def of_events(profile: Profile, resolved: Resolved) -> str | None:
        tests = []
        limits = {"event_time": f"TIMESTAMPTZ {quote(moment)}", "event_date": f"DATE {quote(day)}"}
        for column, limit in limits.items():
            if column in resolved:
                mapping, sources = resolved[column]
                cell = sql.cell(column, mapping, sources, timezone=profile.timezone, decimal=".")
                tests.append(f"({cell.value}) < {limit}")
        return f"coalesce({', '.join(tests)})" if tests else None

    def of_rejects(_raw: Source, written: datetime) -> str:
        return "TRUE" if written < before else "FALSE"

    return Asked(of_events, lambda _columns: None, of_rejects, lambda _line: False)
