"""Files in, parts out: every piece of the stream settled, and handed to what is made of it.

The place to go on is the last visitor of the last finished part: visitors come in order, so that what
comes behind is exactly what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from buysignal import events as ev
from buysignal.history.folder import PartsFolder, told
from buysignal.history.settings import Reading
from buysignal.history.workers import in_order
from buysignal.sources import rejects
from buysignal.sources.settled import Settled, settle_sorted
from buysignal.sources.stream import PIECE, Piece, Stream

Progress = Callable[[float, str], None]
Write = Callable[[pa.Table, int], dict[str, Any]]
"""Called with the events of some visitors and the number of their part; what it returns is journalled."""

OPENED, SORTED = 0.02, 0.35


@dataclass(frozen=True)
class Totals:
    """What became of the rows; ``rows_in == kept + refused + rejected``, always.

    Attributes:
        kept: events in the parts.
        refused: events of visitors who refused consent, where those are left out.
        rejected: rows in ``rejects.parquet``, with reasons.
        mended: what was mended and how often, by the keys of ``sources.read.MENDED``.
        profile: the name of the profile.
        currency: of all amounts; None where nothing says it.
    """

    rows_in: int
    kept: int
    refused: int
    rejected: int
    mended: dict[str, int]
    profile: str
    currency: str | None


def organise(
    reading: Reading,
    folder: PartsFolder,
    write: Write,
    *,
    consenting: bool,
    piece: int = PIECE,
    progress: Progress | None = None,
) -> Totals:
    """Bring the events of ``reading`` into the parts of ``folder``, going on behind those that are there.

    Args:
        write: makes a part of settled events; called from several threads.
        consenting: leave out events of visitors who refused consent.
        piece: events of a part, at least.
        progress: called with the share done, 0 to 1, and what is being done.

    Raises:
        InputError: see ``open_stream``; what was finished is kept.
    """
    tell = progress or (lambda _share, _text: None)
    with told(folder.path), reading.stream(folder.path) as stream:
        tell(OPENED, f"sorting {stream.rows_in:,} rows")
        after = folder.parts[-1]["last_visitor"] if folder.parts else None

        def work(numbered: tuple[int, Piece]) -> dict[str, Any]:
            number, one = numbered
            settled = settle_sorted(one.rows)
            events, refused = ev.consenting(settled.events) if consenting else (settled.events, 0)
            entry = write(events, number)
            return {
                **entry, "kept": events.num_rows, "refused": refused, "last_visitor": one.last_visitor,
                "out_of_order": settled.out_of_order, "duplicates": _keep_duplicates(folder, number, settled),
            }  # fmt: skip

        pieces = stream.pieces(after=after, rows=piece, progress=_sorting(tell))
        for entry in in_order(work, enumerate(pieces, start=len(folder.parts))):
            folder.add(entry)
            done = sum(p["kept"] + p["refused"] + p["duplicates"] for p in folder.parts)
            share = SORTED + (1 - SORTED) * done / max(stream.rows_in, 1)
            tell(min(share, 1.0), f"{done:,} of {stream.rows_in:,} rows, {len(folder.parts)} parts")
        return _totals(stream, folder)


def _sorting(tell: Progress) -> Progress:
    """Tell how far the sort is; its share of all is a guess from runs of 10 and 100 million events."""
    furthest = [0.0]

    def told_on(share: float, text: str) -> None:
        if share > furthest[0] and furthest[0] < 1.0:
            furthest[0] = share
            tell(OPENED + (SORTED - OPENED) * min(4 * share, 1.0), text)

    return told_on


def _keep_duplicates(folder: PartsFolder, number: int, settled: Settled) -> int:
    """Remember which rows were dropped: the rejects are written when all of them are known."""
    if len(settled.duplicates):
        place = folder.path / "duplicates" / f"part-{number:05d}.npy"
        place.parent.mkdir(exist_ok=True)
        np.save(place, settled.duplicates, allow_pickle=False)
    return len(settled.duplicates)


def _totals(stream: Stream, folder: PartsFolder) -> Totals:
    rejected = _write_rejects(stream, folder)
    kept, refused, late = (sum(p[key] for p in folder.parts) for key in ("kept", "refused", "out_of_order"))
    if stream.rows_in != kept + refused + rejected:
        raise AssertionError(f"{stream.rows_in} rows in, {kept} kept, {refused} refused, {rejected} rejected")
    mended = {**stream.mended, "out_of_order": late}
    return Totals(
        stream.rows_in, kept, refused, rejected, {k: n for k, n in mended.items() if n},
        stream.profile.name, stream.currency,
    )  # fmt: skip


def _write_rejects(stream: Stream, folder: PartsFolder) -> int:
    """Write all rejects as one file and return how many there are."""
    beside = folder.path / ".rejects.parquet"
    written = 0
    with pq.ParquetWriter(beside, rejects.SCHEMA) as writer:
        for batch in stream.rejects(_duplicates(folder)):
            writer.write_table(batch.to_keep())
            written += len(batch)
    beside.replace(folder.path / "rejects.parquet")
    return written


def _duplicates(folder: PartsFolder) -> npt.NDArray[np.int64]:
    finished = range(len(folder.parts))
    places = [folder.path / "duplicates" / f"part-{number:05d}.npy" for number in finished]
    found = [
        np.load(place, allow_pickle=False)
        for number, place in enumerate(places)
        if folder.parts[number]["duplicates"]
    ]
    return np.concatenate(found) if found else np.empty(0, np.int64)
