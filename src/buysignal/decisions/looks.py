"""First looks: each time a visit comes upon an item, at what price, and what it did next.

The unit of the price what-if. A *look* is the first time in a visit that an item is viewed; it is
*carted* when the next step of the visit puts that item into the cart (page views and events of unknown
name in between do not count as steps), and *bought* when the item is bought later in the visit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import sessions
from buysignal.errors import SamplesError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_LOOKS = 400_000
"""Looks that are studied at most; of more, whole visitors are drawn."""
MOST_LEVELS = 8
"""Levels of channel and device that count on their own; the rest are one."""
MOST_LINES = 4

_CODE = ev.EVENT_CODES
_BACKGROUND = (_CODE["page_view"], ev.OTHER_CODE)
_COUNTED = (
    "page_view", "view_item_list", "search", "view_item", "add_to_wishlist", "add_to_cart",
    "remove_from_cart", "view_cart", "begin_checkout",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Looks:
    """n first looks at items whose price is known.

    Attributes:
        table: (n rows) ``visitor`` and ``item`` codes, ``category`` name or None, ``price``, ``day`` and
            ``week`` (of 7 days, from the first day of the data), ``carted``, ``bought``, ``pieces``
            (bought).
        items: item ids, by code.
        controls: (n, c) what was known of the visit before the look: what it had done, with how full a
            cart, from where and on what.
        has_carts, has_purchases: whether the data holds any at all.
        currency: of the prices.
    """

    table: pd.DataFrame
    items: tuple[str, ...]
    controls: Floats
    has_carts: bool
    has_purchases: bool
    currency: str | None


def first_looks(
    events: pa.Table, *, session_gap: str = "30m", currency: str | None = None, seed: int = 0
) -> Looks:
    """Return the first looks in canonical events; suspected bots and refused consent are left out.

    Raises:
        SamplesError: no item was ever viewed at a known price, or nothing says when.
    """
    agreed = pc.fill_null(events.column("consent"), True)
    table = sessions.assign(events.filter(agreed), session_gap)
    table = table.filter(pa.array(~sessions.bots(table)))
    rows = _Rows(table)
    at = rows.first_looks()
    if not len(at):
        raise SamplesError(
            "no item was viewed at a known price",
            allowed="events view_item with item_id and price",
            todo="bring data with prices on its item views",
        )
    if (rows.day[at] == sessions.NO_TIME).any():
        raise SamplesError(
            "nothing says on which day items were viewed, so a change of price cannot be told from a "
            "change of visitors",
            allowed="events with a time or a date",
        )
    at = _drawn(at, rows.visitor, seed)
    return Looks(
        table=rows.described(at),
        items=tuple(rows.item_names),
        controls=rows.controls(at),
        has_carts=bool((rows.code == _CODE["add_to_cart"]).any()),
        has_purchases=bool((rows.code == _CODE["purchase"]).any()),
        currency=currency,
    )


def _drawn(at: Ints, visitor: Ints, seed: int) -> Ints:
    """Return at most ``MOST_LOOKS`` of the looks, of whole visitors."""
    if len(at) <= MOST_LOOKS:
        return at
    kept = np.random.default_rng(seed).random(int(visitor.max()) + 1) < MOST_LOOKS / len(at)
    return at[kept[visitor[at]]]


class _Rows:
    """Events as arrays, by visitor, session and time."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        where = sessions.layout(table)
        self.session = where.session_of_row()
        self.start = where.session_starts[:-1][self.session]
        self.visitor = where.visitor_of_session()[self.session]
        self.code = ev.codes_of_names(table).astype(np.int64)
        self.day = sessions.days(table)
        self.price = table.column("price").to_numpy()
        self.item = sessions.codes(table.column("item_id"))
        self.item_names = _names(table.column("item_id"), self.item)

    def first_looks(self) -> Ints:
        """Return the rows of first looks."""
        viewed = self.code == _CODE["view_item"]
        if not viewed.any():
            viewed = self.code == _CODE["select_item"]
        rows = np.flatnonzero(viewed & (self.item >= 0))
        first = rows[np.sort(np.unique(self._key(rows), return_index=True)[1])]
        price = self.price[first]
        return first[np.isfinite(price) & (price > 0)]

    def _key(self, rows: Ints) -> Ints:
        """Return one number per session and item."""
        return self.session[rows] * len(self.item_names) + self.item[rows]

    def described(self, at: Ints) -> pd.DataFrame:
        bought, pieces = self._bought(at)
        category = self.table.column("category").cast(pa.string()).take(pa.array(at)).to_pandas()
        week = (self.day[at] - self.day[at].min()) // 7
        return pd.DataFrame(
            {
                "visitor": self.visitor[at],
                "item": self.item[at],
                "category": category.to_numpy(dtype=object),
                "price": self.price[at],
                "day": self.day[at],
                "week": week,
                "carted": self._carted(at),
                "bought": bought,
                "pieces": pieces,
            }
        )

    def _carted(self, at: Ints) -> npt.NDArray[np.bool_]:
        steps = np.flatnonzero(~np.isin(self.code, _BACKGROUND))
        place = np.searchsorted(steps, at, side="right")
        inside = place < len(steps)
        nxt = steps[np.minimum(place, len(steps) - 1)]
        same_item = (self.item[nxt] == self.item[at]) | (self.item[nxt] < 0)
        same_visit = self.session[nxt] == self.session[at]
        return inside & same_visit & same_item & (self.code[nxt] == _CODE["add_to_cart"])

    def _bought(self, at: Ints) -> tuple[npt.NDArray[np.bool_], Floats]:
        sold = np.flatnonzero((self.code == _CODE["purchase"]) & (self.item >= 0))
        quantity = pc.fill_null(self.table.column("quantity"), 1).to_numpy()
        lines = pd.DataFrame({"key": self._key(sold), "row": sold, "pieces": quantity[sold]})
        found = lines.groupby("key").agg(row=("row", "max"), pieces=("pieces", "sum"))
        found = found.reindex(self._key(at))
        later = found["row"].to_numpy() > at
        return later, np.where(later, found["pieces"].to_numpy(), 0.0)

    def controls(self, at: Ints) -> Floats:
        """Return what was known before each look, (looks, columns)."""
        before = {name: self._count_before(name, at) for name in _COUNTED}
        lines = before["add_to_cart"] - before["remove_from_cart"]
        columns = [np.log1p(count) for count in before.values()]
        columns += _one_hot(np.clip(lines, 0, MOST_LINES).astype(np.int64))
        previous = np.where(at > self.start[at], self.code[at - 1], -1)
        columns += _one_hot(previous)
        columns += [self._bought_before(at)]
        for name in ("channel", "device"):
            columns += _one_hot(_common(sessions.codes(self.table.column(name))[at]))
        kept = [column for column in columns if column.min() < column.max()]
        return np.column_stack(kept) if kept else np.zeros((len(at), 0))

    def _count_before(self, name: str, at: Ints) -> Floats:
        total = np.concatenate([[0], np.cumsum(self.code == _CODE[name])])
        return (total[at] - total[self.start[at]]).astype(np.float64)

    def _bought_before(self, at: Ints) -> Floats:
        """Return 1 where the visitor bought in an earlier visit."""
        total = np.concatenate([[0], np.cumsum(self.code == _CODE["purchase"])])
        first_of_visitor = np.searchsorted(self.visitor, self.visitor[at], side="left")
        return (total[self.start[at]] > total[first_of_visitor]).astype(np.float64)


def _names(column: pa.ChunkedArray, codes: Ints) -> list[str]:
    """Return the value behind each code that ``sessions.codes`` gave."""
    known = codes >= 0
    first = np.unique(codes[known], return_index=True)[1]
    return [str(v) for v in column.take(pa.array(np.flatnonzero(known)[first])).to_pylist()]


def _common(codes: Ints) -> Ints:
    """Return codes with all but the most frequent levels as one."""
    values, counts = np.unique(codes, return_counts=True)
    common = values[np.argsort(-counts, kind="stable")[:MOST_LEVELS]]
    return np.where(np.isin(codes, common), codes, -2)


def _one_hot(codes: Ints) -> list[Floats]:
    """Return a column per level but the first."""
    return [(codes == level).astype(np.float64) for level in np.unique(codes)[1:]]
