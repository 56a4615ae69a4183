"""The last events of a visit as codes: nothing later is read, and a live visit gives the same."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal import events as ev
from buysignal import features, sessions
from buysignal.features.live import LiveVisitor, Reader
from buysignal.sources.demo import simulate
from buysignal.step_windows import (
    COLUMNS,
    FIRST_LEVEL,
    NOTHING,
    PADDING,
    UNKNOWN,
    StepCodes,
    StepWindows,
    fit_step_codes,
    live_steps,
)

EVENT, ITEM, CATEGORY, BAND, GAP = range(len(COLUMNS))


@cache
def learned() -> tuple[pa.Table, features.Vocabulary, StepCodes]:
    events = sessions.assign(ev.sort(ev.conform(simulate(400, days=14, seed=5).events)))
    vocabulary = features.fit_vocabulary(events)
    return events, vocabulary, fit_step_codes(events, np.ones(events.num_rows, bool), vocabulary, length=6)


def table(*steps: tuple[object, ...]) -> pa.Table:
    """Events of one visitor: session, second, event, item, price."""
    rows = [
        {
            "visitor_id": "v", "session_id": session, "event_time": (1_700_000_000 + second) * 1_000_000,
            "event_seq": i, "event_name": name, "item_id": item, "category": None, "price": price,
        }
        for i, (session, second, name, item, price) in enumerate(steps)
    ]  # fmt: skip
    made = pa.Table.from_pylist(rows)
    place = made.column_names.index("event_time")
    time = made.column("event_time").cast(pa.timestamp("us", tz="UTC"))
    return sessions.assign(ev.sort(ev.conform(made.set_column(place, "event_time", time))))


def test_a_window_ends_with_its_row_and_is_padded_on_the_left() -> None:
    _, vocabulary, codes = learned()
    known = vocabulary.items[int(np.flatnonzero(codes.items >= FIRST_LEVEL)[0])]
    events = table(
        ("a", 0, "page_view", None, None),
        ("a", 30, "view_item", known, 1e9),
        ("b", 90, "view_item", "new", 0.0),
    )
    window = StepWindows(events, vocabulary, codes).at(np.array([1, 2])).reshape(2, 6, len(COLUMNS))
    assert (window[0, :4] == PADDING).all()
    assert (window[1, :5] == PADDING).all()
    assert window[0, 4, EVENT] == FIRST_LEVEL + ev.EVENT_CODES["page_view"]
    assert window[0, 4, ITEM] == window[0, 4, CATEGORY] == window[0, 4, BAND] == NOTHING
    assert window[0, 5, ITEM] == FIRST_LEVEL
    assert window[1, 5, ITEM] == UNKNOWN
    assert window[0, 5, BAND] == codes.layout.sizes[BAND] - 1
    assert window[1, 5, BAND] == FIRST_LEVEL
    assert window[0, 5, GAP] == pytest.approx(np.log(31) / np.log(1801))
    assert window[1, 5, GAP] == 0


def test_every_code_is_below_its_size() -> None:
    events, vocabulary, codes = learned()
    windows = StepWindows(events, vocabulary, codes).at(np.arange(events.num_rows))
    assert windows.dtype == np.float32
    assert windows.shape == (events.num_rows, codes.layout.width)
    largest = windows.reshape(-1, len(COLUMNS)).max(axis=0)
    assert (largest[:GAP] < codes.layout.sizes[:GAP]).all()
    assert largest[ITEM] > FIRST_LEVEL
    assert largest[BAND] == codes.layout.sizes[BAND] - 1


def test_what_is_stored_gives_the_same_codes() -> None:
    _, vocabulary, codes = learned()
    again = StepCodes.of(vocabulary, codes.to_dict())
    assert again.layout.sizes == codes.layout.sizes
    assert (again.items == codes.items).all()
    assert (again.bands == codes.bands).all()


@settings(max_examples=15, deadline=None)
@given(share=st.floats(0.05, 0.95))
def test_what_comes_after_a_row_changes_no_window(share: float) -> None:
    events, vocabulary, codes = learned()
    kept = np.arange(events.num_rows) < int(share * events.num_rows)
    first = events.filter(pa.array(kept))
    rows = np.arange(first.num_rows)
    assert (
        StepWindows(first, vocabulary, codes).at(rows) == StepWindows(events, vocabulary, codes).at(rows)
    ).all()


@settings(max_examples=10, deadline=None)
@given(visitor=st.integers(0, 100))
def test_a_live_visit_has_the_windows_of_the_table(visitor: int) -> None:
    events, vocabulary, codes = learned()
    where = sessions.layout(events)
    first, last = where.session_starts[where.visitor_starts[visitor : visitor + 2]]
    part = events.slice(first, last - first)
    order = np.argsort(sessions.times(part), kind="stable")
    live = LiveVisitor(Reader(vocabulary))
    batch = StepWindows(part, vocabulary, codes).at(np.arange(part.num_rows))
    for row in order:
        visit = live.note(part.slice(row, 1).to_pylist()[0])
        assert (live_steps(visit, codes) == batch[row]).all()


def test_a_visit_beyond_the_cap_keeps_its_last_window() -> None:
    _, vocabulary, codes = learned()
    steps = [("a", i, "view_item", f"i{i % 7}", float(i)) for i in range(sessions.SESSION_CAP + 3)]
    events = table(*steps)
    windows = StepWindows(events, vocabulary, codes).at(np.arange(events.num_rows))
    assert (windows[-1] == windows[sessions.SESSION_CAP - 1]).all()
    live = LiveVisitor(Reader(vocabulary))
    for event in events.to_pylist():
        visit = live.note(event)
    assert (live_steps(visit, codes) == windows[-1]).all()
