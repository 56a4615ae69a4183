"""The forecast of the coming days: it covers, it sees nothing later, and it says what it lacks."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as some

from buysignal import events as ev
from buysignal import sessions
from buysignal.decisions.daily import METHODS, daily_history, weekday_pattern
from buysignal.decisions.forecast import UnderWay, after_idling, backtested, forecast
from buysignal.errors import InputError, SamplesError
from buysignal.sources.demo import simulate

FIRST = np.datetime64("2025-03-03", "us")
Visits = tuple[npt.NDArray[np.datetime64], npt.NDArray[np.float64]]


@cache
def demo_visits(seed: int, visitors: int = 6_000, days: int = 56) -> Visits:
    """Return when each visit of the demo shop began, and what it brought."""
    events = simulate(visitors, days, seed, threads=1).events
    starts = sessions.layout(events).session_starts[:-1]
    paid = np.where(ev.codes_of_names(events) == ev.EVENT_CODES["purchase"], ev.line_values(events), 0.0)
    return sessions.times(events)[starts].astype("datetime64[us]"), np.add.reduceat(paid, starts)


def asked_at(day: float) -> np.datetime64:
    return FIRST + np.timedelta64(int(day * 24 * 60), "m")


def test_the_interval_covers_what_comes() -> None:
    """Ten shops, ten moments each: 90 % intervals of the next 7 days hold in at least 80 of 100."""
    covered = []
    for seed in range(10):
        start, amount = demo_visits(seed)
        for day in range(17, 47, 3):
            now = asked_at(day + 0.4)
            found = forecast(start[start <= now], amount[start <= now], now, days=7, first=FIRST)
            came = amount[(start > now) & (start <= now + np.timedelta64(7, "D"))].sum()
            low, high = found.to_come.low, found.to_come.high
            assert low is not None
            assert high is not None
            covered.append(low <= came <= high)
    assert sum(covered) >= 80
    assert not all(covered)


def test_nothing_after_now_is_used() -> None:
    start, amount = demo_visits(0)
    now = asked_at(30.5)
    known = start <= now
    alone = forecast(start[known], amount[known], now, first=FIRST)
    later = np.where(known, amount, 1e6)
    with_future = forecast(start, later, now, first=FIRST)
    assert alone.total == with_future.total
    assert alone.daily.equals(with_future.daily)
    assert alone.backtest.equals(with_future.backtest)


def test_the_parts_add_up_and_the_method_is_the_one_that_erred_least() -> None:
    start, amount = demo_visits(1)
    now = asked_at(35)
    past = np.full(200, 4.0)
    under_way = UnderWay(
        expected=np.array([10.0, 2.0]),
        idle=np.array([5.0, 5.0]),
        past_expected=past,
        past_idle=np.full(200, 5.0),
        past_amount=np.where(np.arange(200) % 10 == 0, 40.0, 0.0),
        past_visitor=np.arange(200),
    )
    found = forecast(start, amount, now, days=5, under_way=under_way, first=FIRST)
    assert found.total.expected == pytest.approx(found.under_way.expected + found.to_come.expected)
    assert found.under_way.expected == pytest.approx(12.0)
    assert found.open_visits == 2
    assert found.daily["expected"].sum() == pytest.approx(found.to_come.expected)
    assert len(found.daily) == found.days == 5
    assert set(found.backtest["method"]) == set(METHODS)
    assert found.backtest["chosen"].sum() == 1
    plain = found.backtest["method"].isin(["mean", "same_weekday"])
    chosen = found.backtest[found.backtest["chosen"]].iloc[0]
    assert chosen["error"] <= found.backtest[~plain]["error"].min()


def test_idling_visits_are_expected_less() -> None:
    """Half of those at the keyboard bring what was said, of those that idle nobody brings anything."""
    idle = np.repeat([10.0, 1_200.0], 500)
    came = np.where((idle < 60) & (np.arange(1_000) % 2 == 0), 10.0, 0.0)
    given_ = UnderWay(
        expected=np.array([5.0, 5.0]),
        idle=np.array([10.0, 1_200.0]),
        past_expected=np.full(1_000, 5.0),
        past_idle=idle,
        past_amount=came,
        past_visitor=np.arange(1_000),
    )
    now, past = after_idling(given_)
    assert now[0] > 4.5
    assert now[1] < 0.5
    assert past.sum() == pytest.approx(came.sum(), rel=0.05)


def test_few_earlier_visits_under_way_give_no_interval() -> None:
    start, amount = demo_visits(1)
    few = np.ones(5)
    found = forecast(
        start, amount, asked_at(30), first=FIRST,
        under_way=UnderWay(few, few, few, few, few, np.arange(5)),
    )  # fmt: skip
    assert found.under_way.low is None
    assert found.total.low == found.to_come.low


def test_too_short_a_history_says_what_is_needed() -> None:
    start, amount = demo_visits(0)
    with pytest.raises(SamplesError, match="at least 14 days"):
        forecast(start, amount, asked_at(9), first=FIRST)


def test_no_purchases_are_refused() -> None:
    start, amount = demo_visits(0)
    with pytest.raises(SamplesError, match="days brought anything"):
        forecast(start, np.zeros_like(amount), asked_at(30), first=FIRST)


@pytest.mark.parametrize("days", [0, 29])
def test_days_out_of_range_are_refused(days: int) -> None:
    start, amount = demo_visits(0)
    with pytest.raises(InputError, match="1 to 28"):
        forecast(start, amount, asked_at(30), days=days, first=FIRST)


def test_a_day_is_24_hours_and_every_visit_counts_once() -> None:
    start, amount = demo_visits(2)
    now = asked_at(30.25)
    history = daily_history(start, amount, now, FIRST)
    begin = now - np.timedelta64(1, "D") * len(history)
    inside = (start > begin) & (start <= now)
    assert history["visits"].sum() == inside.sum()
    assert history["amount"].sum() == pytest.approx(amount[inside].sum())
    assert history["day"].iloc[0] == begin


@given(
    level=some.floats(1, 1e4),
    pattern=some.lists(some.floats(0.5, 2.0), min_size=7, max_size=7),
    weeks=some.integers(2, 8),
)
def test_a_shop_that_repeats_itself_is_continued(level: float, pattern: list[float], weeks: int) -> None:
    visits = np.tile(level * np.array(pattern), weeks)
    amount = 3.0 * visits
    total = METHODS["same_weekday"](visits, amount, 7).sum()
    assert total == pytest.approx(amount[:7].sum())
    for method in METHODS.values():
        assert method(visits, amount, 7).sum() == pytest.approx(total, rel=0.25)
    assert weekday_pattern(visits).mean() == pytest.approx(1.0)


def test_a_backtest_uses_the_past_alone() -> None:
    rng = np.random.default_rng(0)
    visits, amount = rng.uniform(50, 100, 30), rng.uniform(500, 1_000, 30)
    changed = amount.copy()
    changed[20:] *= 5
    _, before = backtested(visits, amount, 7)
    _, after = backtested(visits, changed, 7)
    # Origins 7 to 13 look at days up to the 20th only.
    for name in METHODS:
        assert np.allclose(before[name][:7], after[name][:7])
        assert not np.allclose(before[name], after[name])
