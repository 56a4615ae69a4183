"""At which moment a visit is asked about, what was known then, and what came after.

A score speaks of the moment it was made. Two kinds of moment are on offer: right after a visit's
k-th click, and a moment of the clock, at which the visits under way are asked as they stand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import prefixes, sessions
from buysignal.errors import InputError, SamplesError
from buysignal.goals import Goal
from buysignal.units import duration_us

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Moments = npt.NDArray[np.datetime64]

_BUY = ev.EVENT_CODES["purchase"]


@dataclass(frozen=True, eq=False)
class Asked:
    """Visits and the moments they are asked at.

    Attributes:
        rows: (n,) the last event known at that moment, as a row of the events.
        at: (n,) datetime64[us], UTC.
    """

    rows: Ints
    at: Moments

    def __len__(self) -> int:
        return len(self.rows)


def after_click(events: pa.Table, click: int) -> Asked:
    """Ask every visit right after its k-th click; visits that never made it are not asked.

    Args:
        events: as ``sessions.assign`` leaves them.
        click: from 1.

    Raises:
        InputError: ``click`` is below 1, or beyond what is looked at of a visit.
    """
    if not 1 <= click <= sessions.SESSION_CAP:
        raise InputError(f"click {click} cannot be asked at", allowed=f"1 to {sessions.SESSION_CAP}")
    bounds = sessions.layout(events).session_starts
    starts = bounds[:-1][np.diff(bounds) >= click]
    rows = starts + click - 1
    return Asked(rows, prefixes.moments(events)[rows])


def under_way(events: pa.Table, moments: Moments, longest_pause: str = "30m") -> Asked:
    """Ask the visits under way at each moment: those whose last event is at most a pause ago.

    Args:
        events: as ``sessions.assign`` leaves them; every one needs a time.
        moments: (m,) datetime64[us], UTC, rising.
        longest_pause: with its unit; later than that a visit is over.

    Raises:
        SamplesError: some events have no time.
    """
    time = sessions.times(events)
    if (time == sessions.NO_TIME).any():
        raise SamplesError(
            "some events have no time, so there is no 'now' to ask at",
            todo="ask after a number of clicks instead",
        )
    pause = duration_us(longest_pause, "longest_pause")
    asked = np.sort(moments.astype("datetime64[us]").astype(np.int64))
    last = np.zeros(len(time), dtype=bool)
    last[sessions.layout(events).session_starts[1:] - 1] = True
    following = np.append(time[1:], sessions.NO_TIME)
    # An event stands until the next one of its visit, and never longer than the pause.
    until = np.where(last, time + pause + 1, np.minimum(following, time + pause + 1))
    first, stop = np.searchsorted(asked, time), np.searchsorted(asked, until)
    times_asked = np.maximum(stop - first, 0)
    rows = np.repeat(np.arange(len(time)), times_asked)
    ahead = np.arange(len(rows)) - np.repeat(np.cumsum(times_asked) - times_asked, times_asked)
    return Asked(rows, asked[np.repeat(first, times_asked) + ahead].astype("datetime64[us]"))


def asked_visits(
    events: pa.Table, asked: Asked, scores: pd.DataFrame, goal: Goal, session_gap: str = "30m"
) -> pd.DataFrame:
    """Return one row per visit asked: who, when, its score, why it may be out, and what came after.

    Columns: ``visitor_id``, ``session_id``, ``asked_at``, ``last_seen``, ``clicks``; those of ``scores``;
    ``already_bought`` (in this visit), ``suspected_bot`` and ``refused_consent``, each as known at
    ``asked_at``; ``outcome_known`` (the goal's time has run out within these events), ``bought`` and
    ``spent`` after ``asked_at``, which count only where the outcome is known.

    Args:
        events: as ``sessions.assign`` leaves them.
        asked: n visits.
        scores: n rows of ``probability`` and, where there are amounts, ``expected_revenue``.
        goal: a purchase, in this session or within a horizon.
        session_gap: after this pause a visit is over, with its unit.
    """
    where = sessions.layout(events)
    rows, session = asked.rows, where.session_of_row()
    code, time = ev.codes_of_names(events), prefixes.moments(events)
    so_far = _running(where.session_starts, (code == _BUY).astype(np.float64))
    who = {
        "visitor_id": events.column("visitor_id").take(pa.array(rows)).to_pandas(),
        "session_id": events.column("session_id").take(pa.array(rows)).to_pandas(),
        "asked_at": asked.at,
        "last_seen": time[rows],
        "clicks": rows - where.session_starts[session[rows]] + 1,
    }
    out = {
        "already_bought": so_far[rows] > 0,
        "suspected_bot": bot_so_far(events)[rows],
        "refused_consent": refused_by(events, rows, asked.at),
    }
    after = _session_outcome if goal.horizon == "session" else _horizon_outcome
    names = [c for c in ("probability", "expected_revenue") if c in scores]
    values = {name: scores[name].to_numpy() for name in names}
    return pd.DataFrame({**who, **values, **out, **after(events, where, asked, goal, session_gap)})


def bot_so_far(events: pa.Table) -> Mask:
    """Return, after every event, whether its session looks automatic by then; see ``sessions.bots``."""
    where = sessions.layout(events)
    sizes = np.diff(where.session_starts)
    session = where.session_of_row()
    seen = np.arange(events.num_rows) - where.session_starts[session] + 1
    found = seen > sessions.SESSION_CAP
    time = sessions.times(events)
    candidates = np.flatnonzero((sizes >= sessions.BOT_MIN_EVENTS)[session] & (time != sessions.NO_TIME))
    if len(candidates):
        seconds = pd.Series(time[candidates] / 1e6)
        gaps = seconds.groupby(session[candidates]).diff()
        median = gaps.groupby(session[candidates]).expanding().median().to_numpy()
        quick = (median < sessions.BOT_MEDIAN_GAP_SECONDS) & (seen[candidates] >= sessions.BOT_MIN_EVENTS)
        found[candidates] |= quick
    return found


def _running(starts: Ints, value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sum within the session up to and including each row."""
    total = np.concatenate([[0.0], np.cumsum(value)])
    return total[1:] - np.repeat(total[starts[:-1]], np.diff(starts))


def refused_by(events: pa.Table, rows: Ints, moments: Moments) -> Mask:
    """Return whether the visitor of each row had refused consent by its moment, (n,).

    Once is enough: a refusal is not taken back by later events that do not say so.
    """
    where = sessions.layout(events)
    no = ~pc.fill_null(events.column("consent"), True).to_numpy()
    visitor = where.visitor_of_session()[where.session_of_row()]
    first = np.full(where.visitors, np.iinfo(np.int64).max)
    # Without a clock a refusal counts from the start: NO_TIME is earlier than all moments.
    np.minimum.at(first, visitor[no], sessions.times(events)[no])
    return first[visitor[rows]] <= moments.astype("datetime64[us]").astype(np.int64)


def _session_outcome(
    events: pa.Table, where: sessions.Layout, asked: Asked, goal: Goal, session_gap: str
) -> dict[str, npt.NDArray[np.generic]]:
    code, session = ev.codes_of_names(events), where.session_of_row()
    paid = np.where(code == _BUY, ev.line_values(events), 0.0)
    orders = (code == _BUY).astype(np.float64)
    bought, spent = (
        np.add.reduceat(value, where.session_starts[:-1])[session[asked.rows]]
        - _running(where.session_starts, value)[asked.rows]
        for value in (orders, paid)
    )
    time = sessions.times(events)
    ends = time[where.session_starts[1:] - 1][session[asked.rows]]
    gap = duration_us(session_gap, "session_gap")
    over = (ends == sessions.NO_TIME) | (ends + gap <= time.max()) if len(ends) else np.zeros(0, bool)
    return {"outcome_known": over, "bought": bought > 0.5, "spent": np.where(spent > 1e-6, spent, 0.0)}


def _horizon_outcome(
    events: pa.Table, where: sessions.Layout, asked: Asked, goal: Goal, session_gap: str
) -> dict[str, npt.NDArray[np.generic]]:
    horizon = duration_us(goal.horizon, "horizon")
    time = sessions.times(events)
    visitor = where.visitor_of_session()[where.session_of_row()]
    later = purchases_after(
        time, visitor, ev.codes_of_names(events) == _BUY, ev.line_values(events),
        visitor[asked.rows], asked.at.astype(np.int64), horizon,
    )  # fmt: skip
    known = asked.at.astype(np.int64) + horizon <= time.max() if len(time) else np.zeros(0, bool)
    return {"outcome_known": known, "bought": later[0] > 0, "spent": later[1]}


def purchases_after(
    time: Ints,
    visitor: Ints,
    buys: Mask,
    value: npt.NDArray[np.float64],
    who: Ints,
    since: Ints,
    horizon: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return purchase rows and their value of each of ``who`` in (since, since + horizon], both (m,).

    Args:
        time, visitor, buys, value: (n,) of the events, times in microseconds.
        who, since: (m,) visitors' codes and moments.
        horizon: microseconds.
    """
    kept = np.flatnonzero(buys)
    kept = kept[np.lexsort((time[kept], visitor[kept]))]
    if not len(kept) or not len(who):
        return np.zeros(len(who)), np.zeros(len(who))
    base = min(int(time[kept].min()), int(since.min()))
    span = max(int(time[kept].max()), int(since.max())) - base + horizon + 2
    buyers, buyer = np.unique(visitor[kept], return_inverse=True)
    place = np.searchsorted(buyers, who)
    key = buyer * span + (time[kept] - base)
    own = place * span + (since - base)
    never = (place == len(buyers)) | (buyers[np.minimum(place, len(buyers) - 1)] != who)
    first, stop = (np.searchsorted(key, edge, side="right") for edge in (own, own + horizon))
    stop = np.where(never, first, stop)
    count = np.arange(len(kept) + 1, dtype=np.float64)
    total = np.concatenate([[0.0], np.cumsum(value[kept])])
    return count[stop] - count[first], np.maximum(total[stop] - total[first], 0.0)
