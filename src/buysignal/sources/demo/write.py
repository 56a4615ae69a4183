"""Write the demo shop to a folder, in parts that never need the whole shop in memory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from buysignal.errors import SourceError
from buysignal.sources.demo import tables
from buysignal.sources.demo.dirt import DEMO_RATES, LEDGER, USD_PER_EUR, soil
from buysignal.sources.demo.shop import shop_items
from buysignal.sources.demo.simulate import CHUNK, Progress, check, in_chunks, metadata
from buysignal.sources.demo.walk import Rows

Format = Literal["parquet", "csv"]

_RISING = ("event_time", "event_seq")
_RARELY_REPEATED = ("transaction_id", "p_buy", "expected_revenue")

VISITORS_PER_FILE = 25 * CHUNK
"""More visitors than this make a folder of parts instead of one file."""


@dataclass(frozen=True)
class DemoFiles:
    """What was written.

    Attributes:
        folder: where all of it lies.
        events: the events file, or the folder of its parts.
        items: the catalogue, ``items.csv``.
        truth: the truth file or folder; None unless asked for.
        rows: rows of ``events``.
        ledger: how much dirt of each kind was planted (see ``dirt.LEDGER``); empty where clean.
    """

    folder: Path
    events: Path
    items: Path
    truth: Path | None
    rows: int
    ledger: dict[str, int]


def write_demo(
    out: Path | str,
    visitors: int,
    days: int = 28,
    seed: int = 0,
    truth: bool = False,
    dirty: bool = True,
    format: Format = "parquet",
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> DemoFiles:
    """Simulate a shop and write it into the folder ``out``.

    Writes ``events.parquet`` or ``events.csv`` (a folder ``events`` of parts for more than
    ``VISITORS_PER_FILE`` visitors), ``items.csv``, ``README.txt``, ``dirt.json`` where dirty, and the
    truth (Parquet) on request. What an earlier demo left there is replaced.

    Raises:
        InputError: a number is out of range.
        SourceError: ``out`` is no folder, or the format is unknown.
    """
    check(visitors, days, seed)
    if format not in ("parquet", "csv"):
        raise SourceError(f"format '{format}' is unknown", allowed="parquet or csv")
    folder = _emptied(Path(out))
    about = {**metadata(visitors, days, seed), "dirty": str(dirty).lower()}

    def make(chunk: int, rows: Rows) -> _Part:
        clean = tables.events_table(rows)
        soiled, ledger = soil(clean, seed, chunk) if dirty else (clean, Counter())
        return _Part(soiled, tables.truth_table(rows) if truth else None, ledger)

    ledger: Counter[str] = Counter()
    written = 0
    whole = visitors <= VISITORS_PER_FILE
    event_files = _Sink(folder / "events", format, _with_about(tables.EVENTS_SCHEMA, about), whole)
    truth_files = _Sink(folder / "truth", "parquet", _with_about(tables.TRUTH_SCHEMA, about), whole)
    with event_files.open(), truth_files.open():
        for part in in_chunks(visitors, days, seed, make, threads=threads, progress=progress):
            event_files.write(part.events)
            if part.truth is not None:
                truth_files.write(part.truth)
            ledger.update(part.ledger)
            written += part.events.num_rows
    shop_items().to_csv(folder / "items.csv", index=False)
    (folder / "README.txt").write_text(_readme(visitors, days, seed, dirty), encoding="utf-8")
    if dirty:
        planted = {kind: {"count": ledger[kind], "what": LEDGER[kind]} for kind in LEDGER}
        (folder / "dirt.json").write_text(json.dumps(planted, indent=2) + "\n", encoding="utf-8")
    return DemoFiles(
        folder=folder,
        events=event_files.path,
        items=folder / "items.csv",
        truth=truth_files.path if truth else None,
        rows=written,
        ledger=dict(ledger),
    )


@dataclass(frozen=True)
class _Part:
    events: pa.Table
    truth: pa.Table | None
    ledger: Counter[str]


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None: ...
    def close(self) -> None: ...


class _Sink:
    """One file, or a folder of parts; opened with the first chunk."""

    def __init__(self, stem: Path, format: Format, schema: pa.Schema, whole: bool) -> None:
        self.path = stem.with_suffix(f".{format}") if whole else stem
        self._format, self._schema, self._whole = format, schema, whole
        self._writer: _Writer | None = None
        self._chunks = 0

    @contextmanager
    def open(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._close()

    def write(self, table: pa.Table) -> None:
        if not self._whole and self._chunks % (VISITORS_PER_FILE // CHUNK) == 0:
            self._close()
        if self._writer is None:
            self._writer = self._opened()
        self._writer.write_table(self._typed(table))
        self._chunks += 1

    def _opened(self) -> _Writer:
        path = self.path
        if not self._whole:
            path.mkdir(exist_ok=True)
            path /= f"part-{self._chunks * CHUNK // VISITORS_PER_FILE:05d}.{self._format}"
        if self._format == "csv":
            return pa.csv.CSVWriter(str(path), _plain(self._schema))
        repeating = [name for name in self._schema.names if name not in (*_RISING, *_RARELY_REPEATED)]
        return pq.ParquetWriter(
            path,
            self._schema,
            compression="snappy",
            use_dictionary=repeating,
            column_encoding={n: "DELTA_BINARY_PACKED" for n in _RISING if n in self._schema.names},
        )

    def _typed(self, table: pa.Table) -> pa.Table:
        return table.cast(_plain(self._schema) if self._format == "csv" else self._schema)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _with_about(schema: pa.Schema, about: dict[str, str]) -> pa.Schema:
    return schema.with_metadata(about)


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return the schema with text in place of dictionaries, which CSV cannot hold."""
    return pa.schema(
        [pa.field(f.name, pa.string()) if pa.types.is_dictionary(f.type) else f for f in schema],
        metadata=schema.metadata,
    )


def _emptied(folder: Path) -> Path:
    """Return the folder, made if need be, without what an earlier demo wrote there."""
    if folder.exists() and not folder.is_dir():
        raise SourceError(f"'{folder}' is a file", allowed="a folder", todo="give another --out")
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in ("events.*", "truth.parquet", "dirt.json", "events/part-*", "truth/part-*"):
        for old in folder.glob(pattern):
            old.unlink()
    for name in ("events", "truth"):
        if (folder / name).is_dir() and not any((folder / name).iterdir()):
            (folder / name).rmdir()
    return folder


def _readme(visitors: int, days: int, seed: int, dirty: bool) -> str:
    lines = [
        "SIMULATED DATA: a made-up shop, made-up visitors. No figure here says anything about a real shop.",
        "",
        f"Made by: buysignal demo --visitors {visitors} --days {days} --seed {seed}",
        "events: one row per event, GA4 names, times in UTC, prices per piece.",
        "items.csv: the catalogue with list prices in EUR; prices in the events may be lower while on offer.",
        "truth (on request): the exact chance that the visitor buys later in the session, after each event,",
        "  and the exact expected revenue (EUR) to come; the key is visitor_id, session_id, event_seq.",
        "  Rows of bots and repeated rows have no truth of their own.",
    ]
    if dirty:
        lines += [
            "",
            "Dirty on purpose; dirt.json counts what was planted:",
            *(f"- {kind}: {what}" for kind, what in LEDGER.items()),
            "",
            f"Currencies: EUR and USD, {USD_PER_EUR:.2f} USD per EUR (1 USD = {DEMO_RATES['USD']:.6f} EUR).",
        ]
    return "\n".join(lines) + "\n"
