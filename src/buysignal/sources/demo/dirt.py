"""Make clean events dirty on purpose, and keep a ledger of what was planted.

Every kind of dirt can be found again in the table, and the ledger says how often it must be. The
order of events within a visitor stays recoverable from ``event_time`` and ``event_seq``.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events
from buysignal.sources.demo.shop import CURRENCY
from buysignal.sources.demo.tables import SIMULATED

USD_PER_EUR = 1.10
DEMO_RATES: dict[str, float] = {"USD": 1.0 / USD_PER_EUR}
"""Rates into EUR: what one unit of the other currency is worth."""

USD_COUNTRY = "US"
DUPLICATE_SHARE = 0.005
LATE_SHARE = 0.01
LATEST = 200
"""Rows that a late row may come behind its place."""
MISSING_SHARE = 0.005
REFUSED_SHARE = 0.03
VISITORS_PER_BOT = 5_000
BOT_EVENTS = (150, 600)
FIRST_BOT = 900_000_000
BOTS_PER_CHUNK = 1_000

LEDGER: dict[str, str] = {
    "duplicate_rows": "rows that stand twice, equal in every column",
    "late_rows": "rows that stand behind a later one (by visitor, time, sequence)",
    "bot_visitors": "visitors that are bots (ids from v900000000 on)",
    "bot_rows": "their rows, before duplication",
    "missing_category": "rows with an item but no category, before duplication",
    "missing_price": "view_item rows without a price, before duplication",
    "usd_rows": f"rows priced in USD, at {USD_PER_EUR:.2f} USD per EUR, before duplication",
    "refused_visitors": "visitors who refused consent",
    "refused_rows": "their rows, before duplication",
}
"""What each count of a ledger counts."""


def soil(clean: pa.Table, seed: int, chunk: int = 0) -> tuple[pa.Table, Counter[str]]:
    """Return ``clean`` made dirty, and the ledger: how often each kind was planted (keys of ``LEDGER``).

    ``clean`` are sorted canonical events with clock and whole visitors; ``chunk`` numbers the parts of
    one run, so that each gets dirt (and bot ids) of its own.
    """
    random = np.random.default_rng([seed, chunk, 0xD187])
    ledger: Counter[str] = Counter()
    table = _with_bots(clean, random, chunk, ledger)
    table = _in_two_currencies(table, ledger)
    table = _with_gaps(table, random, ledger)
    table = _with_refusals(table, random, ledger)
    return _shuffled(table, random, ledger), ledger


def _with_bots(table: pa.Table, random: np.random.Generator, chunk: int, ledger: Counter[str]) -> pa.Table:
    bots = max(1, len(pc.unique(table.column("visitor_id"))) // VISITORS_PER_BOT)
    sizes = random.integers(*BOT_EVENTS, size=bots)
    starts = pc.take(table.column("event_time"), pa.array(random.integers(0, table.num_rows, bots)))
    rows = int(sizes.sum())
    bot = np.repeat(np.arange(bots), sizes)
    seq = np.arange(rows) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    waits = (random.uniform(0.1, 1.0, rows) * 1e6).astype(np.int64)
    passed = np.cumsum(waits)
    begun = np.repeat(passed[np.cumsum(sizes) - sizes], sizes)
    micros = np.repeat(starts.cast(pa.int64()).to_numpy(), sizes) + passed - begun
    number = FIRST_BOT + chunk * BOTS_PER_CHUNK + np.arange(bots)
    time = pa.array(micros).cast(pa.timestamp("us", tz="UTC"))
    planted: dict[str, Any] = {
        "visitor_id": np.array([f"v{n:09d}" for n in number])[bot],
        "session_id": np.array([f"s{n:09d}00" for n in number])[bot],
        "event_time": time,
        "event_date": time.cast(pa.date32()),
        "event_seq": seq,
        "event_name": ["page_view"] * rows,
        "country": [USD_COUNTRY] * rows,
        "device": ["desktop"] * rows,
        "channel": ["direct"] * rows,
        "page": ["content"] * rows,
        "consent": [True] * rows,
        SIMULATED: [True] * rows,
    }
    ledger["bot_visitors"], ledger["bot_rows"] = bots, rows
    joined = pa.concat_tables([table, events.conform(pa.table(planted))])
    return joined.unify_dictionaries().combine_chunks()


def _in_two_currencies(table: pa.Table, ledger: Counter[str]) -> pa.Table:
    """Visitors from ``USD_COUNTRY`` pay in USD, rounded to cents."""
    priced = pc.is_valid(table.column("price"))
    foreign = pc.and_(priced, pc.equal(table.column("country").cast(pa.string()), USD_COUNTRY))
    ledger["usd_rows"] = int(pc.sum(foreign).as_py() or 0)
    dollars = pc.round(pc.multiply(table.column("price"), USD_PER_EUR), 2)
    price = pc.if_else(foreign, dollars, table.column("price"))
    mask = foreign.combine_chunks().to_numpy(zero_copy_only=False)
    known = priced.combine_chunks().to_numpy(zero_copy_only=False)
    currency = pa.DictionaryArray.from_arrays(
        pa.array(mask.astype(np.int32), mask=~known), pa.array([CURRENCY, "USD"])
    )
    return _replaced(_replaced(table, "price", price), "currency", currency)


def _with_gaps(table: pa.Table, random: np.random.Generator, ledger: Counter[str]) -> pa.Table:
    n = table.num_rows
    with_item = _mask(pc.is_valid(table.column("item_id")))
    viewed = events.codes_of_names(table) == events.EVENT_CODES["view_item"]
    no_category = with_item & (random.random(n) < MISSING_SHARE)
    no_price = viewed & (random.random(n) < MISSING_SHARE)
    ledger["missing_category"], ledger["missing_price"] = int(no_category.sum()), int(no_price.sum())
    ledger["usd_rows"] -= int(
        _mask(pc.equal(table.column("currency").cast(pa.string()), "USD"))[no_price].sum()
    )
    table = _blanked(table, "category", no_category)
    return _blanked(_blanked(table, "price", no_price), "currency", no_price)


def _with_refusals(table: pa.Table, random: np.random.Generator, ledger: Counter[str]) -> pa.Table:
    visitor = table.column("visitor_id").combine_chunks().dictionary_encode()
    refuses = random.random(len(visitor.dictionary)) < REFUSED_SHARE
    refused = refuses[visitor.indices.to_numpy()]
    ledger["refused_visitors"], ledger["refused_rows"] = int(refuses.sum()), int(refused.sum())
    return _replaced(table, "consent", pa.array(~refused))


def _shuffled(table: pa.Table, random: np.random.Generator, ledger: Counter[str]) -> pa.Table:
    """Repeat some rows and let some come late; times stay as they are."""
    n = table.num_rows
    twice = random.random(n) < DUPLICATE_SHARE
    place = np.repeat(np.arange(n), 1 + twice)
    late = random.random(len(place)) < LATE_SHARE
    delay = np.where(late, random.integers(1, LATEST, len(place)) + 0.5, 0.0)
    order = place[np.argsort(place + delay, kind="stable")]
    ledger["duplicate_rows"] = int(twice.sum())
    ledger["late_rows"] = int((order < np.maximum.accumulate(order)).sum())
    return table.take(pa.array(order))


def _mask(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(column, False).combine_chunks().to_numpy(zero_copy_only=False))


def _replaced(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), column)


def _blanked(table: pa.Table, name: str, blank: npt.NDArray[np.bool_]) -> pa.Table:
    column = table.column(name).combine_chunks()
    if isinstance(column, pa.DictionaryArray):
        keep = pc.if_else(pa.array(blank), None, column.indices)
        return _replaced(table, name, pa.DictionaryArray.from_arrays(keep, column.dictionary))
    return _replaced(table, name, pc.if_else(pa.array(blank), None, column))
