"""The shop as a visitor sees it: shelves, one item, a cart. Every button is a click of the visit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from buysignal.app import state, words
from buysignal.app.suggesting import name_of, suggestions
from buysignal.app.visit import Click
from buysignal.recommender import Recommender

CARD_WIDTH, CARD_HEIGHT, LONGEST_NAME = 148, 232, 40
"""Pixels and letters: three cards a row beside the charts, two on a phone."""

PER_PAGE = 6
ALL = "All categories"
ORDERS = {
    "Most viewed": ("n", False),
    "Lowest price": ("price", True),
    "Highest price": ("price", False),
    "Name": ("name", True),
}
TILL = ("begin_checkout", "add_shipping_info", "add_payment_info")
TILL_LABELS = {
    "begin_checkout": "Checkout",
    "add_shipping_info": "Give the address",
    "add_payment_info": "Give the payment",
}


@dataclass(frozen=True, eq=False)
class Shop:
    """What the shop has, and the visit that goes through it.

    Attributes:
        items: ``item``, ``name``, ``category``, ``price``, most viewed first.
        offered: the events a visit can be made of.
        clicks: the visit; the buttons add to it.
        recommender: what the model suggests by; None where it suggests nothing.
        simulated: the model learned from simulated visits.
        pause_s: seconds between two clicks.
    """

    items: pd.DataFrame
    offered: list[str]
    clicks: list[Click]
    recommender: Recommender | None
    simulated: bool
    pause_s: float

    def add(self, event: str, item: str | None = None, category: str | None = None) -> None:
        """Let the visitor do ``event``, with the facts of the item."""
        click = Click(event, category=category, pause_s=self.pause_s)
        if item is not None:
            facts = self.items.loc[self.items["item"] == item].iloc[0]
            click = replace(click, item=item, category=text_or_none(facts["category"]),
                            price=None if pd.isna(facts["price"]) else float(facts["price"]))  # fmt: skip
        self.clicks.append(click)

    def can(self, event: str) -> bool:
        return event in self.offered


def text_or_none(value: object) -> str | None:
    """Return a cell's text, None where it is empty."""
    return value if isinstance(value, str) and value else None


def cart_of(clicks: list[Click]) -> Counter[str]:
    """Return how many pieces of each item lie in the cart after the clicks.

    >>> cart_of([Click("add_to_cart", "A"), Click("add_to_cart", "A"), Click("remove_from_cart", "A")])
    Counter({'A': 1})
    """
    cart: Counter[str] = Counter()
    for click in clicks:
        if click.item is not None and click.event == "add_to_cart":
            cart[click.item] += 1
        elif click.item is not None and click.event == "remove_from_cart" and cart[click.item]:
            cart[click.item] -= 1
    return +cart


def front(shop: Shop) -> None:
    """Draw the shop."""
    if shop.items.empty:
        st.info(
            "The model's source names no items, so there are no shelves. Use “Type clicks” above.",
            icon=":material/shelves:",
        )
        return
    _on_screen(shop)
    if any(shop.can(event) for event in ("add_to_cart", "view_cart", *TILL)):
        _cart(shop)
    _shelves(shop)


def _on_screen(shop: Shop) -> None:
    """Show the item that was looked at last, and what to show next."""
    latest = next((c for c in reversed(shop.clicks) if c.event == "view_item" and c.item), None)
    with st.container(border=True, key="on_screen"):
        if latest is None or latest.item is None:
            st.markdown("**No item opened yet.** Look at one below.")
            _suggestions(shop)
            return
        name = name_of(shop.items, latest.item)
        st.caption("ON THE SCREEN")
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(
                f"**{words.plain(name)}**  \n{_facts(latest.category, latest.price)}", width="content"
            )
            with st.container(horizontal=True, width="content", gap="xsmall"):
                for event, label, icon in (
                    ("add_to_cart", "Add to cart", "add_shopping_cart"),
                    ("add_to_wishlist", "Add to wishlist", "favorite"),
                ):
                    if shop.can(event):
                        st.button(label, key=f"screen_{event}", on_click=shop.add, args=(event, latest.item),
                                  icon=f":material/{icon}:",
                                  type="primary" if event == "add_to_cart" else "secondary")  # fmt: skip
        _suggestions(shop)


def _suggestions(shop: Shop) -> None:
    suggestions(shop.recommender, shop.clicks, shop.items, shop.add, simulated=shop.simulated)


def _cart(shop: Shop) -> None:
    cart = cart_of(shop.clicks)
    prices = {c.item: c.price for c in shop.clicks if c.event == "add_to_cart"}
    total = sum((prices.get(item) or 0.0) * pieces for item, pieces in cart.items())
    with st.container(border=True, key="cart"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            said = f"{words.count(cart.total(), 'piece')}, {words.money(total, state.currency())}"
            st.markdown(f":material/shopping_cart: **Cart:** {said if cart else 'empty'}", width="content")
            with st.container(horizontal=True, width="content", gap="xsmall"):
                if shop.can("view_cart"):
                    st.button("Look at the cart", key="view_cart", on_click=shop.add, args=("view_cart",))
                for event in _till(shop):
                    st.button(TILL_LABELS[event], key=event, on_click=shop.add, args=(event,),
                              disabled=not cart, type="primary")  # fmt: skip
        for item, pieces in cart.items():
            with st.container(horizontal=True, vertical_alignment="center"):
                name = words.plain(name_of(shop.items, item))
                st.markdown(f"{pieces} × {name}, {words.money(prices.get(item), state.currency())}")
                if shop.can("remove_from_cart"):
                    st.button("Remove", key=f"remove_{item}", on_click=shop.add,
                              args=("remove_from_cart", item), type="tertiary")  # fmt: skip


def _till(shop: Shop) -> list[str]:
    """Return the next step at the till: one after the other, as far as the source names them."""
    done = {c.event for c in shop.clicks}
    return [event for event in TILL if shop.can(event) and event not in done][:1]


def _shelves(shop: Shop) -> None:
    shown = _chosen(shop)
    if shown.empty:
        st.info("Nothing on the shelves fits. Search for something else.", icon=":material/search_off:")
        return
    pages = -(-len(shown) // PER_PAGE)
    number = min(int(st.session_state.get("shelf_page", 0)), pages - 1)
    cart = cart_of(shop.clicks)
    with st.container(horizontal=True, gap="xsmall", key="shelf"):
        here = shown.iloc[number * PER_PAGE : (number + 1) * PER_PAGE]
        columns = (here[name] for name in ("item", "name", "category", "price"))
        for item, name, category, price in zip(*columns, strict=True):
            _card(shop, item, name, _facts(text_or_none(category), price), cart[item])
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, icon, step, off in (("Back", "chevron_left", -1, number == 0),
                                       ("More", "chevron_right", 1, number + 1 >= pages)):  # fmt: skip
            st.button(label, icon=f":material/{icon}:", key=f"shelf_{label}", disabled=off,
                      on_click=_turn(number + step))  # fmt: skip
        st.caption(
            f"{words.count(len(shown), 'item')}, page {number + 1:,} of {pages:,}. Searching and opening a "
            "category are clicks too; turning pages here is not."
        )


def _turn(page: int) -> Callable[[], None]:
    return lambda: st.session_state.update(shelf_page=page)


def _card(shop: Shop, item: str, name: str, facts: str, pieces: int) -> None:
    title = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    with st.container(border=True, width=CARD_WIDTH, height=CARD_HEIGHT, vertical_alignment="distribute"):
        st.markdown(f"**{words.plain(title)}**  \n{facts}")
        with st.container(gap="xxsmall"):
            add = f"Add to cart ({pieces})" if pieces else "Add to cart"
            for event, label in (("view_item", "Look"), ("add_to_cart", add)):
                if shop.can(event):
                    st.button(label, key=f"{event}_{item}", on_click=shop.add, args=(event, item),
                              width="stretch")  # fmt: skip


def _chosen(shop: Shop) -> pd.DataFrame:
    """Ask for words, category and order; return what fits."""

    def searched() -> None:
        st.session_state["shelf_page"] = 0
        if st.session_state["shop_search"] and shop.can("search"):
            shop.add("search")

    def opened() -> None:
        st.session_state["shelf_page"] = 0
        if shop.can("view_item_list"):
            picked = st.session_state["shop_category"]
            shop.add("view_item_list", category=None if picked == ALL else picked)

    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        said = st.text_input("Search the shop", key="shop_search", on_change=searched, width=150,
                             placeholder="name or number")  # fmt: skip
        categories = sorted(shop.items["category"].dropna().unique())
        picked = ALL
        if categories:
            picked = st.selectbox("Category", [ALL, *categories], key="shop_category", on_change=opened,
                                  width=148)  # fmt: skip
        orders = [name for name, (column, _) in ORDERS.items() if column in shop.items]
        order = st.selectbox("Order", orders, key="shop_order", width=148)
    return fitting(shop.items, said, None if picked == ALL else picked, order)


def fitting(items: pd.DataFrame, said: str, category: str | None, order: str) -> pd.DataFrame:
    """Return the items of the category whose name or number holds what was said, in order."""
    kept = items if category is None else items[items["category"] == category]
    if said:
        named = kept["name"].str.contains(said, case=False, regex=False)
        kept = kept[named | kept["item"].str.contains(said, case=False, regex=False)]
    column, ascending = ORDERS[order]
    if column not in kept:
        return kept
    return kept.sort_values(column, ascending=ascending, kind="stable", na_position="last")


def _facts(category: str | None, price: float | None) -> str:
    known = [words.plain(category)] if category else []
    if price is not None and not pd.isna(price):
        known.append(words.money(price, state.currency()))
    return "  \n".join(known)
