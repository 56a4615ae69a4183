"""Page: every visit of the data in use with its probability and expected revenue."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from buysignal.app import bringing, charts, exports, page, state, words
from buysignal.app.state import Model, Source
from buysignal.app.timeline import Timeline, timeline
from buysignal.scoring import segment_counts

SHOWN = ("session_id", "row", "probability", "percentile", "expected_revenue", "revenue_low", "revenue_high",
         "segment", "clicks", "last_seen", "visitor_id", "already_bought", "suspected_bot")  # fmt: skip
FULL_DEMO = 20_000


def body() -> None:
    """Draw the page."""
    used, data = state.model(), state.source()
    goal = used.bundle.goal if used is not None else None
    title = "Real-time prediction" if goal is not None and goal.proxy else "Real-time conversion prediction"
    simulated = (data is not None and data.simulated) or (used is not None and used.simulated)
    page.heading(
        title,
        "Every visit, scored as it stands at its last click, as if it were still going on.",
        goal=goal,
        simulated=simulated,
    )
    used = page.need_model()
    if used is None:
        return
    data = _need_data(used.bundle.reads_events)
    if data is not None:
        _scores(used, data)


def _need_data(reads_events: bool) -> Source | None:
    data = state.source()
    if data is None:
        with st.container(border=True):
            st.subheader("Which visits?")
            kind = "clicks" if reads_events else "rows, one a visit"
            st.markdown(f"The model reads {kind}. Bring them on the **Data** page.")
            with st.container(horizontal=True, vertical_alignment="center"):
                if reads_events and st.button(
                    "Open the demo shop", type="primary", icon=":material/storefront:"
                ):
                    with st.spinner("Simulating visitors"):
                        state.use_source(bringing.demo_shop(FULL_DEMO))
                    st.rerun()
                page.go("data", "Upload CSV", "upload_file")
    return data


def _scores(used: Model, data: Source) -> None:
    scored = page.scores(data, used)
    if scored is None:
        return
    goal, currency = used.bundle.goal, state.currency()
    st.markdown(f"**{words.plain(words.question(goal))}**")
    if scored.rejects:
        st.caption(
            f"{words.count(scored.rejects, 'row')} of the files could not be used; the Data page says why."
        )
    shown = _filtered(scored.table)
    if shown.empty:
        st.info("No visit fits these filters. Widen the probability, or clear the segments.")
        return
    _figures(used, shown, currency)
    _charts(used, shown, data.simulated, currency)
    picked = _table(used, shown, currency)
    _downloads(scored.table, shown)
    if picked is not None:
        _visit(used, data, picked, currency)


def _filtered(table: pd.DataFrame) -> pd.DataFrame:
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        low, high = st.slider(
            "Probability", 0, 100, (0, 100), format="%d %%", key="probability_range", width=280
        )
        kept = table[table["probability"].between(low / 100, high / 100)]
        if "segment" in table:
            segments = st.multiselect(
                "Segments", sorted(table["segment"].unique()), placeholder="All", key="segments", width=320
            )
            kept = kept[kept["segment"].isin(segments)] if segments else kept
        if "already_bought" in table and table["already_bought"].any():
            bought = st.toggle("Hide visits that have bought", value=True, key="hide_bought")
            kept = kept[~kept["already_bought"]] if bought else kept
        if "suspected_bot" in table and table["suspected_bot"].any():
            bots = st.toggle("Hide suspected bots", value=True, key="hide_bots", help=words.HELP["bots"])
            kept = kept[~kept["suspected_bot"]] if bots else kept
    return kept


def _figures(used: Model, shown: pd.DataFrame, currency: str | None) -> None:
    with st.container(horizontal=True):
        st.metric("Visits", f"{len(shown):,}", border=True, width=160)
        st.metric(
            "Mean probability",
            words.percent(float(shown["probability"].mean())),
            border=True,
            width=160,
            help=words.HELP["probability"],
        )
        threshold = used.bundle.manifest.threshold
        if threshold is not None:
            st.metric(
                "The model says yes",
                f"{int((shown['probability'] >= threshold).sum()):,}",
                border=True,
                width=190,
                help=f"Visits at {words.percent(threshold)} or more, the score from which right and wrong "
                "alarms balance best on the visits kept aside in training.",
            )
        if "expected_revenue" in shown:
            st.metric(
                words.short_amount(used.bundle.goal),
                words.money(float(shown["expected_revenue"].sum()), currency),
                border=True,
                width=200,
                help=words.HELP["expected_revenue"] + " Here: the sum over these visits.",
            )


def _charts(used: Model, shown: pd.DataFrame, simulated: bool, currency: str | None) -> None:
    goal = used.bundle.goal
    axis = words.chance(goal)
    st.header("Interactive charts and insights", divider="gray")
    st.markdown(_insight(shown, goal.proxy))
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("How likely?")
        charts.draw(charts.visits_by_band(shown["probability"], axis), "bands", "Visits by probability")
        page.caption("How many visits fall into each band of probability.", goal, simulated)
    with right:
        if "expected_revenue" in shown:
            st.subheader("Expected amount" if goal.proxy else "Revenue estimation")
            charts.draw(
                charts.revenue_by_band(shown, axis, words.short_amount(goal), currency),
                "money",
                "Expected revenue by probability",
            )
            said = used.bundle.goal.value_sentence or "the amount"
            page.caption(f"Where the expected amount ({said}) lies, by probability.", goal, simulated)
    if "segment" in shown:
        st.subheader("By segment")
        counts = segment_counts(used.bundle, shown)
        charts.draw(charts.by_segment(counts, f"Mean {axis[:1].lower()}{axis[1:]}"), "segments_bar",
                    "Mean probability by segment")  # fmt: skip
        page.caption("Mean probability of the visits in each segment.", goal, simulated)


def _insight(shown: pd.DataFrame, proxy: bool) -> str:
    """Say in one sentence how much of the whole the best tenth holds."""
    by = "expected_revenue" if "expected_revenue" in shown else "probability"
    total = float(shown[by].sum())
    if len(shown) < 20 or total <= 0:
        return "Too few visits here to speak of a best tenth."
    best = shown.nlargest(len(shown) // 10, "probability")
    what = "expected revenue" if by == "expected_revenue" and not proxy else "expected amount"
    what = what if by == "expected_revenue" else "expected goals"
    return (
        f"The tenth of visits with the highest probability ({len(best):,}) holds "
        f"**{words.percent(float(best[by].sum()) / total)}** of the {what}."
    )


def _table(used: Model, shown: pd.DataFrame, currency: str | None) -> dict[str, Any] | None:
    """Show the visits, highest first, and return the row that was picked."""
    st.header("The visits", divider="gray")
    st.caption("Sort by a column's title. Tick a visit on the left to see it click by click below.")
    ordered = shown.sort_values("probability", ascending=False, kind="stable")
    event = st.dataframe(
        ordered,
        hide_index=True,
        height=420,
        column_order=[c for c in SHOWN if c in ordered],
        column_config=_columns(used, currency),
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [0]}},
        key="visits",
    )
    rows = event["selection"]["rows"]
    return ordered.iloc[rows[0]].to_dict() if rows and rows[0] < len(ordered) else None


def _columns(used: Model, currency: str | None) -> dict[str, Any]:
    config, goal = st.column_config, used.bundle.goal
    amount = words.money_format(currency)
    unit = f" ({currency})" if currency and amount == "localized" else ""
    return {
        "session_id": config.TextColumn("Visit", width="medium"),
        "row": config.NumberColumn("Row", format="localized", width="small"),
        "visitor_id": config.TextColumn("Visitor", width="medium"),
        "probability": config.ProgressColumn(
            words.short_chance(goal),
            format="percent",
            min_value=0,
            max_value=1,
            help=words.HELP["probability"],
        ),
        "percentile": config.NumberColumn("Percentile", format="%.0f", help=words.HELP["percentile"]),
        "expected_revenue": config.NumberColumn(
            words.short_amount(goal) + unit, format=amount, help=words.HELP["expected_revenue"]
        ),
        "revenue_low": config.NumberColumn("From" + unit, format=amount, help=words.HELP["interval"]),
        "revenue_high": config.NumberColumn("To" + unit, format=amount, help=words.HELP["interval"]),
        "segment": config.TextColumn("Segment", help=words.HELP["segment"]),
        "clicks": config.NumberColumn("Clicks", format="localized"),
        "last_seen": config.DatetimeColumn("Last seen (UTC)", format="YYYY-MM-DD HH:mm"),
        "already_bought": config.CheckboxColumn("Has bought"),
        "suspected_bot": config.CheckboxColumn("Suspected bot", help=words.HELP["bots"]),
    }


def _downloads(everything: pd.DataFrame, shown: pd.DataFrame) -> None:
    with st.container(horizontal=True):
        st.download_button(
            f"Download all {len(everything):,} scores (CSV)",
            data=lambda: exports.scores_csv(everything),
            file_name="scores.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="all_scores",
        )
        if len(shown) < len(everything):
            st.download_button(
                f"Download these {len(shown):,} (CSV)",
                data=lambda: exports.scores_csv(shown),
                file_name="scores-selected.csv",
                mime="text/csv",
                icon=":material/filter_alt:",
                on_click="ignore",
                key="shown_scores",
            )


def _visit(used: Model, data: Source, row: dict[str, Any], currency: str | None) -> None:
    seen = timeline(used.bundle, data.loaded.table, row)
    goal, story = used.bundle.goal, seen.story
    st.header(f"Visit {words.plain(str(row.get('session_id', row.get('row'))))}", divider="gray")
    with st.container(horizontal=True):
        delta = story.probability - story.typical_probability
        st.metric(
            words.short_chance(goal),
            words.percent(story.probability),
            f"{words.points(delta)} against a typical visit",
            border=True,
            width=250,
            delta_color="off",
        )
        if "expected_revenue" in row:
            st.metric(words.short_amount(goal), words.money(row["expected_revenue"], currency), border=True,
                      width=180)  # fmt: skip
        if "segment" in row:
            st.metric("Segment", row["segment"], border=True, width=330, help=words.HELP["segment"])
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


if __name__ == "__main__":
    page.show(body)
