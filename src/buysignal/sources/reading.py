"""What every way of reading begins with: files opened, a profile chosen, rows typed."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from buysignal import pseudonyms
from buysignal.errors import SourceError
from buysignal.events import ATTRIBUTE_PREFIX
from buysignal.pseudonyms import Pseudonyms
from buysignal.sources import nested, sql, typed
from buysignal.sources.choose import Opened, choose, fitting, look_into
from buysignal.sources.files import SourceFile, open_files
from buysignal.sources.parts import Part, open_parts
from buysignal.sources.profile import Profile, folded
from buysignal.sources.resolve import (
    Resolved,
    extra_columns,
    infer_types,
    resolve,
    resolve_named,
)

MEMORY_SHARE = "40%"
"""Of the machine's memory, for what is read and not yet kept."""

_DRAWS = 1_000_003
"""Visitors are drawn in shares of one in this many."""


@contextmanager
def opened_reading(
    paths: Sequence[Path],
    *,
    memory: str = MEMORY_SHARE,
    threads: int | None = None,
    scratch: Path | None = None,
    raw_ids: bool = False,
) -> Iterator[Reading]:
    """Yield a reading with a database and a temporary folder of its own, removed at the end.

    Args:
        memory: of the database; what does not fit goes to the temporary folder.
        threads: of the database; None takes all cores.
        scratch: where the temporary folder is made; None takes the system's place.
        raw_ids: leave ids as they are, whether or not there is a key to hash them with.

    Raises:
        InputError: the key to hash ids with cannot be used.
    """
    ids = None if raw_ids else pseudonyms.from_environment()
    with (
        tempfile.TemporaryDirectory(prefix="buysignal-", dir=scratch) as name,
        _connect(Path(name), memory, threads) as connection,
    ):
        pseudonyms.registered(ids, connection.create_function)
        yield Reading(connection, Path(name), tuple(paths), ids=ids)


def _connect(folder: Path, memory: str, threads: int | None) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"temp_directory": str(folder / "spill")})
    connection.execute("SET TimeZone = 'UTC'")
    # Only where it is on: in a notebook without ipywidgets DuckDB refuses the very word.
    if connection.sql("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
        connection.execute("SET enable_progress_bar = false")
    if threads is not None:
        connection.execute(f"SET threads = {threads}")
    # What does not fit goes to disk: the kept rows need memory of their own, and so does whoever calls.
    connection.execute(f"SET memory_limit = '{memory}'")
    return connection


@dataclass
class Reading:
    """Source files on the way to typed rows, step by step: ``open``, ``choose_profile``, ``type_rows``."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    paths: tuple[Path, ...]
    opened: list[Opened] = field(default_factory=list)
    files: list[SourceFile] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    mended: Counter[str] = field(default_factory=Counter)
    profile: Profile | None = None
    confidence: float = 1.0
    currency: str | None = None
    visitor_share: float = 1.0
    ids: Pseudonyms | None = None

    @property
    def parts(self) -> list[Part]:
        return [one.part for one in self.opened]

    def open(self) -> None:
        self.files = open_files(self.paths, self.folder)
        parts = open_parts(self.connection, self.files, self.folder, self.mended)
        self.opened = [look_into(self.connection, part) for part in parts]

    def choose_profile(
        self, asked: str | Path | Profile | None, mapping: Mapping[str, str], rates: Mapping[str, float]
    ) -> None:
        self.profile, self.confidence = choose(self.opened, asked, mapping, rates)
        self.opened, self.left_out = fitting(self.profile, self.opened)

    def refuse_strangers(self) -> None:
        """Refuse a folder in which a Parquet file cannot be read like its neighbours.

        Raises:
            SourceError: such a file, by name.
        """
        strange = [f.name for f in self.files if f.kind == "parquet" and f.name in self.left_out]
        if strange and any(part.kind == "parquet" for part in self.parts):
            assert self.profile is not None
            raise SourceError(
                f"{strange[0]} has other columns than the files beside it, and profile "
                f"'{self.profile.name}' cannot read it",
                allowed=f"the columns of {self.parts[0].names[0]}: {', '.join(self.parts[0].columns)}",
                todo="export it like the others, or move it out of the folder",
            )

    def type_rows(self, most_rows: int | None = None) -> None:
        """Make ``typed``.

        Args:
            most_rows: where the files hold more, whole visitors are drawn by a hash of their id, each as
                likely as any other, so that about this many rows remain; of session tables, rows.
        """
        assert self.profile is not None
        profile = self.profile
        plans = [self.plan(profile, one) for one in self.opened]
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
                    hashed=self.ids is not None,
                )
            )  # fmt: skip
            before += part.rows + len(part.malformed)
        body = " UNION ALL BY NAME ".join(f"({select})" for select in selects)
        # A view is read several times, and would be hashed each time.
        flat = self.ids is None and all(p.kind == "parquet" and p.json is None for p in self.parts)
        if most_rows is not None and before > most_rows:
            self.visitor_share = most_rows / before
            body, flat = self._drawn(body), False
        self.connection.execute(f"CREATE TEMP {'VIEW' if flat else 'TABLE'} typed AS {body}")

    def _drawn(self, body: str) -> str:
        columns = self.connection.sql(f"SELECT * FROM ({body}) LIMIT 0").columns
        key = "coalesce(visitor_id, CAST(__order AS VARCHAR))" if "visitor_id" in columns else "__order"
        limit = round(self.visitor_share * _DRAWS)
        return f"SELECT * FROM ({body}) WHERE hash({key}) % {_DRAWS} < {limit}"

    def plan(self, profile: Profile, one: Opened) -> tuple[str, Resolved]:
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

    def rows_there(self) -> int:
        """Rows as the files hold them."""
        return sum(part.rows + len(part.malformed) for part in self.parts)

    def rows_in(self) -> int:
        """Rows that were typed; a row with several items counts once per item."""
        rows = self.rows_there()
        if self.visitor_share < 1:
            found = self.connection.sql("SELECT count(*) FROM typed").fetchall()[0][0]
            return int(found) + sum(len(part.malformed) for part in self.parts)
        if any(part.json is not None for part in self.parts):
            found = self.connection.sql("SELECT count(*) FROM typed").fetchall()[0][0]
            unfolded = int(found) - sum(part.rows for part in self.parts)
            self.mended["items"] = unfolded
            rows += unfolded
        return rows
