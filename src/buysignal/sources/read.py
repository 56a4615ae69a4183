"""Reading sources: files in, one clean table and the rejects out.

DuckDB does the work, on disk where memory does not suffice; only the rows that are kept come to Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from buysignal.errors import SourceError
from buysignal.sources.damage import explained
from buysignal.sources.form import FileForm, form_of
from buysignal.sources.kept import settle
from buysignal.sources.profile import Profile
from buysignal.sources.reading import Reading, opened_reading
from buysignal.sources.rejects import Rejects
from buysignal.sources.room import machine_memory, refuse_too_many

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
        left_out: files of a folder or archive that the profile does not fit, such as item lists.
        forms: what the files look like from outside.
        visitor_share: of the visitors (of session tables: of the rows) that were read; 1 is all of them.
        rows_there: rows of the files, read or not.
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
    visitor_share: float = 1.0
    rows_there: int = 0

    @property
    def drawn(self) -> str | None:
        """What to say where only some of the visitors were read; None where all were."""
        if self.visitor_share == 1:
            return None
        return (
            f"The files hold {self.rows_there:,} rows. {self.visitor_share:.1%} of the visitors were drawn "
            f"at random, whole and each as likely as any other: {self.rows_in:,} rows. Counts and amounts "
            "are those of the visitors drawn; shares and rates stand for all."
        )

    @property
    def not_drawn(self) -> str | None:
        """What was not read, as one item of a list; None where all was."""
        if self.visitor_share == 1:
            return None
        return (
            f"{1 - self.visitor_share:.1%} of the visitors behind {self.rows_there:,} rows, by lot (shares "
            "and rates stand for all)"
        )


def load(
    paths: str | Path | Sequence[str | Path],
    *,
    profile: str | Path | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    rates: Mapping[str, float] | None = None,
    most_rows: int | None = None,
    raw_ids: bool = False,
    progress: Progress | None = None,
) -> Loaded:
    """Read files or folders of CSV, Parquet or JSON lines (plain, .gz, .zip) as one source.

    Args:
        paths: one or several files or folders.
        profile: a profile, its name or its file; detected where None.
        mapping: canonical column -> source column, on top of the profile.
        rates: currency -> rate into the profile's (or the most frequent) currency, on top of it.
        most_rows: where the files hold more, read only as many visitors as have about this many rows,
            drawn at random; ``Loaded.drawn`` says so. None reads all.
        raw_ids: leave ids as they are, whether or not there is a key to hash them with.
        progress: called with each step.

    Raises:
        SourceError: a file cannot be read, no row is kept, or there are more than this machine can hold.
        ProfileError: no profile fits, or required columns are missing.
    """
    loaded = load_some(
        paths, profile=profile, mapping=mapping, rates=rates, most_rows=most_rows, raw_ids=raw_ids,
        progress=progress,
    )  # fmt: skip
    if not loaded.rows_kept:
        raise _nothing_kept(loaded)
    return loaded


def load_some(
    paths: str | Path | Sequence[str | Path],
    *,
    profile: str | Path | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    rates: Mapping[str, float] | None = None,
    most_rows: int | None = None,
    raw_ids: bool = False,
    progress: Progress | None = None,
) -> Loaded:
    """Do as ``load``, also where no row is kept."""
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    tell = progress or (lambda _share, _message: None)
    opened = opened_reading([Path(p) for p in given], raw_ids=raw_ids)
    with opened as reading, explained(lambda: reading.files):
        tell(0.0, "opening files")
        reading.open()
        tell(0.4, "finding the profile")
        reading.choose_profile(profile, mapping or {}, rates or {})
        there = reading.rows_there()
        refuse_too_many(there if most_rows is None else min(there, most_rows), machine_memory())
        tell(0.5, "checking rows")
        reading.type_rows(most_rows)
        tell(0.7, "collecting the kept rows")
        loaded = _finish(reading)
        tell(1.0, "read")
    return loaded


def _finish(reading: Reading) -> Loaded:
    assert reading.profile is not None
    kept = settle(reading.connection, reading.parts, reading.profile.level, reading.currency, reading.mended)
    table, rejects = kept.table, kept.rejects
    rows_in = reading.rows_in()
    loaded = Loaded(
        reading.profile, reading.confidence, table, rejects, {k: n for k, n in reading.mended.items() if n},
        rows_in, table.num_rows, len(rejects), reading.paths, kept.duplicates, reading.currency,
        tuple(reading.left_out), tuple(form_of(one) for one in reading.opened),
        reading.visitor_share, reading.rows_there(),
    )  # fmt: skip
    if loaded.rows_in != loaded.rows_kept + loaded.rows_rejected:
        raise AssertionError(f"{rows_in} rows in, {table.num_rows} kept, {len(rejects)} rejected")
    return loaded


def _nothing_kept(loaded: Loaded) -> SourceError:
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in loaded.rejects.by_reason().items())
    hint = loaded.rejects.to_pylist()[0]["hint"]
    return SourceError(
        f"none of the {loaded.rows_in:,} rows of {loaded.paths[0]} can be used ({reasons})",
        allowed=f"at least one row that profile '{loaded.profile.name}' can read",
        todo=f"{hint}; or name another profile",
    )
