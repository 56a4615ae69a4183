"""The filters of the Explore page: widgets in, one ``Filters`` out, kept while other pages are open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import streamlit as st

from buysignal.app import words
from buysignal.app.state import Source
from buysignal.explore import Choices, Filters

PREFIX = "filter_"
_OF = "filters_of"
"""Which reading of which data the filters speak of."""

LISTS = {
    "devices": "Device",
    "channels": "Channel",
    "countries": "Country",
    "categories": "Category",
    "segments": "Segment",
    "events": "Visit includes",
}
IN_SIGHT = ("devices", "channels")
VISITORS = {"all": "All", "new": "First visit", "returning": "Came back"}
HELP = {
    "channels": "Where the visitor came from, such as organic search, email or an advertisement.",
    "categories": "The visit touched at least one of these categories.",
    "segments": "The kind of visit it is most like, by the model in use.",
    "events": "Something that happened in the visit at least once.",
}
VISITORS_HELP = "First visit: the first one of this visitor in the data. Came back: every later one."


def chosen(data: Source, offered: Choices, find_segments: Callable[[], None] | None) -> Filters:
    """Draw the filters and return what is chosen.

    Args:
        find_segments: what a button does that makes segments known; None where there is nothing to find.
    """
    _forget_other_data(data.token)
    with st.container(border=True, horizontal=True, vertical_alignment="bottom", key="explore_filters"):
        _days(offered)
        for name in IN_SIGHT:
            _list(name, LISTS[name], getattr(offered, name))
        _more(offered, find_segments)
    return _filters(offered)


def reset() -> None:
    """Let all visits pass again."""
    for key in [str(key) for key in st.session_state if str(key).startswith(PREFIX)]:
        del st.session_state[key]


def in_words(filters: Filters) -> str:
    """Return what is filtered.

    >>> in_words(Filters(devices=("mobile", "tablet"), visitors="new"))
    'Device: mobile or tablet; New or returning: First visit'
    """
    days = [f"from {filters.start}"] if filters.start else []
    days += [f"to {filters.end}"] if filters.end else []
    lists = [(label, getattr(filters, name)) for name, label in LISTS.items()]
    lists += [(words.column(name), values) for name, values in filters.columns]
    parts = [f"Days: {' '.join(days)}"] if days else []
    parts += [f"{label}: {' or '.join(values)}" for label, values in lists if values]
    if filters.visitors != "all":
        parts.append(f"New or returning: {VISITORS[filters.visitors]}")
    return "; ".join(parts)


def _forget_other_data(token: str) -> None:
    if st.session_state.get(_OF) != token:
        reset()
        st.session_state[_OF] = token


def _key(name: str, default: Any) -> str:
    """Return the widget's key, whose value outlives a look at another page."""
    key = PREFIX + name
    st.session_state.setdefault(key, default)
    return key


def _value(name: str, default: Any) -> Any:
    return st.session_state.get(PREFIX + name, default)


def _days(offered: Choices) -> None:
    if offered.start is None or offered.end is None or offered.start == offered.end:
        return
    span = (offered.start, offered.end)
    st.date_input(
        "Days (UTC)", min_value=span[0], max_value=span[1], format="YYYY-MM-DD", width=220,
        key=_key("days", span), persist_state="session",
    )  # fmt: skip


def _list(name: str, label: str, options: tuple[str, ...], width: int = 190) -> None:
    if options:
        key = _key(name, [])
        known = [value for value in st.session_state[key] if value in options]
        # Written only where it differs: a value set in every run would undo a choice made meanwhile.
        if known != list(st.session_state[key]):
            st.session_state[key] = known
        st.multiselect(
            label, options, placeholder="All", key=key, width=width, help=HELP.get(name),
            format_func=words.event if name == "events" else str, persist_state="session",
        )  # fmt: skip


def _more(offered: Choices, find_segments: Callable[[], None] | None) -> None:
    hidden = [name for name in LISTS if name not in IN_SIGHT and getattr(offered, name)]
    if not (hidden or offered.visitors or offered.columns or find_segments):
        return
    active = sum(bool(_value(name, [])) for name in [*hidden, *map(_column, offered.columns)])
    active += _value("visitors", "all") not in ("all", None)
    label = f"More filters ({active} in use)" if active else "More filters"
    with st.popover(label, icon=":material/tune:", width="content", key="more_filters"):
        if offered.visitors:
            st.segmented_control(
                "New or returning", offered.visitors, format_func=VISITORS.__getitem__,
                key=_key("visitors", "all"), help=VISITORS_HELP, required=True, persist_state="session",
            )  # fmt: skip
        for name in hidden:
            _list(name, LISTS[name], getattr(offered, name), width=300)
        for column, values in offered.columns.items():
            _list(_column(column), words.column(column), values, width=300)
        if find_segments is not None:
            st.button(
                "Find the segments of these visits", icon=":material/bubble_chart:", key="find_segments",
                on_click=find_segments, help="The model in use scores every visit; that takes a moment.",
            )  # fmt: skip


def _column(name: str) -> str:
    return f"column_{name}"


def _filters(offered: Choices) -> Filters:
    columns = ((name, tuple(_value(_column(name), ()))) for name in offered.columns)
    start, end = _span(offered)
    return Filters(
        start=start, end=end,
        devices=_picked(offered, "devices"), channels=_picked(offered, "channels"),
        countries=_picked(offered, "countries"), categories=_picked(offered, "categories"),
        segments=_picked(offered, "segments"), events=_picked(offered, "events"),
        visitors=_value("visitors", "all") or "all",
        columns=tuple((name, values) for name, values in columns if values),
    )  # fmt: skip


def _picked(offered: Choices, name: str) -> tuple[str, ...]:
    return tuple(_value(name, ())) if getattr(offered, name) else ()


def _span(offered: Choices) -> tuple[date | None, date | None]:
    """Return the days chosen; the whole span is no filter, so that visits without a day pass it."""
    days = _value("days", ())
    start, end = (*days, None, None)[:2]
    return (start if start != offered.start else None), (end if end != offered.end else None)
