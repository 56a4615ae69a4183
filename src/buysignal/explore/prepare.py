"""From loaded data to what is explored: visits summed up once, suspected bots left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import sessions
from buysignal.errors import SamplesError
from buysignal.explore import outcome as outcomes
from buysignal.explore import words
from buysignal.explore.columns import Coded, as_days, coded, is_number, numbers
from buysignal.explore.outcome import Outcome
from buysignal.explore.prepare_table import prepare_table
from buysignal.explore.prepared import Prepared
from buysignal.sources.demo.tables import SIMULATED
from buysignal.sources.profile import Profile
from buysignal.sources.read import Loaded

IDS = frozenset({"visitor_id", "session_id", "transaction_id", "event_time", "event_date", "event_seq"})
OF_VISIT = ("device", "channel", "country")
_LATEST = np.iinfo(np.int64).max


def prepare(data: Loaded | pa.Table | Prepared, *, session_gap: str = "30m") -> Prepared:
    """Return ``data`` ready to be explored; what is ready already comes back as it is.

    Raises:
        SamplesError: nothing is left to look at.
        UnitError: ``session_gap`` has no unit.
    """
    if isinstance(data, Prepared):
        return data
    if isinstance(data, pa.Table):
        return prepare_events(data, session_gap=session_gap)
    if data.profile.level == "session":
        ready = prepare_table(data)
    else:
        ready = prepare_events(
            data.table, profile=data.profile, currency=data.currency, session_gap=session_gap
        )
    if data.not_drawn is None:
        return ready
    return replace(ready, left_out=(data.not_drawn, *ready.left_out))


def prepare_events(
    events: pa.Table,
    *,
    profile: Profile | None = None,
    currency: str | None = None,
    session_gap: str = "30m",
) -> Prepared:
    """Return an events table ready to be explored.

    Left out, and counted in ``left_out``: events of visitors who refused consent, and visits that look
    automatic (``sessions.bots``).
    """
    assigned, refused = _consenting(sessions.assign(events, session_gap))
    if assigned.num_rows == 0:
        raise SamplesError("there is no event to look at", todo="load a file with events")
    where = sessions.layout(assigned)
    automatic = sessions.bots(assigned)[where.session_starts[:-1]]
    # A dictionary may name events of which no row is left: what is not there must not count as recorded.
    names = coded(assigned.column("event_name")).compact()
    outcome = outcomes.of_events(
        names.names, profile.goals if profile else (), profile.proxies if profile else ()
    )
    ready = _prepared(assigned, where, names, outcome, profile)
    told = [words.count(refused, "event") + " of visitors who refused consent"] if refused else []
    suspected = int(automatic.sum())
    if 0 < suspected < len(automatic):
        ready = ready.where(~automatic)
        told.append(words.count(suspected, "visit that looks automatic", "visits that look automatic"))
    return _with(ready, currency=currency, left_out=tuple(told))


def _consenting(events: pa.Table) -> tuple[pa.Table, int]:
    agreed = pc.fill_null(events.column("consent"), True)
    refused = events.num_rows - int(pc.sum(agreed).as_py() or 0)
    return (events.filter(agreed), refused) if refused else (events, 0)


def _with(ready: Prepared, *, currency: str | None, left_out: tuple[str, ...]) -> Prepared:
    bought = ready.kind == ev.EVENT_CODES["purchase"]
    has_amounts = bool((ready.value[bought] > 0).any())
    returning = bool((ready.visits["visit_number"] > 1).any())
    return replace(
        ready, currency=currency, left_out=left_out, has_amounts=has_amounts, returning_known=returning
    )


def _prepared(
    events: pa.Table, where: sessions.Layout, names: Coded, outcome: Outcome, profile: Profile | None
) -> Prepared:
    texts, measured = _columns(events, names)
    kind, value = ev.codes_of_names(events), ev.line_values(events)
    session, time = where.session_of_row(), sessions.times(events)
    actions = _actions(session, names, kind, time, unfolded=profile is not None and profile.items is not None)
    visits = _visits(events, where, actions, time)
    visits["orders"], visits["revenue"] = _orders(events, session, kind, value, where.sessions)
    visits["reached"] = _reached(outcome, names, session, visits)
    for name in OF_VISIT:
        if name in texts:
            visits[name] = _first_named(texts.pop(name), session, where.sessions)
    filled = [c for c in events.column_names if events.column(c).null_count < events.num_rows]
    mapped = list(profile.columns) if profile is not None else filled
    named = [c for c in events.column_names if c in mapped or c in filled]
    return Prepared(
        level="event",
        visits=visits,
        session=session,
        kind=kind,
        actions=actions,
        coded=texts,
        numbers=measured,
        value=value,
        time=time,
        empty={c: _empty(events.column(c)) for c in named if events.column(c).null_count},
        columns=tuple(c for c in named if c != SIMULATED),
        outcome=outcome,
        simulated=SIMULATED in events.column_names,
    )


def _empty(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    empty: npt.NDArray[np.bool_] = pc.is_null(column).to_numpy()
    return empty


def _columns(events: pa.Table, names: Coded) -> tuple[dict[str, Coded], dict[str, npt.NDArray[np.float64]]]:
    """Return the text columns and the numeric ones that hold anything."""
    texts, measured = {"event_name": names}, {}
    for field in events.schema:
        column = events.column(field.name)
        if field.name in IDS | {"event_name", "currency", "consent", SIMULATED}:
            continue
        if column.null_count == events.num_rows:
            continue
        if is_number(field.type):
            measured[field.name] = numbers(column)
        elif not pa.types.is_temporal(field.type) and not pa.types.is_nested(field.type):
            texts[field.name] = coded(column)
    return texts, measured


def _actions(
    session: npt.NDArray[np.int64],
    names: Coded,
    kind: npt.NDArray[np.int8],
    time: npt.NDArray[np.int64],
    *,
    unfolded: bool,
) -> npt.NDArray[np.bool_]:
    """Return which rows are an event's first one.

    A purchase of several items is one row per item; so is every event of a source whose lists of items
    are unfolded. Such rows follow each other at the same time under the same name.
    """
    same = (np.diff(session, prepend=-1) == 0) & (np.diff(names.codes, prepend=-1) == 0)
    same &= np.diff(time, prepend=0) == 0
    if not unfolded:
        same &= kind == ev.EVENT_CODES["purchase"]
    return ~same


def _visits(
    events: pa.Table,
    where: sessions.Layout,
    actions: npt.NDArray[np.bool_],
    time: npt.NDArray[np.int64],
) -> pd.DataFrame:
    starts, sizes = where.session_starts[:-1], np.diff(where.session_starts)
    known = time != sessions.NO_TIME
    first = np.minimum.reduceat(np.where(known, time, _LATEST), starts)
    last = np.maximum.reduceat(time, starts)
    timed = last != sessions.NO_TIME
    day = np.where(timed, first // sessions.US_PER_DAY, sessions.days(events)[starts])
    visitor = where.visitor_of_session()
    number = np.arange(where.sessions) - where.visitor_starts[visitor] + 1
    return pd.DataFrame(
        {
            "id": pd.Series(events.column("session_id").take(pa.array(starts)).to_numpy(), dtype="str"),
            "day": as_days(day),
            "start": np.where(timed, first, sessions.NO_TIME),
            "rows": sizes,
            "events": np.add.reduceat(actions, starts, dtype=np.int64),
            "seconds": np.where(timed, (last - first) / 1e6, np.nan),
            "visitor": visitor,
            "visit_number": number,
            "returning": number > 1,
        }
    )


def _orders(
    events: pa.Table,
    session: npt.NDArray[np.int64],
    kind: npt.NDArray[np.int8],
    value: npt.NDArray[np.float64],
    visits: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return orders and revenue of each visit: distinct transactions, and purchases that name none."""
    bought = np.flatnonzero(kind == ev.EVENT_CODES["purchase"])
    ids = sessions.codes(events.column("transaction_id").take(pa.array(bought)))
    nameless = np.bincount(session[bought[ids < 0]], minlength=visits)
    pairs = np.unique(np.stack([session[bought[ids >= 0]], ids[ids >= 0]]), axis=1)
    orders = (nameless + np.bincount(pairs[0], minlength=visits)).astype(np.int64)
    revenue = np.bincount(session[bought], weights=value[bought], minlength=visits)
    return orders, revenue.astype(np.float64)


def _reached(
    outcome: Outcome, names: Coded, session: npt.NDArray[np.int64], visits: pd.DataFrame
) -> npt.NDArray[np.bool_]:
    """Return, for each visit, whether it reaches the outcome; a proxy is asked at the first click."""
    goal, reached = outcome.goal, np.zeros(len(visits), dtype=bool)
    if goal is None:
        return reached
    if goal.kind == "more_events":
        return visits["events"].to_numpy() > goal.at_least
    reached[session[names.codes == names.code(str(goal.event))]] = True
    return reached


def _first_named(column: Coded, session: npt.NDArray[np.int64], visits: int) -> pd.Series:
    """Return, for each visit, the first value that one of its events has."""
    rows = np.flatnonzero(column.codes >= 0)
    of = session[rows]
    first = np.diff(of, prepend=-1) != 0
    codes = np.full(visits, -1, dtype=np.int32)
    codes[of[first]] = column.codes[rows[first]]
    return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(column.names)))
