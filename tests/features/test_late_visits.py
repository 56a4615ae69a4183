"""Whatever order a visitor's events come in, every visit stands in the end as if they had come in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal import events as ev
from buysignal import features as ft
from buysignal import sessions
from buysignal.features.live import LiveVisitor, Reader, fold_visits
from buysignal.features.vocabulary import Vocabulary
from buysignal.sessions import SESSION_CAP

START = datetime(2025, 3, 1, tzinfo=UTC)
NAMES = ("page_view", "view_item", "add_to_cart", "remove_from_cart", "purchase")

event = st.tuples(st.integers(0, 5), st.sampled_from(NAMES), st.integers(0, 3), st.integers(1, 9))
"""Session, name, item, price."""


def happened(told: list[tuple[int, str, int, int]]) -> list[dict[str, Any]]:
    """Events a minute apart; sessions are interleaved where they are drawn so."""
    return [
        {
            "visitor_id": "v", "session_id": f"s{session}", "event_time": START + timedelta(minutes=minute),
            "event_name": name, "item_id": f"i{item}", "category": f"c{item % 2}", "price": float(price),
        }
        for minute, (session, name, item, price) in enumerate(told)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    shop = happened([(number % 4, NAMES[number % 5], number % 4, 5) for number in range(40)])
    return ft.fit_vocabulary(sessions.assign(table_of(shop)))


def table_of(events: list[dict[str, Any]]) -> pa.Table:
    return ev.sort(ev.conform(pa.Table.from_pylist([{**e, "event_seq": n} for n, e in enumerate(events)])))


def in_the_end(events: list[dict[str, Any]], vocabulary: Vocabulary) -> dict[str, np.ndarray[Any, Any]]:
    """The last row of each session, as batch folds them."""
    table = sessions.assign(table_of(events))
    ids = table.column("session_id").to_pylist()
    return dict(zip(ids, ft.fold(table, vocabulary), strict=True))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.lists(event, min_size=1, max_size=25))
def test_visits_end_alike_in_whatever_order_events_come(
    vocabulary: Vocabulary, data: st.DataObject, told: list[tuple[int, str, int, int]]
) -> None:
    events = happened(told)
    wanted = in_the_end(events, vocabulary)
    visitor = LiveVisitor(Reader(vocabulary))
    for one in data.draw(st.permutations(events)):
        visitor.note(one)
    assert len(visitor.visits) == len(wanted)
    for visit in visitor.visits:
        np.testing.assert_array_equal(visitor.row(visit), wanted[str(visit.session_id)])


def test_of_a_visit_too_long_to_read_the_first_events_in_time_are_kept(vocabulary: Vocabulary) -> None:
    events = happened([(0, NAMES[n % 5], n % 4, n % 7 + 1) for n in range(SESSION_CAP + 20)])
    visitor = LiveVisitor(Reader(vocabulary))
    for one in [*events[20:], *events[:20]]:
        visit = visitor.note(one)
    assert visit.size == SESSION_CAP
    np.testing.assert_array_equal(visitor.row(visit), in_the_end(events, vocabulary)["s0"])


def test_a_row_that_is_folded_later_is_of_what_was_known_then(vocabulary: Vocabulary) -> None:
    first, late, second = happened([(0, "page_view", 0, 1), (0, "purchase", 1, 2), (1, "view_item", 2, 3)])
    reader = Reader(vocabulary)
    visitor = LiveVisitor(reader)
    visitor.note(first)
    visit = visitor.note(second)
    then, records, known = visitor.row(visit), visit.records, visit.known
    visitor.note(late)
    np.testing.assert_array_equal(fold_visits((visit,), reader, (records,), (known,))[0], then)
    assert not np.array_equal(visitor.row(visit), then, equal_nan=True)
