"""What is in the data that was brought: figures, what it can answer, how far it carries, what it lacks."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from buysignal import enough
from buysignal.app import words
from buysignal.check import CheckResult
from buysignal.goals import Answer
from buysignal.sources.read import MENDED

ANSWERS = {
    "yes": (":material/check_circle:", "green", "Yes"),
    "proxy": (":material/swap_horiz:", "orange", "Proxy only"),
    "no": (":material/block:", "red", "No"),
}

MODES = {
    "too few": (
        "**Small shop: too few purchases for a score to act on.** Everything is computed by simple models, "
        "as a trial run."
    ),
    "small": (
        "**Small shop: simple models.** There are enough purchases for a few features, so only simple models "
        "compete, and intervals are wide."
    ),
}

AUC_HELP = (
    "AUC: how often a visit that ends with a purchase gets the higher score of two. 0.5 is guessing, 1 is "
    "always. Two models can be told apart when it is known to about ±0.05."
)


def figures(check: CheckResult) -> None:
    """Show the counts that describe the data."""
    unknown = "Not told apart from visits in this source."
    facts = [
        ("Visits", f"{check.sessions:,}", None),
        ("Visitors", "–" if check.visitors is None else f"{check.visitors:,}",
         unknown if check.visitors is None else None),
        ("Purchases", f"{check.purchases:,}", None),
        ("Revenue", words.money(check.revenue, check.currency), None),
    ]  # fmt: skip
    with st.container(horizontal=True):
        for label, value, text in facts:
            st.metric(label, value, help=text, border=True, width="content")
    if check.time_range:
        start, end = (moment[:10] for moment in check.time_range)
        st.caption(f"From {start} to {end}.")


def answers(check: CheckResult) -> None:
    """Show the label gate: what this data can answer, what not, and what is missing for it."""
    with st.container(border=True):
        for answer in check.can_predict:
            _answer(answer)
    if check.lacking:
        with st.container(border=True):
            st.markdown("**What is missing, and what it would answer**")
            st.markdown("\n".join(f"- {words.plain(sentence(line))}" for line in check.lacking))


def _answer(answer: Answer) -> None:
    icon, colour, word = ANSWERS[answer.answer]
    left, right = st.columns([1, 6], vertical_alignment="center")
    with left:
        st.badge(
            word, icon=icon, color=colour, help=words.HELP["proxy"] if answer.answer == "proxy" else None
        )
    why = words.plain(answer.why)
    front = "proxy, not conversion: " if answer.answer == "proxy" else ""
    right.markdown(f"**{words.plain(sentence(answer.question, '?'))}** {sentence(front + why)}")


def sentence(text: str, end: str = ".") -> str:
    """Return a sentence with its capital and its end.

    >>> sentence("it is so")
    'It is so.'
    """
    return text[:1].upper() + text[1:].rstrip(".?") + end


def carries(check: CheckResult) -> None:
    """Show how far the purchases carry, and how many more what needs."""
    if not check.needs:
        return
    rules = "; ".join(f"{need.question}: {need.source}" for need in check.needs)
    st.subheader("How far the purchases carry", help=f"{AUC_HELP} Where the numbers come from: {rules}.")
    mode = enough.mode(check.purchases)
    if mode in MODES:
        st.info(MODES[mode], icon=":material/potted_plant:")
    with st.container(border=True):
        for need in check.needs:
            _need(need)
    st.caption(
        f"{words.count(check.purchases, 'purchase')} in {words.count(check.sessions, 'visit')}; two thirds "
        "of the visits are learned from, a fifth is kept to test on."
    )


def _need(need: enough.Need) -> None:
    reached = "reached" if need.enough else f"{words.percent(need.have / need.need)} reached"
    left, right = st.columns([2, 5], vertical_alignment="center", gap="medium")
    left.progress(min(need.have / need.need, 1.0), text=f"{need.need:,} purchases: {reached}")
    right.markdown(f"**{words.plain(sentence(need.question))}** {words.plain(sentence(need.sentence))}")


def mended(check: CheckResult) -> None:
    """Say what was mended without asking, and what is doubtful."""
    lines = [f"- {n:,} {MENDED[kind]}" for kind, n in check.mended.items()]
    lines.append(f"- {words.count(check.duplicates, 'row')} equal to an earlier one")
    lines.append(f"- {words.count(check.suspected_bots, 'suspected bot session')}")
    lines += [f"- `{c}` is known only {_when(when)}" for c, when in check.known_too_late.items()]
    st.markdown("\n".join(lines))


def _when(known: str) -> str:
    return {"during": "while the visit goes on", "end": "when the visit is over"}.get(known, known)


def missing(check: CheckResult) -> None:
    """Show how many cells of each column are empty."""
    if not check.missing_by_column:
        st.success("No cell is empty in any column.", icon=":material/check_circle:")
        return
    table = pd.DataFrame(
        {
            "Column": list(check.missing_by_column),
            "Empty cells": list(check.missing_by_column.values()),
            "Share": [n / check.rows_kept for n in check.missing_by_column.values()],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        width="content",
        column_config={
            "Empty cells": st.column_config.NumberColumn(format="localized"),
            "Share": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
        },
    )
    st.caption("Cells may well be empty for a reason: a page view names no item and has no price.")
