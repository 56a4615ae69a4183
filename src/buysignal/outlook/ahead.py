"""What the coming days bring: visits under way and the history, put together for a forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal import events as ev
from buysignal import prefixes, scoring, sessions, tables
from buysignal.acting import known_by, moment_of
from buysignal.bundle import Bundle
from buysignal.decisions import asking
from buysignal.decisions.forecast import Forecast, UnderWay, forecast
from buysignal.errors import SamplesError
from buysignal.goals import Goal
from buysignal.outlook.amounts import (
    before_session,
    event_values,
    learned_from,
    need_amounts,
    still_to_come,
    table_times,
)
from buysignal.sources.read import Loaded

Progress = Callable[[float, str], None]
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_PAST_EVERY = np.timedelta64(2, "h")
_ENOUGH_PROVEN = 300


@dataclass(frozen=True, eq=False)
class Ahead:
    """What a forecast is made from; nothing in it is later than ``now``.

    Attributes:
        start, amount: (v,) when each visit began, UTC, and what it had brought by ``now``.
        under_way: visits that are open, and such visits of the past; None for session tables.
        learned: whether the model learned from those past visits: "no", "yes" or "maybe".
    """

    now: np.datetime64
    first: np.datetime64
    start: npt.NDArray[np.datetime64]
    amount: Floats
    under_way: UnderWay | None
    goal: Goal
    simulated: bool
    learned: str

    def forecast(self, days: int = 7, *, level: float = 0.9, seed: int = 0) -> Forecast:
        """Return the forecast; see `decisions.forecast.forecast`."""
        return forecast(
            self.start, self.amount, self.now, days=days, under_way=self.under_way, first=self.first,
            level=level, seed=seed,
        )  # fmt: skip


def look_ahead(
    bundle: Bundle, loaded: Loaded, *, now: str | None = None, progress: Progress | None = None
) -> Ahead:
    """Return what a forecast of the coming days is made from.

    Args:
        bundle: what was trained; its goal says which amount is forecast.
        loaded: the history.
        now: the moment of asking, UTC; the end of the data where None.

    Raises:
        GoalError: the model knows no amounts.
        SamplesError: the data holds no times or no purchases.
    """
    tell = progress or (lambda _share, _text: None)
    need_amounts(bundle)
    _need_times(bundle, loaded)
    if not bundle.reads_events:
        return _ahead_of_table(bundle, loaded, now)
    moment = moment_of(loaded.table, now)
    tell(0.1, "reading the history")
    events, X = scoring.fold_events(bundle, known_by(loaded.table, moment))
    value = event_values(events, bundle.goal)
    if not value.any():
        raise SamplesError(
            "no purchase with an amount lies before the moment of asking",
            allowed="a history with purchases that carry prices",
            todo="bring data with purchases",
        )
    tell(0.5, "scoring the visits under way")
    where = sessions.layout(events)
    start = prefixes.moments(events)[where.session_starts[:-1]]
    under_way, learned = _under_way(bundle, loaded, events, X, value, moment)
    return Ahead(
        now=moment,
        first=start.min(),
        start=start,
        amount=np.add.reduceat(value, where.session_starts[:-1]),
        under_way=under_way,
        goal=bundle.goal,
        simulated=bundle.manifest.dataset.simulated,
        learned=learned,
    )


def came_true(asked: Ahead, later: Ahead, days: int) -> float | None:
    """Return what the ``days`` after an earlier forecast did bring, where ``later`` knows all of them.

    As in the forecast: visits that began in these days, and what the visits under way at the moment of
    asking brought after it.
    """
    end = asked.now + np.timedelta64(1, "D") * days
    if end > later.now:
        return None
    began = later.start > asked.now
    to_come = float(later.amount[began & (later.start <= end)].sum())
    return to_come + float(later.amount[~began].sum() - asked.amount.sum())


def _need_times(bundle: Bundle, loaded: Loaded) -> None:
    column = "event_time" if bundle.reads_events else bundle.profile.roles.time
    table = loaded.table
    missing = column is None or column not in table.column_names or table.column(column).null_count
    if missing:
        raise SamplesError(
            "this data has no clock: nothing says at what time its visits began",
            allowed="a time for every row, over two weeks or more",
            todo="bring data with times",
        )


def _under_way(
    bundle: Bundle,
    loaded: Loaded,
    events: pa.Table,
    X: npt.NDArray[np.float32],
    value: Floats,
    moment: np.datetime64,
) -> tuple[UnderWay, str]:
    """Return visits under way at ``moment``, and every few hours before it; unlearned ones where enough."""
    where = sessions.layout(events)
    session = where.session_of_row()
    time = prefixes.moments(events)
    open_now, idle = _open(events, time, np.array([moment]), bundle.session_gap)
    # A day before: by now all visits that were open then have shown what they bring.
    past = np.arange(moment - np.timedelta64(1, "D"), time.min(), -_PAST_EVERY)[::-1]
    earlier, past_idle = _open(events, time, past, bundle.session_gap)
    start = time[where.session_starts[:-1]][session[earlier]]
    learned = learned_from(bundle, loaded, start)
    fresh = learned == "no"
    kind = "no" if fresh.sum() >= _ENOUGH_PROVEN else ("yes" if (learned == "yes").any() else "maybe")
    if kind == "no":
        earlier, past_idle = earlier[fresh], past_idle[fresh]
    return UnderWay(
        expected=bundle.expected_revenue(X[open_now]) if len(open_now) else np.zeros(0),
        idle=idle,
        past_expected=bundle.expected_revenue(X[earlier]) if len(earlier) else np.zeros(0),
        past_idle=past_idle,
        past_amount=still_to_come(where, value)[earlier],
        past_visitor=where.visitor_of_session()[session[earlier]],
    ), kind


def _open(
    events: pa.Table, time: npt.NDArray[np.datetime64], moments: npt.NDArray[np.datetime64], gap: str
) -> tuple[Rows, Floats]:
    """Return the last rows of the visits open at each moment, and for how many seconds they idle.

    Visits that have bought are left out, and bots as they show themselves by then.
    """
    asked = asking.under_way(events, moments, gap)
    rows = asked.rows
    where = sessions.layout(events)
    bought = (ev.codes_of_names(events) == ev.EVENT_CODES["purchase"]).astype(float)
    before = bought.cumsum() - before_session(where, bought)
    kept = (before[rows] == 0) & ~asking.bot_so_far(events)[rows]
    rows = rows[kept]
    return rows, (asked.at[kept] - time[rows]) / np.timedelta64(1, "s")


def _ahead_of_table(bundle: Bundle, loaded: Loaded, now: str | None) -> Ahead:
    start, amount = table_times(bundle, loaded), tables.column_amount(loaded.table, bundle.goal)
    if amount is None or not amount.any():
        raise SamplesError("these visits carry no amounts", todo="bring data whose purchases carry amounts")
    # A finished visit's row stands at its start, so the last start is the last moment that is known.
    moment = start.max() if now is None else moment_of(loaded.table, now)
    known = start <= moment
    return Ahead(
        now=moment,
        first=start.min(),
        start=start[known],
        amount=amount[known],
        under_way=None,
        goal=bundle.goal,
        simulated=bundle.manifest.dataset.simulated,
        learned="no",
    )
