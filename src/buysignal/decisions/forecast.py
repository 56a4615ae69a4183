"""What the coming days will bring: visits under way, and visits to come, each with its interval.

The way to continue the history is chosen by a rolling-origin backtest (Hyndman & Athanasopoulos 2021,
section 5.10): from every past day the following days are forecast by what was known then. Intervals are
a prediction bootstrap (Davison & Hinkley 1997, section 6.3.3): whole days are resampled, the chosen way
is run on the resampled past, and what it misses of a resampled future is its error. A level that has
been drifting may go on or turn; and where the backtest erred more than all that, the interval is widened.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.decisions.daily import BASELINES, METHODS, TITLES, daily_history, weekday_pattern
from buysignal.errors import InputError
from buysignal.models.intervals import total_forecast

Floats = npt.NDArray[np.float64]

MOST_DAYS = 28
LEAST_LEARNED = 7
"""Days that a backtest's first forecast stands on."""
LEAST_PROVEN = 30
"""Fewer visits than this that were under way in the past give no interval for those now."""
_DRAWS = 1_000
_PARAMETERS = 7.0
"""Degrees of freedom that the weekday pattern and the level take from the days."""
_DOUBT = 1.0
"""Forecasts' worth of doubt whether the backtest's error is more than chance."""
_MARGIN = 0.8
"""A plain baseline is chosen only where its error is below this share of the best other way's."""
_IDLE_SECONDS = (60.0, 180.0, 600.0)
_PRIOR_PART = 20.0
"""The overall factor counts in each class of idle visits as this part of all of them."""
_TREND_DAYS = 14
_MEMORY_DAYS = 8.0
"""How far back the days lie that a level stands on, about."""


@dataclass(frozen=True)
class Amount:
    """An expected amount with the ends of its interval; ends are None where nothing supports any."""

    expected: float
    low: float | None
    high: float | None


@dataclass(frozen=True, eq=False)
class UnderWay:
    """Visits under way at the moment of asking, and such visits of the past.

    Attributes:
        expected: (o,) expected further amount of each visit that is open now, as of its last click.
        idle: (o,) seconds since that click; the score does not know of them.
        past_expected, past_idle, past_amount: (m,) the same for visits that were open at earlier moments,
            and what they went on to bring.
        past_visitor: (m,) whose they were.
    """

    expected: Floats
    idle: Floats
    past_expected: Floats
    past_idle: Floats
    past_amount: Floats
    past_visitor: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Forecast:
    """The forecast, and what it stands on.

    Attributes:
        now: the moment of asking, UTC; nothing after it was used.
        days: how many, of 24 hours each.
        total, under_way, to_come: the sum and its two parts.
        open_visits: visits under way.
        daily: coming days of visits to come: ``day``, ``expected``, ``low``, ``high``.
        history: past days: ``day``, ``visits``, ``amount``.
        backtest: a row per method: ``method``, ``title``, ``origins``, ``days``, ``error`` (mean absolute
            error of the total), ``error_share`` (of the mean total), ``bias``, ``chosen``.
        method: the chosen one.
        level: of the intervals.
    """

    now: np.datetime64
    days: int
    total: Amount
    under_way: Amount
    to_come: Amount
    open_visits: int
    daily: pd.DataFrame
    history: pd.DataFrame
    backtest: pd.DataFrame
    method: str
    level: float


def forecast(
    start: npt.NDArray[np.datetime64],
    amount: Floats,
    now: np.datetime64,
    *,
    days: int = 7,
    under_way: UnderWay | None = None,
    first: np.datetime64 | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> Forecast:
    """Return the forecast of the ``days`` that follow ``now``.

    Args:
        start: (v,) when each visit began, UTC; later ones than ``now`` are left out.
        amount: (v,) what each brought up to ``now``, in currency.
        days: 1 to `MOST_DAYS`.
        under_way: the visits that are open; without them that part is 0.
        first: when the data begins, where that is before the first visit.

    Raises:
        InputError: ``days`` is out of range.
        SamplesError: too little history.
    """
    if not 1 <= days <= MOST_DAYS:
        raise InputError(f"a forecast of {days} days was asked for", allowed=f"1 to {MOST_DAYS} days")
    history = daily_history(start, amount, now, first)
    visits, amounts = history["visits"].to_numpy(float), history["amount"].to_numpy(float)
    backtest, errors = backtested(visits, amounts, days)
    method = str(backtest.loc[backtest["chosen"], "method"].iloc[0])
    point = METHODS[method](visits, amounts, days)
    draws = _drawn_errors(visits, amounts, method, days, seed)
    factor = _widening(draws, errors[method], int(backtest["days"].iloc[0]), days)
    to_come = _amount(float(point.sum()), draws.sum(axis=1) * factor, level)
    low, high = np.quantile(draws * factor, [(1 - level) / 2, (1 + level) / 2], axis=0)
    daily = pd.DataFrame(
        {
            "day": now + np.timedelta64(1, "D") * np.arange(days),
            "expected": point,
            "low": np.maximum(point + low, 0.0),
            "high": np.maximum(point + high, 0.0),
        }
    )
    opened = _under_way(under_way, level, seed)
    return Forecast(
        now=now,
        days=days,
        total=_sum(opened, to_come),
        under_way=opened,
        to_come=to_come,
        open_visits=0 if under_way is None else len(under_way.expected),
        daily=daily,
        history=history,
        backtest=backtest,
        method=method,
        level=level,
    )


def backtested(visits: Floats, amount: Floats, days: int) -> tuple[pd.DataFrame, dict[str, Floats]]:
    """Return the backtest's table, and each method's errors (forecast less actual total) by origin.

    Where the history is too short for forecasts of ``days`` days, shorter ones are tested.
    """
    n = len(visits)
    horizon = max(1, min(days, (n - LEAST_LEARNED) // 2))
    origins = np.arange(LEAST_LEARNED, n - horizon + 1)
    actual = np.array([amount[o : o + horizon].sum() for o in origins])
    rows, errors = [], {}
    for name, method in METHODS.items():
        said = np.array([method(visits[:o], amount[:o], horizon).sum() for o in origins])
        errors[name] = said - actual
        error = float(np.abs(errors[name]).mean())
        rows.append(
            {
                "method": name,
                "title": TITLES[name],
                "origins": len(origins),
                "days": horizon,
                "error": error,
                "error_share": error / max(float(actual.mean()), 1e-9),
                "bias": float(errors[name].mean()),
            }
        )
    table = pd.DataFrame(rows)
    handicap = np.where(table["method"].isin(BASELINES), 1.0 / _MARGIN, 1.0)
    table["chosen"] = table.index == (table["error"] * handicap).idxmin()
    return table, errors


def _drawn_errors(visits: Floats, amount: Floats, method: str, days: int, seed: int) -> Floats:
    """Return drawn errors (actual less forecast) of each coming day, (draws, days)."""
    n = len(visits)
    pattern = weekday_pattern(visits)[np.arange(n + days) % 7]
    level = (visits / pattern[:n]).mean()
    per_visit = amount.sum() / max(visits.sum(), 1.0)
    visit_ratio = visits / (level * pattern[:n])
    amount_ratio = amount / np.maximum(level * pattern[:n] * per_visit, 1e-9)
    stretch = np.sqrt(n / max(n - _PARAMETERS, 1.0))
    visit_ratio, amount_ratio = (
        np.maximum(ratio.mean() + stretch * (ratio - ratio.mean()), 0.0)
        for ratio in (visit_ratio, amount_ratio)
    )
    pick = np.random.default_rng(seed).integers(n, size=(_DRAWS, n + days))
    drawn_visits = level * pattern * visit_ratio[pick]
    drawn_amount = level * pattern * per_visit * amount_ratio[pick]
    said = METHODS[method](drawn_visits[:, :n], drawn_amount[:, :n], days)
    coming = drawn_amount[:, n:] * _drift(visits / pattern[:n], days, seed)
    return np.asarray(coming - said)


def _drift(visits: Floats, days: int, seed: int) -> Floats:
    """Return drawn factors on each coming day's level, (draws, days).

    Where visits, weekdays evened out, have been rising or falling, nobody knows for how long they go on:
    the level may move by as much again, either way.
    """
    recent = np.log(np.maximum(visits[-_TREND_DAYS:], 0.5))
    slope = float(np.polyfit(np.arange(len(recent)), recent, 1)[0])
    away = slope * (_MEMORY_DAYS + np.arange(1, days + 1))
    return np.asarray(np.exp(np.random.default_rng([seed, 1]).normal(size=(_DRAWS, 1)) * away))


def _widening(draws: Floats, errors: Floats, tested: int, days: int) -> float:
    """Return by how much the drawn errors fall short of the backtest's, at least 1."""
    drawn = float((draws[:, :tested].sum(axis=1) ** 2).mean())
    found = float((errors**2).mean())
    if drawn <= 0 or found <= drawn:
        return 1.0
    apart = max(1.0, (len(errors) + tested - 1) / tested)
    trust = apart / (apart + _DOUBT)
    return float(np.sqrt(1.0 + trust * (found / drawn - 1.0)))


def _amount(expected: float, errors: Floats, level: float) -> Amount:
    low, high = np.quantile(errors, [(1 - level) / 2, (1 + level) / 2])
    return Amount(expected, max(expected + float(low), 0.0), max(expected + float(high), 0.0))


def _under_way(given: UnderWay | None, level: float, seed: int) -> Amount:
    if given is None or not len(given.expected):
        return Amount(0.0, 0.0, 0.0)
    if len(given.past_expected) < LEAST_PROVEN:
        return Amount(float(given.expected.sum()), None, None)
    expected, past_expected = after_idling(given)
    found = total_forecast(
        expected,
        past_expected,
        given.past_amount,
        groups=given.past_visitor,
        level=level,
        seed=seed,
    )
    return Amount(*found)


def after_idling(given: UnderWay) -> tuple[Floats, Floats]:
    """Return what is expected of open visits, now (o,) and in the past (m,), given how long they idle.

    A visit that has not clicked for ten minutes has mostly gone, which its score of ten minutes ago could
    not know: scores are multiplied by what such visits brought in the past over what their scores said.
    """
    now, past = (np.searchsorted(_IDLE_SECONDS, idle) for idle in (given.idle, given.past_idle))
    size = len(_IDLE_SECONDS) + 1
    said = np.bincount(past, weights=given.past_expected, minlength=size)
    came = np.bincount(past, weights=given.past_amount, minlength=size)
    overall = came.sum() / max(said.sum(), 1e-9)
    prior = said.sum() / _PRIOR_PART
    factor = (came + prior * overall) / np.maximum(said + prior, 1e-9)
    return given.expected * factor[now], given.past_expected * factor[past]


def _sum(first: Amount, second: Amount) -> Amount:
    """Return the sum of two independent parts: distances to the ends add up in squares."""
    expected = first.expected + second.expected
    ends = (second.low, second.high) if first.low is None else (first.low, first.high)
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Amount(expected, *ends)
    down = float(np.hypot(first.expected - first.low, second.expected - second.low))
    up = float(np.hypot(first.high - first.expected, second.high - second.expected))
    return Amount(expected, max(expected - down, 0.0), expected + up)
