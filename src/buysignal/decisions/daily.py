"""Days of history, and the ways to continue them.

A day here is the 24 hours that end at the hour of asking, so every day is whole. Each way takes
histories (..., n) of visits and amounts and returns the amounts of the coming days (..., h); leading
axes are resamples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.errors import SamplesError

Floats = npt.NDArray[np.float64]
Method = Callable[[Floats, Floats, int], Floats]

DAY = np.timedelta64(1, "D")
LEAST_DAYS = 14
LEAST_BUYING_DAYS = 7
HALF_LIFE_DAYS = 7.0
_PRIOR_WEEKS = 1.0
"""Weeks' worth of 'every weekday is alike' in the weekday pattern."""


def daily_history(
    start: npt.NDArray[np.datetime64], amount: Floats, now: np.datetime64, first: np.datetime64 | None = None
) -> pd.DataFrame:
    """Return whole days up to ``now``: ``day`` (when it begins), ``visits``, ``amount``.

    Args:
        start: (v,) when each visit began, UTC.
        amount: (v,) what it brought, all told.
        now: the moment of asking; visits that begin after it are left out.
        first: the start of the data; the first visit's where None.

    Raises:
        SamplesError: fewer than `LEAST_DAYS` whole days, or hardly any with an amount.
    """
    known = start <= now
    start, amount = start[known], amount[known]
    begin = start.min() if first is None and len(start) else first
    days = 0 if begin is None else int((now - begin) / DAY)
    if days < LEAST_DAYS:
        raise SamplesError(
            f"the data reaches back {days} whole day{'s' * (days != 1)} from the moment of asking",
            allowed=f"at least {LEAST_DAYS} days, two weeks of every weekday",
            todo="bring a longer history",
        )
    ago = np.ceil((now - start) / DAY - 1e-12).astype(np.int64).clip(1)
    place = days - ago
    inside = place >= 0
    table = pd.DataFrame(
        {
            "day": now - DAY * np.arange(days, 0, -1),
            "visits": np.bincount(place[inside], minlength=days).astype(np.int64),
            "amount": np.bincount(place[inside], weights=amount[inside], minlength=days),
        }
    )
    if (table["amount"] > 0).sum() < LEAST_BUYING_DAYS:
        raise SamplesError(
            f"only {int((table['amount'] > 0).sum())} of {days} days brought anything",
            allowed=f"at least {LEAST_BUYING_DAYS} days with purchases that carry amounts",
            todo="bring data with purchases, or a longer history",
        )
    return table


def mean_of_days(visits: Floats, amount: Floats, coming: int) -> Floats:
    """Every coming day as the mean of all days."""
    return np.repeat(amount.mean(axis=-1, keepdims=True), coming, axis=-1)


def same_weekday(visits: Floats, amount: Floats, coming: int) -> Floats:
    """Every coming day as the same weekday of the last week: the seasonal naive forecast."""
    return amount[..., -7:][..., np.arange(coming) % 7]


def weekdays(visits: Floats, amount: Floats, coming: int) -> Floats:
    """Level of visits × weekday pattern × amount per visit, all days alike."""
    return _by_weekday(visits, amount, coming, np.ones(visits.shape[-1]))


def recent_weekdays(visits: Floats, amount: Floats, coming: int) -> Floats:
    """As `weekdays`, a day's weight halving every `HALF_LIFE_DAYS`, so that the level may drift."""
    n = visits.shape[-1]
    return _by_weekday(visits, amount, coming, 0.5 ** (np.arange(n)[::-1] / HALF_LIFE_DAYS))


def _by_weekday(visits: Floats, amount: Floats, coming: int, weight: Floats) -> Floats:
    n = visits.shape[-1]
    pattern = weekday_pattern(visits)
    level = (weight * visits / pattern[..., np.arange(n) % 7]).sum(axis=-1) / weight.sum()
    total = np.maximum(visits.sum(axis=-1), 1.0)
    per_visit = amount.sum(axis=-1) / total
    ahead = pattern[..., (n + np.arange(coming)) % 7]
    return np.asarray((level * per_visit)[..., None] * ahead)


def weekday_pattern(visits: Floats) -> Floats:
    """Return visits of each weekday over the mean day's, (..., 7), by position modulo 7."""
    n = visits.shape[-1]
    level = np.maximum(visits.mean(axis=-1, keepdims=True), 1e-9)
    weeks = np.array([len(range(day, n, 7)) for day in range(7)], dtype=float)
    sums = np.stack([(visits / level)[..., day::7].sum(axis=-1) for day in range(7)], axis=-1)
    pattern = (sums + _PRIOR_WEEKS) / (weeks + _PRIOR_WEEKS)
    return np.asarray(pattern / pattern.mean(axis=-1, keepdims=True))


METHODS: dict[str, Method] = {
    "weekdays": weekdays,
    "recent_weekdays": recent_weekdays,
    "mean": mean_of_days,
    "same_weekday": same_weekday,
}
"""By name."""

BASELINES = ("mean", "same_weekday")
"""What any other way must beat."""

TITLES = {
    "weekdays": "Visits × weekday pattern × amount per visit",
    "recent_weekdays": "The same, recent days counting more",
    "mean": "Mean of all days",
    "same_weekday": "Same weekday last week",
}
