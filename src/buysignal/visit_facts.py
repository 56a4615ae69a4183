"""What is plain to see of each visit: where it came from, and what lies in its cart at the end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from buysignal import events as ev
from buysignal import sessions

DOOR = ("channel", "device", "country")
"""Columns that say where a visit came from."""

_NEEDED = ("visitor_id", "session_id", "event_time", "event_date", "event_seq", "event_name", "price",
           "quantity", *DOOR)  # fmt: skip
_ADD, _REMOVE, _BUY = (ev.EVENT_CODES[name] for name in ("add_to_cart", "remove_from_cart", "purchase"))


def visit_facts(events: pa.Table, session_gap: str = "30m") -> pd.DataFrame:
    """Return one row per visit, in the order of ``scoring.score``'s; events without consent are left out.

    Columns: ``session_id``; ``channel``, ``device`` and ``country``, each the first value that the visit's
    events name (null where none does; a column is left out where no visit names one); ``cart_items``,
    pieces put into the cart and neither taken out nor bought by the last event; ``cart_value``, their
    price in the table's currency (pieces without a price count as 0).

    Args:
        events: canonical events, in any order.
        session_gap: longest pause within a session where the source names none, with its unit.

    Raises:
        EventsError: these are no canonical events.
    """
    agreed, _ = ev.consenting(events)
    present = [name for name in _NEEDED if name in agreed.column_names]
    return facts_of(sessions.assign(ev.sort(ev.conform(agreed.select(present))), session_gap))


def facts_of(assigned: pa.Table) -> pd.DataFrame:
    """Do as ``visit_facts`` with events as ``sessions.assign`` leaves them."""
    if assigned.num_rows == 0:
        return pd.DataFrame({"session_id": [], "cart_items": [], "cart_value": []})
    starts = sessions.layout(assigned).session_starts[:-1]
    facts = {"session_id": assigned.column("session_id").take(pa.array(starts)).to_pandas()}
    for name in DOOR:
        column = _first_known(assigned.column(name), starts)
        if column.notna().any():
            facts[name] = column
    return pd.DataFrame({**facts, **_carts(assigned, starts)})


def _first_known(column: pa.ChunkedArray, starts: npt.NDArray[np.int64]) -> pd.Series:
    merged = column.unify_dictionaries().combine_chunks()
    codes = np.asarray(merged.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
    never = len(codes)
    first = np.minimum.reduceat(np.where(codes >= 0, np.arange(len(codes)), never), starts)
    found = np.where(first < never, codes[np.minimum(first, never - 1)], -1)
    return pd.Series(pd.Categorical.from_codes(found, categories=merged.dictionary.to_pylist()))


def _carts(assigned: pa.Table, starts: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.generic]]:
    """Return pieces and value in each cart at the end, by the fold's rules.

    A purchase empties the cart; taking out more than is in it leaves it empty.
    """
    code = ev.codes_of_names(assigned)
    rows = np.flatnonzero((code == _ADD) | (code == _REMOVE) | (code == _BUY))
    visit = np.searchsorted(starts, rows, side="right") - 1
    pieces = assigned.column("quantity").fill_null(1).to_numpy()[rows]
    worth = ev.line_values(assigned)[rows]
    items, value = np.zeros(len(starts), np.int64), np.zeros(len(starts))
    steps = zip(visit.tolist(), code[rows].tolist(), pieces.tolist(), worth.tolist(), strict=True)
    for v, step, quantity, amount in steps:
        if step == _ADD:
            items[v] += quantity
            value[v] += amount
        else:
            items[v] = max(items[v] - quantity, 0) if step == _REMOVE else 0
            value[v] = max(value[v] - amount, 0.0) if items[v] else 0.0
    return {"cart_items": items, "cart_value": value}
