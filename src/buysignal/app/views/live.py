"""Page: one visit, clicked through the shop or typed in; the answer moves with every click."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from buysignal.app import charts, form, page, shop_front, state, typed, words
from buysignal.app.held import held
from buysignal.app.state import Model, Source
from buysignal.app.visit import (
    PASTS,
    Click,
    LiveScores,
    Setting,
    events_offered,
    has_clock,
    items_offered,
    levels,
    score_clicks,
)

SHOP, CLICKS, COUNTS = "Click through the shop", "Type clicks", "Set values"


def body() -> None:
    """Draw the page."""
    used = state.model()
    page.heading(
        "Manual input: one live visit",
        "Be the visitor: look at items, fill the cart, go to the checkout. After each click you see the "
        "probability, the expected amount with its interval, the segment and the reasons, from nothing but "
        "what was known by then."
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
    data = _fitting(used)
    loaded, token = (data.loaded, data.token) if data is not None else (None, "")
    key = (token, used.bundle.version)
    offered, items = held(
        "shelves", key, lambda: (events_offered(used.bundle, loaded), items_offered(used.bundle, loaded))
    )
    clicks = _visit(f"clicks_{used.bundle.version}_{token}", offered, items)
    board = st.container()
    left, right = st.columns([7, 5], gap="medium")
    with left:
        way = st.segmented_control("How", (SHOP, CLICKS, COUNTS), default=SHOP, required=True, key="live_way")
        setting, pause = _setting(used, asks_pause=way == SHOP)
        if way == SHOP:
            shop_front.front(
                shop_front.Shop(items, offered, clicks, used.bundle.recommender, used.simulated, pause)
            )
        elif way == CLICKS:
            typed.next_click(used, offered, items, clicks)
        else:
            clicks = typed.counted(used, offered, items)
    scores = score_clicks(used.bundle, clicks, setting)
    _answer(used, scores, board, right)
    _so_far(used, clicks, scores, own=way != COUNTS)


def _fitting(used: Model) -> Source | None:
    """Return the data in use where it is of the model's kind."""
    data = state.source()
    return data if data is not None and data.check.profile == used.bundle.profile.name else None


def _visit(key: str, offered: list[str], items: pd.DataFrame) -> list[Click]:
    """Return the visit's clicks, which stay while the data and the model do."""
    if key not in st.session_state:
        first = items.iloc[0] if len(items) else None
        view = Click("view_item") if first is None else Click("view_item", *typed.facts(first))
        begun = [Click("page_view"), Click("view_item_list"), view]
        possible = [click for click in begun if click.event in offered] or [Click(offered[0])]
        st.session_state[key] = possible
    clicks: list[Click] = st.session_state[key]
    return clicks


def _setting(used: Model, *, asks_pause: bool) -> tuple[Setting, float]:
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
        door = (chosen.get("channel"), chosen.get("device"), chosen.get("country"))
        if not has_clock(used.bundle):
            st.caption("The model's source has no clock, so time plays no part.")
            return Setting(*door), 20.0
        weekday = columns[len(shown) % 2].selectbox("Weekday", words.WEEKDAYS, index=6, key="live_weekday")
        past = st.selectbox("Visitor", list(PASTS), format_func=PASTS.__getitem__, key="live_past")
        hour = st.slider("Hour of the day (UTC)", 0, 23, 19, key="live_hour")
        pause = typed.pause_asked(used, "Seconds between clicks", "shop_pause") if asks_pause else 20.0
    return Setting(*door, weekday=words.WEEKDAYS.index(weekday), hour=hour, past=past), pause


def _answer(used: Model, scores: LiveScores, board: DeltaGenerator, right: DeltaGenerator) -> None:
    goal, currency = used.bundle.goal, state.currency()
    last = scores.steps.iloc[-1]
    if len(scores.steps) > 1:
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
    band = (
        " Nine of ten such visits end within the band; most bring nothing, so it can lie below."
        if "revenue_low" in steps
        else ""
    )
    text = f"{said[:1].upper()}{said[1:]}, as expected after each click.{band}"
    page.caption(text, goal, used.simulated)


def _so_far(used: Model, clicks: list[Click], scores: LiveScores, *, own: bool) -> None:
    """List the clicks with the score after each; ``own`` clicks can be taken back."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**The visit so far: {words.count(len(clicks), 'click')}**", width="content")
        if own:
            st.button("Undo", disabled=len(clicks) < 2, key="undo_click", on_click=lambda: clicks.pop(),
                      icon=":material/undo:")  # fmt: skip
            st.button("Start over", key="clear_clicks", on_click=lambda: clicks.__delitem__(slice(1, None)),
                      icon=":material/restart_alt:")  # fmt: skip
    steps = scores.steps.assign(event=[words.event(c.event) for c in clicks]).iloc[::-1]
    amount = words.money_format(state.currency())
    config = st.column_config
    st.dataframe(
        steps,
        placeholder="",
        hide_index=True,
        height=min(320, 38 + 35 * len(steps)),
        column_order=[c for c in ("click", "event", "item", "price", "probability", "expected_revenue",
                                  "segment") if c in steps],
        column_config={
            "click": config.NumberColumn("Click", width="small"),
            "event": config.TextColumn("What"),
            "item": config.TextColumn("Item"),
            "price": config.NumberColumn("Price", format=amount),
            "probability": config.ProgressColumn(words.short_chance(used.bundle.goal), format="percent",
                                                 min_value=0, max_value=1),
            "expected_revenue": config.NumberColumn(words.short_amount(used.bundle.goal), format=amount),
            "segment": config.TextColumn("Segment"),
        },
    )  # fmt: skip


if __name__ == "__main__":
    page.show(body)
