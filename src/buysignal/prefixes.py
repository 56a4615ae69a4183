"""Events in, prefix samples out: at every click, what was known and what came strictly after."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import features, sessions
from buysignal.errors import GoalError
from buysignal.goals import Goal
from buysignal.samples import Samples
from buysignal.units import duration_us, spoken

Task = Literal["conversion", "revenue"]
Mask = npt.NDArray[np.bool_]
Amounts = npt.NDArray[np.float64]

VIEW_CODES = (ev.EVENT_CODES["view_item"], ev.EVENT_CODES["select_item"])
_CART_ITEMS = features.NAMES.index("cart_items")
_N_EVENTS = features.NAMES.index("n_events")


def prefix_samples(
    events: pa.Table,
    X: npt.NDArray[np.float32],
    vocabulary: features.Vocabulary,
    goal: Goal,
    task: Task = "conversion",
) -> Samples:
    """Return one sample per event: its features, and the goal's outcome strictly after it.

    Rows of suspected bots and rows beyond the session cap are left out. So are rows at or after the
    first goal event of the session (the question is settled by then), and for a question about the next
    event, the last rows of sessions, which have none.

    Args:
        events: n conformed events as ``sessions.assign`` leaves them.
        X: (n, f) what ``features.fold`` gave for them.
        vocabulary: what the fold was given; its levels name the codes in X.
        goal: the question.
        task: "conversion" makes rows for ``y``, "revenue" for the amount.

    Raises:
        GoalError: the goal asks for a column or time the events do not have.
    """
    where = sessions.layout(events)
    code = ev.codes_of_names(events)
    y, open_question = _outcome(events, where, code, goal)
    revenue = _amount(events, where, code, goal)
    known = _known_rows(where, events)
    rows = np.flatnonzero(known & open_question if task == "conversion" else known & _unsettled(where, code))
    session = where.session_of_row()
    has_cart = X[rows, _CART_ITEMS] > 0 if (code == ev.EVENT_CODES["add_to_cart"]).any() else None
    return Samples(
        X=X[rows],
        names=features.NAMES,
        y=None if y is None else y[rows].astype(np.int8),
        revenue=None if revenue is None else revenue[rows],
        time=moments(events)[rows],
        session=session[rows],
        visitor=where.visitor_of_session()[session][rows],
        k=X[rows, _N_EVENTS].astype(np.int32),
        unit="prefix",
        goal=goal,
        source_row=rows.astype(np.int64),
        categories=categories_of(vocabulary),
        has_cart=has_cart,
    )


def categories_of(vocabulary: features.Vocabulary) -> dict[str, tuple[str, ...]]:
    """Return the levels of every categorical feature of the fold."""
    names = (*(str(name) for name in ev.EventName), "other")
    return {
        f.name: names if f.levels == "event_name" else vocabulary.levels[f.levels]
        for f in features.CATALOGUE
        if f.levels
    }


def moments(events: pa.Table) -> npt.NDArray[np.datetime64]:
    """Return each event's time, or its date where there is no clock, (n,) datetime64[us]."""
    time, day = sessions.times(events), sessions.days(events)
    known_day = day != sessions.NO_TIME
    by_day = np.where(known_day, day * sessions.US_PER_DAY, sessions.NO_TIME)
    return np.where(time != sessions.NO_TIME, time, by_day).astype("datetime64[us]")


def _known_rows(where: sessions.Layout, events: pa.Table) -> Mask:
    position = np.arange(events.num_rows) - where.session_starts[where.session_of_row()]
    return ~sessions.bots(events) & (position < sessions.SESSION_CAP)


def _outcome(
    events: pa.Table, where: sessions.Layout, code: npt.NDArray[np.int8], goal: Goal
) -> tuple[Mask | None, Mask]:
    """Return (y, rows where the question is still open)."""
    every = np.ones(events.num_rows, dtype=bool)
    if goal.kind == "event_later":
        happens = code == ev.EVENT_CODES.get(goal.event or "", -1)
        settled = _so_far(where, happens.astype(float)) > 0
        if goal.horizon == "session":
            return _still_to_come(where, happens.astype(float)) > 0, ~settled
        return _within(events, where, happens, goal), ~settled
    last = np.zeros(events.num_rows, dtype=bool)
    last[where.session_starts[1:] - 1] = True
    if goal.kind == "more_events":
        return _still_to_come(where, every.astype(float)) >= goal.at_least, every
    if goal.kind == "next_attribute":
        matches = _equals(events, goal)
        return np.append(matches[1:], False) & ~last, ~last
    raise GoalError(
        f"the goal '{goal.name}' reads a column of a table",
        allowed="event_later, next_attribute or more_events for events",
        todo="choose another goal",
    )


def _unsettled(where: sessions.Layout, code: npt.NDArray[np.int8]) -> Mask:
    bought = (code == ev.EVENT_CODES["purchase"]).astype(float)
    return _so_far(where, bought) == 0


def _amount(
    events: pa.Table, where: sessions.Layout, code: npt.NDArray[np.int8], goal: Goal
) -> Amounts | None:
    """Return the amount still to come after each row, (n,), in the goal's currency."""
    if goal.value == "purchase_revenue":
        value = np.where(code == ev.EVENT_CODES["purchase"], ev.line_values(events), 0.0)
        if goal.horizon != "session":
            return _sum_within(events, where, value, goal)
    elif goal.value == "viewed_value":
        price = np.nan_to_num(events.column("price").to_numpy())
        value = np.where(np.isin(code, VIEW_CODES), price, 0.0)
    else:
        return None
    return _still_to_come(where, value)


def _so_far(where: sessions.Layout, value: Amounts) -> Amounts:
    """Sum within the session up to and including each row."""
    total = np.concatenate([[0.0], np.cumsum(value)])
    starts = where.session_starts[:-1][where.session_of_row()]
    return total[1:] - total[starts]


def _still_to_come(where: sessions.Layout, value: Amounts) -> Amounts:
    """Sum within the session strictly after each row."""
    per_session = np.add.reduceat(value, where.session_starts[:-1]) if len(value) else value
    rest = per_session[where.session_of_row()] - _so_far(where, value)
    # Sums of prices leave crumbs of rounding where nothing comes any more.
    return np.where(rest > 1e-6, rest, 0.0)


def _equals(events: pa.Table, goal: Goal) -> Mask:
    if goal.attribute not in events.column_names:
        raise GoalError(
            f"the goal '{goal.name}' needs the column '{goal.attribute}', which these events do not have",
            allowed=", ".join(c for c in events.column_names if c.startswith(ev.ATTRIBUTE_PREFIX)),
        )
    column = events.column(goal.attribute)
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    wanted = pa.scalar(goal.equals).cast(column.type)
    return pc.fill_null(pc.equal(column, wanted), False).to_numpy()


def _window(
    events: pa.Table, where: sessions.Layout, goal: Goal
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (order, first, beyond): rows by visitor and time, and each row's window in that order."""
    horizon = duration_us(goal.horizon, "horizon")
    time = sessions.times(events)
    if (time == sessions.NO_TIME).any():
        raise GoalError(
            f"the goal '{goal.name}' looks {spoken(goal.horizon)} ahead, but some events have no time",
            allowed="the horizon 'session' where there is no clock",
        )
    visitor = where.visitor_of_session()[where.session_of_row()]
    order = np.lexsort((time, visitor))
    span = int(time.max() - time.min()) + horizon + 2
    key = visitor[order] * span + (time[order] - time.min())
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    own = visitor * span + (time - time.min())
    return order, rank + 1, np.searchsorted(key, own + horizon, side="right")


def _sum_within(events: pa.Table, where: sessions.Layout, value: Amounts, goal: Goal) -> Amounts:
    order, first, beyond = _window(events, where, goal)
    total = np.concatenate([[0.0], np.cumsum(value[order])])
    return np.maximum(total[np.maximum(beyond, first)] - total[first], 0.0)


def _within(events: pa.Table, where: sessions.Layout, happens: Mask, goal: Goal) -> Mask:
    return _sum_within(events, where, happens.astype(float), goal) > 0.5
