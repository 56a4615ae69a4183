"""The funnel counts visits in which the steps happened in their order."""

from __future__ import annotations

import pandas as pd
import pytest

from buysignal.explore import explore
from buysignal.explore.funnel import depth, present_steps

from .clicks import BUY, CART, CHECKOUT, PAGE, VIEW, prepared, table, visit

VISITS = [
    visit("a", VIEW, CART, CHECKOUT, BUY),
    visit("b", VIEW, PAGE, CART, VIEW, "add_payment_info", BUY),
    visit("c", CART, VIEW),  # the cart came before the view
    visit("d", VIEW, BUY, CART),  # bought before anything was in the cart
    visit("e", PAGE),
    visit("f", VIEW, CHECKOUT, CART, BUY),  # no checkout after the cart
    visit("g", CART, BUY),  # never looked
]


def test_a_step_counts_only_after_the_one_before() -> None:
    data = prepared(*VISITS)
    steps = present_steps(data)
    assert [step.name for step in steps] == [
        "item viewed", "put into the cart", "checkout begun", "purchase"
    ]  # fmt: skip
    reached = dict(zip(data.visits["id"].str[0], depth(data, steps), strict=True))
    assert reached == {"a": 4, "b": 4, "c": 1, "d": 2, "e": 0, "f": 2, "g": 0}


def test_the_funnel_says_how_many_are_lost_where() -> None:
    chart = explore(table([c for v in VISITS for c in v])).chart("funnel-steps")
    assert chart.data["visits"].tolist() == [7, 5, 4, 2, 2]
    assert chart.data["lost before this step"].tolist() == [0, 2, 1, 2, 0]
    assert chart.data["share of the step before"].tolist() == pytest.approx([1, 5 / 7, 4 / 5, 1 / 2, 1])
    assert "29 % reach 'purchase' through all steps in order" in chart.sentence
    assert "before 'checkout begun': 50 %" in chart.sentence
    assert "3 more visits with a purchase did not go through all steps" in chart.sentence


def test_a_step_that_is_not_recorded_is_left_out_and_said() -> None:
    section = explore(table([*visit("a", VIEW, CART), *visit("b", VIEW)])).section("funnel")
    assert section.charts[0].data["step"].tolist() == ["visit", "item viewed", "put into the cart"]
    assert section.missing == (
        "This file does not record: checkout begun and purchase. The funnel leaves it out.",
    )
    assert "purchase" not in section.title


def test_one_step_is_no_funnel() -> None:
    section = explore(table(visit("a", VIEW))).section("funnel")
    assert not section.charts
    assert "only the step 'item viewed'" in section.missing[0]


def test_groups_and_segments_add_up_to_the_whole() -> None:
    clicks = [
        c for i in range(60)
        for c in visit(f"v{i}", *([VIEW, CART, CHECKOUT, BUY][: 1 + i % 4]), device=("phone", "desk")[i % 2])
    ]  # fmt: skip
    named = {f"v{i}-0": "early" if i < 30 else "late" for i in range(60)}
    found = explore(table(clicks), segments=named)
    whole = found.chart("funnel-steps").data.set_index("step")["visits"]
    for by in ("device", "segment"):
        data = found.chart(f"funnel-by-{by}").data
        summed = data.groupby("step")["visits"].sum()
        pd.testing.assert_series_equal(summed, whole.loc[summed.index], check_dtype=False)
        assert data.drop_duplicates(by)["visits of all"].sum() == 60
