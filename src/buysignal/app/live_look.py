"""One visit of a replay that stands still: click by click, as far as it has come at that moment."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from buysignal.alerts.watch import time_of
from buysignal.app import charts, page, state, words
from buysignal.app.live_feed import Feed
from buysignal.app.live_replay import ReplayFeed
from buysignal.app.state import Model
from buysignal.app.timeline import timeline
from buysignal.errors import BuysignalError
from buysignal.prefixes import moments


def clock(moment: int) -> str:
    """Return microseconds since 1970 as a clock says it.

    >>> clock(0)
    '1970-01-01 00:00:00'
    """
    return time_of(moment)[:19].replace("T", " ")


def possible(feed: Feed) -> bool:
    """Return whether visits can be looked at: their events are here, and nothing moves."""
    data = state.source()
    if data is None or not isinstance(feed, ReplayFeed):
        return False
    return feed.token == data.token and (feed.paused or not feed.active)


def look(used: Model, visitor_id: str, session_id: str, now: int) -> None:
    """Draw the visit from the visitor's events up to ``now``; later ones are not there."""
    data = state.source()
    if data is None:
        return
    own = data.loaded.table.filter(pc.equal(data.loaded.table.column("visitor_id"), visitor_id))
    by_now = moments(own) <= np.datetime64(now, "us")
    try:
        seen = timeline(
            used.bundle, own.filter(pa.array(by_now)), {"visitor_id": visitor_id, "session_id": session_id}
        )
    except (BuysignalError, KeyError):
        st.caption("This visit is not in the data in use.")
        return
    goal, story = used.bundle.goal, seen.story
    st.header(f"Visit {words.plain(session_id)}", divider="gray")
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Click by click")
        charts.draw(charts.history(seen.steps, words.chance(goal)), "look_history", "Probability by click")
        page.caption(f"The score after each click, up to {clock(now)} UTC.", goal, data.simulated)
    with right:
        st.subheader("Why?")
        charts.draw(charts.reasons(story.reasons, goal.currency), "look_reasons", "What moves the score")
        page.caption(
            f"What moves the score away from a typical visit's {words.percent(story.typical_probability)}: "
            "blue raises it, orange lowers it.",
            goal,
            data.simulated,
        )
