"""At which moment visits are asked, what was known then, and what came after."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal import sessions
from buysignal.decisions import asking
from buysignal.errors import InputError, SamplesError
from buysignal.goals import PURCHASE, Goal
from decisions.shops import at, made

WEEK = PURCHASE.model_copy(update={"horizon": "7d"})


def scores(n: int) -> pd.DataFrame:
    return pd.DataFrame({"probability": np.full(n, 0.5), "expected_revenue": np.full(n, 10.0)})


def visits(events: pa.Table, asked: asking.Asked, goal: Goal = PURCHASE) -> pd.DataFrame:
    return asking.asked_visits(events, asked, scores(len(asked)), goal)


EVENTS = made(
    ("v1", "s1", 0, "page_view"),
    ("v1", "s1", 2, "view_item", "a", 20.0),
    ("v1", "s1", 5, "purchase", "a", 20.0, 2),
    ("v1", "s1", 5, "purchase", "b", 5.0),
    ("v2", "s2", 1, "page_view"),
    ("v2", "s2", 40, "page_view"),
    ("v3", "s3", 3, "page_view"),
    ("v3", "s4", 200, "purchase", "a", 20.0),
)


def test_after_a_click_each_visit_is_asked_once_and_judged_by_what_it_did_later() -> None:
    found = visits(EVENTS, asking.after_click(EVENTS, 2)).set_index("session_id")
    assert list(found.index) == ["s1", "s2"]
    assert found.loc["s1", "clicks"] == 2
    assert found["bought"].tolist() == [True, False]
    assert found["spent"].tolist() == [45.0, 0.0]
    assert found["outcome_known"].all()


def test_an_order_that_was_placed_by_then_is_marked_and_no_longer_to_come() -> None:
    found = visits(EVENTS, asking.after_click(EVENTS, 4)).set_index("session_id")
    assert found.loc["s1", "already_bought"]
    assert found.loc["s1", "spent"] == 0.0


@pytest.mark.parametrize("click", [0, -1, sessions.SESSION_CAP + 1])
def test_a_click_that_no_visit_has_is_refused(click: int) -> None:
    with pytest.raises(InputError, match=str(click)):
        asking.after_click(EVENTS, click)


def test_under_way_is_who_moved_within_the_pause() -> None:
    found = visits(EVENTS, asking.under_way(EVENTS, np.array([at(4)])))
    assert found[["session_id", "clicks"]].to_numpy().tolist() == [["s1", 2], ["s2", 1], ["s3", 1]]
    later = visits(EVENTS, asking.under_way(EVENTS, np.array([at(34)])))
    assert later["session_id"].tolist() == ["s1"]
    assert (later["asked_at"] == at(34)).all()


def test_several_moments_ask_a_visit_as_often_as_it_is_under_way() -> None:
    found = asking.under_way(EVENTS, np.array([at(0), at(1), at(2), at(6)]))
    s1 = visits(EVENTS, found).query("session_id == 's1'")
    assert s1["clicks"].tolist() == [1, 1, 2, 4]
    assert s1["asked_at"].tolist() == [pd.Timestamp(at(m)) for m in (0, 1, 2, 6)]


def test_a_visit_that_may_go_on_has_no_known_outcome() -> None:
    events = made(("v1", "s1", 0, "page_view"), ("v2", "s2", 20, "page_view"))
    assert visits(events, asking.after_click(events, 1))["outcome_known"].tolist() == [False, False]
    more = made(("v1", "s1", 0, "page_view"), ("v2", "s2", 31, "page_view"))
    assert visits(more, asking.after_click(more, 1))["outcome_known"].tolist() == [True, False]


def test_a_horizon_reaches_into_later_visits_of_the_same_visitor_only() -> None:
    found = visits(EVENTS, asking.after_click(EVENTS, 1), WEEK).set_index("session_id")
    assert found["bought"].to_dict() == {"s1": True, "s2": False, "s3": True, "s4": False}
    assert found["spent"].to_dict() == {"s1": 45.0, "s2": 0.0, "s3": 20.0, "s4": 0.0}
    assert not found["outcome_known"].any()
    long = made(("v3", "s3", 0, "page_view"), ("v3", "s4", 8 * 1440, "purchase", "a", 20.0))
    late = visits(long, asking.after_click(long, 1), WEEK)
    assert (late["bought"].tolist(), late["outcome_known"].tolist()) == ([False, False], [True, False])


def test_a_bot_is_suspected_from_the_click_that_shows_it() -> None:
    fast = made(*(("v1", "s1", i / 600, "page_view") for i in range(40)), ("v2", "s2", 0, "page_view"))
    found = asking.bot_so_far(fast)
    assert found.tolist() == [*(n >= sessions.BOT_MIN_EVENTS for n in range(1, 41)), False]
    assert found[39] == sessions.bots(fast)[39]


def test_a_refusal_counts_from_when_it_was_given_and_for_later_visits() -> None:
    events = made(
        ("v1", "s1", 0, "page_view"), ("v1", "s1", 5, "page_view"), ("v1", "s2", 100, "page_view"),
        ("v2", "s3", 0, "page_view"),
        consent=[True, False, None, True],
    )  # fmt: skip
    asked = asking.Asked(np.array([0, 1, 2, 3]), np.array([at(0), at(5), at(100), at(0)]))
    assert visits(events, asked)["refused_consent"].tolist() == [False, True, True, False]


def test_without_a_clock_there_is_no_now() -> None:
    field = EVENTS.schema.field("event_time")
    events = EVENTS.set_column(
        EVENTS.column_names.index("event_time"), field, pa.nulls(EVENTS.num_rows, field.type)
    )
    with pytest.raises(SamplesError, match="no time"):
        asking.under_way(events, np.array([at(0)]))
    assert len(asking.after_click(events, 1)) == 4


@given(moment=st.integers(0, 250), cut=st.integers(0, 7))
def test_later_events_change_nothing_that_was_known(moment: int, cut: int) -> None:
    """What is said of a moment is the same with all events later than it taken away."""
    time = sessions.times(EVENTS)
    limit = int(at(moment).astype(np.int64))
    known = EVENTS.filter(time <= limit)
    before = ["visitor_id", "session_id", "asked_at", "last_seen", "clicks", "already_bought"]
    before += ["suspected_bot", "refused_consent"]
    full = visits(EVENTS, asking.under_way(EVENTS, np.array([at(moment)])))[before]
    if known.num_rows == 0:
        assert full.empty
        return
    alone = visits(known, asking.under_way(known, np.array([at(moment)])))[before]
    pd.testing.assert_frame_equal(full, alone)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.booleans()), min_size=1, max_size=25),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 50)), min_size=1, max_size=5),
    st.integers(1, 30),
)
def test_purchases_after_counts_as_a_plain_loop_does(
    rows: list[tuple[int, int, bool]], asked: list[tuple[int, int]], horizon: int
) -> None:
    visitor, time, buys = (np.array(column) for column in zip(*rows, strict=True))
    value = np.arange(len(rows), dtype=np.float64)
    who, since = (np.array(column, dtype=np.int64) for column in zip(*asked, strict=True))
    count, total = asking.purchases_after(time, visitor, buys.astype(bool), value, who, since, horizon)
    for one, moment, n, worth in zip(who, since, count, total, strict=True):
        kept = (visitor == one) & buys & (time > moment) & (time <= moment + horizon)
        assert (n, worth) == (kept.sum(), pytest.approx(value[kept].sum()))
