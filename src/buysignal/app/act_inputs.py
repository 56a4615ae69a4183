"""What the pages of acting ask for: a model and data, a moment, the figures of a campaign."""

from __future__ import annotations

from datetime import datetime, time

import pandas as pd
import streamlit as st

from buysignal import acting
from buysignal.app import bringing, page, state
from buysignal.app.planning import Moment
from buysignal.app.state import Model, Source
from buysignal.decisions.economics import Economics
from buysignal.decisions.targeting import refuse_proxy
from buysignal.errors import BuysignalError

FULL_DEMO = 20_000
MOST_CLICKS = 30
LATEST, OTHER = "The latest click", "Another moment"
PAST, UNDER_WAY = "Rehearse on past visits", "Visits under way"

HELP = {
    "margin": "What is left of 100 of revenue once the goods are paid.",
    "contact": "Cost of one message, call or advert, whether or not the visitor buys.",
    "incentive": "A voucher or free delivery: paid for every contacted visitor who buys, also for those who "
    "would have bought anyway.",
    "budget": "The most that contacts and incentives may cost in all. Empty: no limit.",
    "effect": "An assumption until a holdout has measured it: how much more often contacted visitors buy. "
    "10 means 11 buyers where there would have been 10.",
    "odds": "On: those who are sure to buy anyway gain next to nothing from a contact. Off: everybody buys "
    "more often by the same share.",
    "measured": "Turn this on once the Uplift page has told you the effect; the sentence then says so.",
    "unseen": "Turn this on if none of these visits was in the training data, whatever their dates are. "
    "Otherwise visits the model may have learned from are left out.",
    "order": "The model expects no amounts, so say what an order is worth.",
}


def need_data(used: Model) -> Source | None:
    """Return the data in use; where there is none, say how to get some."""
    data = state.source()
    if data is not None:
        return data
    with st.container(border=True):
        st.subheader("Which visits?")
        kind = "clicks" if used.bundle.reads_events else "rows, one a visit"
        st.markdown(f"The model reads {kind}. Bring them on the **Data** page.")
        with st.container(horizontal=True, vertical_alignment="center"):
            if used.bundle.reads_events and st.button(
                "Open the demo shop", type="primary", icon=":material/storefront:"
            ):
                with st.spinner("Simulating visitors"):
                    state.use_source(bringing.demo_shop(FULL_DEMO))
                st.rerun()
            page.go("data", "Upload CSV", "upload_file")
    return None


def can_act(used: Model) -> bool:
    """Return whether the model speaks of purchases; where not, say the library's reason and what to do."""
    try:
        refuse_proxy(used.bundle.goal)
    except BuysignalError as error:
        refused(error)
        return False
    return True


def refused(error: BuysignalError) -> None:
    """Write the library's sentence with ways onward."""
    page.refuse(error)
    with st.container(horizontal=True):
        page.go("train", "Train or open another model", "model_training", primary=True)
        page.go("data", "Choose other data", "database")


def moment(data: Source, key: str, label: str = "As of") -> str | None:
    """Ask for a moment; None is the latest event's."""
    latest = pd.Timestamp(acting.moment_of(data.loaded.table, None)).to_pydatetime()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way = st.segmented_control(label, (LATEST, OTHER), default=LATEST, required=True, key=f"{key}_moment")
        if way == LATEST:
            st.caption(f"{latest:%Y-%m-%d %H:%M} UTC")
            return None
        day = st.date_input("Day", latest.date(), max_value=latest.date(), key=f"{key}_day", width=150)
        hour = st.time_input("Time (UTC)", time(18, 0), key=f"{key}_time", width=120)
    return f"{datetime.combine(day, hour):%Y-%m-%d %H:%M}"


def when(used: Model, data: Source) -> Moment:
    """Ask at which moment the visits are looked at."""
    if not used.bundle.reads_events:
        return Moment()
    way = st.segmented_control(
        "Which visits", (PAST, UNDER_WAY), default=PAST, required=True, key="target_way"
    )
    if way == UNDER_WAY:
        now = moment(data, "target")
        st.caption(
            "Visits with a click not long before that moment, judged by how earlier visits like them did."
        )
        return Moment(now=now)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        click = st.number_input("Asked right after click", 1, MOST_CLICKS, 3, key="target_click", width=190)
        unseen = st.toggle("The model has not seen these visits", key="target_unseen", help=HELP["unseen"])
    st.caption(
        "Past visits as they stood right after that click, judged by what they did later: how such a "
        "campaign would have done. For a list to act on, take the visits under way."
    )
    return Moment(click=int(click), unseen=unseen)


def economics(used: Model) -> Economics:
    """Ask for the figures of the campaign.

    Raises:
        InputError: a figure is out of its range.
    """
    unit = state.currency()
    money = f" ({unit})" if unit else ""
    one, two, three = st.columns(3)
    margin = one.number_input("Margin (% of revenue)", 1.0, 100.0, 30.0, 1.0, format="%.0f", key="margin",
                              help=HELP["margin"])  # fmt: skip
    contact = two.number_input(f"Cost of a contact{money}", 0.0, value=0.05, step=0.05, key="contact_cost",
                               help=HELP["contact"])  # fmt: skip
    incentive = three.number_input(f"Incentive for a buyer{money}", 0.0, value=0.0, step=0.5, key="incentive",
                                   help=HELP["incentive"])  # fmt: skip
    budget = one.number_input(f"Budget{money}", 0.0, value=None, step=50.0, key="budget",
                              placeholder="no limit", help=HELP["budget"])  # fmt: skip
    effect = two.number_input("Assumed effect (% more buyers)", 1.0, 1000.0, 10.0, 1.0, format="%.0f",
                              key="effect", help=HELP["effect"])  # fmt: skip
    order = None
    if not used.bundle.has_revenue:
        order = three.number_input(f"Worth of an order{money}", 0.0, value=50.0, step=5.0, key="order_value",
                                   help=HELP["order"])  # fmt: skip
    with st.container(horizontal=True):
        odds = st.toggle("Sure buyers gain less", key="effect_on_odds", help=HELP["odds"])
        measured = st.toggle("The effect was measured", key="effect_measured", help=HELP["measured"])
    return Economics(
        margin=margin / 100,
        contact_cost=contact,
        incentive=incentive,
        budget=budget,
        effect=effect / 100,
        effect_on="odds" if odds else "chance",
        measured=measured,
        order_value=order,
    )
