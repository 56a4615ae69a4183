"""Facts of a visit are what one reads off its events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from buysignal import scoring
from buysignal.sources import load
from buysignal.visit_facts import visit_facts
from shop import Shop

START = datetime(2024, 5, 3, 12, tzinfo=UTC)


def events_of(*visits: list[dict[str, Any]]) -> pa.Table:
    """Return events, a session a list."""
    rows = [
        {"visitor_id": f"v{number}", "session_id": f"s{number}", "event_time": START + timedelta(minutes=i),
         "event_seq": i, "price": None, "quantity": None, "device": None, "channel": None, **event}
        for number, visit in enumerate(visits)
        for i, event in enumerate(visit)
    ]  # fmt: skip
    types = {"price": pa.float64(), "quantity": pa.int32(), "device": pa.string(), "channel": pa.string()}
    table = pa.Table.from_pylist(rows)
    for name, kind in types.items():
        table = table.set_column(table.column_names.index(name), name, table.column(name).cast(kind))
    return table


def event(name: str, price: float | None = None, quantity: int | None = None, **more: Any) -> dict[str, Any]:
    return {"event_name": name, "price": price, "quantity": quantity, **more}


@pytest.mark.parametrize(
    ("visit", "items", "value"),
    [
        ([event("page_view")], 0, 0.0),
        ([event("add_to_cart", 10.0)], 1, 10.0),
        ([event("add_to_cart", 10.0, 3), event("remove_from_cart", 10.0)], 2, 20.0),
        ([event("add_to_cart", 10.0), event("remove_from_cart", 10.0)], 0, 0.0),
        ([event("remove_from_cart", 10.0)], 0, 0.0),
        ([event("add_to_cart", 10.0), event("purchase", 10.0)], 0, 0.0),
        ([event("add_to_cart", 10.0), event("purchase", 10.0), event("add_to_cart", 7.0)], 1, 7.0),
        ([event("remove_from_cart", 10.0), event("add_to_cart", 10.0)], 1, 10.0),
        ([event("add_to_cart")], 1, 0.0),
    ],
)
def test_the_cart_at_the_end(visit: list[dict[str, Any]], items: int, value: float) -> None:
    facts = visit_facts(events_of([event("page_view")], visit))
    assert list(facts["cart_items"]) == [0, items]
    assert list(facts["cart_value"]) == [0.0, value]


def test_the_first_value_named_counts_and_a_column_nobody_names_is_left_out() -> None:
    facts = visit_facts(
        events_of(
            [event("page_view"), event("page_view", device="phone"), event("page_view", device="desktop")],
            [event("page_view")],
        )
    )
    assert facts["device"].iloc[0] == "phone"
    assert facts["device"].isna().iloc[1]
    assert "channel" not in facts
    assert "country" not in facts


def test_no_events_are_no_visits() -> None:
    assert visit_facts(events_of([event("page_view")]).slice(0, 0)).empty


def test_rows_stand_as_those_of_the_scores(shop: Shop) -> None:
    table = load(shop.events).table
    facts = visit_facts(table, shop.bundle.session_gap)
    scored = scoring.score(shop.bundle, table).table
    assert list(facts["session_id"]) == list(scored["session_id"])
    assert facts["device"].notna().all()
    assert 0 < (facts["cart_items"] > 0).mean() < 0.5
