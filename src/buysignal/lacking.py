"""What is not in a file, what it would answer if it were, and how to add it: the label gate's other half."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from buysignal.events import EVENT_CODES
from buysignal.sources.read import Loaded

SHOWN_WORDS = 5


def lacking(loaded: Loaded, purchases: int, *, amounts: bool, tells_visitors: bool) -> list[str]:
    """Return a sentence for everything that is missing and would answer more, the weightiest first.

    Args:
        purchases: orders, or sessions with one.
        amounts: whether they carry prices.
        tells_visitors: whether visitors are told apart from visits.
    """
    if loaded.profile.level == "session":
        return _of_sessions(purchases, amounts)
    table = loaded.table
    found = []
    if not purchases:
        found.append(
            "There is no purchase in this file. To predict conversion, add the order events of the same "
            "visitors and days: one row for each item bought, as the event purchase, with its price and "
            "order number"
        )
        found += _words(table)
    elif not amounts:
        found.append(
            "The purchases carry no prices. To forecast revenue, add the price of one piece and the quantity "
            "to the purchase rows"
        )
    found += _columns(table, tells_visitors)
    return found


def _of_sessions(purchases: int, amounts: bool) -> list[str]:
    if not purchases:
        return [
            "No visit in this table ends with a purchase. To predict conversion, add a column that says "
            "which did, and name it in a profile as the goal"
        ]
    return [] if amounts else ["There is no amount a visit. To forecast revenue, add its order value"]


def _words(table: pa.Table) -> list[str]:
    """Words for events that nobody explained: one of them may be the order."""
    counts = pc.value_counts(table.column("event_name")).to_pylist()
    unknown = sorted((c for c in counts if c["values"] not in EVENT_CODES), key=lambda c: -c["counts"])
    if not unknown:
        return []
    shown = ", ".join(f"'{c['values']}'" for c in unknown[:SHOWN_WORDS])
    return [f"If one of your words {shown} means an order, say so under “What your columns mean”"]


def _columns(table: pa.Table, tells_visitors: bool) -> list[str]:
    names = set(pc.unique(table.column("event_name").cast(pa.string())).to_pylist())
    empty = {c for c in table.column_names if table.column(c).null_count == table.num_rows}
    found = []
    if "event_time" in empty:
        found.append("There is no time of day: pauses, hours and what comes soon cannot be learned")
    if not tells_visitors:
        found.append("Visitors are not told apart from visits: who comes back cannot be seen")
    if "item_id" in empty:
        found.append("There is no item: what is looked at, and what to show next, cannot be said")
    if "add_to_cart" not in names:
        found.append("There is no event add_to_cart: carts at risk cannot be listed")
    if {"channel", "device"} <= empty:
        found.append("There is neither channel nor device: visits cannot be compared by them")
    return found
