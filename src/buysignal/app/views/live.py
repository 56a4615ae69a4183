"""Page: type a visit in and see the answer move with every click."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from buysignal.app import charts, form, page, state, words
from buysignal.app.state import Model
from buysignal.app.visit import (
    ABOUT_ITEMS,
    PASTS,
    Click,
    Setting,
    composed,
    events_offered,
    has_clock,
    items_offered,
    levels,
    score_clicks,
)

WAYS = ("Click by click", "Set values")
PAUSES = (2, 5, 10, 20, 40, 60, 120, 300)


def body() -> None:
    """Draw the page."""
    used = state.model()
    page.heading(
        "Manual input: one live visit",
        "Type a visit in. After each click you see the probability, the expected amount with its interval, "
        "the segment and the reasons, from nothing but what was known by then."
        if used is None or used.bundle.reads_events
        else "Type a visit in: the answer moves with every value.",
        goal=used.bundle.goal if used is not None else None,
        simulated=used is not None and used.simulated,
    )
    used = page.need_model()
    if used is None:
        return
    st.markdown(f"**{words.plain(words.question(used.bundle.goal))}**")
    if used.bundle.reads_events:
        _by_clicks(used)
    else:
        form.body(used)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Many visits at once?")
        page.link("data", "Upload CSV", "upload_file")


def _by_clicks(used: Model) -> None:
    data = state.source()
    fits = data is not None and data.check.profile == used.bundle.profile.name
    loaded = data.loaded if data is not None and fits else None
    offered, items = events_offered(used.bundle, loaded), items_offered(used.bundle, loaded)
    key = f"clicks_{used.bundle.version}_{data.token if data is not None and fits else ''}"
    board = st.container()
    left, right = st.columns([5, 6], gap="large")
    with left:
        way = st.segmented_control("How", WAYS, default=WAYS[0], required=True, key="live_way")
        setting = _setting(used)
        clicking = way == WAYS[0]
        clicks = _clicking(used, offered, items, key) if clicking else _composing(used, offered, items)
    _answer(used, clicks, setting, board, right)


def _setting(used: Model) -> Setting:
    """Ask what is known at the door, as far as the model has learned from it."""
    known = {name: levels(used.bundle, name) for name in ("channel", "device", "country")}
    chosen: dict[str, str | None] = {}
    with st.expander("Who comes, and when", icon=":material/login:"):
        columns = st.columns(2)
        shown = [name for name, options in known.items() if options]
        for i, name in enumerate(shown):
            chosen[name] = columns[i % 2].selectbox(
                name.capitalize(),
                known[name],
                format_func=lambda level: str(level).replace("_", " "),
                key=f"live_{name}",
            )
        if not has_clock(used.bundle):
            st.caption("The model's source has no clock, so time plays no part.")
            return Setting(chosen.get("channel"), chosen.get("device"), chosen.get("country"))
        weekday = columns[len(shown) % 2].selectbox("Weekday", words.WEEKDAYS, index=6, key="live_weekday")
        past = st.selectbox("Visitor", list(PASTS), format_func=PASTS.__getitem__, key="live_past")
        hour = st.slider("Hour of the day (UTC)", 0, 23, 19, key="live_hour")
    door = (chosen.get("channel"), chosen.get("device"), chosen.get("country"))
    return Setting(*door, weekday=words.WEEKDAYS.index(weekday), hour=hour, past=past)


def _clicking(used: Model, offered: list[str], items: pd.DataFrame, key: str) -> list[Click]:
    """Ask for the next click; return all clicks so far."""
    if key not in st.session_state:
        st.session_state[key] = _first_clicks(offered, items)
    clicks: list[Click] = st.session_state[key]
    with st.container(border=True):
        start = "view_item" if "view_item" in offered else offered[0]
        event = st.pills(
            "The next click", offered, default=start, required=True, format_func=words.event, key="live_event"
        )
        item, category, price = _item(used, items) if event in ABOUT_ITEMS else (None, None, None)
        pause = 20
        if has_clock(used.bundle):
            pause = st.select_slider(
                "Seconds since the click before", PAUSES, 20, key="live_pause", format_func=lambda s: f"{s} s"
            )
        with st.container(horizontal=True):
            if st.button("Add click", type="primary", icon=":material/add:", key="add_click"):
                clicks.append(Click(str(event), item, category, price, float(pause)))
            if st.button("Undo", disabled=len(clicks) < 2, key="undo_click"):
                clicks.pop()
            if st.button("Start over", key="clear_clicks"):
                clicks[:] = clicks[:1]
    _so_far(clicks)
    return clicks


def _first_clicks(offered: list[str], items: pd.DataFrame) -> list[Click]:
    """Return a beginning, so that the page has something to say at once."""
    first = items.iloc[0] if len(items) else None
    view = Click("view_item") if first is None else Click("view_item", *_facts(first))
    begun = [Click("page_view"), Click("view_item_list"), view]
    return [click for click in begun if click.event in offered] or [Click(offered[0])]


def _facts(item: pd.Series) -> tuple[str, str | None, float | None]:
    category = item["category"] if isinstance(item["category"], str) else None
    return str(item["item"]), category, None if pd.isna(item["price"]) else float(item["price"])


def _item(used: Model, items: pd.DataFrame) -> tuple[str | None, str | None, float | None]:
    """Ask which item the click is about; its price comes along and can be changed."""
    if items.empty:
        return None, None, st.number_input("Price", min_value=0.0, value=20.0, key="live_price")
    left, right = st.columns([3, 2])
    position = left.selectbox(
        "Item", range(len(items)), format_func=lambda i: str(items["title"].iloc[i]), key="live_item"
    )
    item, category, price = _facts(items.iloc[position])
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


def _so_far(clicks: list[Click]) -> None:
    st.markdown(f"**The visit so far: {words.count(len(clicks), 'click')}**")
    frame = pd.DataFrame(
        {
            "Click": range(1, len(clicks) + 1),
            "What": [words.event(c.event) for c in clicks],
            "Item": [c.item or "" for c in clicks],
            "Price": [c.price for c in clicks],
        }
    )
    st.dataframe(
        frame.iloc[::-1],
        placeholder="",
        hide_index=True,
        height=min(280, 38 + 35 * len(frame)),
        column_config={
            "Click": st.column_config.NumberColumn(width=55),
            "Price": st.column_config.NumberColumn(format=words.money_format(state.currency())),
        },
    )


def _composing(used: Model, offered: list[str], items: pd.DataFrame) -> list[Click]:
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
        pause = 20
        if has_clock(used.bundle):
            pause = st.select_slider(
                "Seconds between clicks", PAUSES, 20, key="set_pause", format_func=lambda s: f"{s} s"
            )
        checkout = "begin_checkout" in offered and st.toggle("Begins the checkout", key="set_checkout")
    return composed(
        offered, items, **counts, checkout=checkout, price=price, category=category, pause_s=float(pause)
    )


def _count(label: str, event: str, offered: list[str], start: int, most: int) -> int:
    return st.slider(label, 0, most, start, key=f"set_{event}") if event in offered else 0


def _answer(
    used: Model, clicks: list[Click], setting: Setting, board: DeltaGenerator, right: DeltaGenerator
) -> None:
    goal, currency = used.bundle.goal, state.currency()
    scores = score_clicks(used.bundle, clicks, setting)
    last = scores.steps.iloc[-1]
    if len(clicks) > 1:
        change, than = last["probability"] - scores.steps["probability"].iloc[-2], "by the last click"
    else:
        change, than = last["probability"] - scores.typical, "against a typical visit"
    with board:
        form.metrics(used, last, float(change), than, currency)
    with right:
        st.subheader("Real-time prediction" if goal.proxy else "Real-time conversion prediction")
        charts.draw(charts.history(scores.steps, words.chance(goal)), "live_history", "Probability by click")
        page.caption("The probability after each click.", goal, used.simulated)
        st.subheader("Why?")
        charts.draw(charts.reasons(scores.reasons, currency), "live_reasons", "What moves the score")
        page.caption(
            f"What moves the score away from a typical visit's {words.percent(scores.typical)}: blue raises "
            "it, orange lowers it.",
            goal,
            used.simulated,
        )
    if "expected_revenue" in scores.steps:
        _amounts(used, scores.steps, currency)


def _amounts(used: Model, steps: pd.DataFrame, currency: str | None) -> None:
    goal = used.bundle.goal
    st.subheader("Expected amount" if goal.proxy else "Revenue estimation")
    unit = f" ({currency})" if currency else ""
    charts.draw(
        charts.amounts(steps, ("Expected amount" if goal.proxy else "Expected revenue") + unit),
        "live_amounts",
        "Amount by click",
    )
    said = goal.value_sentence or "the amount"
    band = " Nine of ten such visits end within the band." if "revenue_low" in steps else ""
    text = f"{said[:1].upper()}{said[1:]}, as expected after each click.{band}"
    page.caption(text, goal, used.simulated)


if __name__ == "__main__":
    page.show(body)
