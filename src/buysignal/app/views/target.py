"""Page: which visits are worth a contact, what that brings, and whom to leave alone to measure it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from buysignal.app import act_charts, act_inputs, campaigns, charts, exports, page, planning, state, words
from buysignal.app.planning import Moment
from buysignal.app.state import Model, Source
from buysignal.decisions.targeting import WHY_OUT, TargetingPlan
from buysignal.errors import BuysignalError

MOST_ROWS = 1_000


def body() -> None:
    """Draw the page."""
    used = state.model()
    page.heading(
        "Whom to target",
        "A contact costs money and pays only where it sells more. Say what it costs and what you assume it "
        "changes; the list below holds the visits for which it is worth it.",
        goal=used.bundle.goal if used is not None else None,
        simulated=used is not None and used.simulated,
    )
    used = page.need_model()
    if used is None or not act_inputs.can_act(used):
        return
    data = act_inputs.need_data(used)
    if data is None:
        return
    with st.container(border=True):
        st.subheader("The campaign")
        economics = act_inputs.economics(used)
        moment = act_inputs.when(used, data)
    try:
        plan = planning.planned(used, data, moment, economics)
    except BuysignalError as error:
        act_inputs.refused(error)
        return
    _result(plan)
    _curve(plan, data.simulated or used.simulated)
    if plan.visits:
        _list(plan)
        _holdout(used, data, moment, plan)


def _result(plan: TargetingPlan) -> None:
    unit = plan.currency
    st.header("The answer", divider="gray")
    st.info(words.prose(plan.sentence), icon=":material/ads_click:")
    with st.container(horizontal=True):
        st.metric("Visits to contact", f"{plan.visits:,}", f"of {plan.considered:,}", border=True, width=165,
                  delta_color="off", delta_arrow="off")  # fmt: skip
        st.metric(
            "Expected profit",
            words.money(plan.profit, unit),
            f"{words.money(plan.low, None)} to {words.money(plan.high, unit)}",
            border=True, width=240, delta_color="off", delta_arrow="off",
            help="Profit of contacting the list, against contacting nobody. Below: its "
            f"{words.percent(plan.level)} interval. Bootstrap: visitors are drawn again and again to see "
            "how much luck is in it.",
        )  # fmt: skip
        cost = plan.contact_cost + plan.incentive_cost
        st.metric("Expected cost", words.money(cost, unit), border=True, width=180,
                  help=f"Contacts {words.money(plan.contact_cost, unit)}, incentives "
                  f"{words.money(plan.incentive_cost, unit)}.")  # fmt: skip
        if plan.threshold_probability is not None:
            st.metric(
                "A contact pays from",
                words.percent(plan.threshold_probability),
                border=True, width=180,
                help="The chance of buying from which a contact pays, for an order of the mean value that is "
                f"expected ({words.money(plan.order_value, unit)}). Larger orders pay from a lower chance.",
            )  # fmt: skip
    out = [f"{count:,} {WHY_OUT[why]}" for why, count in plan.excluded.items() if count]
    said = [f"Not asked: {', '.join(out)}."] if out else []
    for note in (*said, *plan.notes):
        st.caption(words.prose(note))


def _curve(plan: TargetingPlan, simulated: bool) -> None:
    st.subheader("Profit by length of the list")
    charts.draw(
        act_charts.profit_curve(plan), "profit_curve", "Expected profit by number of visits contacted"
    )
    page.caption(
        "Expected profit of contacting the best visits, more and more of them. The list ends where one more "
        "contact no longer pays, or where the budget does.",
        plan.goal,
        simulated,
    )


def _list(plan: TargetingPlan) -> None:
    st.header("The list", divider="gray")
    listed = plan.visits_listed
    if len(listed) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} of {len(listed):,} by expected profit; the download has all.")
    amount = words.money_format(plan.currency)
    config = st.column_config
    st.dataframe(
        listed.head(MOST_ROWS),
        hide_index=True,
        height=min(400, 38 + 35 * len(listed)),
        column_order=[c for c in ("expected_profit", "visitor_id", "session_id", "row", "probability",
                                  "revenue", "cost", "clicks", "last_seen") if c in listed],
        column_config={
            "visitor_id": config.TextColumn("Visitor", width="medium"),
            "session_id": config.TextColumn("Visit", width="medium"),
            "row": config.NumberColumn("Row", format="localized"),
            "expected_profit": config.NumberColumn("Expected profit", format=amount,
                                                   help="Of contacting this visit."),
            "probability": config.ProgressColumn("Probability of conversion", format="percent", min_value=0,
                                                 max_value=1, help=words.HELP["probability"]),
            "revenue": config.NumberColumn("Expected revenue", format=amount,
                                           help=words.HELP["expected_revenue"]),
            "cost": config.NumberColumn("Expected cost", format=amount),
            "clicks": config.NumberColumn("Clicks", format="localized"),
            "last_seen": config.DatetimeColumn("Last seen (UTC)", format="YYYY-MM-DD HH:mm"),
        },
    )  # fmt: skip
    st.download_button(
        f"Download the list: {len(listed):,} visits (CSV)",
        data=lambda: exports.scores_csv(plan.export()),
        file_name="target-list.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="target_list",
    )


def _holdout(used: Model, data: Source, moment: Moment, plan: TargetingPlan) -> None:
    st.header("Leave some alone, to measure it", divider="gray")
    st.markdown(
        "The effect above is an assumption. Draw a part of the visitors by lot and do **not** contact them: "
        "later the **Uplift** page compares both groups and says what the contact really changed."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name of the campaign", "spring", key="campaign_name", width=220)
        share = st.number_input("Left alone (% of visitors)", 1, 90, 20, key="holdout_share", width=200)
    try:
        drawn = planning.drawn(used, data, moment, plan, name, share / 100)
    except BuysignalError as error:
        page.refuse(error)
        return
    campaign = drawn.campaign
    st.markdown(
        f"**{campaign.contacts:,}** visitors to contact, **{campaign.holdouts:,}** left alone. "
        "A visitor falls on the same side each time."
    )
    contact: pd.DataFrame = drawn.table[drawn.table["group"] == "contact"]
    with st.container(horizontal=True):
        st.download_button(
            "Download the campaign file (zip)",
            data=lambda: campaigns.zipped(drawn),
            file_name=f"{campaigns.safe_name(name)}.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            type="primary",
            on_click="ignore",
            key="campaign_zip",
            help="The list with both groups, and what was planned. Keep it: the Uplift page reads it back.",
        )
        st.download_button(
            f"Only those to contact: {len(contact):,} visits (CSV)",
            data=lambda: exports.scores_csv(contact),
            file_name=f"{campaigns.safe_name(name)}-contact.csv",
            mime="text/csv",
            icon=":material/outgoing_mail:",
            on_click="ignore",
            key="campaign_contacts",
        )
        page.link("uplift", "Measure it later: Uplift", "science")


if __name__ == "__main__":
    page.show(body)
