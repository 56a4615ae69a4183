"""What is remembered of visitors: bounded, forgotten in order, shared by threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal.errors import UnitError
from buysignal.features.live import OPEN_VISITS, Reader
from buysignal.serve.limits import RateLimit
from buysignal.serve.state import Bounds, MemoryState
from shop import Shop


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def reader(shop: Shop) -> Reader:
    vocabulary = shop.bundle.vocabulary
    assert vocabulary is not None
    return Reader(vocabulary)


def view(visitor: str, session: str | None = "s", **more: Any) -> dict[str, Any]:
    return {"visitor_id": visitor, "session_id": session, "event_name": "view_item", "item_id": "i", **more}


def test_whoever_was_not_seen_for_longest_is_forgotten_first(reader: Reader) -> None:
    state = MemoryState(Bounds(visitors=2))
    for visitor in ("a", "b", "a", "c"):
        state.note(view(visitor, f"s-{visitor}"), reader, "30m")
    assert len(state) == 2
    assert state.forgotten == 1
    assert state.find("s-b", reader) is None
    assert state.find("s-a", reader) is not None
    assert state.find("s-c", reader) is not None


def test_who_does_not_come_back_in_time_is_a_new_visitor(reader: Reader) -> None:
    clock = Clock()
    state = MemoryState(Bounds(forget_after="1h"), clock)
    state.note(view("a"), reader, "30m")
    clock.now = 3_599
    assert state.find("s", reader) is not None
    clock.now = 3_601
    assert state.find("s", reader) is None
    assert len(state) == 0


def test_a_time_without_a_unit_is_refused() -> None:
    with pytest.raises(UnitError, match="forget_after"):
        MemoryState(Bounds(forget_after="3600"))


def test_a_visitor_can_be_forgotten_at_once(reader: Reader) -> None:
    state = MemoryState()
    state.note(view("a"), reader, "30m")
    assert state.forget("a")
    assert not state.forget("a")
    assert state.find("s", reader) is None


def test_a_session_that_was_summed_up_is_not_found_any_more(reader: Reader) -> None:
    state = MemoryState()
    for number in range(OPEN_VISITS + 1):
        state.note(view("a", f"s{number}"), reader, "30m")
    assert state.find("s0", reader) is None
    assert all(state.find(f"s{number}", reader) for number in range(1, OPEN_VISITS + 1))


def test_two_visitors_may_share_a_session_id(reader: Reader) -> None:
    state = MemoryState()
    state.note(view("a"), reader, "30m")
    state.note(view("b"), reader, "30m")
    found = state.find("s", reader, "a")
    assert found is not None
    assert found[0].visitor_id == "a"
    state.forget("b")
    assert state.find("s", reader, "a") is not None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 12), st.integers(0, 900)), max_size=60))
def test_the_index_names_exactly_the_open_visits(reader: Reader, steps: list[tuple[str, int, int]]) -> None:
    clock = Clock()
    state = MemoryState(Bounds(visitors=3, forget_after="1h"), clock)
    for visitor, session, pause in steps:
        clock.now += pause
        state.note(view(visitor, f"{visitor}-{session}"), reader, "30m")
        assert len(state) <= 3
    known = {visit.session_id for one in state._visitors.values() for visit in one.live.visits}
    assert set(state._visitor_of) == known


def test_threads_share_it(reader: Reader) -> None:
    state = MemoryState(Bounds(visitors=50))

    def clicks(number: int) -> None:
        for click in range(200):
            state.note(view(f"v{click % 70}", f"s{click % 70}", price=float(number)), reader, "30m")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(clicks, range(4)))
    assert len(state) == 50


def test_the_rate_of_a_client_comes_back_with_time() -> None:
    clock = Clock()
    limit = RateLimit(10.0, clock=clock)
    assert [limit.wait_s("a") for _ in range(10)] == [0.0] * 10
    assert limit.wait_s("a") == pytest.approx(0.1)
    clock.now = 0.1
    assert limit.wait_s("a") == 0.0
    assert limit.wait_s("a") > 0
