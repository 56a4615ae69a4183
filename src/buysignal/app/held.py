"""Answers that one browser session keeps, so that a page does not ask the library twice."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

import streamlit as st

T = TypeVar("T")


def held(name: str, key: Hashable, make: Callable[[], T], doing: str | None = None) -> T:
    """Return ``make()``, computed once for ``key`` and kept until another key is asked for.

    Args:
        name: what it is; one answer is kept per name.
        key: all that the answer depends on, such as the data's token and the model's version.
        make: gives the answer.
        doing: written beside a spinner meanwhile.
    """
    place = f"held_{name}"
    kept = st.session_state.get(place)
    if kept is None or kept[0] != key:
        if doing is None:
            kept = (key, make())
        else:
            with st.spinner(doing):
                kept = (key, make())
        st.session_state[place] = kept
    return cast("T", kept[1])


def forget(name: str) -> None:
    """Let go of an answer that nothing will ask for again, and of the memory it takes."""
    st.session_state.pop(f"held_{name}", None)
