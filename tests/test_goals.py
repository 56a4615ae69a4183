"""The label gate: nothing is called conversion without purchases, and proxies keep their names."""

from __future__ import annotations

import pytest

from buysignal import goals
from buysignal.errors import GoalError
from buysignal.goals import NO_CONVERSION, PURCHASE, Goal

CART = Goal(
    name="add_to_cart_later", sentence="something goes into the cart", proxy=True, event="add_to_cart"
)
LONG = Goal(name="keeps_browsing", sentence="3 more clicks come", proxy=True, kind="more_events", at_least=3)
COLUMN = Goal(
    name="purchase", sentence="they buy", proxy=False, kind="column", attribute="Revenue", equals=True
)


def names(found: list[Goal]) -> list[str]:
    return [goal.name for goal in found]


def test_the_real_goal_comes_first_where_there_are_purchases():
    found = goals.available({"purchase", "add_to_cart", "view_item"}, [LONG, CART], [PURCHASE])
    assert names(found) == ["purchase", "keeps_browsing", "add_to_cart_later"]
    assert goals.choose(found) == PURCHASE


def test_without_purchases_only_proxies_are_left():
    found = goals.available({"view_item"}, [CART, LONG], [PURCHASE])
    assert names(found) == ["keeps_browsing"]
    assert all(goal.proxy for goal in found)


def test_session_table_needs_the_target_column():
    assert goals.available_goals(["Revenue", "Month"], [COLUMN], [LONG]) == [COLUMN]
    assert goals.available_goals(["Month"], [COLUMN], [LONG]) == []


def test_asking_for_conversion_without_purchases_is_refused_with_the_reason():
    with pytest.raises(GoalError) as caught:
        goals.choose([LONG], "purchase")
    assert NO_CONVERSION in str(caught.value)
    assert caught.value.allowed == "keeps_browsing"
    assert caught.value.todo


def test_unknown_goal_where_there_are_purchases_does_not_deny_them():
    with pytest.raises(GoalError, match="there is no goal 'x'") as caught:
        goals.choose([PURCHASE, LONG], "x")
    assert NO_CONVERSION not in str(caught.value)


def test_no_goal_at_all():
    with pytest.raises(GoalError, match=NO_CONVERSION):
        goals.choose([])


def test_goal_by_name():
    assert goals.choose([PURCHASE, LONG], "keeps_browsing") == LONG


def answers(**facts) -> dict[str, tuple[str, str]]:
    return {a.question: (a.answer, a.why) for a in goals.gate([LONG], **facts)}


def test_gate_without_purchases_says_no_twice_and_names_the_proxy():
    found = answers(purchases=0, has_amounts=False)
    assert found["will the visitor buy?"] == ("no", NO_CONVERSION)
    assert found["how much will the visitor spend?"][0] == "no"
    assert "'keeps_browsing'" in found["will it happen that 3 more clicks come?"][1]
    assert found["will it happen that 3 more clicks come?"][0] == "proxy"


def test_gate_with_few_purchases_says_so():
    assert "wide intervals" in answers(purchases=12, has_amounts=True)["will the visitor buy?"][1]
    assert "wide" not in answers(purchases=500, has_amounts=True)["will the visitor buy?"][1]


def test_gate_without_amounts_refuses_revenue_alone():
    found = answers(purchases=500, has_amounts=False)
    assert found["will the visitor buy?"][0] == "yes"
    assert found["how much will the visitor spend?"] == ("no", "the purchases carry no amounts")
