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

from buysignal.errors import ProfileError, SourceError
from buysignal.sources import nested, sql, typed
from buysignal.sources.detect import best, detect, folded, layout_of
from buysignal.sources.files import open_files
from buysignal.sources.kept import settle
from buysignal.sources.parts import Part, open_parts
from buysignal.sources.profile import Profile, load_profile
from buysignal.sources.rejects import Rejects
from buysignal.sources.resolve import (
    Resolved,
    extra_columns,
    infer_types,
    require,
    resolve,
    resolve_named,
    with_mapping,
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
    connection.execute("SET enable_progress_bar = false")
    return connection


@dataclass
class _Reading:
    """The state of one ``load``, step by step."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    paths: tuple[Path, ...]
    parts: list[Part] = field(default_factory=list)
    heads: list[list[dict[str, str]]] = field(default_factory=list)
    mended: Counter[str] = field(default_factory=Counter)
    profile: Profile | None = None
    confidence: float = 1.0
    currency: str | None = None
    rows_in: int = 0

    def open(self) -> None:
        files = open_files(self.paths, self.folder)
        self.parts = open_parts(self.connection, files, self.folder, self.mended)
        self.heads = [nested.head(self.connection, part) for part in self.parts]

    def columns_of(self, position: int) -> list[str]:
        part, head = self.parts[position], self.heads[position]
        return (
            list(part.columns) if part.json is None else list(dict.fromkeys(c for row in head for c in row))
        )

    def all_columns(self) -> list[str]:
        return list(dict.fromkeys(c for i in range(len(self.parts)) for c in self.columns_of(i)))

    def choose_profile(
        self, asked: str | Path | Profile | None, mapping: Mapping[str, str], rates: Mapping[str, float]
    ) -> None:
        columns = self.all_columns()
        chosen = self._asked_or_detected(asked, mapping, columns)
        if mapping:
            chosen = with_mapping(chosen, mapping, columns)
        if rates:
            chosen = chosen.model_copy(update={"rates": {**chosen.rates, **rates}})
        self.profile = chosen
        for part, head in zip(self.parts, self.heads, strict=True):
            self._name_columns(chosen, part, head)

    def _asked_or_detected(
        self, asked: str | Path | Profile | None, mapping: Mapping[str, str], columns: list[str]
    ) -> Profile:
        if isinstance(asked, Profile):
            return asked
        if asked is not None:
            return load_profile(asked)
        shown, head = self.parts[0].names[0], self.heads[0]
        if mapping:
            ranked = detect([*columns, *mapping], head)
            if not ranked:
                return load_profile("generic")
            found, self.confidence = ranked[0]
            return found
        of_first = columns if len(self.parts) == 1 else list(dict.fromkeys([*self.columns_of(0), *columns]))
        if self.parts[0].headerless:
            of_first = self.columns_of(0)
        found, self.confidence = best(of_first, head, shown)
        return found

    def _name_columns(self, profile: Profile, part: Part, head: list[dict[str, str]]) -> None:
        """Give a file without header the column names of its layout."""
        layout = layout_of(profile, head) if part.headerless else None
        if layout is None:
            if part.headerless and profile.layouts:
                raise ProfileError(
                    f"{part.names[0]} has no header, and its cells fit no layout of profile '{profile.name}'",
                    allowed=" or ".join(", ".join(lay.columns) for lay in profile.layouts),
                    todo="check the file, or add a header line",
                )
            return
        part.columns = dict(zip(layout.columns, part.columns.values(), strict=True))
        part.event_name = layout.event_name

    def type_rows(self) -> None:
        assert self.profile is not None
        profile = self.profile
        plans = [self._plan(profile, i) for i in range(len(self.parts))]
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

    def _plan(self, profile: Profile, position: int) -> tuple[str, Resolved]:
        part, columns = self.parts[position], self.columns_of(position)
        relation, sources = part.relation, dict(part.columns)
        if part.json is not None:
            present = {folded(c): c for c in columns}
            wanted = [s for m in profile.columns.values() for s in m.source]
            paths = [present.get(folded(s), s) for s in wanted]
            relation, sources = nested.select_paths(part, [*paths, *_extra(columns)], profile.items)
            known = {c: s for c, s in sources.items() if c in columns}
            require(profile, resolve(profile, known), columns, part.names[0])
        extra = extra_columns(profile, sources, resolve_named(profile, sources))
        types = infer_types(self.connection, relation, {c: sources[c] for c in extra})
        resolved = resolve(profile, sources, types)
        constant = {"event_name": None} if part.event_name else {}
        require(profile, {**resolved, **constant}, columns, part.names[0])  # type: ignore[dict-item]
        return relation, resolved

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
        )  # fmt: skip
        if loaded.rows_in != loaded.rows_kept + loaded.rows_rejected:
            raise AssertionError(f"{rows_in} rows in, {table.num_rows} kept, {len(rejects)} rejected")
        if not loaded.rows_kept:
            raise _nothing_kept(loaded)
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


def _extra(columns: list[str]) -> list[str]:
    return [c for c in columns if c.startswith("attr_")]


def _nothing_kept(loaded: Loaded) -> SourceError:
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in loaded.rejects.by_reason().items())
    hint = loaded.rejects.to_pylist()[0]["hint"]
    return SourceError(
        f"none of the {loaded.rows_in:,} rows of {loaded.paths[0]} can be used ({reasons})",
        allowed=f"at least one row that profile '{loaded.profile.name}' can read",
        todo=f"{hint}; or name another profile",
    )
