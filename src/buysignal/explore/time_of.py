"""When visits come: hour and weekday, and the trend per day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal import sessions
from buysignal.explore import words
from buysignal.explore.exploration import Draft, Section
from buysignal.explore.prepared import Prepared

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = tuple(f"{hour:02d}" for hour in range(24))
US_PER_HOUR = 3_600_000_000

MOST_DAYS = 750
"""Longer spans are drawn by month."""


@dataclass(frozen=True)
class _Period:
    """A step of the trend: its name, pandas' rule for it, and how one is written."""

    name: str
    rule: str
    said: str


DAY, MONTH = _Period("day", "D", "on %a %d %b %Y"), _Period("month", "MS", "in %b %Y")

Counts: TypeAlias = npt.NDArray[Any]


def time_section(data: Prepared) -> Section:
    """Return the week's hours and the trend per day of visits, outcome and revenue."""
    draft = Draft(data, "time", "Time")
    if data.visits["day"].isna().all():
        draft.lacks("This file has no dates, so there is no trend and no hour of the day.")
        return draft.done()
    _week(draft)
    _trend(draft)
    return draft.done()


def _week(draft: Draft) -> None:
    """Visits by weekday and, where there is a clock, by hour."""
    visits = draft.data.visits
    timed = (visits["start"] != sessions.NO_TIME).to_numpy()
    if not timed.any():
        draft.lacks("This file has no clock, so there is no hour of the day.")
        _weekdays(draft)
        return
    start = visits["start"].to_numpy()[timed]
    weekday = (start // sessions.US_PER_DAY + 3) % 7
    hour = start // US_PER_HOUR % 24
    counts = np.bincount(weekday * 24 + hour, minlength=168)
    reached = np.bincount(weekday * 24 + hour, weights=visits["reached"].to_numpy()[timed], minlength=168)
    data = pd.DataFrame({"weekday": np.repeat(WEEKDAYS, 24), "hour": np.tile(HOURS, 7), "visits": counts})
    busiest = int(np.argmax(counts))
    quiet = words.share(counts.reshape(7, 24)[:, :6].sum() / counts.sum())
    draft.add(
        "hours",
        title="When visits begin",
        sentence=f"Most visits begin on {WEEKDAYS[busiest // 24]} between {busiest % 24}:00 and "
        f"{busiest % 24 + 1}:00 UTC ({counts[busiest]:,}); {quiet} begin between midnight and 6:00.",
        kind="heatmap", data=data, x="hour", y="weekday", value="visits",
        x_title="Hour of the day (UTC)", y_title="Weekday", value_title="Visits",
        x_format="text", y_format="text", value_format="count",
    )  # fmt: skip
    if draft.data.outcome.goal is not None and reached.sum() >= 168:
        _hours_outcome(draft, counts, reached)


def _hours_outcome(draft: Draft, counts: Counts, reached: Counts) -> None:
    """The outcome by hour of the day; by weekday too the counts would be too small."""
    by_hour, won = counts.reshape(7, 24).sum(axis=0), reached.reshape(7, 24).sum(axis=0)
    share = won / np.maximum(by_hour, 1)
    data = pd.DataFrame({"hour": HOURS, "share": share, "visits": by_hour, "reached": won.astype(int)})
    busy = by_hour >= max(30, by_hour.sum() / 48)
    best = int(np.argmax(np.where(busy, share, -1)))
    outcome = draft.data.outcome
    draft.add(
        "hours-outcome", outcome=True,
        title="Conversion by hour" if outcome.real else "The proxy by hour",
        sentence=f"Of the visits that begin between {best}:00 and {best + 1}:00 UTC "
        f"{words.share(share[best])} {outcome.verb}, the highest share among hours with many visits; "
        f"over all hours {words.share(won.sum() / by_hour.sum())}.",
        kind="bar", data=data, x="hour", y="share", labels=("visits", "reached"),
        x_title="Hour of the day the visit begins in (UTC)", y_title=outcome.axis, y_format="share",
    )  # fmt: skip


def _weekdays(draft: Draft) -> None:
    day = draft.data.visits["day"].dropna()
    counts = np.bincount(day.dt.day_of_week, minlength=7)
    top = int(np.argmax(counts))
    draft.add(
        "weekdays",
        title="Visits by weekday",
        sentence=f"{WEEKDAYS[top]} has the most visits, {words.share(counts[top] / counts.sum())} of all.",
        kind="bar", data=pd.DataFrame({"weekday": WEEKDAYS, "visits": counts}), x="weekday", y="visits",
        x_title="Weekday", y_title="Visits",
    )  # fmt: skip


def _trend(draft: Draft) -> None:
    """Visits, outcome and revenue per day or month; those without a visit count as none."""
    visits, outcome = draft.data.visits, draft.data.outcome
    daily = visits.groupby("day").agg(
        visits=("events", "size"), reached=("reached", "sum"), revenue=("revenue", "sum")
    )
    if len(daily) < 2:
        draft.lacks("All visits are of one day, so there is no trend.")
        return
    per = DAY if (daily.index[-1] - daily.index[0]).days < MOST_DAYS else MONTH
    data = daily.resample(per.rule).sum().rename_axis(per.name).reset_index()
    busiest = data.iloc[int(data["visits"].argmax())]
    draft.add(
        "visits",
        title=f"Visits per {per.name}",
        sentence=f"{words.number(round(float(data['visits'].mean())))} visits a {per.name} on average; "
        f"most {busiest[per.name]:{per.said}}, {busiest['visits']:,}.",
        kind="line", data=data[[per.name, "visits"]], x=per.name, y="visits",
        x_title=f"{words.capital(per.name)} (UTC)", y_title="Visits", x_format="date",
    )  # fmt: skip
    if outcome.goal is None:
        draft.lacks(f"{outcome.why_not}, so no trend of purchases or revenue is drawn.")
        return
    _outcome(draft, data, per)
    if outcome.real and draft.data.has_amounts:
        _revenue(draft, data, per)
    elif outcome.real:
        draft.lacks("The purchases carry no amounts, so there is no revenue.")


def _outcome(draft: Draft, data: pd.DataFrame, per: _Period) -> None:
    outcome, overall = draft.data.outcome, float(draft.data.visits["reached"].mean())
    rates = data.assign(share=data["reached"] / data["visits"].where(data["visits"] > 0))
    draft.add(
        "outcome", outcome=True,
        title=f"Conversion per {per.name}" if outcome.real else f"The proxy per {per.name}",
        sentence=f"{words.capital(outcome.said(words.share(overall)))}; by {per.name} from "
        f"{words.share(rates['share'].min())} to {words.share(rates['share'].max())}.",
        kind="line", data=rates[[per.name, "share", "reached", "visits"]], x=per.name, y="share",
        x_title=f"{words.capital(per.name)} (UTC)", y_title=outcome.axis, x_format="date", y_format="share",
        labels=("reached", "visits"),
    )  # fmt: skip


def _revenue(draft: Draft, data: pd.DataFrame, per: _Period) -> None:
    currency = draft.data.currency
    best = data.iloc[int(data["revenue"].argmax())]
    unit = f" ({currency})" if currency else ""
    draft.add(
        "revenue",
        title=f"Revenue per {per.name}",
        sentence=f"{words.money(data['revenue'].sum(), currency)} in {words.count(len(data), per.name)}; "
        f"most {best[per.name]:{per.said}}, {words.money(best['revenue'], currency)}.",
        kind="line", data=data[[per.name, "revenue"]], x=per.name, y="revenue",
        x_title=f"{words.capital(per.name)} (UTC)", y_title=f"Revenue{unit}",
        x_format="date", y_format="money",
    )  # fmt: skip
