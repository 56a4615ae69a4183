"""Reading sources: files in, one clean table and the rejects out.

DuckDB does the work, on disk where memory does not suffice; only the rows that are kept come to Arrow.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from buysignal.errors import SourceError
from buysignal.events import ATTRIBUTE_PREFIX
from buysignal.sources import nested, sql, typed
from buysignal.sources.choose import Opened, choose, fitting, look_into
from buysignal.sources.files import open_files
from buysignal.sources.form import FileForm, form_of
from buysignal.sources.kept import settle
from buysignal.sources.parts import Part, open_parts
from buysignal.sources.profile import Profile, folded
from buysignal.sources.rejects import Rejects
from buysignal.sources.resolve import (
    Resolved,
    extra_columns,
    infer_types,
    resolve,
    resolve_named,
)

Progress = Callable[[float, str], None]
"""Called with how much of all is done, from 0 to 1, and what is being done."""

MENDED = {
    "encoding": "lines in another encoding than UTF-8, re-encoded",
    "separator": "files with another separator than a comma",
    "decimal_comma": "numbers with a comma",
    "time_zone": "times with an offset, converted to UTC",
    "out_of_order": "rows that stood after a later one of the same visitor, sorted",
    "currency": "prices converted to the common currency",
    "items": "further items of one row, each given its own row",
}
"""What is mended without guessing, and what its count counts."""


MEMORY_SHARE = "40%"
"""Of the machine's memory, for what is read and not yet kept."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """What came of the source files; rows_in == rows_kept + rows_rejected, always.

    Attributes:
        profile: the profile they were read with, mappings included.
        confidence: how well it fits, from 0 to 1; 1 where it was asked for.
        table: level "event": conformed and sorted events; level "session": one row per session in
            the source's order, its columns typed (float64, string, bool, timestamp) and their names kept.
        rejects: the rows that were not kept.
        mended: what was mended and how often, by the keys of ``MENDED``; zeros are left out.
        duplicates: rows equal to an earlier one; of events they are rejected, of sessions kept.
        currency: of all amounts; None where nothing says it.
        paths: as they were given.
        left_out: files of a folder or archive that the profile does not fit, such as item lists.
        forms: what the files look like from outside.
    """

    profile: Profile
    confidence: float
    table: pa.Table
    rejects: Rejects
    mended: dict[str, int]
    rows_in: int
    rows_kept: int
    rows_rejected: int
    paths: tuple[Path, ...]
    duplicates: int = 0
    currency: str | None = None
    left_out: tuple[str, ...] = ()
    forms: tuple[FileForm, ...] = ()


def load(
    paths: str | Path | Sequence[str | Path],
    *,
    profile: str | Path | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    rates: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> Loaded:
    """Read files or folders of CSV, Parquet or JSON lines (plain, .gz, .zip) as one source.

    Args:
        paths: one or several files or folders.
        profile: a profile, its name or its file; detected where None.
        mapping: canonical column -> source column, on top of the profile.
        rates: currency -> rate into the profile's (or the most frequent) currency, on top of it.
        progress: called with each step.

    Raises:
        SourceError: a file cannot be read, or no row is kept.
        ProfileError: no profile fits, or required columns are missing.
    """
    loaded = load_some(paths, profile=profile, mapping=mapping, rates=rates, progress=progress)
    if not loaded.rows_kept:
        raise _nothing_kept(loaded)
    return loaded


def load_some(
    paths: str | Path | Sequence[str | Path],
    *,
    profile: str | Path | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    rates: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> Loaded:
    """Do as ``load``, also where no row is kept."""
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    tell = progress or (lambda _share, _message: None)
    with tempfile.TemporaryDirectory(prefix="buysignal-") as folder, _connect(Path(folder)) as connection:
        reading = _Reading(connection, Path(folder), tuple(Path(p) for p in given))
        tell(0.0, "opening files")
        reading.open()
        tell(0.4, "finding the profile")
        reading.choose_profile(profile, mapping or {}, rates or {})
        tell(0.5, "checking rows")
        reading.type_rows()
        tell(0.7, "collecting the kept rows")
        loaded = reading.finish()
        tell(1.0, "read")
    return loaded


def _connect(folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"temp_directory": str(folder / "spill")})
    connection.execute("SET TimeZone = 'UTC'")
    # Only where it is on: in a notebook without ipywidgets DuckDB refuses the very word.
    if connection.sql("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
        connection.execute("SET enable_progress_bar = false")
    # What does not fit goes to disk: the kept rows need memory of their own, and so does whoever calls.
    connection.execute(f"SET memory_limit = '{MEMORY_SHARE}'")
    return connection


@dataclass
class _Reading:
    """The state of one ``load``, step by step."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    paths: tuple[Path, ...]
    opened: list[Opened] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    mended: Counter[str] = field(default_factory=Counter)
    profile: Profile | None = None
    confidence: float = 1.0
    currency: str | None = None

    @property
    def parts(self) -> list[Part]:
        return [one.part for one in self.opened]

    def open(self) -> None:
        files = open_files(self.paths, self.folder)
        parts = open_parts(self.connection, files, self.folder, self.mended)
        self.opened = [look_into(self.connection, part) for part in parts]

    def choose_profile(
        self, asked: str | Path | Profile | None, mapping: Mapping[str, str], rates: Mapping[str, float]
    ) -> None:
        self.profile, self.confidence = choose(self.opened, asked, mapping, rates)
        self.opened, self.left_out = fitting(self.profile, self.opened)

    def type_rows(self) -> None:
        assert self.profile is not None
        profile = self.profile
        plans = [self._plan(profile, one) for one in self.opened]
        self.currency = self._common_currency(profile, plans)
        selects, before = [], 0
        for number, (part, (relation, resolved)) in enumerate(zip(self.parts, plans, strict=True)):
            decimal = typed.decimal_of(self.connection, profile, resolved, relation)
            typed.count_mended(
                self.connection, profile, resolved, relation,
                decimal=decimal, currency=self.currency, mended=self.mended,
            )  # fmt: skip
            selects.append(
                typed.select_typed(
                    profile, part, resolved, relation,
                    before=before, number=number, decimal=decimal, currency=self.currency,
                )
            )  # fmt: skip
            before += part.rows + len(part.malformed)
        body = " UNION ALL BY NAME ".join(f"({select})" for select in selects)
        flat = all(part.kind == "parquet" and part.json is None for part in self.parts)
        self.connection.execute(f"CREATE TEMP {'VIEW' if flat else 'TABLE'} typed AS {body}")

    def _plan(self, profile: Profile, one: Opened) -> tuple[str, Resolved]:
        """Return the relation a part is read from, and which of its columns feeds what."""
        relation, sources = one.part.relation, dict(one.part.columns)
        if one.part.json is not None:
            present = {folded(c): c for c in one.columns}
            paths = [present.get(folded(s), s) for m in profile.columns.values() for s in m.source]
            paths += [c for c in one.columns if c.startswith(ATTRIBUTE_PREFIX)]
            relation, sources = nested.select_paths(one.part, paths, profile.items)
        extra = extra_columns(profile, sources, resolve_named(profile, sources))
        types = infer_types(self.connection, relation, {c: sources[c] for c in extra})
        return relation, resolve(profile, sources, types)

    def _common_currency(self, profile: Profile, plans: list[tuple[str, Resolved]]) -> str | None:
        """The profile's currency, or the most frequent among priced rows."""
        if profile.currency is not None or profile.level == "session":
            return profile.currency
        seen: Counter[str] = Counter()
        for relation, resolved in plans:
            if "currency" in resolved and "price" in resolved:
                cell = sql.text(resolved["currency"][1][0])
                query = f"SELECT upper({cell}), count(*) FROM {relation} WHERE {cell} IS NOT NULL GROUP BY 1"
                seen.update(dict(self.connection.sql(query).fetchall()))
        return max(seen, key=lambda code: (seen[code], code)) if seen else None

    def finish(self) -> Loaded:
        assert self.profile is not None
        kept = settle(self.connection, self.parts, self.profile.level, self.currency, self.mended)
        table, rejects = kept.table, kept.rejects
        rows_in = self._rows_in()
        loaded = Loaded(
            self.profile, self.confidence, table, rejects, {k: n for k, n in self.mended.items() if n},
            rows_in, table.num_rows, len(rejects), self.paths, kept.duplicates, self.currency,
            tuple(self.left_out), tuple(form_of(one) for one in self.opened),
        )  # fmt: skip
        if loaded.rows_in != loaded.rows_kept + loaded.rows_rejected:
            raise AssertionError(f"{rows_in} rows in, {table.num_rows} kept, {len(rejects)} rejected")
        return loaded

    def _rows_in(self) -> int:
        """Rows as the files hold them; a row with several items counts once per item."""
        rows = sum(part.rows + len(part.malformed) for part in self.parts)
        if any(part.json is not None for part in self.parts):
            found = self.connection.sql("SELECT count(*) FROM typed").fetchall()[0][0]
            unfolded = int(found) - sum(part.rows for part in self.parts)
            self.mended["items"] = unfolded
            rows += unfolded
        return rows


def _nothing_kept(loaded: Loaded) -> SourceError:
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in loaded.rejects.by_reason().items())
    hint = loaded.rejects.to_pylist()[0]["hint"]
    return SourceError(
        f"none of the {loaded.rows_in:,} rows of {loaded.paths[0]} can be used ({reasons})",
        allowed=f"at least one row that profile '{loaded.profile.name}' can read",
        todo=f"{hint}; or name another profile",
    )
