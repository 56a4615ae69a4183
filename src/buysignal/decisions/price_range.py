"""Which items and categories a price what-if may speak of, and within which range.

The rule: a price counts as *seen* where an item was looked at `LEAST_LOOKS` times at it (or within
about one per cent of it), on `LEAST_DAYS` days. An item may be asked about where two such prices or
more were seen, in different weeks, the highest at least `LEAST_SPREAD` above the lowest; and only
between these two. A category may be asked about where that holds for `LEAST_ITEMS` of its items.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from buysignal.decisions.looks import Looks

LEAST_LOOKS = 30
LEAST_DAYS = 3
LEAST_SPREAD = 1.03
LEAST_WEEKS = 2
LEAST_ITEMS = 3

_LEVEL = 0.02
"""Width of a price level, in log price: prices converted from another currency differ by cents."""


def price_levels(looks: Looks, outcome: str) -> pd.DataFrame:
    """Return the prices each item was seen at, one row per item and level.

    Columns: ``item`` (id), ``category``, ``price`` (mean over its looks), ``looks``, ``days``, ``week``
    (the first), ``reached`` (looks with the outcome), ``rate``, ``seen`` (enough looks and days).
    """
    table = looks.table
    log_price = np.log(table["price"])
    usual = log_price.groupby(table["item"]).transform("median")
    level = np.round((log_price - usual) / _LEVEL).astype(int)
    grouped = table.assign(level=level, reached=table[outcome]).groupby(["item", "level"], sort=True)
    found = grouped.agg(
        category=("category", "first"),
        price=("price", "mean"),
        looks=("price", "size"),
        days=("day", "nunique"),
        week=("week", "min"),
        last_week=("week", "max"),
        reached=("reached", "sum"),
    ).reset_index()
    found["item"] = [looks.items[code] for code in found["item"]]
    found["rate"] = found["reached"] / found["looks"]
    found["seen"] = (found["looks"] >= LEAST_LOOKS) & (found["days"] >= LEAST_DAYS)
    return found.drop(columns="level")


def item_ranges(levels: pd.DataFrame) -> pd.DataFrame:
    """Return one row per item: whether it may be asked about, else why not, and the range.

    Columns: ``item`` (the index), ``category``, ``looks``, ``prices`` (levels at all), ``seen`` (levels
    that count), ``usual`` (the price most looks were at), ``low``, ``high``, ``allowed``, ``why``.
    """
    by_item = levels.groupby("item", sort=True)
    table = by_item.agg(looks=("looks", "sum"), prices=("price", "size"), reached=("reached", "sum"))
    table["category"] = by_item["category"].first()
    usual = levels.loc[by_item["looks"].idxmax()].set_index("item")["price"]
    table["usual"] = usual
    seen = levels[levels["seen"]].groupby("item")
    ends = seen.agg(seen=("price", "size"), low=("price", "min"), high=("price", "max"))
    ends["weeks"] = seen["week"].nunique() + (seen["week"].nunique() == 1) * (
        seen["last_week"].max() > seen["week"].min()
    )
    table = table.join(ends)
    table[["seen", "weeks"]] = table[["seen", "weeks"]].fillna(0).astype(int)
    table["why"] = [_why(row) for row in table.itertuples()]
    table["allowed"] = table["why"] == ""
    return table


def _why(row: object) -> str:
    """Return why the item may not be asked about; empty where it may."""
    name, prices, seen = f"item {row.Index}", row.prices, row.seen  # type: ignore[attr-defined]
    if prices < 2:
        return f"The price of {name} never changed in this data, so nothing can be said about another price."
    if seen < 2:
        return (
            f"{_sentence(name)} was seen at {prices} prices, but at {seen or 'none'} of them often enough: "
            f"two prices with {LEAST_LOOKS} looks on {LEAST_DAYS} days each are needed."
        )
    if row.high < LEAST_SPREAD * row.low:  # type: ignore[attr-defined]
        return (
            f"The prices of {name} lie less than {LEAST_SPREAD - 1:.0%} apart, which is too little to learn "
            "from."
        )
    if row.weeks < LEAST_WEEKS:  # type: ignore[attr-defined]
        return (
            f"The price of {name} changed within a single week, so its effect cannot be told from the days'."
        )
    if row.reached == 0:  # type: ignore[attr-defined]
        return f"No look at {name} led to anything, at any price."
    return ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def category_ranges(items: pd.DataFrame) -> pd.DataFrame:
    """Return one row per category: as `item_ranges`, prices as multiples of the items' usual prices."""
    rows = []
    for category, members in items.groupby("category", sort=True):
        varied = members[members["allowed"]]
        low, high = varied["low"] / varied["usual"], varied["high"] / varied["usual"]
        rows.append(
            {
                "category": category,
                "items": len(members),
                "varied": len(varied),
                "looks": int(members["looks"].sum()),
                "usual": 1.0,
                "low": float(low.min()) if len(varied) else np.nan,
                "high": float(high.max()) if len(varied) else np.nan,
                "why": _why_category(str(category), len(varied), bool((members["prices"] > 1).any())),
            }
        )
    columns = ["category", "items", "varied", "looks", "usual", "low", "high", "why"]
    table = pd.DataFrame(rows, columns=columns).set_index("category")
    table["allowed"] = table["why"] == ""
    return table


def _why_category(name: str, varied: int, any_moved: bool) -> str:
    if varied >= LEAST_ITEMS:
        return ""
    if not any_moved:
        return (
            f"No price in the category {name} ever changed in this data, so nothing can be said about "
            "other prices."
        )
    return (
        f"In the category {name} the price of {varied} item{'s' * (varied != 1)} varied enough; at least "
        f"{LEAST_ITEMS} are needed."
    )
