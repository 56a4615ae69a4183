"""One visit of the list, looked into: its scores click by click, and why the last is what it is."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from buysignal.app import charts, form, page, words
from buysignal.app.state import Model, Source
from buysignal.app.timeline import Timeline, timeline


def one_visit(used: Model, data: Source, row: dict[str, Any], currency: str | None) -> None:
    """Draw the visit of the scored ``row``."""
    seen = timeline(used.bundle, data.loaded.table, row)
    goal, story = used.bundle.goal, seen.story
    st.header(f"Visit {words.plain(str(row.get('session_id', row.get('row'))))}", divider="gray")
    change = story.probability - story.typical_probability
    form.metrics(used, pd.Series(row), change, "against a typical visit", currency)
    if used.bundle.reads_events:
        st.caption("As of its last click, as if it went on.")
    left, right = st.columns(2, gap="medium")
    with left:
        _history(used, seen, data.simulated)
    with right:
        st.subheader("Why?")
        charts.draw(charts.reasons(story.reasons, currency), "visit_reasons", "What moves the score")
        page.caption(
            f"What moves this score away from a typical visit's {words.percent(story.typical_probability)}: "
            "blue raises it, orange lowers it.",
            goal,
            data.simulated,
        )
    if "click" in seen.steps:
        _clicks(seen, currency)


def _history(used: Model, seen: Timeline, simulated: bool) -> None:
    goal = used.bundle.goal
    st.subheader("Click by click")
    if "click" not in seen.steps:
        st.markdown("This data has one row per visit, so there are no single clicks to show.")
        return
    charts.draw(charts.history(seen.steps, words.chance(goal)), "visit_history", "Probability by click")
    page.caption("The score after each click, from what was known at that moment.", goal, simulated)


def _clicks(seen: Timeline, currency: str | None) -> None:
    steps = seen.steps.assign(event=[words.event(name) for name in seen.steps["event"]])
    st.dataframe(
        steps,
        hide_index=True,
        placeholder="",
        height=min(420, 38 + 35 * len(steps)),
        column_order=[c for c in ("click", "time", "event", "item", "price", "probability") if c in steps],
        column_config={
            "click": st.column_config.NumberColumn("Click", width="small"),
            "time": st.column_config.DatetimeColumn("Time (UTC)", format="HH:mm:ss"),
            "event": st.column_config.TextColumn("What", width="medium"),
            "item": st.column_config.TextColumn("Item", width="medium"),
            "price": st.column_config.NumberColumn("Price", format=words.money_format(currency)),
            "probability": st.column_config.ProgressColumn(
                "Probability", format="percent", min_value=0, max_value=1
            ),
        },
    )
