"""From rows of codes to Arrow tables: no loop over rows in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from buysignal import events
from buysignal.sources.demo import journey, shop, visitors
from buysignal.sources.demo.ceiling import ceiling
from buysignal.sources.demo.journey import Step
from buysignal.sources.demo.walk import Rows

SIMULATED = f"{events.ATTRIBUTE_PREFIX}simulated"
"""True in every row, so that the word travels with the data through any file format."""

EVENTS_SCHEMA = events.SCHEMA.append(pa.field(SIMULATED, pa.bool_()))

TRUTH_SCHEMA = pa.schema(
    [
        pa.field("visitor_id", pa.string(), nullable=False),
        pa.field("session_id", pa.string(), nullable=False),
        pa.field("event_seq", pa.int64(), nullable=False),
        pa.field("p_buy", pa.float64(), nullable=False),
        pa.field("expected_revenue", pa.float64(), nullable=False),
    ]
)

_DAY = 86_400_000_000
_VISITOR_DIGITS = 9
_SESSION_DIGITS = 2


def events_table(rows: Rows) -> pa.Table:
    """Return the rows as a canonical events table, in the same order."""
    n, steps = len(rows), rows["step"]
    time = rows["time"] + np.int64(visitors.FIRST_DAY.astype("datetime64[us]").astype(np.int64))
    price, pieces = rows["price"].copy(), rows["pieces"].astype(np.int32)
    names = list(events.EVENT_CODES)
    name_of_step = np.array([names.index(e) for e in (*journey.STEP_EVENTS, "page_view")], dtype=np.int32)
    pages = tuple(dict.fromkeys(journey.PAGES))
    page_of_step = np.array([pages.index(page) for page in journey.PAGES], dtype=np.int32)
    bought = np.where(steps == Step.PURCHASE, rows["visitor"] * 100 + rows["session"], -1)
    columns: dict[str, Any] = {
        "visitor_id": _ids("v", rows["visitor"], _VISITOR_DIGITS),
        "session_id": session_ids(rows),
        "event_time": pa.array(time).cast(pa.timestamp("us", tz="UTC")),
        "event_date": pa.array((time // _DAY).astype(np.int32)).cast(pa.date32()),
        "event_seq": pa.array(rows["seq"].astype(np.int64)),
        "event_name": _coded(name_of_step[steps], names),
        "item_id": _coded(rows["item"], shop.shop_items()["item_id"].tolist()),
        "category": _coded(rows["category"], list(shop.CATEGORIES)),
        "price": pa.array(price, mask=np.isnan(price)),
        "quantity": pa.array(pieces, mask=pieces == 0),
        "currency": _coded(np.where(np.isnan(price), -1, 0), [shop.CURRENCY]),
        "transaction_id": _ids("t", bought, _VISITOR_DIGITS + _SESSION_DIGITS),
        "country": _coded(rows["country"], list(visitors.COUNTRIES)),
        "device": _coded(rows["device"], list(visitors.DEVICES)),
        "channel": _coded(rows["channel"], list(visitors.CHANNELS)),
        "page": _coded(page_of_step[steps], list(pages)),
        "consent": pa.array(np.ones(n, dtype=np.bool_)),
        SIMULATED: pa.array(np.ones(n, dtype=np.bool_)),
    }
    return events.conform(pa.table(columns))


def truth_table(rows: Rows) -> pa.Table:
    """Return what is true after each row: visitor_id, session_id, event_seq, p_buy, expected_revenue."""
    known = ceiling(rows)
    return pa.table(
        {
            "visitor_id": _ids("v", rows["visitor"], _VISITOR_DIGITS),
            "session_id": session_ids(rows),
            "event_seq": rows["seq"].astype(np.int64),
            "p_buy": known[:, 0],
            "expected_revenue": known[:, 1],
        },
        schema=TRUTH_SCHEMA,
    )


def session_ids(rows: Rows) -> pa.Array:
    """Return the session id of each row."""
    return _ids("s", rows["visitor"] * 100 + rows["session"], _VISITOR_DIGITS + _SESSION_DIGITS)


def _coded(codes: npt.NDArray[Any], levels: list[str]) -> pa.DictionaryArray:
    mask = codes < 0
    indices = pa.array(codes.astype(np.int32), mask=mask if mask.any() else None)
    return pa.DictionaryArray.from_arrays(indices, pa.array(levels, pa.string()))


def _ids(letter: str, numbers: npt.NDArray[np.int64], digits: int) -> pa.Array:
    """Return ids such as ``v000000042``; null where the number is negative."""
    n = len(numbers)
    offsets = np.empty(n + 1, dtype=np.int32)
    text = np.empty(n * (digits + 1), dtype=np.uint8)
    used = _write_ids(ord(letter), numbers, digits, offsets, text)
    missing = numbers < 0
    valid = pa.array(~missing).buffers()[1] if missing.any() else None
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(text[:used])]
    return pa.Array.from_buffers(pa.string(), n, buffers, int(missing.sum()))


@njit(cache=True, nogil=True)
def _write_ids(letter, numbers, digits, offsets, text):  # type: ignore[no-untyped-def]
    at = 0
    offsets[0] = 0
    for row in range(len(numbers)):
        number = numbers[row]
        if number >= 0:
            text[at] = letter
            for place in range(digits, 0, -1):
                text[at + place] = 48 + number % 10
                number //= 10
            at += digits + 1
        offsets[row + 1] = at
    return at
