"""Page: a campaign's outcome read back, and what the contact changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time
from typing import cast

import numpy as np
import streamlit as st

from buysignal import acting
from buysignal.app import act_charts, bringing, campaigns, charts, exports, page, planning, state, words
from buysignal.app.held import held
from buysignal.app.state import Source
from buysignal.decisions.effect import Estimate
from buysignal.decisions.holdout import CampaignList
from buysignal.decisions.uplift import Uplift, measure
from buysignal.errors import BuysignalError, SourceError

HORIZONS = {"1d": "1 day", "3d": "3 days", "7d": "7 days", "14d": "14 days", "28d": "28 days"}
IN_USE, UPLOAD = "The data in use", "Files"


def body() -> None:
    """Draw the page."""
    campaign = cast("CampaignList | None", st.session_state.get("uplift_campaign"))
    page.heading(
        "Uplift",
        "What did the contact change? Give back the campaign file and the data of the days after: visitors "
        "who were contacted are compared with those who were left alone by lot.",
        simulated=campaign is not None and campaign.campaign.simulated,
    )
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, height="stretch"):
        st.subheader("1. The campaign")
        campaign = _campaign(campaign)
    with right.container(border=True, height="stretch"):
        st.subheader("2. What came later")
        later = _later()
    if campaign is None or later is None:
        _next_step(campaign is None)
        return
    with st.container(border=True):
        st.subheader("3. What counts")
        horizon, contacted_at, wanted = _counts(campaign, later)
    key = (id(campaign), later.token, horizon, str(contacted_at), wanted)
    found = held(
        "uplift",
        key,
        lambda: measure(
            campaign, later.loaded.table, horizon=horizon, contacted_at=contacted_at, wanted=wanted
        ),
        "Counting who bought",
    )
    _result(found)


def _next_step(no_campaign: bool) -> None:
    missing = "a campaign file" if no_campaign else "later data"
    st.markdown(f"Next: give {missing} above.")
    with st.container(horizontal=True):
        page.go("target", "Plan a campaign", "ads_click", primary=no_campaign)
        page.go("data", "Choose data", "database", primary=not no_campaign)


def _campaign(held_one: CampaignList | None) -> CampaignList | None:
    files = st.file_uploader(
        "The campaign file (zip), or its CSV and JSON", type=["zip", "csv", "json"],
        accept_multiple_files=True, key="campaign_files",
    )  # fmt: skip
    names = tuple((file.name, file.size) for file in files)
    if files and st.session_state.get("uplift_files") != names:
        try:
            held_one = campaigns.uploaded(files)
        except BuysignalError as error:
            page.refuse(error)
            return None
        st.session_state["uplift_files"] = names
        _use(held_one)
    planned = planning.latest_campaign()
    if (
        planned is not None
        and planned is not held_one
        and st.button(
            f"Use “{planned.campaign.name}”, planned here", icon=":material/ads_click:", key="use_planned"
        )
    ):
        _use(planned)
    if held_one is not None:
        about = held_one.campaign
        st.markdown(
            f"**{words.plain(about.name)}**: {about.contacts:,} visitors contacted, {about.holdouts:,} left "
            f"alone; planned {about.created:%Y-%m-%d}."
        )
    return held_one


def _use(campaign: CampaignList) -> None:
    st.session_state["uplift_campaign"] = campaign
    st.rerun()


def _later() -> Source | None:
    data = state.source()
    ways = (IN_USE, UPLOAD) if data is not None else (UPLOAD,)
    way = st.segmented_control("Later data", ways, default=ways[0], required=True, key="later_way")
    if way == IN_USE and data is not None:
        _need_events(data)
        st.markdown(f"**{words.plain(data.label)}**, {words.count(data.check.sessions, 'visit')}.")
        return data
    files = st.file_uploader(
        "CSV, Parquet or JSON lines, also as .gz or .zip", type=list(bringing.UPLOAD_TYPES),
        accept_multiple_files=True, key="later_files",
    )  # fmt: skip
    return _uploaded(files) if files else None


def _uploaded(files: Sequence[bringing.Upload]) -> Source | None:
    names = tuple(file.name for file in files)
    profile = data.loaded.profile if (data := state.source()) is not None else None
    return held(
        "later",
        names,
        lambda: _need_events(
            bringing.uploaded(files, state.new_folder("later"), lambda _share, _text: None, profile=profile)
        ),
        "Reading the files",
    )


def _need_events(data: Source) -> Source:
    if data.loaded.profile.level != "event":
        raise SourceError(
            "the later data has one row a visit and names no visitors",
            allowed="events with visitors, times and purchases",
            todo="choose other data",
        )
    return data


def _longest(start: datetime, later: Source) -> int:
    """Return the position of the longest horizon, up to a week, that is over in the later data."""
    end = acting.moment_of(later.loaded.table, None)
    begin = np.datetime64(start.replace(tzinfo=None), "us")
    fitting = [i for i, days in enumerate((1, 3, 7)) if begin + np.timedelta64(days, "D") <= end]
    return fitting[-1] if fitting else 0


def _counts(campaign: CampaignList, later: Source) -> tuple[str, np.datetime64 | None, float]:
    """Ask for horizon, time of contact and the effect that should be found."""
    planned = campaign.campaign.planned()
    start = campaign.campaign.asked_until or campaign.campaign.created
    with st.container(horizontal=True, vertical_alignment="bottom"):
        horizon = st.selectbox("Purchases count within", list(HORIZONS), _longest(start, later),
                               format_func=HORIZONS.__getitem__, width=190, key="uplift_horizon")  # fmt: skip
        wanted = st.number_input(
            "Effect worth finding (% more buyers)", 1.0, 1000.0,
            100 * planned.effect if planned is not None else 10.0, 1.0, format="%.0f", key="uplift_wanted",
            width=270, help="For how many visitors it would take to tell such an effect from luck.",
        )  # fmt: skip
    at = st.toggle("All were contacted at one moment", key="uplift_at_once",
                   help="Off: each visitor's days begin when they were put on the list.")  # fmt: skip
    if not at:
        return horizon, None, wanted / 100
    with st.container(horizontal=True):
        day = st.date_input("Day", start.date(), key="uplift_day", width=150)
        hour = st.time_input("Time (UTC)", time(start.hour, start.minute), key="uplift_time", width=120)
    return horizon, np.datetime64(datetime.combine(day, hour), "us"), wanted / 100


def _result(found: Uplift) -> None:
    st.header("The answer", divider="gray")
    st.info(words.prose(found.sentence), icon=":material/science:")
    if found.campaign.simulated:
        st.caption("In the simulated shop nobody is contacted, so no effect is to be expected here.")
    for warning in found.warnings:
        st.warning(words.prose(warning), icon=":material/warning:")
    unit = found.campaign.currency
    with st.container(horizontal=True):
        _metric("More buyers", found.absolute, "of 1,000", _per_thousand,
                "Buyers among 1,000 contacted visitors, less those among 1,000 left alone.")  # fmt: skip
        if found.relative is not None:
            _metric("The same, relative", found.relative, "%", lambda v: f"{100 * v:+,.0f}",
                    "How much more often contacted visitors bought.")  # fmt: skip
        _metric("Revenue per visitor", found.revenue, unit, lambda v: words.money(v, None),
                "Mean revenue of a contacted visitor, less that of one left alone.")  # fmt: skip
        if found.profit is not None:
            _metric("Profit of the campaign", found.profit, unit, lambda v: words.money(v, None),
                    "After margin, contacts and incentives, against contacting nobody.")  # fmt: skip
    if found.adjusted is not None:
        value, low, high = map(_per_thousand, (found.adjusted.value, found.adjusted.low, found.adjusted.high))
        st.caption(
            "With the part removed that the scores foretold, which narrows the range: "
            f"{value} of 1,000 ({low} to {high})."
        )
    _groups(found, unit)


def _per_thousand(rate: float) -> str:
    return f"{1000 * rate:+,.1f}"


def _metric(label: str, found: Estimate, unit: str | None, said: Callable[[float], str], hint: str) -> None:
    value, low, high = (said(v).replace("-", "−") for v in (found.value, found.low, found.high))
    st.metric(
        label, f"{value} {unit or ''}".strip(), f"{low} to {high} {unit or ''}".strip(), border=True,
        width=193, delta_color="off", delta_arrow="off", help=hint,
    )  # fmt: skip


def _groups(found: Uplift, unit: str | None) -> None:
    st.subheader("Both groups")
    charts.draw(act_charts.rates(found), "uplift_rates", "Share of buyers in both groups")
    page.caption(
        f"Who bought within {HORIZONS[found.horizon]}, with each group's {words.percent(found.level)} "
        "interval. Which group a visitor is in was left to chance.",
        None,
        found.campaign.simulated,
    )
    table = found.table()
    amount, config = words.money_format(unit), st.column_config
    st.dataframe(
        table.assign(group=table["group"].map({"contact": "Contacted", "holdout": "Left alone"})),
        hide_index=True,
        column_order=("group", "visitors", "buyers", "rate", "revenue", "revenue_per_visitor"),
        column_config={
            "group": config.TextColumn("Group"),
            "visitors": config.NumberColumn("Visitors", format="localized"),
            "buyers": config.NumberColumn("Buyers", format="localized"),
            "rate": config.NumberColumn("Bought", format="percent"),
            "revenue": config.NumberColumn("Revenue", format=amount),
            "revenue_per_visitor": config.NumberColumn("Revenue per visitor", format=amount),
        },
    )
    st.caption(_needed(found))
    st.download_button(
        "Download the figures (CSV)",
        data=lambda: exports.scores_csv(table.assign(simulated=found.campaign.simulated)),
        file_name="uplift.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="uplift_csv",
    )


def _needed(found: Uplift) -> str:
    if found.needed is None:
        return "Nobody bought, so nothing says how many visitors a verdict needs."
    contact, holdout = found.needed
    more = max(contact + holdout - found.contact.visitors - found.holdout.visitors, 0)
    return (
        f"To find {found.wanted:.0%} more buyers in 8 of 10 such campaigns takes about {contact:,} contacted "
        f"and {holdout:,} held-out visitors"
        + (f": {more:,} more than there are here." if more else ", which there are here.")
    )


if __name__ == "__main__":
    page.show(body)
