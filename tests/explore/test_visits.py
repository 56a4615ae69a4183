"""Lengths, bounces, returning visitors, entries and exits against visits counted by hand."""

from __future__ import annotations

import pytest

from buysignal.explore import explore

from .clicks import BUY, CART, PAGE, VIEW, click, table, visit

VISITS = [
    *visit("a", PAGE, channel="email", page="home"),
    *visit("a", PAGE, VIEW, day=1, channel="email", page="home"),
    *visit("b", VIEW, VIEW, VIEW, CART, channel="search", page="product"),
    *visit("c", VIEW, channel="search", page="product"),
]


def test_lengths() -> None:
    chart = explore(table(VISITS)).chart("visits-length")
    lengths = chart.data.set_index("events in the visit")["visits"]
    assert lengths.to_dict() == {"1": 2, "2": 1, "3": 0, "4": 1}
    assert chart.sentence == "Half of the visits have 1 event or fewer; 1 in 100 has more than 4."


def test_bounces() -> None:
    chart = explore(table(VISITS)).chart("visits-bounces")
    assert chart.sentence.startswith("50 % of the visits have a single event")
    assert set(chart.data["bounce rate"]) == {0.5}
    assert chart.data["visits"].sum() == 4


def test_durations_are_of_visits_that_have_two_events() -> None:
    chart = explore(table(VISITS)).chart("visits-duration")
    assert chart.data["visits"].sum() == 2
    assert "Of the 2 visits with more than one event" in chart.sentence
    assert "1 min" in chart.sentence


def test_without_a_clock_no_duration_is_made_up() -> None:
    found = explore(table(VISITS, clock=False))
    assert "visits-duration" not in [c.key for c in found.charts]
    assert any("no clock" in m for m in found.section("visits").missing)
    assert any("no hour of the day" in m for m in found.section("time").missing)
    assert found.chart("time-visits").data["visits"].tolist() == [3, 1]


def test_who_comes_again() -> None:
    found = explore(table(VISITS))
    assert found.chart("visits-revisits").data["visitors"].tolist() == [2, 1]
    kinds = found.chart("visits-new-and-returning").data.set_index(["channel", "visitor"])["visits"]
    assert kinds.to_dict() == {
        ("email", "new"): 1, ("email", "returning"): 1, ("search", "new"): 2, ("search", "returning"): 0,
    }  # fmt: skip


def test_where_visits_begin_and_end() -> None:
    found = explore(table(VISITS))
    assert found.chart("visits-entries").data.set_index("page")["visits"].to_dict() == {
        "home": 2, "product": 2
    }  # fmt: skip
    exits = found.chart("visits-exits").data.set_index("page")
    assert exits["visits"].sum() == 4
    assert exits["exit rate"].to_dict() == pytest.approx({"home": 2 / 3, "product": 2 / 5})


def test_bots_and_refused_consent_are_left_out_and_counted() -> None:
    robot = [click("r", PAGE, i / 1000) for i in range(60)]
    refused = [click("n", VIEW, consent=False), click("n", VIEW, 1, consent=False)]
    found = explore(table([*VISITS, *robot, *refused]))
    assert found.facts.visits == 4
    assert found.facts.events == 8
    assert found.facts.left_out == (
        "2 events of visitors who refused consent", "1 visit that looks automatic"
    )  # fmt: skip


def test_facts() -> None:
    bought = visit("d", VIEW, BUY, day=2)
    bought[1] |= {"price": 20.0, "quantity": 2, "transaction_id": "t1"}
    facts = explore(table([*VISITS, *bought])).facts
    assert (facts.visits, facts.events, facts.visitors, facts.orders) == (5, 10, 4, 1)
    assert facts.conversion == pytest.approx(0.2)
    assert facts.revenue == 40.0
    assert facts.proxy is None
    assert ("Conversion", "20 %") in facts.lines()


def test_when_all_looks_automatic_nothing_is_left_out() -> None:
    facts = explore(table([click("r", PAGE, i / 1000) for i in range(60)])).facts
    assert (facts.visits, facts.left_out) == (1, ())


def test_a_span_of_years_is_drawn_by_month() -> None:
    found = explore(table([*VISITS, *visit("z", PAGE, day=1000)]))
    data = found.chart("time-visits").data
    assert len(data) == 33  # May 2024 to January 2027
    assert data["visits"].sum() == 5
    assert found.chart("time-visits").title == "Visits per month"
