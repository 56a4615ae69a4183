"""Cohorts: who was first seen in a week, and who of them is seen in the weeks after."""

from __future__ import annotations

from buysignal.explore import explore
from buysignal.explore.cohorts import cohorts

from .clicks import PAGE, prepared, table, visit


def shop() -> list[list[dict[str, object]]]:
    """Three weeks and a day: 20 first seen in week 0, 10 in week 1; the last Monday is no full week."""
    visits = [visit(f"a{i}", PAGE, day=i % 5) for i in range(20)]
    visits += [visit(f"a{i}", PAGE, day=8) for i in range(5)]  # 5 of 20 come back in week 1
    visits += [visit(f"a{i}", PAGE, day=9) for i in range(5)]  # twice in a week counts once
    visits += [visit(f"a{i}", PAGE, day=15) for i in range(4)]  # 4 of 20 in week 2
    visits += [visit(f"b{i}", PAGE, day=10) for i in range(10)]
    visits += [visit("b0", PAGE, day=16), visit("b1", PAGE, day=21)]  # the last day begins a new week
    return visits


def test_shares_are_those_counted_by_hand() -> None:
    found = cohorts(prepared(*shop())).set_index(["first week", "weeks after"])
    assert found["came back"].to_dict() == {
        ("06 May 2024", 0): 20, ("06 May 2024", 1): 5, ("06 May 2024", 2): 4,
        ("13 May 2024", 0): 10, ("13 May 2024", 1): 1,
    }  # fmt: skip
    assert found.loc[("06 May 2024", 1), "share"] == 0.25


def test_the_chart_leaves_out_the_week_in_which_all_come() -> None:
    chart = explore(table([c for v in shop() for c in v])).chart("cohorts-weeks")
    assert set(chart.data["weeks after"]) == {"1", "2"}
    assert chart.sentence.startswith("20 % of the visitors come back in the week after")  # 6 of 30


def test_too_little_time_is_said() -> None:
    visits = [visit("a", PAGE), visit("a", PAGE, day=3)]
    section = explore(table([c for v in visits for c in v])).section("cohorts")
    assert not section.charts
    assert "less than two full weeks" in section.missing[0]


def test_visits_that_stand_for_themselves_have_no_cohorts() -> None:
    section = explore(table(visit("a", PAGE) + visit("b", PAGE, day=9))).section("cohorts")
    assert "nobody is seen to come back" in section.missing[0]
