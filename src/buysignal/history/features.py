"""Files in, a folder of feature parts out, however much larger than memory the files are."""

from __future__ import annotations

import shutil
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal import features, sessions
from buysignal.features.stored import write_vocabulary
from buysignal.history.folder import PartsFolder, open_folder, read_part, write_part
from buysignal.history.learn import SLICES, Learned, learn, session_spans
from buysignal.history.organise import Progress, Totals, organise
from buysignal.history.settings import Reading
from buysignal.history.workers import in_order
from buysignal.sources.stream import PIECE

IDS = ("visitor_id", "session_id", "event_time", "event_date", "event_seq", "event_name")
"""Columns of the events that stand before the features."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """What was written.

    Attributes:
        path: the folder: ``features/part-*.parquet`` (``IDS``, ``suspected_bot``, ``slice`` where the
            vocabulary was learned here, and one float32 column per feature; a row per event),
            ``rejects.parquet``, ``vocabulary.npz``.
        parts: how many files of features.
        totals: what became of the rows.
        went_on: an earlier run had begun, and this one went on behind it.
    """

    path: Path
    parts: int
    totals: Totals
    went_on: bool


def write_features(
    reading: Reading,
    out: Path,
    *,
    vocabulary: features.Vocabulary | None = None,
    version: str | None = None,
    cut: str | None = None,
    fresh: bool = False,
    piece: int = PIECE,
    progress: Progress | None = None,
) -> Features:
    """Fold the events of ``reading`` into a row of features each, part by part, into the folder ``out``.

    The same call goes on where an earlier one was stopped: nothing twice, nothing missing.

    Args:
        vocabulary: of a bundle. If None it is learned on the sessions of the training period, whose rows
            read priors that leave their own fold of visitors out, as in training; events of visitors who
            refused consent are left out then.
        version: says which bundle the vocabulary is of.
        cut: where it is learned, what starts at this date (UTC) is for tests; None takes the last fifth.
        fresh: begin anew whatever is there.
        piece: events of a part, at least.
        progress: called with the share done, 0 to 1, and what is being done.

    Raises:
        InputError: the files cannot be read, the folder holds something else, or the disk is full.
    """
    about = {"what": "features", "catalogue": features.CATALOGUE_VERSION, "bundle": version, "cut": cut,
             "piece": piece, **reading.about()}  # fmt: skip
    folder = open_folder(out, about, fresh=fresh)
    went_on = bool(folder.parts)
    if not folder.complete:
        # The fold is loaded while the database sorts.
        threading.Thread(target=features.warm_up, daemon=True).start()
        made = _learned_here if vocabulary is None else _with_vocabulary
        totals = made(reading, folder, vocabulary, cut, piece, progress or (lambda _share, _text: None))
        shutil.rmtree(folder.path / "duplicates", ignore_errors=True)
        folder.finish({**asdict(totals), "parts": len(folder.parts)})
    totals = Totals(**{k: v for k, v in folder.summary.items() if k != "parts"})
    return Features(out, len(folder.parts), totals, went_on)


def _with_vocabulary(
    reading: Reading, folder: PartsFolder, vocabulary: features.Vocabulary | None, cut: str | None,
    piece: int, tell: Progress,
) -> Totals:  # fmt: skip
    """One pass: each piece of the stream is folded as it comes."""
    assert vocabulary is not None
    memory = Memory()
    write_vocabulary(folder.path / "vocabulary.npz", vocabulary)

    def write(events: pa.Table, number: int) -> dict[str, Any]:
        assigned = sessions.assign(events, reading.session_gap)
        table = features_table(assigned, vocabulary, memory=memory)
        write_part(table, folder.place("features", number), floats=features.NAMES)
        return {}

    return organise(reading, folder, write, consenting=False, piece=piece, progress=tell)


def _learned_here(
    reading: Reading, folder: PartsFolder, _vocabulary: object, cut: str | None, piece: int, tell: Progress
) -> Totals:
    """Two passes: events in parts, then what they teach, then their features."""

    def write(events: pa.Table, number: int) -> dict[str, Any]:
        assigned = sessions.assign(events, reading.session_gap)
        write_part(assigned, folder.place("events", number))
        start, end = session_spans(assigned)
        spans = pa.table({"start": start, "end": end})
        write_part(spans, folder.place("spans", number))
        return {}

    totals = organise(
        reading, folder, write, consenting=True, piece=piece, progress=lambda s, t: tell(0.6 * s, t)
    )
    numbers = range(len(folder.parts))
    spans = pa.concat_tables([read_part(folder.place("spans", n)) for n in numbers])
    learned = learn(
        [folder.place("events", n) for n in numbers],
        (spans.column("start").to_numpy(), spans.column("end").to_numpy()),
        cut=cut,
        progress=lambda s, t: tell(0.6 + 0.1 * s, t),
    )
    write_vocabulary(folder.path / "vocabulary.npz", learned.vocabulary)
    _fold_parts(folder, learned, lambda s, t: tell(0.7 + 0.3 * s, t))
    return totals


def _fold_parts(folder: PartsFolder, learned: Learned, tell: Progress) -> None:
    memory = Memory()
    missing = [n for n in range(len(folder.parts)) if not folder.place("features", n).exists()]

    def work(number: int) -> None:
        events = read_part(folder.place("events", number))
        table = features_table(events, learned.vocabulary, learned=learned, memory=memory)
        write_part(table, folder.place("features", number), floats=features.NAMES)

    for done, _ in enumerate(in_order(work, missing), start=1):
        tell(done / len(missing), f"folding part {done} of {len(missing)}")


class Memory(threading.local):
    """Memory of each thread for features: handing out fresh memory costs more than the fold itself."""

    def __init__(self) -> None:
        self._floats: dict[str, Floats] = {}

    def rows(self, n: int) -> Floats:
        """Return (n, f), C-contiguous."""
        return self._of("rows", n * len(features.NAMES)).reshape(n, len(features.NAMES))

    def columns(self, n: int) -> Floats:
        """Return (f, n), C-contiguous."""
        return self._of("columns", n * len(features.NAMES)).reshape(len(features.NAMES), n)

    def _of(self, name: str, size: int) -> Floats:
        if name not in self._floats or len(self._floats[name]) < size:
            self._floats[name] = np.empty(size, np.float32)
        return self._floats[name][:size]


def features_table(
    events: pa.Table,
    vocabulary: features.Vocabulary,
    *,
    learned: Learned | None = None,
    memory: Memory | None = None,
) -> pa.Table:
    """Return ``IDS``, ``suspected_bot``, ``slice`` where ``learned`` is given, and every feature, n rows.

    Args:
        events: n events of whole visitors, as ``sessions.assign`` leaves them.
        learned: parts the sessions, and lends training ones their own priors.
        memory: lends memory that the table is a view of; it holds until the thread asks again.
    """
    cross, side = (None, None) if learned is None else learned.fold_with(events)
    n = events.num_rows
    X = features.fold(
        events, vocabulary, cross, out=None if memory is None else memory.rows(n), parallel=False
    )
    columns = features.feature_columns(X, out=None if memory is None else memory.columns(n), parallel=False)
    table = events.select(list(IDS)).append_column("suspected_bot", pa.array(sessions.bots(events)))
    if side is not None:
        table = table.append_column("slice", _slices(events, side))
    for name, column in zip(features.NAMES, columns, strict=True):
        table = table.append_column(name, pa.array(column))
    return table


def _slices(events: pa.Table, side: npt.NDArray[np.int8]) -> pa.Array:
    """Return the slice of each row; null where its session reaches over a cut or has no time."""
    sizes = np.diff(sessions.layout(events).session_starts) if events.num_rows else np.empty(0, np.int64)
    of_row = np.repeat(side, sizes)
    codes = pa.array(of_row, mask=of_row < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array(SLICES))
