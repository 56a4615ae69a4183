"""Items, categories and price bands: what is viewed, put into the cart and bought."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.events import EVENT_CODES
from buysignal.explore import words
from buysignal.explore.columns import Coded, distinct
from buysignal.explore.exploration import Draft, Section
from buysignal.explore.prepared import Prepared

MOST_ITEMS = 15
MOST_CATEGORIES = 12
BANDS = 6
LEAST_VISITS = 30
"""Visits that must have seen an item or category for its share to be named in a sentence."""

VIEW, CART, BUY = EVENT_CODES["view_item"], EVENT_CODES["add_to_cart"], EVENT_CODES["purchase"]


@dataclass(frozen=True)
class _Recorded:
    """Which of the three steps this file records, before filters."""

    views: bool
    carts: bool
    purchases: bool


def items_section(data: Prepared) -> Section:
    """Return the most viewed items and categories, their carts and purchases, and price bands."""
    draft = Draft(data, "items", "Items and categories")
    names = set(data.coded["event_name"].names)
    has = _Recorded("view_item" in names, "add_to_cart" in names, "purchase" in names)
    if not has.views:
        draft.lacks("This file records no views of items, so items cannot be compared.")
        return draft.done()
    missing = [
        f"no {word}" for word, there in (("carts", has.carts), ("purchases", has.purchases)) if not there
    ]
    if missing:
        draft.lacks(f"This file records {words.listed(missing)}, so items are compared without them.")
    _items(draft, has)
    _categories(draft, has)
    _price_bands(draft, has)
    return draft.done()


def _items(draft: Draft, has: _Recorded) -> None:
    column = draft.data.coded.get("item_id")
    if column is None:
        draft.lacks("This file names no items.")
        return
    table = by_value(draft.data, column, "item", has.carts, has.purchases)
    seen = table[table["views"] > 0].sort_values("views", ascending=False, kind="stable")
    if seen.empty:
        draft.lacks("No item is viewed in these visits.")
        return
    share = seen["views"].head(max(1, len(seen) // 10)).sum() / seen["views"].sum()
    top = seen.iloc[0]
    rates = tuple(c for c in ("share put into the cart", "conversion") if c in seen)
    draft.add(
        "most-viewed",
        title="Most viewed items",
        sentence=f"'{top['item']}' is viewed most, {top['views']:,} times; the most viewed tenth of the "
        f"{words.count(len(seen), 'item')} has {words.share(share)} of all views.",
        kind="barh", data=seen.head(MOST_ITEMS), x="views", y="item",
        labels=("visits that viewed it", *rates), x_title="Views", y_title="Item", y_format="text",
    )  # fmt: skip
    if has.purchases and draft.data.has_amounts and table["revenue"].sum() > 0:
        sold = table[table["revenue"] > 0].sort_values("revenue", ascending=False, kind="stable")
        currency = draft.data.currency
        best = sold.iloc[0]
        draft.add(
            "best-selling",
            title="Items that bring the most revenue",
            sentence=f"'{best['item']}' brings {words.money(best['revenue'], currency)}, the most; "
            f"{len(seen):,} are viewed and {len(sold):,} are bought.",
            kind="barh", data=sold.head(MOST_ITEMS), x="revenue", y="item", labels=("pieces bought",),
            x_title=f"Revenue ({currency})" if currency else "Revenue", y_title="Item",
            x_format="money", y_format="text",
        )  # fmt: skip


def _categories(draft: Draft, has: _Recorded) -> None:
    column = draft.data.coded.get("category")
    if column is None:
        draft.lacks("This file names no categories.")
        return
    table = by_value(draft.data, column, "category", has.carts, has.purchases)
    seen = (
        table[table["views"] > 0].sort_values("views", ascending=False, kind="stable").head(MOST_CATEGORIES)
    )
    if seen.empty:
        draft.lacks("No viewed item has a category in these visits.")
        return
    top = seen.iloc[0]
    draft.add(
        "categories",
        title="Views by category",
        sentence=f"'{top['category']}' has the most views of items, {top['views']:,}, which is "
        f"{words.share(top['views'] / table['views'].sum())} of those with a category.",
        kind="barh", data=seen, x="views", y="category", labels=("visits that viewed it",),
        x_title="Views of items", y_title="Category", y_format="text",
    )  # fmt: skip
    rates = [c for c in ("share put into the cart", "conversion") if c in seen]
    if rates:
        _category_rates(draft, seen, rates)


def _category_rates(draft: Draft, seen: pd.DataFrame, rates: list[str]) -> None:
    called = {"share put into the cart": "put into the cart", "conversion": "bought"}
    data = seen.melt(
        id_vars=["category", "visits that viewed it"], value_vars=rates, var_name="step", value_name="share"
    )
    data["step"] = data["step"].map(called)
    sure = seen[seen["visits that viewed it"] >= LEAST_VISITS]
    sentence = "Share of the visits that viewed an item of the category and also took the step in it."
    if len(sure):
        best = sure.sort_values(rates[-1]).iloc[-1]
        sentence = (
            f"Of the visits that view an item in '{best['category']}' {words.share(best[rates[-1]])} have "
            f"one {called[rates[-1]]} there too, the highest share."
        )
    draft.add(
        "category-rates",
        title="From view to purchase by category" if len(rates) > 1 else "From view to cart by category",
        sentence=sentence,
        kind="barh", data=data, x="share", y="category", series="step", labels=("visits that viewed it",),
        x_title="Share of the visits that viewed it (%)", y_title="Category",
        x_format="share", y_format="text",
    )  # fmt: skip


def by_value(data: Prepared, column: Coded, name: str, carts: bool, purchases: bool) -> pd.DataFrame:
    """Return, for each value of the column, views, carts, purchases and the visits behind them.

    ``conversion`` is the share of the visits that viewed it in which it was bought too; ``share put
    into the cart`` likewise.
    """
    size = len(column.names)
    viewed = _pairs(data, column, VIEW)
    per_visit = np.bincount(viewed % size, minlength=size)
    table = pd.DataFrame(
        {name: column.names, "views": _count(data, column, VIEW), "visits that viewed it": per_visit}
    )
    if carts:
        table["put into the cart"] = _count(data, column, CART)
        table["share put into the cart"] = _also(viewed, _pairs(data, column, CART), size, per_visit)
    if purchases:
        bought = (data.kind == BUY) & (column.codes >= 0)
        pieces = data.numbers.get("quantity", np.full(data.rows, np.nan))[bought]
        pieces = np.where(np.isnan(pieces), 1, pieces)
        codes = column.codes[bought]
        table["pieces bought"] = np.bincount(codes, weights=pieces, minlength=size).astype(np.int64)
        table["conversion"] = _also(viewed, _pairs(data, column, BUY), size, per_visit)
        table["revenue"] = np.bincount(codes, weights=data.value[bought], minlength=size)
    return table


def _count(data: Prepared, column: Coded, kind: int) -> npt.NDArray[np.int64]:
    return column.where(data.kind == kind).counts()


def _pairs(data: Prepared, column: Coded, kind: int) -> npt.NDArray[np.int64]:
    """Return visit × values + value, once for each visit in which the event happened with the value."""
    rows = (data.kind == kind) & (column.codes >= 0)
    return distinct(data.session[rows] * len(column.names) + column.codes[rows])


def _also(
    viewed: npt.NDArray[np.int64], done: npt.NDArray[np.int64], size: int, visits: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    both = np.intersect1d(viewed, done, assume_unique=True)
    share = np.bincount(both % size, minlength=size) / np.maximum(visits, 1)
    return np.where(visits > 0, share, np.nan)


def _price_bands(draft: Draft, has: _Recorded) -> None:
    """Bands of equal numbers of views, each with its carts and purchases for 100 views."""
    data = draft.data
    price = data.numbers.get("price", np.full(data.rows, np.nan))
    seen = price[(data.kind == VIEW) & (price > 0)]
    if len(seen) < 2 * BANDS or seen.min() == seen.max():
        draft.lacks("Views carry no prices that differ, so there are no price bands.")
        return
    edges = np.unique(np.quantile(seen, np.linspace(0, 1, BANDS + 1), method="inverted_cdf"))
    edges[-1] = np.inf
    bands = _band_names(edges, float(seen.max()))
    table = pd.DataFrame({"price band": bands, "views": np.histogram(seen, edges)[0]})
    for word, kind, there in (("put into the cart", CART, has.carts), ("bought", BUY, has.purchases)):
        if there:
            table[word] = np.histogram(price[(data.kind == kind) & (price > 0)], edges)[0]
    unit, middle = f" ({data.currency})" if data.currency else "", float(np.median(seen))
    steps = [c for c in ("put into the cart", "bought") if c in table]
    if not steps:
        top = table.iloc[int(table["views"].argmax())]
        draft.add(
            "price-bands", title="Views by price",
            sentence=f"Half of the views are of items up to {words.money(middle, data.currency)}; "
            f"the band {top['price band']} has the most, {top['views']:,}.",
            kind="bar", data=table, x="price band", y="views", x_title=f"Price{unit}", y_title="Views",
        )  # fmt: skip
        return
    tidy = table.melt(id_vars=["price band", "views"], var_name="step", value_name="times")
    tidy["for each view"] = tidy["times"] / tidy["views"]
    best = tidy[tidy["step"] == steps[-1]].sort_values("for each view").iloc[-1]
    draft.add(
        "price-bands",
        title="From view to purchase by price" if has.purchases else "From view to cart by price",
        sentence=f"Items at {best['price band']} {data.currency or ''} are {best['step']} most often for "
        f"each view: {words.number(100 * best['for each view'])} times in 100 views. "
        "It is an association: dearer items differ in more than their price.",
        kind="bar", data=tidy, x="price band", y="for each view", series="step", labels=("views", "times"),
        x_title=f"Price{unit}, bands with about equally many views", y_title="For each view (%)",
        y_format="share",
    )  # fmt: skip


def _band_names(edges: npt.NDArray[np.float64], top: float) -> list[str]:
    ends = [f"{edge:,.2f}".removesuffix(".00") for edge in (*edges[:-1], top)]
    return [f"{low} to {high}" for low, high in pairwise(ends)]
