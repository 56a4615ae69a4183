"""Page: carts that lie open, what they are worth, how likely they stay; and those that came back."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from buysignal import acting
from buysignal.app import act_charts, act_inputs, charts, exports, page, state, words
from buysignal.app.held import held
from buysignal.app.state import Model, Source
from buysignal.decisions.carts import RECENT, Carts
from buysignal.decisions.targeting import WHY_OUT
from buysignal.errors import BuysignalError

MOST_ROWS = 1_000
WITH_REASONS = 25
HORIZONS = {"1d": "1 day", "3d": "3 days", "7d": "7 days", "14d": "14 days"}
IDLE = {"1 hour": "1h", "1 day": "1d", "3 days": RECENT, "7 days": "7d", "Any time ago": None}
P_ABANDON = (
    "Chance that the cart is not bought, as of the visit's last click. How many left carts come back later "
    "is counted separately: see “Left carts that come back”."
)


def body() -> None:
    """Draw the page."""
    used = state.model()
    page.heading(
        "Carts at risk",
        "Carts that were filled and not bought, the ones with most money at risk first, with the reason; and "
        "those whose visitors came back.",
        goal=used.bundle.goal if used is not None else None,
        simulated=used is not None and used.simulated,
    )
    used = page.need_model()
    if used is None or not act_inputs.can_act(used):
        return
    data = act_inputs.need_data(used)
    if data is None:
        return
    try:
        found = _asked(used, data)
    except BuysignalError as error:
        act_inputs.refused(error)
        return
    simulated = data.simulated or used.simulated
    _figures(found)
    _charts(used, found, simulated)
    at_risk, back = st.tabs(["Open carts", "Came back and bought"])
    with at_risk:
        _open(found)
    with back:
        _recovered(found)


def _asked(used: Model, data: Source) -> Carts:
    with st.container(border=True):
        now = act_inputs.moment(data, "carts")
        horizon = st.segmented_control(
            "A left cart counts as recovered when it is bought within", list(HORIZONS), default="7d",
            required=True, format_func=HORIZONS.__getitem__, key="carts_horizon",
        )  # fmt: skip
    return held(
        "carts",
        (data.token, used.bundle.version, now, horizon),
        lambda: acting.carts_at_risk(
            used.bundle,
            data.loaded,
            now=now,
            horizon=str(horizon),
            reasons=WITH_REASONS,
            folded=state.folded(data, used),
        ),
        "Looking into every cart",
    )


def _figures(found: Carts) -> None:
    unit = found.currency
    st.info(words.prose(found.sentence), icon=":material/shopping_cart:")
    with st.container(horizontal=True):
        st.metric("All open carts", f"{len(found.open):,}", border=True, width=165,
                  help="However long ago they were left. The list below shows the recent ones.")  # fmt: skip
        st.metric("All are worth", words.money(found.value, unit), border=True, width=190)
        st.metric("Of it at risk", words.money(found.at_risk, unit), border=True, width=190,
                  help=f"Each cart's worth times P(abandon). {P_ABANDON}")  # fmt: skip
        rate = words.percent(found.recovery_rate)
        st.metric("Left carts that come back", rate, border=True, width=230,
                  help=f"Of {found.judged:,} carts left at least {HORIZONS[found.horizon]} ago, bought "
                  f"within {HORIZONS[found.horizon]}, in a later visit too.")  # fmt: skip
    out = [f"{n:,} of {WHY_OUT[why]}" for why, n in found.excluded.items() if n]
    if out:
        st.caption(f"Open carts that are not listed: {', '.join(out)}.")


def _charts(used: Model, found: Carts, simulated: bool) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("What became of left carts?")
        charts.draw(act_charts.carts_by_day(found.by_day), "carts_by_day", "Carts left by day")
        page.caption(
            "Carts left in a visit that ended without a purchase, by day. Recent ones can still come back.",
            used.bundle.goal,
            simulated,
        )
    with right:
        st.subheader("Where the money lies")
        if found.open.empty:
            st.markdown("No cart is open.")
            return
        charts.draw(
            act_charts.risk_by_idle(found.open, found.currency), "risk_by_idle", "At risk by idle time"
        )
        page.caption("Money at risk in all open carts, by the time since the visitor's last click.",
                     used.bundle.goal, simulated)  # fmt: skip


def _open(found: Carts) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        idle = st.selectbox("Last click at most", list(IDLE), index=list(IDLE.values()).index(RECENT),
                            key="carts_idle", width=180)  # fmt: skip
        least = st.number_input(
            "Worth at least" + (f" ({found.currency})" if found.currency else ""),
            0.0, value=0.0, step=10.0, key="carts_least", width=180,
        )  # fmt: skip
    listed = found.narrowed(idle=IDLE[idle], least=least)
    shown = listed.open
    if shown.empty:
        st.info(
            f"None of the {words.count(len(found.open), 'open cart')} fits these filters. Allow older or "
            "smaller ones.",
            icon=":material/filter_alt_off:",
        )
        return
    st.markdown(
        f"**{len(shown):,}** of {words.count(len(found.open), 'open cart')}, worth "
        f"{words.money(listed.value, found.currency)}, of it "
        f"**{words.money(listed.at_risk, found.currency)}** at risk."
    )
    if len(shown) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} of {len(shown):,} by money at risk; the download has all.")
    _table(shown.head(MOST_ROWS), found.currency)
    st.caption(
        f"Most at risk first, each as of its visit's last click. The reason, given for the {WITH_REASONS} "
        "carts most at risk, is what moves the chance of buying away from a typical visit's."
    )
    _download(listed.export(), f"Download {len(shown):,} open carts (CSV)", "open-carts.csv")


def _table(shown: pd.DataFrame, currency: str | None) -> None:
    amount, config = words.money_format(currency), st.column_config
    st.dataframe(
        shown,
        hide_index=True,
        placeholder="",
        height=min(420, 38 + 35 * len(shown)),
        column_order=[c for c in ("at_risk", "value", "p_abandon", "contents", "idle_minutes", "reasons",
                                  "visitor_id", "session_id", "last_seen") if c in shown],
        column_config={
            "at_risk": config.NumberColumn("At risk", format=amount),
            "value": config.NumberColumn("Worth", format=amount),
            "p_abandon": config.ProgressColumn("P(abandon)", format="percent", min_value=0, max_value=1,
                                               help=P_ABANDON),
            "contents": config.TextColumn("In the cart", width="medium"),
            "idle_minutes": config.NumberColumn("Minutes idle", format="localized", step=1),
            "reasons": config.TextColumn("Reason", width="large"),
            "visitor_id": config.TextColumn("Visitor"),
            "session_id": config.TextColumn("Visit"),
            "last_seen": config.DatetimeColumn("Last seen (UTC)", format="YYYY-MM-DD HH:mm"),
        },
    )  # fmt: skip


def _recovered(found: Carts) -> None:
    table = found.recovered
    if table.empty:
        st.info("No cart has been bought up to this moment.", icon=":material/remove_shopping_cart:")
        return
    later = int((~table["same_visit"]).sum())
    st.markdown(
        f"**{len(table) - later:,}** carts were bought in the visit that filled them, **{later:,}** "
        "in a later visit."
    )
    amount, config = words.money_format(found.currency), st.column_config
    st.dataframe(
        table.head(MOST_ROWS),
        hide_index=True,
        height=min(420, 38 + 35 * len(table)),
        column_order=("value", "pieces", "left_at", "bought_at", "days", "same_visit", "visitor_id"),
        column_config={
            "value": config.NumberColumn("Worth", format=amount),
            "pieces": config.NumberColumn("Pieces", format="localized"),
            "left_at": config.DatetimeColumn("Left (UTC)", format="YYYY-MM-DD HH:mm"),
            "bought_at": config.DatetimeColumn("Bought (UTC)", format="YYYY-MM-DD HH:mm"),
            "days": config.NumberColumn("Days between", format="%.1f"),
            "same_visit": config.CheckboxColumn("Same visit"),
            "visitor_id": config.TextColumn("Visitor"),
        },
    )
    if len(table) > MOST_ROWS:
        st.caption(f"The latest {MOST_ROWS:,} of {len(table):,}; the download has all.")
    _download(
        found.export_recovered(), f"Download {len(table):,} carts that came back (CSV)", "recovered-carts.csv"
    )


def _download(table: pd.DataFrame, label: str, name: str) -> None:
    st.download_button(
        label,
        data=lambda: exports.scores_csv(table),
        file_name=name,
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=name,
    )


if __name__ == "__main__":
    page.show(body)
