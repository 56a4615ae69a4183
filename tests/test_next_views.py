"""Most viewed next is what one gets by counting with a pencil."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal.errors import EventsError
from buysignal.next_views import count_next_views
from buysignal.sources import load
from shop import Shop

START = datetime(2024, 5, 3, 12, tzinfo=UTC)


def events_of(visits: list[list[str | None]], **columns: object) -> pa.Table:
    """Return events: one visitor and session a list, a view a minute; None is a page without an item."""
    rows = [
        {
            "visitor_id": f"v{number}",
            "session_id": f"s{number}",
            "event_time": START + timedelta(minutes=click),
            "event_seq": click,
            "event_name": "page_view" if item is None else "view_item",
            "item_id": item,
            **columns,
        }
        for number, visit in enumerate(visits)
        for click, item in enumerate(visit)
    ]
    return pa.Table.from_pylist(rows)


def counts(table: pd.DataFrame) -> dict[str, int]:
    return dict(zip(table["item"], table["times"], strict=True))


def test_the_next_different_item_counts_and_repeats_do_not() -> None:
    visits: list[list[str | None]] = [["A", "A", "B", None, "A"], ["A", "B"], ["A", None, "C"], ["D"]]
    found = count_next_views(events_of(visits))
    after = found.after("A")
    assert counts(after) == {"B": 2, "C": 1}
    assert set(after["of"]) == {3}
    assert counts(found.after("B")) == {"A": 1}
    assert found.after("D").empty


def test_items_already_in_the_visit_are_left_out_and_the_rest_move_up() -> None:
    found = count_next_views(events_of([["A", "B"], ["A", "B"], ["A", "C"], ["A", "D"]]))
    assert list(found.after("A", leave_out={"B"})["item"]) == ["C", "D"]
    assert list(found.after("A", count=1)["item"]) == ["B"]


@pytest.mark.parametrize("item", [None, "nothing", ""])
def test_an_item_nobody_has_seen_has_no_followers(item: str | None) -> None:
    found = count_next_views(events_of([["A", "B"]]))
    assert found.after(item).empty
    assert list(found.after(item).columns) == ["item", "times", "of"]


def test_other_events_and_empty_data_give_nothing() -> None:
    assert count_next_views(events_of([[None, None]])).after("A").empty
    assert count_next_views(events_of([["A", "B"]]).slice(0, 0)).items == ()


def test_without_session_ids_a_long_pause_parts_two_visits() -> None:
    table = events_of([["A", "B"]]).drop_columns(["session_id"])
    later = events_of([["B", "C"]]).drop_columns(["session_id"])
    moved = later.set_column(
        later.column_names.index("event_time"),
        "event_time",
        pa.array([START + timedelta(hours=h) for h in (2, 3)], pa.timestamp("us", tz="UTC")),
    )
    found = count_next_views(pa.concat_tables([table, moved.cast(table.schema)]), "30m")
    assert counts(found.after("A")) == {"B": 1}
    assert found.after("B").empty


def test_who_refused_consent_is_not_counted() -> None:
    agreed, refused = events_of([["A", "B"]], consent=True), events_of([["A", "C"]], consent=False)
    assert count_next_views(refused).after("A").empty
    assert counts(count_next_views(agreed).after("A")) == {"B": 1}


def test_a_machine_is_not_counted() -> None:
    fast = events_of([["A", "B"] * 20])
    times = pa.array(
        [START + timedelta(milliseconds=10 * i) for i in range(40)], pa.timestamp("us", tz="UTC")
    )
    fast = fast.set_column(fast.column_names.index("event_time"), "event_time", times)
    assert count_next_views(fast).after("A").empty


def test_the_order_of_the_rows_does_not_matter(shop: Shop) -> None:
    table = load(shop.events).table
    found = count_next_views(table)
    turned = count_next_views(table.take(pa.array(range(table.num_rows - 1, -1, -1))))
    for item in found.items[::25]:
        pd.testing.assert_frame_equal(found.after(item, count=50), turned.after(item, count=50))


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(EventsError, match="visitor_id"):
        count_next_views(events_of([["A", "B"]]).drop_columns(["visitor_id"]))


@given(st.lists(st.lists(st.sampled_from([None, "A", "B", "C", "D"]), min_size=1, max_size=8), min_size=1,
                max_size=6))  # fmt: skip
def test_it_equals_a_plain_count(visits: list[list[str | None]]) -> None:
    expected: Counter[tuple[str, str]] = Counter()
    for visit in visits:
        seen = [item for item in visit if item is not None]
        expected.update((a, b) for a, b in pairwise(seen) if a != b)
    found = count_next_views(events_of(visits))
    got = {(a, b): n for a in found.items for b, n in counts(found.after(a, count=9)).items()}
    assert got == dict(expected)
