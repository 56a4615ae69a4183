"""Sessions: gaps, given ids, interleaved tabs, bots."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal import events as ev
from buysignal import sessions
from buysignal.errors import UnitError

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    full = [{"event_name": "page_view", "event_seq": i} | row for i, row in enumerate(rows)]
    return ev.sort(ev.conform(pa.Table.from_pylist(full)))


def at(minutes: float, visitor: str = "v", **more: Any) -> dict[str, Any]:
    return {"visitor_id": visitor, "event_time": START + timedelta(minutes=minutes), **more}


def test_a_pause_longer_than_the_gap_starts_a_session() -> None:
    events = sessions.assign(table([at(0), at(30), at(60.1), at(61), at(0, "w")]))
    assert events.column("session_id").to_pylist() == ["v-1", "v-1", "v-2", "v-2", "w-1"]


def test_the_gap_needs_a_unit() -> None:
    with pytest.raises(UnitError, match="session_gap 1800 has no unit"):
        sessions.assign(table([at(0)]), session_gap="1800")


def test_without_a_clock_a_day_is_a_session() -> None:
    days = [date(2026, 3, 2), date(2026, 3, 2), date(2026, 3, 3)]
    events = sessions.assign(table([{"visitor_id": "v", "event_date": day} for day in days]))
    assert events.column("session_id").to_pylist() == ["v-1", "v-1", "v-2"]


def test_given_ids_are_kept_and_interleaved_sessions_brought_apart() -> None:
    rows = [at(0, session_id="a"), at(1, session_id="b"), at(2, session_id="a"), at(3, session_id="b")]
    events = sessions.assign(table(rows))
    assert events.column("session_id").to_pylist() == ["a", "a", "b", "b"]
    assert events.column("event_seq").to_pylist() == [0, 2, 1, 3]
    where = sessions.layout(events)
    assert where.session_starts.tolist() == [0, 2, 4]
    assert where.visitor_starts.tolist() == [0, 2]


def test_bots_are_the_fast_and_the_endless() -> None:
    fast = [at(i / 600, "fast") for i in range(40)]
    calm = [at(i, "calm") for i in range(40)]
    endless = [at(i / 2, "endless") for i in range(sessions.SESSION_CAP + 1)]
    events = sessions.assign(table([*fast, *calm, *endless]))
    flagged = set(events.filter(pa.array(sessions.bots(events))).column("visitor_id").to_pylist())
    assert flagged == {"fast", "endless"}


def test_one_id_used_by_two_visitors_is_two_sessions_each_in_its_own_order() -> None:
    rows = [at(0, "v", session_id="x"), at(1, "w", session_id="y"), at(2, "w", session_id="x")]
    rows += [at(3, "w", session_id="y")]
    events = sessions.assign(table(rows))
    assert events.column("event_seq").to_pylist() == [0, 1, 3, 2]
    alone = sessions.assign(table(rows).slice(1))
    assert alone.column("session_id").to_pylist() == ["y", "y", "x"]
    assert sessions.layout(events).session_starts.tolist() == [0, 1, 3, 4]


@settings(deadline=None, max_examples=60)
@given(
    made=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc")), min_size=1, max_size=60),
    cut=st.data(),
)
def test_sessions_come_together_by_visitor_and_first_event(
    made: list[tuple[int, str]], cut: st.DataObject
) -> None:
    rows = [at(i, f"v{visitor}", session_id=session) for i, (visitor, session) in enumerate(made)]
    events = table(rows)
    split = cut.draw(st.integers(0, len(rows)))
    chunked = pa.concat_tables([events.slice(0, split), events.slice(split)])
    first: dict[tuple[str, str], int] = {}
    for i, row in enumerate(events.to_pylist()):
        first.setdefault((row["visitor_id"], row["session_id"]), i)
    expected = sorted(
        events.to_pylist(),
        key=lambda row: (row["visitor_id"], first[row["visitor_id"], row["session_id"]], row["event_seq"]),
    )
    assert sessions.assign(chunked).to_pylist() == expected
    where = sessions.layout(sessions.assign(chunked))
    assert (where.sessions, where.visitors) == (len(first), len({visitor for visitor, _ in made}))


@settings(deadline=None, max_examples=60)
@given(
    pauses=st.lists(
        st.sampled_from([0, 1, 999_999, 1_000_000, 1_000_001, 5_000_000]), min_size=29, max_size=36
    )
)
def test_a_bot_is_known_by_the_median_of_its_pauses(pauses: list[int]) -> None:
    moments = np.cumsum([0, *pauses])
    rows = [at(0, "a"), *(at(0, "b", event_time=START + timedelta(microseconds=int(m))) for m in moments)]
    events = sessions.assign(table([*rows, *(at(i, "c") for i in range(3))]))
    flagged = set(events.filter(pa.array(sessions.bots(events))).column("visitor_id").to_pylist())
    assert flagged == ({"b"} if np.median(pauses) < 1_000_000 else set())


def test_no_events_give_no_sessions() -> None:
    empty = ev.conform(pa.Table.from_pylist([], schema=ev.SCHEMA))
    assert sessions.assign(empty).num_rows == 0
    assert len(sessions.bots(empty)) == 0
