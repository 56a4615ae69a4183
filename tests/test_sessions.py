"""Sessions: gaps, given ids, interleaved tabs, bots."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

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


def test_no_events_give_no_sessions() -> None:
    empty = ev.conform(pa.Table.from_pylist([], schema=ev.SCHEMA))
    assert sessions.assign(empty).num_rows == 0
    assert len(sessions.bots(empty)) == 0
