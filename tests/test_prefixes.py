"""Prefix samples: targets lie strictly after the prefix, and rows end before the purchase."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from buysignal import events as ev
from buysignal import features, sessions
from buysignal.errors import GoalError
from buysignal.goals import PURCHASE, Goal
from buysignal.prefixes import prefix_samples
from buysignal.samples import Samples

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

NEXT_RED = Goal(
    name="next_red",
    sentence="the next click is red",
    proxy=True,
    kind="next_attribute",
    attribute="attr_colour",
    equals="red",
    value="viewed_value",
)


def event(minute: float, name: str, *, session: str = "s", price: float | None = None, **more: Any) -> Any:
    return {
        "visitor_id": more.pop("visitor", "v"),
        "session_id": session,
        "event_time": START + timedelta(minutes=minute),
        "event_seq": int(minute * 10),
        "event_name": name,
        "price": price,
        "attr_colour": more.get("colour"),
        "quantity": more.get("quantity"),
    }


def samples(rows: list[Any], goal: Goal = PURCHASE, task: Any = "conversion") -> Samples:
    schema = {"price": pa.float64(), "quantity": pa.int32(), "attr_colour": pa.string()}
    table = pa.Table.from_pylist(rows)
    for name, kind in schema.items():
        table = table.set_column(table.column_names.index(name), name, table.column(name).cast(kind))
    events = sessions.assign(ev.sort(ev.conform(table)))
    vocabulary = features.fit_vocabulary(events)
    return prefix_samples(events, features.fold(events, vocabulary), vocabulary, goal, task)


def test_rows_end_before_the_first_purchase_and_know_nothing_of_it() -> None:
    rows = [
        event(0, "view_item", price=10.0),
        event(1, "add_to_cart", price=10.0),
        event(2, "purchase", price=10.0, quantity=3),
        event(3, "view_item", price=5.0),
        event(0, "view_item", session="other", visitor="w"),
    ]
    found = samples(rows)
    assert found.y is not None
    assert found.revenue is not None
    assert found.y.tolist() == [1, 1, 0]
    assert found.revenue.tolist() == [30.0, 30.0, 0.0]
    assert found.k.tolist() == [1, 2, 1]
    assert found.has_cart is not None
    assert found.has_cart.tolist() == [False, True, False]
    purchases = found.X[:, found.names.index("n_purchase")]
    assert (purchases == 0).all()


def test_the_next_click_is_asked_only_where_there_is_one() -> None:
    rows = [event(i, "view_item", colour=c, price=1.0 + i) for i, c in enumerate(["blue", "red", None])]
    found = samples(rows, NEXT_RED)
    assert found.y is not None
    assert found.y.tolist() == [1, 0]
    value = samples(rows, NEXT_RED, "revenue")
    assert value.revenue is not None
    assert value.revenue.tolist() == [5.0, 3.0, 0.0]


def test_more_events_counts_what_is_still_to_come() -> None:
    goal = Goal(name="stays", sentence="stays", proxy=True, kind="more_events", at_least=2)
    found = samples([event(i, "page_view") for i in range(4)], goal)
    assert found.y is not None
    assert found.y.tolist() == [1, 1, 0, 0]


def test_a_horizon_of_days_reaches_into_the_next_session() -> None:
    goal = PURCHASE.model_copy(update={"horizon": "2d"})
    day = 24 * 60
    rows = [
        event(0, "view_item", session="a"),
        event(1.5 * day, "purchase", session="b", price=7.0),
        event(9 * day, "view_item", session="c"),
    ]
    found = samples(rows, goal)
    assert found.y is not None
    assert found.revenue is not None
    assert found.y.tolist() == [1, 0]
    assert found.revenue.tolist() == [7.0, 0.0]


def test_bots_teach_nothing() -> None:
    bot = [event(i / 600, "page_view", session="bot", visitor="bot") for i in range(50)]
    found = samples([*bot, event(0, "page_view")])
    assert len(found) == 1


def test_a_goal_on_a_missing_attribute_says_so() -> None:
    goal = NEXT_RED.model_copy(update={"attribute": "attr_size"})
    with pytest.raises(GoalError, match="attr_size"):
        samples([event(0, "view_item", colour="red")], goal)


def test_the_future_changes_no_feature_of_a_sample() -> None:
    rows = [event(0, "view_item", price=10.0), event(1, "view_item", price=12.0)]
    later = [event(2, "add_to_cart", price=12.0), event(3, "purchase", price=12.0)]
    events = [sessions.assign(ev.sort(ev.conform(pa.Table.from_pylist(r)))) for r in (rows, rows + later)]
    vocabulary = features.fit_vocabulary(events[0])
    short, long = (
        prefix_samples(e, features.fold(e, vocabulary), vocabulary, PURCHASE)
        for e in [e.drop_columns("attr_colour") for e in events]
    )
    np.testing.assert_array_equal(short.X, long.X[:2])
    assert short.y is not None
    assert long.y is not None
    assert short.y.tolist() == [0, 0]
    assert long.y.tolist() == [1, 1, 1]
