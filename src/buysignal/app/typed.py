"""A visit typed in: click by click, or as counts."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from buysignal.app import state, words
from buysignal.app.state import Model
from buysignal.app.visit import ABOUT_ITEMS, Click, composed, has_clock, levels

PAUSES = (2, 5, 10, 20, 40, 60, 120, 300)
MOST_CHOICES = 1_500


def next_click(used: Model, offered: list[str], items: pd.DataFrame, clicks: list[Click]) -> None:
    """Ask for the next click and append it to ``clicks``."""
    with st.container(border=True):
        start = "view_item" if "view_item" in offered else offered[0]
        event = st.pills(
            "The next click", offered, default=start, required=True, format_func=words.event, key="live_event"
        )
        item, category, price = _item(used, items) if event in ABOUT_ITEMS else (None, None, None)
        pause = pause_asked(used, "Seconds since the click before", "live_pause")
        if st.button("Add click", type="primary", icon=":material/add:", key="add_click"):
            clicks.append(Click(str(event), item, category, price, pause))


def pause_asked(used: Model, label: str, key: str) -> float:
    """Ask for the pause between clicks where the model knows a clock."""
    if not has_clock(used.bundle):
        return 20.0
    return float(st.select_slider(label, PAUSES, 20, key=key, format_func=lambda s: f"{s} s"))


def facts(item: pd.Series) -> tuple[str, str | None, float | None]:
    """Return number, category and price of a row of items."""
    category = item["category"] if isinstance(item["category"], str) else None
    return str(item["item"]), category, None if pd.isna(item["price"]) else float(item["price"])


def _item(used: Model, items: pd.DataFrame) -> tuple[str | None, str | None, float | None]:
    """Ask which item the click is about; its price comes along and can be changed."""
    if items.empty:
        return None, None, st.number_input("Price", min_value=0.0, value=20.0, key="live_price")
    left, right = st.columns([3, 2])
    titles = list(items["title"].head(MOST_CHOICES))
    position = left.selectbox("Item", range(len(titles)), format_func=titles.__getitem__, key="live_item")
    item, category, price = facts(items.iloc[position])
    unit = state.currency()
    asked = right.number_input(
        f"Price ({unit})" if unit else "Price",
        min_value=0.0,
        value=price if price is not None else 20.0,
        step=1.0,
        key=f"live_price_{item}",
    )
    if category is None and (known := levels(used.bundle, "category")):
        category = st.selectbox("Category", known, key="live_category")
    return item, category, asked


def counted(used: Model, offered: list[str], items: pd.DataFrame) -> list[Click]:
    """Ask for counts instead of single clicks; return the plain visit they describe."""
    unit = state.currency()
    with st.container(border=True):
        counts = {
            "pages": _count("Pages opened", "page_view", offered, 1, 10),
            "searches": _count("Searches", "search", offered, 0, 10),
            "lists": _count("Lists browsed", "view_item_list", offered, 1, 10),
            "views": _count("Items looked at", "view_item", offered, 3, 20),
            "in_cart": _count("Items put into the cart", "add_to_cart", offered, 0, 10),
        }
        known = [c for c in levels(used.bundle, "category") if (items["category"] == c).any() or items.empty]
        known = known or list(levels(used.bundle, "category"))
        category = st.selectbox("Category", known, key="set_category") if known else None
        prices = items.loc[items["category"] == category, "price"] if category else items["price"]
        usual = float(prices.median()) if prices.notna().any() else 20.0
        price = st.slider(
            f"Price of the items ({unit})" if unit else "Price of the items",
            0.0,
            max(200.0, 4.0 * round(usual)),
            float(round(usual)),
            step=1.0,
            key=f"set_price_{category}",
        )
        pause = pause_asked(used, "Seconds between clicks", "set_pause")
        checkout = "begin_checkout" in offered and st.toggle("Begins the checkout", key="set_checkout")
    return composed(
        offered, items, **counts, checkout=checkout, price=price, category=category, pause_s=pause
    )


def _count(label: str, event: str, offered: list[str], start: int, most: int) -> int:
    return st.slider(label, 0, most, start, key=f"set_{event}") if event in offered else 0
