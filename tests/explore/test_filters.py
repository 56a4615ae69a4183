"""Filters keep or drop whole visits, and everything follows them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from buysignal.errors import SamplesError
from buysignal.explore import Filters, choices, explore, prepare
from buysignal.explore.filters import kept_visits
from buysignal.sources import load
from shop import Shop

from .clicks import BUY, CART, PAGE, VIEW, table, visit

EVENTS = table(
    [
        *visit("a", PAGE, VIEW, device="phone", channel="email", country="DE", category="books"),
        *visit("a", VIEW, CART, BUY, day=3, device="desk", channel="email", country="DE", category="toys"),
        *visit("b", VIEW, day=5, device="phone", channel="ads", country="FR", category="toys"),
    ]
)


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (Filters(), {"a-0", "a-3", "b-5"}),
        (Filters(devices=("phone",)), {"a-0", "b-5"}),
        (Filters(channels=("ads",)), {"b-5"}),
        (Filters(countries=("DE", "FR")), {"a-0", "a-3", "b-5"}),
        (Filters(categories=("toys",)), {"a-3", "b-5"}),
        (Filters(events=(PAGE, CART)), {"a-0", "a-3"}),
        (Filters(visitors="new"), {"a-0", "b-5"}),
        (Filters(visitors="returning"), {"a-3"}),
        (Filters(start=date(2024, 5, 9)), {"a-3", "b-5"}),
        (Filters(start=date(2024, 5, 9), end=date(2024, 5, 9)), {"a-3"}),
        (Filters(devices=("phone",), channels=("email",)), {"a-0"}),
        (Filters(segments=("big",)), {"a-3"}),
    ],
)
def test_a_filter_keeps_these_visits(filters: Filters, kept: set[str]) -> None:
    data = prepare(EVENTS)
    segments = data.visits["id"].map({"a-3": "big", "a-0": "small"})
    assert set(data.visits["id"][kept_visits(data, filters, segments)]) == kept


def test_what_is_kept_is_kept_whole() -> None:
    found = explore(EVENTS, filters=Filters(categories=("toys",)))
    assert (found.facts.visits, found.facts.visits_of, found.facts.events) == (2, 3, 4)
    assert found.chart("funnel-steps").data["visits"].tolist()[0] == 2
    assert found.chart("paths-event-transitions").data["moves"].sum() == 4 + 2
    assert found.chart("distributions-text-event-name").data["events"].sum() == 4


def test_choices_are_what_the_data_holds_most_frequent_first() -> None:
    offered = choices(EVENTS, segments={"a-0": "x", "a-3": "x", "b-5": "y"})
    assert offered.devices == ("phone", "desk")
    assert offered.channels == ("email", "ads")
    assert offered.segments == ("x", "y")
    assert set(offered.categories) == {"books", "toys"}
    assert offered.events[0] == VIEW
    assert offered.visitors == ("all", "new", "returning")
    assert (offered.start, offered.end) == (date(2024, 5, 6), date(2024, 5, 11))


def test_nothing_is_offered_where_there_is_no_choice() -> None:
    offered = choices(table(visit("a", VIEW, device="phone")))
    assert (offered.devices, offered.channels, offered.visitors) == ((), (), ())


def test_what_lets_nothing_pass_is_said() -> None:
    with pytest.raises(SamplesError, match="no visit passes these filters"):
        explore(EVENTS, filters=Filters(devices=("phone",), visitors="returning"))


@pytest.mark.parametrize(
    "filters", [Filters(devices=("phone",)), Filters(segments=("x",)), Filters(visitors="new")]
)
def test_a_filter_by_what_is_not_there_is_said(filters: Filters) -> None:
    with pytest.raises(SamplesError, match="this data has no column"):
        explore(table(visit("a", VIEW)), filters=filters)


def test_the_values_of_a_column_part_the_visits_and_all_they_did(shop: Shop) -> None:
    data = prepare(load(shop.events))
    whole = explore(data)
    parts = [explore(data, filters=Filters(devices=(device,))) for device in choices(data).devices]
    for name in ("visits", "events", "orders"):
        assert sum(getattr(p.facts, name) for p in parts) == getattr(whole.facts, name)
    assert sum(p.facts.revenue or 0 for p in parts) == pytest.approx(whole.facts.revenue)
    for key, column in (("funnel-steps", "visits"), ("time-hours", "visits"), ("time-visits", "visits")):
        summed = sum(p.chart(key).data[column].to_numpy().sum() for p in parts)
        assert summed == whole.chart(key).data[column].sum()
    first = [p.chart("funnel-steps").data["visits"].to_numpy() for p in parts]
    assert (np.sum(first, axis=0) == whole.chart("funnel-steps").data["visits"].to_numpy()).all()


def test_a_session_table_may_call_its_columns_as_it_likes(tmp_path: Path) -> None:
    """Columns that are called like the library's own figures are not mixed up with them."""
    lines = ["visit,day,events,reached,category,bought"]
    lines += [f"s{i},{('mon', 'tue')[i % 2]},many,{'yn'[i % 2]},c{i % 3},{i % 4 == 0}" for i in range(60)]
    (tmp_path / "visits.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "own.toml").write_text(OWN_TABLE, encoding="utf-8")
    data = prepare(load(tmp_path / "visits.csv", profile=tmp_path / "own.toml"))
    offered = choices(data, segments={f"s{i}": "xy"[i % 2] for i in range(60)})
    assert offered.columns["day"] == ("mon", "tue")
    assert (offered.categories, offered.segments) == ((), ("x", "y"))
    found = explore(data, filters=Filters(columns=(("day", ("mon",)), ("category", ("c0", "c1")))))
    assert (found.facts.visits, found.facts.orders) == (20, 10)


OWN_TABLE = """
name = "own"
title = "Own visits"
level = "session"
required = ["bought"]
[roles]
session = "visit"
[identify]
all = ["visit", "bought"]
[columns]
visit = { source = "visit", type = "text" }
day = { source = "day", type = "text" }
events = { source = "events", type = "text" }
reached = { source = "reached", type = "text" }
category = { source = "category", type = "text" }
bought = { source = "bought", type = "boolean" }
[[goals]]
name = "purchase"
sentence = "the visit ends with a purchase"
proxy = false
kind = "column"
attribute = "bought"
equals = true
"""
