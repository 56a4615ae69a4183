"""Events to sequences of looked-at items: what a look is, what is left out, what belongs to an item."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from buysignal import events as ev
from buysignal import item_views, sessions

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def visit(visitor: str, *steps: tuple[str, str | None], pause_s: float = 60.0) -> list[dict[str, Any]]:
    return [
        {
            "visitor_id": visitor, "session_id": visitor, "event_seq": i, "event_name": name, "item_id": item,
            "event_time": START + timedelta(seconds=i * pause_s),
            "category": None if item is None else f"shelf {item[0]}", "price": 5.0,
        }
        for i, (name, item) in enumerate(steps)
    ]  # fmt: skip


def assigned(*visits: list[dict[str, Any]]) -> pa.Table:
    rows = [row for one in visits for row in one]
    return sessions.assign(ev.sort(ev.conform(pa.Table.from_pylist(rows))))


def test_a_selection_and_the_view_it_leads_to_are_one_look() -> None:
    events = assigned(
        visit("a", ("select_item", "A2"), ("view_item", "A2"), ("search", None), ("view_item", "A10"),
              ("add_to_cart", "A10"), ("view_item", "A10")),
    )  # fmt: skip
    catalog = item_views.catalog_of(events, least=1)
    assert catalog.names == ("A2", "A10")
    assert [catalog.names[i] for i in item_views.looked_at(events, catalog).items] == ["A2", "A10", "A10"]


def test_goal_and_gaps_stand_beside_their_look() -> None:
    events = assigned(
        visit("a", ("page_view", None), ("view_item", "A1"), ("search", None), ("view_item", "B1")),
        visit("b", ("view_item", "B1"), ("view_item", "A1"), pause_s=5),
    )
    goal = np.arange(events.num_rows, dtype=np.int8)
    catalog = item_views.catalog_of(events, least=1)
    seen = item_views.looked_at(events, catalog, goal=goal)
    assert seen.goal is not None
    assert seen.gap is not None
    assert seen.goal.tolist() == [1, 3, 4, 5]
    assert np.array_equal(seen.gap, np.array([np.nan, 120, np.nan, 5], np.float32), equal_nan=True)
    later = seen.only(np.array([False, True]))
    assert later.goal is not None
    assert later.goal.tolist() == [4, 5]


def test_rare_items_are_unknown_and_single_looks_and_bots_ask_nothing() -> None:
    often = [visit(f"v{i}", ("view_item", "A1"), ("view_item", "B1")) for i in range(5)]
    bot = visit("bot", *[("view_item", "B1")] * 60, pause_s=0.05)
    events = assigned(
        *often, visit("w", ("view_item", "A1"), ("view_item", "C1")), visit("x", ("view_item", "A1")), bot
    )
    catalog = item_views.catalog_of(events)
    assert catalog.names == ("A1", "B1")
    seen = item_views.looked_at(events, catalog)
    assert seen.visits == 6
    assert seen.items.tolist() == [0, 1] * 5 + [0, -1]
    assert len(seen.questions()) == 5


def test_a_column_is_an_items_own_where_its_looks_agree() -> None:
    events = assigned(*[visit(f"v{i}", ("view_item", "A1"), ("view_item", "B1")) for i in range(5)])
    changing = pa.array([f"banner {i}" for i in range(events.num_rows)])
    catalog = item_views.catalog_of(events.append_column("attr_banner", changing))
    assert set(catalog.attributes) == {"category"}
    named = [catalog.levels["category"][code] for code in catalog.attributes["category"]]
    assert named == ["shelf A", "shelf B"]
    assert catalog.price.tolist() == [5.0, 5.0]
