"""What all pages share: the guard, the heading, and what to do where something is missing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import streamlit as st

from buysignal.app import state, words
from buysignal.errors import BuysignalError
from buysignal.goals import Goal
from buysignal.scoring import Scored

VIEWS = Path(__file__).with_name("views")

FAULT = (
    "Something went wrong inside buysignal; your data and model are untouched. "
    "The details are in the server's log."
)


def show(body: Callable[[], None]) -> None:
    """Run a page; what goes wrong becomes one sentence."""
    try:
        body()
    except BuysignalError as error:
        refuse(error)
    except Exception:
        logging.getLogger(__name__).exception("a page failed")
        st.error(FAULT, icon=":material/error:")


def refuse(error: BuysignalError) -> None:
    """Write the library's sentence; its first word gets a capital unless it is a file's name."""
    text = str(error)
    first = text.partition(" ")[0]
    said = text[:1].upper() + text[1:] if first.isalpha() else text
    st.error(words.prose(said), icon=":material/error:")


def heading(title: str, text: str, *, goal: Goal | None = None, simulated: bool = False) -> None:
    """Write the page's title with its labels: a proxy and simulated data say so first."""
    st.title(title)
    with st.container(horizontal=True, gap="small"):
        if simulated:
            st.badge("Simulated data", icon=":material/science:", color="violet")
        if goal is not None and goal.proxy:
            st.badge(words.proxy_label(goal), icon=":material/swap_horiz:", color="orange")
    st.markdown(text)


def labels(goal: Goal, simulated: bool) -> str:
    """Return what stands in front of every caption: simulated, and the proxy's name."""
    parts = ["Simulated data."] if simulated else []
    if goal.proxy:
        parts.append(f"{words.proxy_label(goal).capitalize()}.")
    return " ".join(parts)


def link(name: str, label: str, icon: str) -> None:
    """Write a link to another page."""
    st.page_link(VIEWS / f"{name}.py", label=label, icon=f":material/{icon}:")


def go(name: str, label: str, icon: str, *, primary: bool = False) -> None:
    """Write a button that opens another page."""
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    if st.button(label, icon=f":material/{icon}:", type=kind, key=f"go_{name}_{icon}"):
        st.switch_page(VIEWS / f"{name}.py")


def need_model() -> state.Model | None:
    """Return the model in use; where there is none, say how to get one."""
    used = state.model()
    if used is None:
        with st.container(border=True):
            st.subheader("First, a trained model")
            st.markdown(
                "There is none yet. Open the demo shop or your own files on the **Data** page, then train "
                "on the **Train** page: for a demo shop of 5,000 visitors that takes about a minute."
            )
            with st.container(horizontal=True):
                go("data", "Choose data", "database", primary=state.source() is None)
                go("train", "Train a model", "model_training", primary=state.source() is not None)
    return used


def scores(data: state.Source, used: state.Model) -> Scored | None:
    """Return the scores of the data by the model; where they do not fit, say so and what to do."""
    try:
        return state.scores(data, used)
    except BuysignalError as error:
        refuse(error)
        with st.container(horizontal=True):
            go("train", "Train a model on this data, or open another", "model_training", primary=True)
            go("data", "Choose other data", "database")
        return None


def caption(text: str, goal: Goal | None = None, simulated: bool = False) -> None:
    """Write the sentence under a chart, its labels in front."""
    front = labels(goal, simulated) if goal is not None else ("Simulated data." if simulated else "")
    st.caption(f"{front} {text}".strip())
