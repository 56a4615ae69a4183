"""A source in pieces: events of whole visitors, sorted, however much larger than memory the files are.

DuckDB types the rows as for ``load``, sorts them (on disk where memory does not suffice) and hands them
over in order; a piece ends where a visitor ends. Texts that repeat are sorted as small numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events
from buysignal.errors import SourceError
from buysignal.sources.damage import explained
from buysignal.sources.kept import drop, drop_bad, rejected_batches, where_kept
from buysignal.sources.profile import Profile
from buysignal.sources.reading import Reading, opened_reading
from buysignal.sources.rejects import Rejects
from buysignal.sources.settled import sort_keys, wanted_columns
from buysignal.sources.sql import name, quote

Progress = Callable[[float, str], None]

PIECE = 500_000
"""Events of a piece, a little more where a visitor ends later: about 0.5 GB with features beside them."""

MEMORY = "2GB"
"""Of the sort; beyond it the disk helps."""

MOST_WORDS = 20_000
"""Columns with more different texts than this among their first rows are sorted as the texts they are."""

_LOOKED_AT = 200_000

_BATCH = 100_000
_POLL_SECONDS = 0.5


@dataclass(frozen=True, eq=False)
class Piece:
    """Events of whole visitors, in the order of visitors.

    Attributes:
        rows: typed rows in order; ``settle_sorted`` makes events of them.
        last_visitor: the greatest visitor id; later pieces have greater ones only.
    """

    rows: pa.Table
    last_visitor: str


class Stream:
    """Files opened, their rows typed; ``pieces`` sorts and hands them out.

    Attributes:
        profile: what the files were read with.
        currency: of all amounts; None where nothing says it.
        rows_in: rows of the files, a row with several items once per item.
        mended: what was mended and how often, as for ``load``.
    """

    def __init__(self, reading: Reading) -> None:
        assert reading.profile is not None
        self._reading = reading
        self._connection = reading.connection
        self.profile: Profile = reading.profile
        self.currency = reading.currency
        self.mended = reading.mended
        self.rows_in = reading.rows_in()
        drop_bad(self._connection, "event")
        self.columns = self._connection.sql("SELECT * FROM typed LIMIT 0").columns
        self._dictionaries = self._make_dictionaries()

    def pieces(
        self, *, after: str | None = None, rows: int = PIECE, progress: Progress | None = None
    ) -> Iterator[Piece]:
        """Yield the rows that are kept, but for duplicates, in pieces of whole visitors.

        Args:
            after: begin behind this visitor.
            rows: of a piece, at least.
            progress: called while sorting, with the share done (0 to 1).

        Raises:
            SourceError: a file is damaged, or the disk is full.
        """
        batches = self._sorted(after, progress)
        yield from whole_visitors((part for batch in batches for part in _sliced(batch, rows)), rows)

    def rejects(self, duplicates: npt.NDArray[np.int64]) -> Iterator[Rejects]:
        """Yield every rejected row in batches, those equal to an earlier one included.

        Args:
            duplicates: what ``settle_sorted`` found in the pieces.
        """
        drop(self._connection, duplicates, "duplicate_event")
        yield from rejected_batches(self._connection, self._reading.parts)

    def _make_dictionaries(self) -> dict[str, str]:
        """Return column -> DuckDB type, for text columns of few words."""
        texts = [f.name for f in events.SCHEMA if pa.types.is_dictionary(f.type) and f.name in self.columns]
        if not texts:
            return {}
        counts = ", ".join(f"approx_count_distinct({name(c)})" for c in texts)
        first = f"(SELECT * FROM typed LIMIT {_LOOKED_AT})"
        found = self._connection.sql(f"SELECT {counts} FROM {first}").fetchall()[0]
        few = [c for c, n in zip(texts, found, strict=True) if n <= MOST_WORDS]
        lists = ", ".join(f"list(DISTINCT {name(c)}) AS {name(c)}" for c in few)
        if few:
            self._connection.execute(f"CREATE TEMP TABLE words AS SELECT {lists} FROM typed")
        made = {}
        for position, column in enumerate(few):
            words = f"(SELECT unnest({name(column)}) AS word FROM words)"
            if self._connection.sql(f"SELECT count(word) FROM {words}").fetchall()[0][0]:
                made[column] = f"words_{position}"
                self._connection.execute(
                    f"CREATE TYPE {made[column]} AS ENUM "
                    f"(SELECT word FROM {words} WHERE word IS NOT NULL ORDER BY word)"
                )
        return made

    def _sorted(self, after: str | None, progress: Progress | None) -> Iterator[pa.RecordBatch]:
        where = where_kept(self._connection) or "WHERE TRUE"
        if after is not None:
            where += f" AND visitor_id > {quote(after)}"
        small = ", ".join(f"CAST({name(c)} AS {t}) AS {name(c)}" for c, t in self._dictionaries.items())
        rows = f"(SELECT * {f'REPLACE ({small})' if small else ''} FROM typed {where})"
        keys = ", ".join(f"typed.{key} NULLS FIRST" for key in sort_keys(self.columns))
        wanted = ", ".join(wanted_columns(self.columns, self.currency))
        query = f"SELECT {wanted} FROM {rows} AS typed ORDER BY {keys}"
        with _watched(self._connection, progress):
            yield from self._connection.sql(query).to_arrow_reader(_BATCH)


@contextmanager
def open_stream(
    paths: Sequence[str | Path],
    *,
    profile: str | Path | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    rates: Mapping[str, float] | None = None,
    memory: str = MEMORY,
    threads: int | None = None,
    scratch: Path | None = None,
) -> Iterator[Stream]:
    """Open files as a stream of events; arguments as for ``load``, and as for ``opened_reading``.

    Raises:
        SourceError: a file cannot be read, holds no events, or is of another kind than its neighbours.
        ProfileError: no profile fits, or required columns are missing.
    """
    with (
        opened_reading([Path(p) for p in paths], memory=memory, threads=threads, scratch=scratch) as reading,
        explained(lambda: reading.files),
    ):
        reading.open()
        reading.choose_profile(profile, mapping or {}, rates or {})
        assert reading.profile is not None
        if reading.profile.level != "event":
            raise SourceError(
                f"{paths[0]} holds sessions, one a row",
                allowed="events: sessions have no clicks to fold",
                todo="use train and score, which read session tables whole",
            )
        reading.refuse_strangers()
        reading.type_rows()
        yield Stream(reading)


def _sliced(batch: pa.RecordBatch, rows: int) -> Iterator[pa.Table]:
    """Yield a batch in slices no longer than a piece is to be."""
    for start in range(0, batch.num_rows, rows):
        yield pa.Table.from_batches([batch.slice(start, rows)])


def whole_visitors(tables: Iterable[pa.Table], rows: int) -> Iterator[Piece]:
    """Yield rows in pieces that end where a visitor ends.

    Args:
        tables: rows in the order of ``visitor_id``, cut anywhere.
        rows: of a piece, at least, but for the last one.
    """
    waiting: list[pa.Table] = []
    size, visitor = 0, None
    for table in tables:
        if not table.num_rows:
            continue
        last = table.column("visitor_id")[table.num_rows - 1].as_py()
        cut = _begin_of(last, table.column("visitor_id"))
        starts_anew = cut > 0 or (visitor is not None and last != visitor)
        if starts_anew and size + cut >= rows:
            yield _piece([*waiting, table.slice(0, cut)])
            waiting, size, table = [], 0, table.slice(cut)
        waiting.append(table)
        size, visitor = size + table.num_rows, last
    if size:
        yield _piece(waiting)


def _piece(tables: list[pa.Table]) -> Piece:
    rows = pa.concat_tables(tables)
    return Piece(rows, rows.column("visitor_id")[rows.num_rows - 1].as_py())


def _begin_of(visitor: str, visitors: pa.ChunkedArray) -> int:
    """Return the row where ``visitor``, who is the last, begins."""
    others = pc.indices_nonzero(pc.not_equal(visitors, visitor))
    return int(others[len(others) - 1].as_py()) + 1 if len(others) else 0


@contextmanager
def _watched(connection: duckdb.DuckDBPyConnection, progress: Progress | None) -> Iterator[None]:
    """Tell how far the database has come, from a thread beside it."""
    if progress is None:
        yield
        return
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_POLL_SECONDS):
            progress(max(connection.query_progress(), 0.0) / 100, "sorting")

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
