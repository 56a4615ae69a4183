"""Pictures of a look at new data: groups hold every visit once, and say what their values are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal.drift import histogram
from buysignal.monitor import watch
from buysignal.monitor.pictures import groups_of
from buysignal.sources.read import load
from shop import Shop

values = st.lists(st.one_of(st.just(np.nan), st.integers(-3, 30).map(float)), min_size=1, max_size=60)


@settings(max_examples=50, deadline=None)
@given(values, values)
def test_every_visit_stands_in_one_group(then: list[float], now: list[float]) -> None:
    before = histogram(np.array(then))
    found = groups_of(before, before.again(np.array(now)), ())
    assert sum(one.then for one in found) == pytest.approx(1)
    assert sum(one.now for one in found) == pytest.approx(1)
    for one in (one for one in found if one.kind == "range"):
        low, high = (-np.inf if one.low is None else one.low), (np.inf if one.high is None else one.high)
        inside = [low < value <= high for value in now]
        assert one.now == pytest.approx(np.mean(inside))


def test_levels_are_named_and_rare_ones_stand_together() -> None:
    codes = np.array([0.0] * 600 + [1.0] * 395 + [2.0] * 3 + [3.0] * 2)
    before = histogram(codes, levels=4)
    found = groups_of(
        before, before.again(np.array([1.0, 3.0, np.nan, np.nan])), ("search", "mail", "a", "b")
    )
    assert [(one.kind, one.level, one.now) for one in found] == [
        ("level", "search", 0.0), ("level", "mail", 0.25), ("rare", "", 0.25), ("missing", "", 0.5),
    ]  # fmt: skip
    assert found[2].then == pytest.approx(0.005)


def test_the_pictures_of_a_week_are_of_its_figures(shop: Shop) -> None:
    found = watch(shop.bundle, load(shop.events), since="2025-03-24")
    pictures = found.pictures
    assert pictures is not None
    assert pictures.columns.keys() == {one.name for one in found.shifts}
    assert {one.level for one in pictures.columns["channel"]} >= {"organic", "email"}
    assert sum(one.moments for one in pictures.fifths) > found.visits
    said = [one.said for one in pictures.fifths]
    assert said == sorted(said)
    assert len(pictures.daily_now) == 5
    assert str(pictures.first_day) == "2025-03-25"
    assert "pictures" not in found.as_json()
