"""What to show next in the visit on screen, each suggestion with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from buysignal.app import state, words
from buysignal.app.visit import Click
from buysignal.recommender import Recommender, Suggestion, Wishes

TITLE = "What to show next"
SHOWN = 4
LOOKS = ("select_item", "view_item")
MOST_CATEGORIES = 100

Add = Callable[..., None]


def looked_at(clicks: Sequence[Click]) -> list[str]:
    """Return the items looked at, oldest first; a selection and the view it leads to are one look.

    >>> looked_at([Click("select_item", "A"), Click("view_item", "A"), Click("search"), Click("view_item")])
    ['A']
    """
    found: list[str] = []
    before: Click | None = None
    for click in clicks:
        if click.event not in LOOKS or click.item is None:
            continue
        led_to = before is not None and (before.event, before.item, click.event) == (
            *LOOKS[:1],
            click.item,
            LOOKS[1],
        )
        if not led_to:
            found.append(click.item)
        before = click
    return found


def suggestions(
    recommender: Recommender | None,
    clicks: Sequence[Click],
    items: pd.DataFrame,
    add: Add,
    *,
    simulated: bool,
) -> None:
    """Draw the suggestions for the visit as it stands; a button looks at one."""
    st.markdown(f"**{TITLE}**")
    if recommender is None:
        st.caption("This model makes no suggestions: it was trained on data without enough looks at items.")
        return
    wishes = _wishes(recommender, clicks)
    hint = next((c.category for c in reversed(clicks) if c.category), None)
    found = recommender.suggest(looked_at(clicks), wishes, category_hint=hint)
    found = [one for one in found if one.item in set(items["item"])]
    if not found:
        st.caption("Nothing fits these wishes. Allow more categories or prices.")
        return
    for one in found:
        _suggestion(one, items, add)
    said = "Learned from simulated visits. " if simulated else ""
    st.caption(f"{said}The chance is that of being looked at next, not of being bought.")


def _wishes(recommender: Recommender, clicks: Sequence[Click]) -> Wishes:
    in_visit = frozenset(c.item for c in clicks if c.event == "add_to_cart" and c.item)
    with st.popover("Wishes", icon=":material/tune:"):
        categories = recommender.catalog.levels.get("category", ())
        picked: list[str] = []
        if 1 < len(categories) <= MOST_CATEGORIES:
            picked = st.multiselect("Only from these categories", categories, key="wish_categories",
                                    placeholder="All")  # fmt: skip
        known = [p for p in recommender.catalog.price.tolist() if p == p]
        low, high = None, None
        if known and min(known) < max(known):
            least, most = float(int(min(known))), float(int(max(known)) + 1)
            low, high = st.slider("Price", least, most, (least, most), key="wish_price")
            low, high = (None, None) if (low, high) == (least, most) else (low, high)
        diversity = st.slider(
            "Variety", 0.0, 1.0, 0.0, 0.1, key="wish_variety",
            help="0 orders by the chance of being looked at next; more puts unlike items beside each other.",
        )  # fmt: skip
        again = st.toggle("Items looked at earlier may return", value=True, key="wish_again")
    return Wishes(
        count=SHOWN, leave_out=in_visit, categories=tuple(picked), price_low=low, price_high=high,
        diversity=diversity, again=again,
    )  # fmt: skip


def _suggestion(one: Suggestion, items: pd.DataFrame, add: Add) -> None:
    name = words.plain(name_of(items, one.item))
    price = "" if one.price is None else f", {words.plain(words.money(one.price, state.currency()))}"
    with st.container(key=f"suggestion_{one.item}"):
        said, look = st.columns([7, 2], vertical_alignment="center", gap="small")
        said.markdown(
            f"**{name}**{price} · {words.percent(one.score)}  \n:small[{words.plain(_reason(one, items))}]"
        )
        look.button("Look", key=f"next_{one.item}", on_click=add, args=("view_item", one.item),
                    width="stretch")  # fmt: skip


def _reason(one: Suggestion, items: pd.DataFrame) -> str:
    """Return the reason with the name of the item that it speaks of."""
    if one.because is None or one.because == one.item:
        return one.reason
    return one.reason.replace(one.because, name_of(items, one.because))


def name_of(items: pd.DataFrame, item: str) -> str:
    """Return what an item is called, its number where it has no name."""
    found = items.loc[items["item"] == item, "name"]
    return str(found.iloc[0]) if len(found) else item
