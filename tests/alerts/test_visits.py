"""Open visits as their scores tell of them."""

from __future__ import annotations

import pytest

from buysignal.alerts import visits as module
from buysignal.alerts.visits import OpenVisits

from .scores import MINUTE, answer, filled


def test_a_visit_is_open_until_the_session_gap_of_the_shops_time_is_over() -> None:
    visits = OpenVisits("30m")
    visits.take(answer("a"), 10 * MINUTE)
    visits.take(answer("b"), 30 * MINUTE)
    visits.advance(40 * MINUTE)
    assert [visit.visitor_id for visit in visits.open()] == ["a", "b"]
    visits.advance(40 * MINUTE + 1)
    assert [visit.visitor_id for visit in visits.open()] == ["b"]
    assert len(visits) == 1


def test_time_never_goes_back() -> None:
    visits = OpenVisits("30m")
    visits.advance(50 * MINUTE)
    visits.advance(20 * MINUTE)
    assert visits.now == 50 * MINUTE


def test_a_late_click_changes_the_visit_and_not_when_it_was_last_seen() -> None:
    visits = OpenVisits("30m")
    visits.take(answer(clicks=2), 20 * MINUTE)
    visits.take(answer(clicks=3, probability=0.5), 10 * MINUTE)
    (visit,) = visits.open()
    assert (visit.last, visit.clicks, visit.probability) == (20 * MINUTE, 3, 0.5)


def test_what_is_bought_counts_once_and_from_where_watching_began() -> None:
    visits = OpenVisits("30m")
    visits.take(filled("a", clicks=1), MINUTE)
    visits.take(answer("a", clicks=2, already_bought=True, spent=60.0), MINUTE)
    visits.take(answer("a", clicks=3, already_bought=True, spent=60.0), MINUTE)
    visits.take(answer("a", clicks=4, already_bought=True, spent=90.0), MINUTE)
    visits.take(answer("b", clicks=7, already_bought=True, spent=500.0), MINUTE)
    assert (visits.buyers, visits.bought) == (1, 90.0)


def test_visitors_who_share_a_session_id_are_two_visits() -> None:
    visits = OpenVisits("30m")
    visits.take(answer("a", session_id="s"), MINUTE)
    visits.take(answer("b", session_id="s"), MINUTE)
    assert len(visits.open()) == 2


def test_whoever_refuses_consent_is_forgotten_at_once() -> None:
    visits = OpenVisits("30m")
    visits.take(answer("a"), MINUTE)
    visits.take(answer("b"), MINUTE)
    visits.forget("a")
    assert [visit.visitor_id for visit in visits.open()] == ["b"]


def test_room_is_bounded_and_what_is_let_go_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    visits = OpenVisits("30m")
    for number in range(5):
        visits.take(answer(f"v{number}"), MINUTE)
    assert len(visits) == 3
    assert visits.let_go == 2


def test_scores_without_carts_are_told_apart() -> None:
    visits = OpenVisits("30m")
    old = {k: v for k, v in answer().items() if k not in ("cart_items", "cart_value", "spent")}
    visits.take(old, MINUTE)
    assert not visits.knows_carts
    with pytest.raises(KeyError):
        visits.take({"visitor_id": "v"}, MINUTE)
    with pytest.raises(ValueError):
        visits.take(answer(probability=float("nan")), MINUTE)
