"""What the coming days bring: visits under way and the history, put together for a forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from buysignal import events as ev
from buysignal import prefixes, tables
from buysignal.acting import moment_of
from buysignal.bundle import Bundle
from buysignal.decisions import asking
from buysignal.decisions.forecast import Forecast, UnderWay, forecast
from buysignal.errors import SamplesError
from buysignal.folded import Folded, folded_until
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
Moments = npt.NDArray[np.datetime64]

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
    bundle: Bundle,
    loaded: Loaded,
    *,
    now: str | None = None,
    folded: Folded | None = None,
    progress: Progress | None = None,
) -> Ahead:
    """Return what a forecast of the coming days is made from.

    Args:
        bundle: what was trained; its goal says which amount is forecast.
        loaded: the history.
        now: the moment of asking, UTC; the end of the data where None.
        folded: the history's events as they were folded for an earlier question.

    What visitors without consent spent is in the sums: nothing is told of any one of them.

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
    known = folded_until(bundle, loaded.table, moment, folded, everyone=True)
    events, where = known.events, known.layout
    value = event_values(events, bundle.goal)
    if not value.any():
        raise SamplesError(
            "no purchase with an amount lies before the moment of asking",
            allowed="a history with purchases that carry prices",
            todo="bring data with purchases",
        )
    tell(0.5, "scoring the visits under way")
    start = prefixes.moments(events)[where.session_starts[:-1]]
    under_way, learned = _under_way(bundle, loaded, known, value, moment)
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
    bundle: Bundle, loaded: Loaded, known: Folded, value: Floats, moment: np.datetime64
) -> tuple[UnderWay, str]:
    """Return visits under way at ``moment``, and every few hours before it; unlearned ones where enough."""
    where, time = known.layout, prefixes.moments(known.events)
    session = where.session_of_row()
    # A day before: by now all visits that were open then have shown what they bring.
    past = np.arange(moment - np.timedelta64(1, "D"), time.min(), -_PAST_EVERY)[::-1]
    rows, at = _open(known, np.append(past, moment), bundle.session_gap)
    idle = (at - time[rows]) / np.timedelta64(1, "s")
    open_now, earlier = rows[at == moment], rows[at != moment]
    past_idle = idle[at != moment]
    learned = learned_from(bundle, loaded, time[where.session_starts[:-1]][session[earlier]])
    fresh = learned == "no"
    kind = "no" if fresh.sum() >= _ENOUGH_PROVEN else ("yes" if (learned == "yes").any() else "maybe")
    if kind == "no":
        earlier, past_idle = earlier[fresh], past_idle[fresh]
    return UnderWay(
        expected=known.scores(open_now)["expected_revenue"].to_numpy(),
        idle=idle[at == moment],
        past_expected=known.scores(earlier)["expected_revenue"].to_numpy(),
        past_idle=past_idle,
        past_amount=still_to_come(where, value)[earlier],
        past_visitor=where.visitor_of_session()[session[earlier]],
    ), kind


def _open(known: Folded, moments: Moments, gap: str) -> tuple[Rows, Moments]:
    """Return the last rows of the visits open at each moment (rising), and those moments.

    Visits that have bought are left out, and bots as they show themselves by then.
    """
    events = known.events
    asked = asking.under_way(events, moments, gap)
    bought = (ev.codes_of_names(events) == ev.EVENT_CODES["purchase"]).astype(float)
    before = bought.cumsum() - before_session(known.layout, bought)
    kept = (before[asked.rows] == 0) & ~asking.bot_so_far(events)[asked.rows]
    return asked.rows[kept], asked.at[kept]


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
