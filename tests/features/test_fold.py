"""The fold: the future is out of reach, and every way of running it gives the same rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal import events as ev
from buysignal import features, sessions
from buysignal.features.kernel import PAST_SIZE
from buysignal.features.live import LiveVisitor, Reader

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NAMES = [*(str(name) for name in ev.EventName), "spin_the_wheel"]

Row = dict[str, Any]


@st.composite
def visits(draw: st.DrawFn, clock: bool = True) -> list[Row]:
    """Draw the events of a few visitors, some with two sessions open at the same time."""
    rows: list[Row] = []
    for visitor in range(draw(st.integers(1, 3))):
        moment = START
        for number in range(draw(st.integers(1, 12))):
            moment += timedelta(seconds=draw(st.sampled_from([0.5, 7, 60, 900, 4000, 90_000])))
            item = draw(st.one_of(st.none(), st.integers(0, 4)))
            rows.append(
                {
                    "visitor_id": f"v{visitor}",
                    "session_id": f"v{visitor}-s{draw(st.integers(0, 1))}",
                    "event_time": moment if clock else None,
                    "event_seq": number,
                    "event_name": draw(st.sampled_from(NAMES)),
                    "item_id": None if item is None else f"i{item}",
                    "category": None if item is None else f"c{item % 2}",
                    "price": draw(st.one_of(st.none(), st.floats(0.5, 500))),
                    "quantity": draw(st.one_of(st.none(), st.integers(1, 3))),
                    "channel": draw(st.one_of(st.none(), st.sampled_from(["email", "organic"]))),
                    "page": draw(st.one_of(st.none(), st.sampled_from(["1", "3", "home"]))),
                }
            )
    return rows


def table(rows: list[Row]) -> pa.Table:
    """Return canonical events in order."""
    return sessions.assign(ev.sort(ev.conform(pa.Table.from_pylist(rows, schema=_schema()))))


def _schema() -> pa.Schema:
    names = [
        "visitor_id", "session_id", "event_time", "event_seq", "event_name", "item_id", "category",
        "price", "quantity", "channel", "page",
    ]  # fmt: skip
    return pa.schema([ev.SCHEMA.field(name) for name in names])


def by_event(events: pa.Table, X: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
    """Key feature rows by visitor and sequence."""
    keys = zip(events.column("visitor_id").to_pylist(), events.column("event_seq").to_pylist(), strict=True)
    return dict(zip(keys, X, strict=True))


@settings(deadline=None, max_examples=60)
@given(rows=visits(), data=st.data())
def test_later_events_change_no_earlier_row(rows: list[Row], data: st.DataObject) -> None:
    whole = table(rows)
    vocabulary = features.fit_vocabulary(whole)
    cut = rows[data.draw(st.integers(0, len(rows) - 1))]["event_time"]
    earlier = table([row for row in rows if row["event_time"] <= cut])
    full = by_event(whole, features.fold(whole, vocabulary))
    for key, row in by_event(earlier, features.fold(earlier, vocabulary)).items():
        np.testing.assert_array_equal(row, full[key])


@settings(deadline=None, max_examples=60)
@given(rows=visits())
def test_batch_equals_one_by_one(rows: list[Row]) -> None:
    whole = table(rows)
    vocabulary = features.fit_vocabulary(whole)
    batch = by_event(whole, features.fold(whole, vocabulary))
    reader = Reader(vocabulary)
    live: dict[str, LiveVisitor] = {}
    for row in rows:
        visitor = live.setdefault(row["visitor_id"], LiveVisitor(reader))
        features_now = visitor.observe(row)
        np.testing.assert_array_equal(features_now, batch[row["visitor_id"], row["event_seq"]])


@settings(deadline=None, max_examples=30)
@given(rows=visits(), seed=st.integers(0, 99))
def test_order_of_visitors_and_rows_does_not_matter(rows: list[Row], seed: int) -> None:
    whole = table(rows)
    vocabulary = features.fit_vocabulary(whole)
    shuffled = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    renamed = [{**row, "visitor_id": f"z{9 - int(row['visitor_id'][1:])}"} for row in shuffled]
    other = table(renamed)
    expected = by_event(whole, features.fold(whole, vocabulary))
    for (visitor, seq), row in by_event(other, features.fold(other, vocabulary)).items():
        np.testing.assert_array_equal(row, expected[f"v{9 - int(visitor[1:])}", seq])


@settings(deadline=None, max_examples=30)
@given(rows=visits(clock=False))
def test_without_a_clock_time_features_are_missing_and_the_rest_is_there(rows: list[Row]) -> None:
    events = table(rows)
    X = features.fold(events, features.fit_vocabulary(events))
    timed = [i for i, f in enumerate(features.CATALOGUE) if f.group == "time"]
    assert np.isnan(X[:, timed]).all()
    counts = [i for i, f in enumerate(features.CATALOGUE) if f.group == "activity"]
    assert np.isfinite(X[:, counts]).all()


def test_every_optional_column_null() -> None:
    rows = [
        {"visitor_id": "v", "session_id": None, "event_seq": i, "event_name": "page_view"} for i in range(3)
    ]
    events = table(rows)
    X = features.fold(events, features.fit_vocabulary(events))
    assert X[:, features.NAMES.index("n_page_view")].tolist() == [1.0, 2.0, 3.0]


def test_a_session_of_one_event_has_no_gap_and_no_past() -> None:
    events = table([_event(0, "view_item", price=10.0)])
    row = dict(zip(features.NAMES, features.fold(events, features.fit_vocabulary(events))[0], strict=True))
    assert np.isnan(row["gap_last"])
    assert row["n_view_item"] == 1
    assert row["past_sessions"] == 0
    assert row["price_mean"] == pytest.approx(10.0)


@pytest.mark.parametrize("extra", [0, 1, 40])
def test_beyond_the_cap_nothing_changes(extra: int) -> None:
    rows = [_event(i, "view_item", price=float(i + 1)) for i in range(sessions.SESSION_CAP + extra)]
    events = table(rows)
    vocabulary = features.fit_vocabulary(events)
    X = features.fold(events, vocabulary)
    at_cap = X[sessions.SESSION_CAP - 1]
    assert at_cap[features.NAMES.index("n_events")] == sessions.SESSION_CAP
    for row in X[sessions.SESSION_CAP :]:
        np.testing.assert_array_equal(row, at_cap)
    visitor = LiveVisitor(Reader(vocabulary))
    assert all(np.array_equal(visitor.observe(r), x, equal_nan=True) for r, x in zip(rows, X, strict=True))


def test_a_visit_worked_out_by_hand() -> None:
    rows = [
        _event(0, "view_item", item="a", category="x", price=10.0, seconds=0),
        _event(1, "view_item", item="b", category="x", price=30.0, seconds=10),
        _event(2, "view_item", item="a", category="x", price=10.0, seconds=40),
        _event(3, "add_to_cart", item="a", category="x", price=10.0, quantity=2, seconds=50),
        _event(4, "remove_from_cart", item="a", category="x", price=10.0, quantity=1, seconds=60),
    ]
    events = table(rows)
    X = features.fold(events, features.fit_vocabulary(events))
    last = dict(zip(features.NAMES, X[-1], strict=True))
    expected = {
        "n_events": 5, "n_view_item": 3, "n_add_to_cart": 1, "n_remove_from_cart": 1,
        "price_mean": 50 / 3, "price_min": 10, "price_max": 30, "price_sum": 50, "price_step": -20,
        "cart_items": 1, "cart_value": 10, "cart_value_max": 20, "cart_mean_price": 10,
        "cart_removed_value": 10, "events_since_cart": 1, "seconds_since_cart": 10,
        "seconds_since_start": 60, "gap_last": 10, "gap_mean": 15, "gap_max": 30,
        "events_per_minute": 4, "hour": 9, "weekday": 0, "distinct_items": 2, "distinct_categories": 1,
        "revisits": 1, "revisit_share": 1 / 3, "item_views": 2, "top_item_views": 2, "back_and_forth": 1,
        "category_switches": 0, "category_run": 5, "view_share": 0.6,
    }  # fmt: skip
    for name, value in expected.items():
        assert last[name] == pytest.approx(value), name


def test_the_past_is_counted_when_the_next_session_begins() -> None:
    rows = [
        _event(0, "add_to_cart", item="a", price=20.0, session="s1", seconds=0),
        _event(1, "add_to_cart", item="a", price=20.0, session="s2", seconds=86_400),
        _event(2, "purchase", item="a", price=20.0, quantity=3, session="s2", seconds=86_460),
        _event(3, "page_view", session="s3", seconds=2 * 86_400 + 60),
    ]
    events = table(rows)
    X = features.fold(events, features.fit_vocabulary(events))
    last = dict(zip(features.NAMES, X[-1], strict=True))
    assert (last["past_sessions"], last["past_purchases"], last["past_open_carts"]) == (2, 1, 1)
    assert last["past_spend"] == pytest.approx(60.0)
    assert last["days_since_session"] == pytest.approx(1.0)
    assert last["past_cart_value"] == 0.0


def test_training_rows_do_not_see_their_own_purchase_in_the_priors() -> None:
    rows = [_event(i, "view_item", item="a", visitor=f"v{i}", session=f"s{i}") for i in range(40)]
    buyer = _event(41, "purchase", item="a", visitor="v0", session="s0", seconds=5)
    with_buyer, without = table([*rows, buyer]), table(rows)
    training = np.ones(40, dtype=bool)
    column = features.NAMES.index("item_buy_rate")
    priors = []
    for events in (with_buyer, without):
        vocabulary, cross = features.fit_cross(events, training)
        X = features.fold(events, vocabulary, cross)
        priors.append(X[0, column])
    assert priors[0] == 0.0
    assert np.isnan(priors[1])


def test_the_catalogue_is_large_named_once_and_in_sentences() -> None:
    assert len(features.CATALOGUE) >= 40
    assert len(set(features.NAMES)) == len(features.NAMES)
    assert all(f.unit and f.sentence and f.group for f in features.CATALOGUE)
    assert PAST_SIZE == 8


def _event(
    seq: int,
    name: str,
    *,
    item: str | None = None,
    category: str | None = None,
    price: float | None = None,
    quantity: int | None = None,
    seconds: float | None = None,
    visitor: str = "v",
    session: str = "s",
) -> Row:
    return {
        "visitor_id": visitor,
        "session_id": session,
        "event_time": START + timedelta(seconds=seq if seconds is None else seconds),
        "event_seq": seq,
        "event_name": name,
        "item_id": item,
        "category": category,
        "price": price,
        "quantity": quantity,
        "channel": None,
        "page": None,
    }
