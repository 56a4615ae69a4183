"""One session's exploration: computed once for each choice of filters, and never shared with another."""

from __future__ import annotations

from typing import cast

import streamlit as st

from buysignal import explore
from buysignal.app import state
from buysignal.app.state import Model, Source
from buysignal.explore import Choices, Exploration, Filters, Prepared

_HELD = "exploring"
MOST_HELD = 8
"""Explorations a session keeps; filters that were tried before answer at once."""


class _Held:
    """What is kept of one reading of one source."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.prepared: Prepared | None = None
        self.choices: dict[str, Choices] = {}
        self.explored: dict[tuple[Filters, str], Exploration] = {}


def _held(data: Source) -> _Held:
    held = cast("_Held | None", st.session_state.get(_HELD))
    if held is None or held.token != data.token:
        held = _Held(data.token)
        st.session_state[_HELD] = held
    return held


def _prepared(data: Source) -> Prepared:
    held = _held(data)
    if held.prepared is None:
        with st.spinner("Summing up the visits"):
            held.prepared = explore.prepare(data.loaded)
    return held.prepared


def choices(data: Source) -> Choices:
    """Return what the data in use can be filtered by."""
    held, version = _held(data), _version(data)
    if version not in held.choices:
        held.choices[version] = explore.choices(_prepared(data), segments=segments(data))
    return held.choices[version]


def exploration(data: Source, filters: Filters) -> Exploration:
    """Return the exploration of the visits that pass ``filters``.

    Raises:
        SamplesError: no visit passes.
    """
    held, key = _held(data), (filters, _version(data))
    if key not in held.explored:
        ready = _prepared(data)
        with st.spinner("Drawing the charts"):
            found = explore.explore(ready, filters=filters, segments=segments(data))
        while len(held.explored) >= MOST_HELD:
            held.explored.pop(next(iter(held.explored)))
        held.explored[key] = found
    return held.explored[key]


def segments(data: Source) -> dict[str, str] | None:
    """Return the segment of each visit where the model in use has scored this data, else None."""
    used = state.model()
    if used is None or not _scored(data, used):
        return None
    table = state.scores(data, used).table
    if not {"session_id", "segment"} <= set(table.columns):
        return None
    return dict(zip(table["session_id"].astype(str), table["segment"].astype(str), strict=True))


def could_find_segments(data: Source) -> bool:
    """Whether scoring by the model in use would tell the segments, and has not been done yet."""
    used = state.model()
    if used is None or not used.bundle.segment_profiles or not used.bundle.reads_events:
        return False
    return used.bundle.profile.name == data.check.profile and not _scored(data, used)


def _scored(data: Source, used: Model) -> bool:
    held = st.session_state.get("scores")
    return held is not None and held[0] == (data.token, used.bundle.version)


def _version(data: Source) -> str:
    used = state.model()
    return used.bundle.version if used is not None and _scored(data, used) else ""
