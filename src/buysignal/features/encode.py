"""Events and vocabulary in, arrays for the fold out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import sessions
from buysignal.features.frozen import frozen
from buysignal.features.kernel import EventArrays
from buysignal.features.vocabulary import Vocabulary

CONTEXT_COLUMNS = ("channel", "device", "country")


def encode(events: pa.Table, vocabulary: Vocabulary) -> EventArrays:
    """Return the arrays the fold reads, n rows as in ``events``."""
    item, item_row = _identity(events.column("item_id"), vocabulary.items)
    category, category_row = _identity(events.column("category"), vocabulary.categories)
    category_level = _identity(events.column("category"), vocabulary.levels["category"], unknown=-1)[1]
    context = np.empty((events.num_rows, len(CONTEXT_COLUMNS)), dtype=np.int32)
    for position, name in enumerate(CONTEXT_COLUMNS):
        context[:, position] = _level_codes(events.column(name), vocabulary.levels[name])
    quantity = _filled(events.column("quantity"), 1).astype(np.float64)
    arrays = EventArrays(
        code=ev.codes_of_names(events),
        time=sessions.times(events),
        day=sessions.days(events),
        item=item,
        category=category,
        price=events.column("price").to_numpy(),
        quantity=quantity,
        page=page_numbers(events.column("page")),
        context=context,
        item_row=item_row,
        category_row=category_row,
        category_level=category_level,
    )
    return EventArrays(*map(frozen, arrays))


def _identity(
    column: pa.ChunkedArray, known: tuple[str, ...], *, unknown: int | None = None
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return each row's identity (-1 for null) and, per identity, its position in ``known``."""
    merged = column.combine_chunks()
    row_of = pc.index_in(merged.dictionary, pa.array(known, pa.string()))
    missing = len(known) if unknown is None else unknown
    identity = _filled(merged.indices, -1).astype(np.int32, copy=False)
    return identity, _filled(row_of, missing).astype(np.int32)


def _filled(column: pa.Array | pa.ChunkedArray, missing: int) -> npt.NDArray[Any]:
    """Return whole numbers, ``missing`` for null, shape (n,)."""
    filled = pc.fill_null(column, missing) if column.null_count else column
    return filled.to_numpy(zero_copy_only=False)


def _level_codes(column: pa.ChunkedArray, levels: tuple[str, ...]) -> npt.NDArray[np.int32]:
    identity, code = _identity(column, levels, unknown=-1)
    # Identity -1 (null) reads the appended last entry.
    return np.append(code, np.int32(-1)).take(identity, mode="wrap")


def page_numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float32]:
    """Return the page as a number where it is one, NaN elsewhere, shape (n,)."""
    merged = column.combine_chunks()
    numbers = np.array([page_number(name) for name in merged.dictionary.to_pylist()] + [np.nan], np.float32)
    if np.isnan(numbers).all():
        return np.full(len(merged), np.nan, np.float32)
    return numbers.take(_filled(merged.indices, -1), mode="wrap")


def page_number(name: str | None) -> float:
    """Return the page's number, NaN where its name is none."""
    try:
        return float(name) if name else np.nan
    except ValueError:
        return np.nan
