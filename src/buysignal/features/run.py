"""Events in, feature rows out: the fold over all visitors, shared out among threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal import events as ev
from buysignal import sessions
from buysignal.errors import InputError
from buysignal.features.catalogue import NAMES
from buysignal.features.columns import feature_columns
from buysignal.features.frozen import frozen
from buysignal.features.threads import Chunks, share_out
from buysignal.features.vocabulary import CrossFit, Vocabulary, fit_vocabulary

CHUNKS = 64
"""Pieces the visitors are dealt out in: enough for the threads to finish together."""


def fold(
    events: pa.Table,
    vocabulary: Vocabulary,
    cross: CrossFit | None = None,
    *,
    columns: Sequence[str] | None = None,
    out: npt.NDArray[np.float32] | None = None,
    parallel: bool = True,
) -> npt.NDArray[np.float32]:
    """Return one row of features per event, shape (n, f) float32.

    Row i depends on the events of its session up to and including i, on what the visitor had done in
    other sessions before this one began, and on ``vocabulary``; on nothing later. No lock is held during
    the walk: several threads may call this at once, each with events of its own.

    Args:
        events: conformed events as ``sessions.assign`` leaves them.
        vocabulary: levels and priors from the training period.
        cross: tables that keep a training session from seeing its own outcome in the priors.
        columns: the features wanted, in this order; all of ``NAMES`` if None. They are the same to the last
            bit, whichever others are asked for.
        out: C-contiguous memory of that shape to write into and return. Memory that has been written to
            before saves the time the system takes to hand it out, which is more than the fold's own.
        parallel: whether all cores share the work; without, the calling thread does it alone.

    Raises:
        InputError: an unknown feature in ``columns``, or ``out`` does not fit.
    """
    _check(columns)
    width = len(NAMES) if columns is None else len(columns)
    out = _memory(out, (events.num_rows, width))
    if out.size:
        where = sessions.layout(events)
        work = _walk(events, vocabulary, cross, where, columns, out)
        share_out(work, even_chunks(where), parallel=parallel)
    return out


def warm_up() -> None:
    """Load the compiled fold, or compile it, so that the first ``fold`` need not."""
    one = pa.table({"visitor_id": ["v"], "session_id": ["s"], "event_seq": [0], "event_name": ["page_view"]})
    events = sessions.assign(ev.conform(one))
    feature_columns(fold(events, fit_vocabulary(events), parallel=False), parallel=False)


def even_chunks(where: sessions.Layout) -> npt.NDArray[np.int64]:
    """Cut the visitors into at most ``CHUNKS`` pieces of about as many events each."""
    first_rows = where.session_starts[where.visitor_starts]
    targets = np.linspace(0, first_rows[-1], CHUNKS + 1)
    return np.unique(np.searchsorted(first_rows, targets).clip(0, where.visitors))


def _check(columns: Sequence[str] | None) -> None:
    unknown = [name for name in columns or () if name not in NAMES]
    if unknown:
        raise InputError(
            f"'{unknown[0]}' is no feature", allowed=", ".join(NAMES), todo="see docs/features.md"
        )


def _memory(out: npt.NDArray[np.float32] | None, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    if out is None:
        return np.empty(shape, dtype=np.float32)
    fits = out.shape == shape and out.dtype == np.float32
    if not (fits and out.flags.c_contiguous and out.flags.writeable):
        layout = "C-contiguous" if out.flags.c_contiguous else "not C-contiguous"
        raise InputError(
            f"out is {out.shape} {out.dtype}, {layout}{'' if out.flags.writeable else ', read-only'}",
            allowed=f"{shape} float32, C-contiguous and writeable",
            todo="pass np.empty(...) of that shape, or leave it away",
        )
    return out


def _walk(
    events: pa.Table,
    vocabulary: Vocabulary,
    cross: CrossFit | None,
    where: sessions.Layout,
    columns: Sequence[str] | None,
    out: npt.NDArray[np.float32],
) -> Callable[[Chunks], None]:
    """Return what one thread does: fold chunks of visitors until there are none left."""
    # Numba is loaded by the first fold, not by the first import.
    from buysignal.features.encode import encode
    from buysignal.features.kernel import fold_visitors, make_scratch, selection

    arrays = encode(events, vocabulary)
    wanted = selection(columns, out)
    if cross is None:
        item_priors, category_priors = vocabulary.item_priors[None], vocabulary.category_priors[None]
        table_of_session = np.zeros(where.sessions, dtype=np.int8)
    else:
        item_priors, category_priors = cross.item_priors, cross.category_priors
        table_of_session = cross.table_of_session

    inputs = [
        frozen(array)
        for array in (
            where.session_starts, where.visitor_starts, table_of_session, item_priors, category_priors,
        )
    ]  # fmt: skip

    def work(chunks: Chunks) -> None:
        scratch = make_scratch(len(arrays.item_row), len(arrays.category_row))
        for first, last in chunks:
            fold_visitors(arrays, *inputs, scratch, first, last, wanted, out)

    return work
