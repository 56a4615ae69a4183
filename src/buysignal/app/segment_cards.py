"""Segments as cards: evidence, how stable each is, and what could be done for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from buysignal.app import page, state, words
from buysignal.app.state import Model
from buysignal.models.segment_stability import word
from buysignal.report import SegmentProfile, Table
from buysignal.segment_actions import CAVEAT, Action, suggest
from buysignal.segment_methods import compared, why

MARKS = {
    "very stable": (":material/verified:", "green"),
    "stable": (":material/check_circle:", "green"),
    "doubtful": (":material/help:", "orange"),
    "unstable": (":material/warning:", "red"),
}
"""A sign beside the word, so that colour is not needed."""

STABILITY = (
    "How alike the segment is when it is found again in other samples of the visits (mean Jaccard "
    "coefficient, 0 to 1; Hennig 2007). From 0.75 it is stable; below 0.6 do not build on it."
)


def show(used: Model) -> None:
    """Write one card a segment, two beside each other where there is room."""
    goal, profiles = used.bundle.goal, used.bundle.segment_profiles
    actions = suggest(profiles, proxy=goal.proxy)
    columns = st.columns(2, gap="medium")
    for i, profile in enumerate(profiles):
        with columns[i % 2], st.container(border=True):
            _card(used, profile, actions[profile.segment])
    page.caption(CAVEAT, goal, used.simulated)


def _card(used: Model, profile: SegmentProfile, action: Action) -> None:
    st.markdown(f"#### {words.plain(profile.name)}")
    if profile.original:
        st.caption(f"Found as: {words.plain(profile.original)}")
    with st.container(horizontal=True, gap="small"):
        st.badge(f"{words.count(profile.n, 'visit')}, {words.percent(profile.share)}", color="gray")
        for text in _outcome(used, profile):
            st.badge(text, color="blue")
        if profile.stability is not None:
            said = word(profile.stability)
            icon, colour = MARKS[said]
            st.badge(f"{said} ({profile.stability:.2f})", icon=icon, color=colour)
    st.markdown(f":material/lightbulb: {words.prose(action.sentence)}")
    st.caption(f"Why: {words.prose(action.reason)}")


def _outcome(used: Model, profile: SegmentProfile) -> list[str]:
    goal, currency = used.bundle.goal, state.currency()
    said = []
    if profile.rate is not None:
        verb = "reach the goal (proxy)" if goal.proxy else "bought"
        said.append(f"{words.percent(profile.rate)} {verb}")
    if profile.revenue is not None:
        said.append(f"{words.money(profile.revenue, currency)} a visit{' (proxy)' if goal.proxy else ''}")
    return said


def evidence(used: Model) -> None:
    """Write the same as a table, to sort and to read figure by figure."""
    goal, profiles, currency = used.bundle.goal, used.bundle.segment_profiles, state.currency()
    actions = suggest(profiles, proxy=goal.proxy)
    frame = pd.DataFrame(
        {
            "Segment": [p.name for p in profiles],
            "Found as": [p.original for p in profiles],
            "Visits": [p.n for p in profiles],
            "Share": [p.share for p in profiles],
            "rate": [p.rate for p in profiles],
            "revenue": [p.revenue for p in profiles],
            "Stability": [_stability(p) for p in profiles],
            "Suggested action": [actions[p.segment].name for p in profiles],
        }
    ).dropna(axis=1, how="all")
    rate = f"Reach the goal (proxy: {goal.name})" if goal.proxy else "Bought"
    amount = "Mean amount (proxy)" if goal.proxy else "Mean revenue per visit"
    config = st.column_config
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "Segment": config.TextColumn(width="medium", pinned=True),
            "Found as": config.TextColumn(help="The name it had before it was renamed."),
            "Visits": config.NumberColumn(format="localized"),
            "Share": config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "rate": config.NumberColumn(rate, format="percent", help="Share of these visits."),
            "revenue": config.NumberColumn(amount, format=words.money_format(currency)),
            "Stability": config.TextColumn(help=STABILITY),
        },
    )
    page.caption(
        "Size and outcome of each segment, on the visits the model learned from.", goal, used.simulated
    )


def _stability(profile: SegmentProfile) -> str | None:
    return None if profile.stability is None else f"{word(profile.stability)} ({profile.stability:.2f})"


def methods(table: Table, simulated: bool) -> None:
    """Write the ways of finding segments beside each other, and which won and why."""
    st.markdown(words.prose(why(table)))
    found = compared(table)
    frame = pd.DataFrame(
        {
            "Way": [f"★ {one.name}" if one.chosen else one.name for one in found],
            "Segments": [one.segments or None for one in found],
            "Silhouette": [one.silhouette for one in found],
            "Davies–Bouldin": [one.davies_bouldin for one in found],
            "Stability": [one.stability for one in found],
            "Visits with a segment": [one.covered for one in found],
            "Verdict": [one.verdict for one in found],
        }
    )
    st.dataframe(frame, hide_index=True, column_config=_method_columns())
    text = (
        "★ has the highest silhouette × stability × share of visits with a segment. Ways that only split "
        "off slivers are shown and never chosen."
    )
    page.caption(text, None, simulated)


def _method_columns() -> Mapping[str, object]:
    config = st.column_config
    helps: Sequence[tuple[str, str]] = (
        ("Silhouette", words.HELP["silhouette"]),
        ("Davies–Bouldin", words.HELP["davies_bouldin"]),
        ("Stability", words.HELP["stability"]),
    )
    return {
        "Way": config.TextColumn(pinned=True),
        "Visits with a segment": config.NumberColumn(format="percent"),
        "Verdict": config.TextColumn(width="large"),
        **{name: config.NumberColumn(format="%.2f", help=text) for name, text in helps},
    }
