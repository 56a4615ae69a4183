"""Page: every visit of the data in use with its probability and expected revenue."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from buysignal.app import act_inputs, charts, exports, page, state, visit_filters, visit_table, words
from buysignal.app.one_visit import one_visit
from buysignal.app.state import Model, Source
from buysignal.scoring import segment_counts

AS_IF = " Here: as of each visit's last click, as if it went on."
GOING_ON = (
    ", were all these visits to go on. Finished ones bring less: the Revenue page says what visits really "
    "bring"
)


def body() -> None:
    """Draw the page."""
    used, data = state.model(), state.source()
    goal = used.bundle.goal if used is not None else None
    title = "Real-time prediction" if goal is not None and goal.proxy else "Real-time conversion prediction"
    simulated = (data is not None and data.simulated) or (used is not None and used.simulated)
    page.heading(
        title,
        "Every visit, scored as it stands at its last click, as if it were still going on."
        if used is None or used.bundle.reads_events
        else "Every visit, one row each, with its score.",
        goal=goal,
        simulated=simulated,
    )
    used = page.need_model()
    if used is None:
        return
    data = act_inputs.need_data(used)
    if data is not None:
        _scores(used, data)


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
    shown = visit_filters.filtered(visit_filters.with_facts(used, data, scored.table))
    if shown.empty:
        st.info("No visit fits these filters. Widen the probability, or clear the others.")
        return
    _figures(used, shown, currency)
    if "expected_revenue" in shown and used.bundle.reads_events:
        page.link("revenue", "What visits really bring: Revenue", "payments")
    _charts(used, shown, data.simulated, currency)
    st.header("The visits", divider="gray")
    picked = visit_table.pick(used, shown, currency)
    _downloads(scored.table, scored.table.loc[shown.index])
    if picked is not None:
        one_visit(used, data, picked, currency)


def _figures(used: Model, shown: pd.DataFrame, currency: str | None) -> None:
    # Clicks are asked about while nobody knows whether another follows; a table's rows are whole visits.
    goal, as_if = used.bundle.goal, used.bundle.reads_events
    with st.container(horizontal=True):
        st.metric("Visits", f"{len(shown):,}", border=True, width=160)
        st.metric(
            "Mean probability",
            words.percent(float(shown["probability"].mean())),
            border=True,
            width=160,
            help=words.HELP["probability"] + (AS_IF if as_if else ""),
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
                words.amount_if_all_go_on(goal) if as_if else words.short_amount(goal),
                words.money(float(shown["expected_revenue"].sum()), currency),
                border=True,
                width=330 if as_if else 200,
                help=words.HELP["if_all_go_on" if as_if else "expected_revenue"],
            )


def _charts(used: Model, shown: pd.DataFrame, simulated: bool, currency: str | None) -> None:
    goal, as_if = used.bundle.goal, used.bundle.reads_events
    axis = words.chance(goal)
    st.header("Interactive charts and insights", divider="gray")
    st.markdown(_insight(shown, goal.proxy, as_if))
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("How likely?")
        charts.draw(charts.visits_by_band(shown["probability"], axis), "bands", "Visits by probability")
        page.caption("How many visits fall into each band of probability.", goal, simulated)
    with right:
        if "expected_revenue" in shown:
            st.subheader("Expected amount" if goal.proxy else "Revenue estimation")
            charts.draw(
                charts.revenue_by_band(
                    shown, axis, words.short_amount(goal) + (", if all go on" if as_if else ""), currency
                ),
                "money",
                "Expected revenue by probability",
            )
            said = used.bundle.goal.value_sentence or "the amount"
            text = f"Where the expected amount ({said}) lies, by probability{GOING_ON if as_if else ''}."
            page.caption(text, goal, simulated)
    if "segment" in shown:
        st.subheader("By segment")
        counts = segment_counts(used.bundle, shown)
        charts.draw(charts.by_segment(counts, f"Mean {axis[:1].lower()}{axis[1:]}"), "segments_bar",
                    "Mean probability by segment")  # fmt: skip
        page.caption("Mean probability of the visits in each segment.", goal, simulated)


def _insight(shown: pd.DataFrame, proxy: bool, as_if: bool) -> str:
    """Say in one sentence how much of the whole the best tenth holds."""
    by = "expected_revenue" if "expected_revenue" in shown else "probability"
    total = float(shown[by].sum())
    if len(shown) < 20 or total <= 0:
        return "Too few visits here to speak of a best tenth."
    best = shown.nlargest(len(shown) // 10, "probability")
    what = "expected revenue" if by == "expected_revenue" and not proxy else "expected amount"
    what = what if by == "expected_revenue" else "expected goals"
    what += ", were all these visits to go on" if as_if else ""
    return (
        f"The tenth of visits with the highest probability ({len(best):,}) holds "
        f"**{words.percent(float(best[by].sum()) / total)}** of the {what}."
    )


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


if __name__ == "__main__":
    page.show(body)
