"""Scores of visits in files larger than memory: piece by piece, going on where a run was stopped."""

from __future__ import annotations

import shutil
import threading
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from buysignal import features, scoring
from buysignal.bundle import Bundle
from buysignal.errors import SourceError
from buysignal.goals import Goal
from buysignal.history.folder import PartsFolder, open_folder, read_part, told, write_part
from buysignal.history.organise import Progress, Totals, organise
from buysignal.history.settings import Reading
from buysignal.sources.stream import PIECE
from buysignal.spreadsheet import neutral

LARGE_ROWS = 5_000_000
"""Above this, scores are made in parts: at once they would take some gigabytes of memory."""


@dataclass(frozen=True)
class ScoreParts:
    """What was written.

    Attributes:
        path: one file, or a folder with ``scores/part-*.parquet`` and ``rejects.parquet``.
        visits: rows of scores.
        totals: what became of the rows of the source.
        goal: the question the probability answers; with ``proxy`` true it is no conversion.
        simulated: the bundle learned from the demo shop.
        went_on: an earlier run had begun, and this one went on behind it.
    """

    path: Path
    visits: int
    totals: Totals
    goal: Goal
    simulated: bool
    went_on: bool


def score_in_parts(
    bundle: Bundle,
    reading: Reading,
    out: Path,
    *,
    reasons: bool = False,
    every_event: bool = False,
    fresh: bool = False,
    piece: int = PIECE,
    progress: Progress | None = None,
) -> ScoreParts:
    """Score every visit of ``reading``; the scores are those of ``scoring.score``, which leaves refusals out.

    Args:
        out: a folder, which gets the parts; or a file (.parquet or .csv), which they are joined in when all
            are finished, with the rejects beside it.
        fresh: begin anew whatever is there.
        piece: events of a part, at least.

    Raises:
        InputError: the bundle reads session rows, the files cannot be read, or the disk is full.
    """
    if not bundle.reads_events:
        raise SourceError(
            "this bundle reads session rows, which are scored at once",
            allowed="a bundle that was trained on events",
            todo="name a .csv or .parquet file with --out",
        )
    tell = progress or (lambda _share, _text: None)
    one_file = out.suffix in (".csv", ".parquet")
    about = {"what": "scores", "bundle": bundle.version, "reasons": reasons, "every_event": every_event,
             "piece": piece, "consenting": True, **reading.about()}  # fmt: skip
    folder = open_folder(out.with_name(f"{out.name}.parts") if one_file else out, about, fresh=fresh)
    went_on = bool(folder.parts)

    def write(events: pa.Table, number: int) -> dict[str, Any]:
        scored = scoring.score(bundle, events, reasons=reasons, every_event=every_event)
        table = pa.Table.from_pandas(scored.table, preserve_index=False)
        write_part(table, folder.place("scores", number))
        return {"visits": table.num_rows}

    if not folder.complete:
        # The fold is loaded while the database sorts.
        threading.Thread(target=features.warm_up, daemon=True).start()
        totals = organise(
            reading, folder, write, consenting=True, piece=piece, progress=lambda s, t: tell(0.95 * s, t)
        )
        shutil.rmtree(folder.path / "duplicates", ignore_errors=True)
        folder.finish(asdict(totals))
    if one_file:
        tell(0.95, f"joining {len(folder.parts)} parts")
        _join(folder, out)
    return ScoreParts(
        out, sum(part["visits"] for part in folder.parts), Totals(**folder.summary), bundle.goal,
        bundle.manifest.dataset.simulated, went_on,
    )  # fmt: skip


def _join(folder: PartsFolder, out: Path) -> None:
    """Write all parts as one file, put the rejects beside it, and remove the folder."""
    beside = out.with_name(f".{out.name}")
    shaped = neutral if out.suffix == ".csv" else _plain
    tables = (shaped(read_part(folder.place("scores", number))) for number in range(len(folder.parts)))
    with told(out):
        first = next(tables)
        kind = pa.csv.CSVWriter if out.suffix == ".csv" else pq.ParquetWriter
        with kind(beside, first.schema) as writer:
            for table in chain([first], tables):
                writer.write_table(table.cast(first.schema))
        (folder.path / "rejects.parquet").replace(out.with_name(f"{out.stem}.rejects.parquet"))
        beside.replace(out)
        shutil.rmtree(folder.path)


def _plain(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata(None)
