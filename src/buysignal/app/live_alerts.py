"""The live page's alerts: which rules, to which webhook, and what became of them."""

from __future__ import annotations

import os
import time
from typing import Any
from uuid import uuid4

import pandas as pd
import streamlit as st

from buysignal.alerts.post_box import PostBox
from buysignal.alerts.rules import Rule, rules_of
from buysignal.alerts.watch import Alert, time_of
from buysignal.alerts.webhook import Fate, Webhook, secret_of
from buysignal.app import page, words
from buysignal.app.live_feed import Feed
from buysignal.app.state import Model
from buysignal.errors import BuysignalError, InputError

PREFIX = "BUYSIGNAL_"
"""Only such variables are read by the page: whoever can open it could name any other."""

SECRET = "BUYSIGNAL_WEBHOOK_SECRET"
PRIVATE = "BUYSIGNAL_ALLOW_PRIVATE_WEBHOOKS"
SHOWN = 8


def panel(used: Model, feed: Feed | None) -> None:
    """Ask for rules and a webhook; start and stop telling it."""
    telling = feed is not None and feed.active and feed.box is not None
    with st.expander("Alerts to a webhook", icon=":material/notifications_active:", expanded=False):
        rules = _rules(used)
        url, variable = _receiver()
        with st.container(horizontal=True):
            if telling:
                assert feed is not None
                if st.button("Stop alerts", icon=":material/notifications_off:", key="stop_alerts"):
                    feed.tell((), None)
                    st.rerun()
            elif st.button("Start alerts", icon=":material/notifications:", key="start_alerts",
                           disabled=feed is None or not feed.active):  # fmt: skip
                assert feed is not None
                _start(feed, rules, url, variable)
            if st.button("Send a test", icon=":material/send:", key="test_alert"):
                _test(used, url, variable)
        if feed is None or not feed.active:
            st.caption("Alerts can be started while a source is open.")


def told(feed: Feed) -> None:
    """Say what became of the alerts so far."""
    if feed.box is None:
        return
    counts = feed.box.counts
    st.subheader("Alerts")
    st.markdown(
        f"**{counts.taken:,}** taken by the webhook, {counts.waiting:,} waiting, "
        f"{counts.retried:,} sent again, "
        f"{counts.refused:,} refused, {counts.given_up:,} given up, {counts.dropped:,} dropped."
    )
    if counts.problem:
        st.warning(words.prose(f"{counts.problem}."), icon=":material/cloud_off:")
    latest = [_row(alert) for alert in list(feed.box.latest)[:SHOWN]]
    if latest:
        st.dataframe(pd.DataFrame(latest), hide_index=True, key="alerts_latest")
    else:
        st.caption("No visit has met a rule since alerts were started.")


def _row(alert: Alert) -> dict[str, Any]:
    body = alert.body
    at = pd.Timestamp(body["noticed_at"]).strftime("%Y-%m-%d %H:%M:%S")
    return {"When (UTC)": at, "Visit": body["session_id"], "What": body["sentence"]}


def _rules(used: Model) -> dict[str, str | None]:
    unit = used.bundle.goal.currency
    money = f" ({unit})" if unit else ""
    left, right = st.columns(2, gap="medium")
    with left:
        cart = st.toggle("Carts at risk", value=True, key="alert_carts")
        least = st.number_input(f"Worth at least{money}", 0.0, value=50.0, step=10.0, key="alert_least")
        below = st.number_input("Probability below (%)", 0.1, 100.0, 20.0, 5.0, key="alert_below")
        idle = st.number_input("Minutes without a click", 1, 120, 10, key="alert_idle")
    with right:
        hot = st.toggle("Hot visits", key="alert_hot")
        chance = st.number_input("Probability at least (%)", 0.1, 100.0, 60.0, 5.0, key="alert_chance")
    return {
        "cart": f"{least:.2f} {unit or ''}".strip() if cart else None,
        "below": f"{below:.1f}%",
        "idle": f"{idle}m",
        "hot": f"{chance:.1f}%" if hot else None,
    }


def _receiver() -> tuple[str, str]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        url = st.text_input("Webhook", placeholder="https://shop.example/hook", key="alert_url", width=340)
        variable = st.text_input(
            "Environment variable with the secret", SECRET, key="alert_secret", width=300,
            help="Set it where the app is started, to a long random text that the receiver knows too. The "
            "page never shows it.",
        )  # fmt: skip
    return url, variable.strip()


def _webhook(url: str, variable: str) -> Webhook:
    if not variable.startswith(PREFIX):
        raise InputError(
            f"the page does not read the environment variable {variable}",
            allowed=f"names with {PREFIX} in front",
        )
    found = Webhook(url, secret_of(variable), allow_private=os.environ.get(PRIVATE) == "1")
    found.check()
    return found


def _start(feed: Feed, rules: dict[str, str | None], url: str, variable: str) -> None:
    try:
        read: tuple[Rule, ...] = rules_of(feed.watch.currency, **rules)  # type: ignore[arg-type]
        feed.tell(read, PostBox(_webhook(url, variable)))
    except BuysignalError as error:
        page.refuse(error)
        return
    st.rerun()


def _test(used: Model, url: str, variable: str) -> None:
    """Post one alert that says it is a test, at once."""
    body = {
        "id": f"test-{uuid4().hex}",
        "rule": "test",
        "sentence": "This is a test of the webhook; no visit stands behind it.",
        "noticed_at": time_of(int(time.time() * 1e6)),
        "goal": used.bundle.goal.name,
        "proxy": used.bundle.goal.proxy,
        "simulated": used.simulated,
    }
    try:
        posted = _webhook(url, variable).post(Alert(str(body["id"]), body))
    except BuysignalError as error:
        page.refuse(error)
        return
    if posted.fate is Fate.TAKEN:
        st.success("The webhook took the test.", icon=":material/check_circle:")
    else:
        st.warning(
            words.prose(f"The webhook did not take the test: {posted.why}."), icon=":material/cloud_off:"
        )
