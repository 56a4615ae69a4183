"""Page: visits while they go on, from a replay, from Kafka or from a REST server."""

from __future__ import annotations

import streamlit as st

from buysignal.alerts.visits import Labels, OpenVisits
from buysignal.app import (
    live_alerts,
    live_charts,
    live_look,
    live_sources,
    live_tables,
    page,
    state,
    words,
)
from buysignal.app.live_feed import Feed
from buysignal.app.live_history import point_of, undecided
from buysignal.app.live_replay import ReplayFeed
from buysignal.app.live_sources import PACES
from buysignal.app.state import Model
from buysignal.errors import BundleError, BuysignalError

EVERY_S = 1.0
CARTS = ("visit", "at_risk", "cart_value", "idle_minutes", "probability")
PROXY_CARTS = ("visit", "cart_value", "idle_minutes", "probability")
TOP = ("visit", "probability", "expected", "clicks", "idle_minutes", "segment")
ICONS = {
    "starting": "hourglass_top", "running": "play_circle", "paused": "pause_circle", "lost": "cloud_off",
    "done": "check_circle", "stopped": "stop_circle", "failed": "error",
}  # fmt: skip
SAID = {
    "starting": "Starting", "running": "Running", "paused": "Paused", "lost": "Connection lost, trying again",
    "done": "Played to the end", "stopped": "Stopped", "failed": "Broken off",
}  # fmt: skip


def body() -> None:
    """Draw the page."""
    used, feed = state.model(), current()
    page.heading(
        "Live",
        "Visits while they go on: who is here, how likely each is to buy, which carts are about to be left."
        if used is None or not used.bundle.goal.proxy
        else "Visits while they go on: who is here, and how likely each is to reach the goal.",
        goal=used.bundle.goal if used is not None else None,
        simulated=used is not None and used.simulated,
    )
    used = page.need_model()
    if used is None:
        return
    if not used.bundle.reads_events:
        page.refuse(
            BundleError(
                "the model in use reads a row per visit, which is over",
                allowed="a model trained on events",
                todo="train on events, such as the demo shop's",
            )
        )
        page.go("train", "Train a model", "model_training", primary=True)
        return
    _controls(used, feed)
    live_alerts.panel(used, feed)
    if feed is None:
        _nothing_yet()
        return
    moving = feed.active and not feed.paused
    st.fragment(_board, run_every=EVERY_S if moving else None)(used, feed, moving)


def current() -> Feed | None:
    """Return this session's feed, running or ended."""
    found: Feed | None = st.session_state.get("live_feed")
    return found


def _controls(used: Model, feed: Feed | None) -> None:
    with st.container(border=True):
        if feed is not None and feed.active:
            _under_way(feed)
            return
        begun = live_sources.chosen(used)
        if begun is not None and st.button(
            "Start", type="primary", icon=":material/play_arrow:", key="live_start"
        ):
            try:
                st.session_state["live_feed"] = begun().start()
            except BuysignalError as error:
                page.refuse(error)
                return
            st.rerun()


def _under_way(feed: Feed) -> None:
    st.markdown(f"**{words.plain(feed.label)}**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if feed.paused:
            if st.button("Go on", type="primary", icon=":material/play_arrow:", key="live_resume"):
                feed.resume()
                st.rerun()
        elif st.button("Pause", icon=":material/pause:", key="live_pause"):
            feed.pause()
            st.rerun()
        if st.button("Stop", icon=":material/stop:", key="live_stop"):
            feed.stop()
            feed.wait(5)
            st.rerun()
        if isinstance(feed, ReplayFeed):
            now = next(name for name, pace in PACES.items() if pace == feed.pacer.pace)
            name = st.segmented_control("Pace", list(PACES), default=now, required=True, key="live_pace_now",
                                        label_visibility="collapsed")  # fmt: skip
            if PACES[str(name)] != feed.pacer.pace:
                feed.change_pace(PACES[str(name)])


def _nothing_yet() -> None:
    st.info(
        "Nothing is open yet. Choose where the scores come from and press Start: charts and tables move from "
        "then on, and nothing is kept when you stop.",
        icon=":material/sensors:",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("No data at hand?")
        page.link("live", "Be the visitor yourself: Live visit", "touch_app")


def _board(used: Model, feed: Feed, moving: bool) -> None:
    feed.look()
    if moving and not feed.active:
        # The controls above belong to a feed that runs.
        st.rerun()
    _status(feed)
    visits = feed.watch.visits
    labels = visits.labels
    if labels is None:
        st.caption("No score has come yet.")
        return
    currency = _currency(used, labels)
    _figures(visits, feed, labels, currency)
    _charts(feed, labels, currency)
    _tables(used, feed, labels, currency)
    live_alerts.told(feed)


def _status(feed: Feed) -> None:
    sentence = feed.sentence.rstrip(".")
    said = f"**{SAID[feed.status]}.** " + (f"{words.prose(sentence)}. " if sentence else "")
    at = feed.watch.visits.now
    if at:
        said += f"The shop's time: {live_look.clock(at)} UTC."
    if feed.status in ("lost", "failed"):
        (st.warning if feed.status == "lost" else st.error)(said, icon=f":material/{ICONS[feed.status]}:")
    else:
        st.markdown(f":material/{ICONS[feed.status]}: {said}")
    if feed.share is not None:
        st.progress(min(feed.share, 1.0))


def _currency(used: Model, labels: Labels) -> str | None:
    """Return the currency of the amounts; of another bundle's scores it is not known."""
    if labels.bundle_version == used.bundle.version:
        return used.bundle.goal.currency
    st.warning(
        f"These scores are of another bundle ({words.plain(labels.bundle_version)}) than the model in use, "
        "so their currency is not known here. Open that bundle on the Models page.",
        icon=":material/info:",
    )
    return None


def _figures(visits: OpenVisits, feed: Feed, labels: Labels, currency: str | None) -> None:
    now, amount = point_of(visits), "Expected amount (proxy)" if labels.proxy else "Expected revenue"
    with st.container(horizontal=True):
        st.metric("Visits open", f"{len(visits.open()):,}", border=True, width=140,
                  help="With a click not longer ago than the pause that ends a visit.")  # fmt: skip
        st.metric(
            "Visits that bought", f"{visits.buyers:,}", border=True, width=160, help="Since watching began."
        )
        st.metric("Bought", words.money(visits.bought, currency), border=True, width=170,
                  help="What these visits paid, since watching began.")  # fmt: skip
        if now.expected is not None:
            st.metric(f"{amount} of open visits", words.money(now.expected, currency), border=True, width=250,
                      help="Summed over open visits that have not bought, each as of its last click, as if "
                      "it went on. Many have left without saying so: they bring less.")  # fmt: skip
        st.metric("In open carts", words.money(now.cart_value, currency), border=True, width=170,
                  help=f"{words.count(now.carts, 'open visit')} with something in the cart.")  # fmt: skip
        st.metric("Events a second", f"{feed.history.rate():,.1f}", border=True, width=160)
    out = []
    if feed.refused:
        out.append(f"{words.count(feed.refused, 'event')} got no score (no consent, refused or unreadable)")
    if visits.let_go:
        out.append(f"{words.count(visits.let_go, 'visit')} let go of for want of room")
    if not visits.knows_carts:
        out.append("these scores say nothing of carts: an older version wrote them")
    if out:
        st.caption(f"{'; '.join(out)}.")


def _charts(feed: Feed, labels: Labels, currency: str | None) -> None:
    table, front = feed.history.table(), _front(labels)
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("How likely are those who are here?")
        live_charts.visits_by_chance(table)
        what = f"the probability (proxy: {labels.goal})" if labels.proxy else "the probability of conversion"
        st.caption(f"{front}Open visits that have not bought, by {what} as of each one's last click.")
    with right:
        if not table["expected"].notna().any():
            st.caption("This bundle expects no amounts.")
            return
        st.subheader("Expected and bought")
        live_charts.expected_and_bought(table, currency)
        st.caption(
            f"{front}Above: what the visits open at a moment may still bring. Below: what was paid since "
            "watching began, added up. One is a level, the other a sum: they need not meet."
        )


def _front(labels: Labels) -> str:
    simulated = "Simulated data. " if labels.simulated else ""
    return simulated + (f"Proxy: {words.plain(labels.goal)} — not conversion. " if labels.proxy else "")


def _tables(used: Model, feed: Feed, labels: Labels, currency: str | None) -> None:
    visits = feed.watch.visits
    table = live_tables.table_of(undecided(visits.open()), visits.now)
    pick = live_look.possible(feed)
    left, right = st.columns(2, gap="medium")
    with left:
        carts = live_tables.carts(table, labels)
        st.subheader("Open carts" if labels.proxy else "Carts at risk now")
        columns = PROXY_CARTS if labels.proxy else CARTS
        in_cart = live_tables.show(carts, columns, labels, currency, "live_carts", pick=pick)
        st.caption(f"{_front(labels)}{_more(len(carts), 'cart')}")
    with right:
        top = live_tables.likeliest(table)
        st.subheader("Likeliest visits")
        on_top = live_tables.show(top, TOP, labels, currency, "live_top", pick=pick)
        st.caption(f"{_front(labels)}{_more(len(top), 'visit')}")
    if not pick:
        if isinstance(feed, ReplayFeed):
            st.caption("Pause to look at one of them click by click.")
        return
    row = carts.iloc[in_cart] if in_cart is not None else top.iloc[on_top] if on_top is not None else None
    if row is None:
        st.caption("Tick a visit to see it click by click, as far as it has come.")
    else:
        live_look.look(used, str(row["visitor_id"]), str(row["visit"]), visits.now)


def _more(number: int, noun: str) -> str:
    if number > live_tables.SHOWN:
        return f"The first {live_tables.SHOWN} of {words.count(number, f'open {noun}')}."
    return f"{words.count(number, f'open {noun}')[:1].upper()}{words.count(number, f'open {noun}')[1:]}."


if __name__ == "__main__":
    page.show(body)
