"""A live visitor as bytes: nothing is lost, whatever the events were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal.errors import EventsError
from buysignal.features.kept import from_bytes, to_bytes
from buysignal.features.live import LiveVisitor, Reader
from shop import Shop

START = datetime(2025, 3, 20, 12, tzinfo=UTC)
TEXT = st.none() | st.text(max_size=4)

EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "minute": st.integers(0, 300),
            "session_id": st.sampled_from([None, *"abcdefghij"]),
            "event_name": st.sampled_from(["view_item", "add_to_cart", "purchase", "search", "wave"]),
            "item_id": TEXT,
            "category": TEXT,
            "price": st.none() | st.floats(0, 1e6),
            "quantity": st.none() | st.integers(0, 9),
            "page": st.sampled_from([None, "2", "home"]),
            "channel": TEXT,
            "device": TEXT,
            "country": TEXT,
        }
    ),
    max_size=40,
)


def observed(visitor: LiveVisitor, events: list[dict[str, Any]]) -> list[bytes]:
    """The rows of features, as bytes, so that missing ones are equal."""
    timed = [{**event, "event_time": START + timedelta(minutes=event["minute"])} for event in events]
    return [visitor.observe(event).tobytes() for event in timed]


@pytest.fixture(scope="module")
def reader(shop: Shop) -> Reader:
    vocabulary = shop.bundle.vocabulary
    assert vocabulary is not None
    return Reader(vocabulary)


@settings(max_examples=60, deadline=None)
@given(before=EVENTS, after=EVENTS)
def test_a_visitor_goes_on_as_if_never_put_away(
    reader: Reader, before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    stayed = LiveVisitor(reader)
    observed(stayed, before)
    came_back = from_bytes(to_bytes(stayed), reader, "30m")
    assert to_bytes(came_back) == to_bytes(stayed)
    assert observed(came_back, after) == observed(stayed, after)
    assert to_bytes(came_back) == to_bytes(stayed)


def test_an_event_takes_few_bytes(reader: Reader) -> None:
    visitor = LiveVisitor(reader)
    sizes = []
    for minute in range(20):
        event = {"minute": minute, "event_name": "view_item", "item_id": "BOO-034", "session_id": "a"}
        observed(visitor, [event])
        sizes.append(len(to_bytes(visitor)))
    assert np.diff(sizes).max() <= 60


def test_bytes_of_another_version_are_refused(reader: Reader) -> None:
    content = b"\x07" + to_bytes(LiveVisitor(reader))[1:]
    with pytest.raises(EventsError, match="version 7"):
        from_bytes(content, reader, "30m")
