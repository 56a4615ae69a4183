"""Sessions: ids where the source gives none, their bounds in the table, and suspected bots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal.units import duration_us

SESSION_CAP = 500
"""Events of one session that are looked at; what follows changes no feature any more."""

BOT_MIN_EVENTS = 30
BOT_MEDIAN_GAP_SECONDS = 1.0

US_PER_SECOND = 1_000_000
US_PER_DAY = 86_400_000_000

NO_TIME = np.iinfo(np.int64).min
"""Stands for an unknown time in integer microseconds (what NumPy calls NaT)."""


@dataclass(frozen=True)
class Layout:
    """Where sessions and visitors lie in a sorted events table of n rows.

    Attributes:
        session_starts: (sessions + 1,) row of each session's first event, then n.
        visitor_starts: (visitors + 1,) position in ``session_starts`` of each visitor's first session.
    """

    session_starts: npt.NDArray[np.int64]
    visitor_starts: npt.NDArray[np.int64]

    @property
    def sessions(self) -> int:
        return len(self.session_starts) - 1

    @property
    def visitors(self) -> int:
        return len(self.visitor_starts) - 1

    def session_of_row(self) -> npt.NDArray[np.int64]:
        """Return the session's position for every row, shape (n,)."""
        return np.repeat(np.arange(self.sessions), np.diff(self.session_starts))

    def visitor_of_session(self) -> npt.NDArray[np.int64]:
        """Return the visitor's position for every session, shape (sessions,)."""
        return np.repeat(np.arange(self.visitors), np.diff(self.visitor_starts))


def assign(events: pa.Table, session_gap: str = "30m") -> pa.Table:
    """Return events with every ``session_id`` filled and each session in one piece.

    Where the source gives no id, a session ends after ``session_gap`` without an event; without a
    clock, a visitor's day is one session. Rows come back sorted by visitor, start of the session,
    session, then time and sequence.

    Args:
        events: conformed events, sorted as by ``events.sort``.
        session_gap: longest pause within a session, with its unit.

    Raises:
        UnitError: ``session_gap`` has no unit.
    """
    gap = duration_us(session_gap, "session_gap")
    if events.num_rows == 0:
        return events
    given = events.column("session_id")
    if given.null_count:
        made = _ids_by_gap(events, gap)
        given = pc.if_else(pc.is_valid(given), given, made)
        position = events.column_names.index("session_id")
        events = events.set_column(position, pa.field("session_id", pa.string()), given)
    return _gather_sessions(events)


def _ids_by_gap(events: pa.Table, gap: int) -> pa.Array:
    time = times(events)
    day = days(events)
    new_visitor = changes(events.column("visitor_id"))
    known = (time != NO_TIME) & (np.roll(time, 1) != NO_TIME)
    paused = np.zeros(len(time), dtype=bool)
    paused[known] = (time - np.roll(time, 1))[known] > gap
    other_day = ~known & (np.diff(day, prepend=day[:1]) != 0)
    starts = new_visitor | paused | other_day
    number = np.cumsum(starts)
    number -= np.repeat(number[new_visitor], np.diff(np.append(np.flatnonzero(new_visitor), len(time)))) - 1
    return pc.binary_join_element_wise(
        events.column("visitor_id").cast(pa.string()), pa.array(number).cast(pa.string()), "-"
    )


def _gather_sessions(events: pa.Table) -> pa.Table:
    """Bring interleaved sessions of one visitor (two tabs, two devices) apart, stably."""
    new_visitor = changes(events.column("visitor_id"))
    starts = np.flatnonzero(new_visitor | changes(events.column("session_id")))
    first = _first_runs(events, starts, np.cumsum(new_visitor[starts]))
    if (first[1:] > first[:-1]).all():
        return events
    order = np.argsort(first, kind="stable")
    lengths = np.diff(np.append(starts, events.num_rows))[order]
    moved = starts[order] - (np.cumsum(lengths) - lengths)
    return events.take(pa.array(np.arange(events.num_rows) + np.repeat(moved, lengths)))


def _first_runs(
    events: pa.Table, starts: npt.NDArray[np.int64], visitor: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return, for every run of rows of one session, the first run of the same visitor and session.

    Args:
        starts: (runs,) the first row of each.
        visitor: (runs,) the number of its visitor, rising.
    """
    first = np.arange(len(starts))
    # Two runs that follow each other are of two sessions: it takes three to come back to one.
    several = np.flatnonzero(np.bincount(visitor)[visitor] > 2)
    if len(several):
        session = codes(events.column("session_id").take(pa.array(starts[several])))
        key = visitor[several] * (session.max() + 1) + session
        _, first_seen, which = np.unique(key, return_index=True, return_inverse=True)
        first[several] = several[first_seen[which]]
    return first


def layout(events: pa.Table) -> Layout:
    """Return where sessions and visitors begin in events that ``assign`` has returned."""
    new_visitor = changes(events.column("visitor_id"))
    new_session = new_visitor | changes(events.column("session_id"))
    starts = np.flatnonzero(new_session)
    visitor_starts = np.flatnonzero(new_visitor[starts])
    return Layout(
        session_starts=np.append(starts, events.num_rows).astype(np.int64),
        visitor_starts=np.append(visitor_starts, len(starts)).astype(np.int64),
    )


def changes(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Return, for every row, whether its value is another than that of the row before, shape (n,).

    The first row is a change; two nulls are none.
    """
    n = len(column)
    changed = np.ones(n, dtype=bool)
    if n > 1 and (column.null_count or pa.types.is_dictionary(column.type)):
        changed[1:] = np.diff(codes(column)) != 0
    elif n > 1:
        other = pc.not_equal(column.slice(1), column.slice(0, n - 1))
        changed[1:] = other.to_numpy(zero_copy_only=False)
    return changed


def bots(events: pa.Table) -> npt.NDArray[np.bool_]:
    """Return, for every row, whether its session looks automatic, shape (n,).

    A session is suspected when it has more events than ``SESSION_CAP``, or at least
    ``BOT_MIN_EVENTS`` with a median pause below ``BOT_MEDIAN_GAP_SECONDS``.
    """
    if events.num_rows == 0:
        return np.zeros(0, dtype=bool)
    where = layout(events)
    sizes = np.diff(where.session_starts)
    suspected = sizes > SESSION_CAP
    candidates = np.flatnonzero((sizes >= BOT_MIN_EVENTS) & ~suspected)
    if len(candidates):
        rows = _rows_of(where, candidates)
        session = np.repeat(candidates, sizes[candidates])
        time = times(events)[rows]
        known = time != NO_TIME
        fast = _fast_sessions(time[known], session[known])
        suspected[fast] = True
    return np.repeat(suspected, sizes)


def _rows_of(where: Layout, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the rows of the ``chosen`` sessions, one after the other."""
    starts, lengths = where.session_starts[chosen], np.diff(where.session_starts)[chosen]
    return np.arange(lengths.sum()) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)


def _fast_sessions(time: npt.NDArray[np.int64], session: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the sessions whose median pause is below the limit; each is in one piece, in order of time."""
    within = session[1:] == session[:-1]
    gap, of = np.diff(time)[within], session[1:][within]
    if not len(of):
        return of
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    limit = int(BOT_MEDIAN_GAP_SECONDS * US_PER_SECOND)
    short = gap < limit
    n_short = np.add.reduceat(short.astype(np.int64), starts)
    n_long = np.diff(np.append(starts, len(of))) - n_short
    # Where just as many are short as are long, the median is the mean of the two in the middle.
    longest_short = np.maximum.reduceat(np.where(short, gap, 0), starts)
    shortest_long = np.minimum.reduceat(np.where(short, np.iinfo(np.int64).max // 2, gap), starts)
    tied = (n_short == n_long) & (longest_short + shortest_long < 2 * limit)
    return of[starts[(n_short > n_long) | tied]]


def codes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return an integer per distinct value, in order of first appearance; -1 for null."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    merged = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    indices = pc.fill_null(merged.indices, -1)
    return indices.to_numpy(zero_copy_only=False).astype(np.int64)


def times(events: pa.Table) -> npt.NDArray[np.int64]:
    """Return event times in microseconds since 1970 UTC, ``NO_TIME`` where unknown."""
    column = events.column("event_time").cast(pa.int64())
    return (pc.fill_null(column, int(NO_TIME)) if column.null_count else column).to_numpy()


def days(events: pa.Table) -> npt.NDArray[np.int64]:
    """Return days since 1970, from the time where there is one, else the date, else ``NO_TIME``."""
    time = times(events)
    if not events.column("event_time").null_count:
        return time // US_PER_DAY
    date = pc.fill_null(events.column("event_date").cast(pa.int32()).cast(pa.int64()), int(NO_TIME))
    by_date = date.to_numpy()
    return np.where(time != NO_TIME, time // US_PER_DAY, by_date)
