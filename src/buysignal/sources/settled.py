"""From typed rows in order to settled events: equal rows dropped, the contract's columns and types.

Reading at once, piece by piece, and on a cluster all end here, so that each keeps the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal import events
from buysignal.sources import order
from buysignal.sources.sql import name, quote

PLACE = ("__order", "__part", "__hash")
"""What typed rows carry beside their values: place in the input, part, hash of the whole source row."""


@dataclass(frozen=True, eq=False)
class Settled:
    """Events of whole visitors.

    Attributes:
        events: conformed and sorted.
        duplicates: ``__order`` of the rows that equal an earlier one, int64.
        out_of_order: rows that stood, in their file, after a later one of the same visitor.
    """

    events: pa.Table
    duplicates: npt.NDArray[np.int64]
    out_of_order: int


def settle_sorted(table: pa.Table) -> Settled:
    """Drop equal rows and conform the rest.

    Args:
        table: typed rows of whole visitors with the columns ``PLACE``, ordered as by ``sort_keys``.

    Raises:
        EventsError: a column cannot be what the contract asks for.
    """
    equal = order.duplicates(table)
    orders = table.column("__order").to_numpy()[equal]
    if len(equal):
        stays = np.ones(table.num_rows, dtype=bool)
        stays[equal] = False
        table = table.filter(pa.array(stays))
    late = order.out_of_order(table)
    return Settled(events.conform(table.drop_columns(list(PLACE))), orders.astype(np.int64), late)


def wanted_columns(columns: Iterable[str], currency: str | None) -> list[str]:
    """Return the SQL of every column that ``settle_sorted`` reads, of typed rows with ``columns``.

    Args:
        columns: of the typed rows.
        currency: what prices without a currency column are in; None where nothing says so.
    """
    there = list(columns)
    kept = [c for c in there if c in events.SCHEMA.names or c.startswith(events.ATTRIBUTE_PREFIX)]
    picked = [name(c) for c in kept if c != "event_seq"]
    given = "coalesce(event_seq, __order)" if "event_seq" in there else "__order"
    picked += [f"{given} AS event_seq", *PLACE]
    if currency is not None and "currency" not in there and "price" in there:
        picked.append(f"CASE WHEN price IS NOT NULL THEN {quote(currency)} END AS currency")
    return picked


def sort_keys(columns: Iterable[str]) -> list[str]:
    """Return the names that typed rows are ordered by, all ascending with nulls first."""
    there = set(columns)
    return [*(key for key in order.KEYS if key in there), "__order"]
