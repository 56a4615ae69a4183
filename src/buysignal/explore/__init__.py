"""Exploration: what visits do, as charts that each say in a sentence what they show.

>>> import pyarrow as pa
>>> from buysignal import events
>>> rows = pa.table({"visitor_id": ["a", "a"], "event_seq": [1, 2], "event_name": ["view_item"] * 2})
>>> explore(events.conform(rows)).chart("visits-length").sentence
'Half of the visits have 2 events or fewer; 1 in 100 has more than 2.'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from buysignal.errors import SamplesError
from buysignal.explore.chart import Chart, Format, Kind
from buysignal.explore.cohorts import cohorts_section
from buysignal.explore.distributions import distributions_section
from buysignal.explore.exploration import Exploration, Facts, Section, facts_of
from buysignal.explore.filters import Choices, Filters, choices_of, kept_visits
from buysignal.explore.funnel import funnel_section
from buysignal.explore.items import items_section
from buysignal.explore.missing import missing_section
from buysignal.explore.paths import paths_section
from buysignal.explore.prepare import prepare
from buysignal.explore.prepared import Prepared
from buysignal.explore.rates import rates_section
from buysignal.explore.related import related_section
from buysignal.explore.time_of import time_section
from buysignal.explore.visits import visits_section
from buysignal.sources.read import Loaded, Progress

__all__ = [
    "Chart", "Choices", "Exploration", "Facts", "Filters", "Format", "Kind", "Prepared", "Section",
    "choices", "explore", "prepare",
]  # fmt: skip

Data: TypeAlias = Loaded | pa.Table | Prepared
Segments: TypeAlias = Mapping[str, str]
"""Session id -> name of its segment; sessions that are not in it have none."""


def explore(
    data: Data,
    *,
    filters: Filters = Filters(),  # noqa: B008 (frozen)
    segments: Segments | None = None,
    session_gap: str = "30m",
    progress: Progress | None = None,
) -> Exploration:
    """Return every chart that ``data`` can feed, and for the others the reason why not.

    Visits that look automatic and events without consent are left out and counted in the facts.

    Args:
        data: loaded files, conformed and sorted events, or either of them as ``prepare`` returns it,
            which saves that step when filters change.
        filters: which visits to look at; applied to everything.
        segments: session id -> segment, for the funnel by segment and the filter of that name.
        session_gap: where the source gives no session ids: the longest pause in one.
        progress: called with the share done and what is being done.

    Raises:
        SamplesError: no visit passes the filters, or one asks for what the data does not hold.
        UnitError: ``session_gap`` has no unit.
    """
    tell = progress or (lambda _share, _text: None)
    tell(0.0, "summing up visits")
    ready = prepare(data, session_gap=session_gap)
    named = _segments(ready, segments)
    kept = kept_visits(ready, filters, named)
    if not kept.any():
        raise SamplesError(
            "no visit passes these filters",
            allowed=f"filters that at least one of the {len(kept):,} visits passes",
            todo="widen or remove a filter",
        )
    seen = ready.where(kept)
    makers = _sections(seen, None if named is None else named[kept].reset_index(drop=True))
    sections = []
    for done, (name, make) in enumerate(makers):
        tell(0.3 + 0.7 * done / len(makers), name)
        sections.append(make())
    tell(1.0, "explored")
    return Exploration(tuple(sections), facts_of(seen, len(kept)))


def _sections(seen: Prepared, segments: pd.Series | None) -> list[tuple[str, Callable[[], Section]]]:
    about_columns = [
        ("distributions", lambda: distributions_section(seen)),
        ("what goes together", lambda: related_section(seen)),
        ("missing values", lambda: missing_section(seen)),
    ]
    if seen.level == "session":
        about_visits = [("conversion", lambda: rates_section(seen)), ("time", lambda: time_section(seen))]
        return [*about_visits, *about_columns]
    return [
        ("visits", lambda: visits_section(seen)),
        ("funnel", lambda: funnel_section(seen, segments)),
        ("paths", lambda: paths_section(seen)),
        ("time", lambda: time_section(seen)),
        ("items", lambda: items_section(seen)),
        ("returning visitors", lambda: cohorts_section(seen)),
        *about_columns,
    ]


def choices(data: Data, *, segments: Segments | None = None, session_gap: str = "30m") -> Choices:
    """Return what ``data`` can be filtered by.

    Raises:
        UnitError: ``session_gap`` has no unit.
    """
    ready = prepare(data, session_gap=session_gap)
    return choices_of(ready, _segments(ready, segments))


def _segments(ready: Prepared, segments: Segments | None) -> pd.Series | None:
    """Return the segment of each visit, in the order of the visits."""
    if segments is None:
        return None
    return ready.visits["id"].map(pd.Series(dict(segments), dtype="str"))
