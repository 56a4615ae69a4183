"""One message to one event, or the reason why it is none."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal.stream.message import BadMessageError, Rules, json_reader, read

RULES = Rules("EUR", {"USD": 0.5}, max_price=1_000.0)
ARRIVED = 1_742_472_020_000
CLICK = {"visitor_id": "v1", "event_name": "view_item"}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
COLUMNS = [
    *CLICK,
    "event_time",
    "event_date",
    "price",
    "quantity",
    "currency",
    "session_id",
    "consent",
    "page",
]


def event_of(**cells: Any) -> dict[str, Any]:
    return read(orjson.dumps({**CLICK, **cells}), ARRIVED, RULES, json_reader())


@pytest.mark.parametrize(
    "given_time", ["2025-03-20T12:00:20Z", "2025-03-20T13:00:20+01:00", "2025-03-20 12:00:20", 1742472020,
                   1742472020000, 1742472020000000]
)  # fmt: skip
def test_times_of_every_form_are_one_moment(given_time: object) -> None:
    assert event_of(event_time=given_time)["event_time"] == datetime(2025, 3, 20, 12, 0, 20, tzinfo=UTC)


def test_without_a_time_an_event_took_place_when_it_arrived() -> None:
    assert event_of()["event_time"] == datetime(2025, 3, 20, 12, 0, 20, tzinfo=UTC)


def test_a_day_alone_is_no_clock() -> None:
    event = event_of(event_date="2025-03-20")
    assert (event.get("event_time"), event["event_date"]) == (None, date(2025, 3, 20))


def test_prices_are_converted_by_the_bundles_rates() -> None:
    assert event_of(price=10, currency="usd")["price"] == 5.0
    assert event_of(price="12.50", currency="EUR")["price"] == 12.5


@pytest.mark.parametrize(
    ("cells", "reason", "column"),
    [
        ({"visitor_id": ""}, "missing", "visitor_id"),
        ({"event_name": None}, "missing", "event_name"),
        ({"item_id": ["a"]}, "bad_text", "item_id"),
        ({"session_id": "s" * 201}, "too_long", "session_id"),
        ({"price": -1}, "negative_price", "price"),
        ({"price": 1_001}, "absurd_price", "price"),
        ({"price": "1e999"}, "bad_number", "price"),
        ({"price": True}, "bad_number", "price"),
        ({"price": 1, "currency": "CHF"}, "unknown_currency", "currency"),
        ({"quantity": 1.5}, "bad_quantity", "quantity"),
        ({"event_time": "1970-01-01"}, "impossible_time", "event_time"),
        ({"event_time": {}}, "bad_time", "event_time"),
        ({"event_date": "soon"}, "bad_time", "event_date"),
        ({"consent": "maybe"}, "bad_boolean", "consent"),
    ],
)
def test_what_is_no_event_has_a_reason_and_a_hint(cells: dict[str, Any], reason: str, column: str) -> None:
    with pytest.raises(BadMessageError) as caught:
        event_of(**cells)
    assert (caught.value.reason, caught.value.column) == (reason, column)
    assert "{" not in caught.value.hint


@given(value=st.binary(max_size=40) | st.none())
def test_bytes_that_are_no_object_are_broken_json(value: bytes | None) -> None:
    with pytest.raises(BadMessageError, match="broken_json"):
        read(value, ARRIVED, RULES, json_reader())


@given(cells=st.dictionaries(st.sampled_from(COLUMNS), ANYTHING))
def test_whatever_a_cell_holds_there_is_an_event_or_a_reason(cells: dict[str, Any]) -> None:
    try:
        value = orjson.dumps({**CLICK, **cells})
    except TypeError:
        return
    try:
        event = read(value, ARRIVED, RULES, json_reader())
    except BadMessageError as bad:
        hint, event = bad.hint, {"visitor_id": ""}
    else:
        hint = "none is needed"
    assert hint
    assert isinstance(event["visitor_id"], str)
    assert event.get("price") is None or 0 <= event["price"] <= 1_000
