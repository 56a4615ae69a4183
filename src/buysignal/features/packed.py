"""The events of live visits as records of 48 bytes, and the compiled calls that read them.

A visit that goes on is kept as it is written to logs and stores, so that nothing is converted on the way; the
fold reads many visits in one call, since a call from Python costs more than the fold of a visit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.features.kernel import (
    N_FEATURES,
    PAST_SIZE,
    EventArrays,
    Selection,
    absorb,
    fold_session,
    make_scratch,
    rows_before,
)

RECORD = np.dtype(
    [
        ("time", "<i8"), ("day", "<i8"), ("price", "<f8"), ("quantity", "<f8"), ("item", "<i4"),
        ("category", "<i4"), ("page", "<f4"), ("said", "<u2"), ("code", "i1"), ("spare", "i1"),
    ]
)  # fmt: skip
"""One event; ``item``, ``category`` and ``said`` are small integers of the visit's own."""

SIZE = RECORD.itemsize

_FORM = struct.Struct("<qqddiifHbx")
_TIME = struct.Struct("<q")

pack = _FORM.pack
"""The record of an event, its fields in the order of ``RECORD``."""

assert _FORM.size == SIZE

SAID = 3
"""Of each event is said where it came from: channel, device, country."""


ITEM, CATEGORY, SAYING = range(3)
"""Kinds of names: an item, a category, or a text that is said of a visit or an event."""

_NAME = struct.Struct("<BI")
_NONE = 0xFFFF_FFFF
"""Stands for a text that is not there."""


def name_of(kind: int, text: str | None) -> bytes:
    """Return a name as bytes: its kind, its length, and itself in UTF-8."""
    if text is None:
        return _NAME.pack(kind, _NONE)
    written = text.encode("utf-8", "surrogatepass")
    return _NAME.pack(kind, len(written)) + written


def names_in(content: bytes, start: int, end: int) -> Iterator[tuple[int, str | None]]:
    """Yield kind and text of the names that were written to ``content[start:end]``."""
    while start < end:
        kind, length = _NAME.unpack_from(content, start)
        start += _NAME.size
        if length == _NONE:
            yield kind, None
        else:
            yield kind, content[start : start + length].decode("utf-8", "surrogatepass")
            start += length


def time_of(records: bytes, end: int) -> int:
    """Return the time of the event whose record ends at byte ``end``."""
    return int(_TIME.unpack_from(records, end - SIZE)[0])


def day_of(records: bytes, end: int) -> int:
    """Return the day of the event whose record ends at byte ``end``."""
    return int(_TIME.unpack_from(records, end - SIZE + _TIME.size)[0])


def inserted(records: bytes, record: bytes, time: int) -> bytes:
    """Return the records with one more, where its time belongs.

    What held the old records keeps them: a visit that is to be folded later is folded as it stood.
    """
    end = len(records)
    while end and time_of(records, end) > time:
        end -= SIZE
    return records + record if end == len(records) else records[:end] + record + records[end:]


def as_array(records: bytes) -> npt.NDArray[Any]:
    """Return the records as a structured array (n,) that cannot be written to."""
    return np.frombuffer(records, RECORD)


@njit(cache=True, nogil=True, error_model="numpy")
def absorb_before(past: npt.NDArray[np.float64], records: npt.NDArray[Any], moment: int) -> None:
    """Add to ``past`` (PAST_SIZE,) the events of a visit before ``moment``, all where that is ``NO_TIME``."""
    until = rows_before(records["time"], 0, len(records), moment)
    if until > 0:
        absorb(past, records["code"], records["time"], records["price"], records["quantity"], 0, until)


@njit(cache=True, nogil=True, error_model="numpy")
def fold_last(
    records: npt.NDArray[Any],
    counts: npt.NDArray[np.int64],
    tables: npt.NDArray[np.int32],
    pasts: npt.NDArray[np.float64],
    item_priors: npt.NDArray[np.float32],
    category_priors: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Return the features after the last event of each of n visits, shape (n, f) float32.

    Args:
        records: all events, one visit after the other.
        counts: (n, 4) of each visit its events, items, categories, and combinations of what is said.
        tables: per visit the row in the priors of each item, row and level of each category, and the codes of
            each combination.
        pasts: (n, PAST_SIZE) the visitors' other sessions.
        item_priors, category_priors: as ``kernel.fold_session`` takes them.
    """
    visits = len(counts)
    out = np.empty((visits, N_FEATURES), np.float32)
    room, items, categories = np.int64(0), np.int64(0), np.int64(0)
    for visit in range(visits):
        room = max(room, counts[visit, 0])
        items = max(items, counts[visit, 1])
        categories = max(categories, counts[visit, 2])
    events = EventArrays(
        np.empty(room, np.int8),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.float64),
        np.empty(room, np.float64),
        np.empty(room, np.float32),
        np.empty((room, SAID), np.int32),
        np.empty(items, np.int32),
        np.empty(categories, np.int32),
        np.empty(categories, np.int32),
    )
    scratch = make_scratch(items, categories)
    rows = np.empty((room, N_FEATURES), np.float32)
    everything = Selection(
        np.zeros(0, np.uintp), np.ones(N_FEATURES, np.bool_), False, True, True, True, True, True, True
    )
    first, place = 0, 0
    for visit in range(visits):
        size = counts[visit, 0]
        for item in range(counts[visit, 1]):
            events.item_row[item] = tables[place + item]
        place += counts[visit, 1]
        for category in range(counts[visit, 2]):
            events.category_row[category] = tables[place]
            events.category_level[category] = tables[place + 1]
            place += 2
        for at in range(size):
            record = records[first + at]
            events.code[at] = record.code
            events.time[at] = record.time
            events.day[at] = record.day
            events.item[at] = record.item
            events.category[at] = record.category
            events.price[at] = record.price
            events.quantity[at] = record.quantity
            events.page[at] = record.page
            said = place + SAID * np.int64(record.said)
            for column in range(SAID):
                events.context[at, column] = tables[said + column]
        place += SAID * counts[visit, 3]
        first += size
        fold_session(
            events, 0, size, pasts[visit], item_priors, category_priors, 0, scratch, visit, everything, rows
        )
        for column in range(N_FEATURES):
            out[visit, column] = rows[size - 1, column]
    return out


assert PAST_SIZE == 8  # of each visit's past, 64 bytes are kept
