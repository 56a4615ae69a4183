"""A session table made ready to be explored: a row is a visit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import goals, sessions
from buysignal.check import goal_column
from buysignal.explore import outcome as outcomes
from buysignal.explore.columns import as_days, coded, is_number, numbers
from buysignal.explore.filters import MOST_CHOICES
from buysignal.explore.outcome import Outcome
from buysignal.explore.prepared import Prepared
from buysignal.sources.demo.tables import SIMULATED
from buysignal.sources.read import Loaded


def prepare_table(loaded: Loaded) -> Prepared:
    """Return a table of one row per visit ready to be explored; its columns keep their names."""
    table, profile = loaded.table, loaded.profile
    outcome, reached = _outcome(loaded)
    roles = {profile.roles.time, profile.roles.session, profile.roles.visitor}
    shown = [c for c in table.column_names if c not in roles and c != SIMULATED]
    filled = [c for c in shown if table.column(c).null_count < table.num_rows]
    measured = {c: numbers(table.column(c)) for c in filled if is_number(table.schema.field(c).type)}
    others = [c for c in filled if c not in measured and not pa.types.is_temporal(table.schema.field(c).type)]
    texts = {c: coded(table.column(c)) for c in others}
    start = _starts(table, profile.roles.time)
    known = start != sessions.NO_TIME
    visits = pd.DataFrame(
        {
            "id": _ids(table, profile.roles.session),
            "day": as_days(np.where(known, start // sessions.US_PER_DAY, sessions.NO_TIME)),
            "start": start,
            "rows": np.ones(table.num_rows, dtype=np.int64),
            "events": np.ones(table.num_rows, dtype=np.int64),
            "seconds": np.full(table.num_rows, np.nan),
            "reached": reached,
            "orders": reached.astype(np.int64),
            "revenue": _revenue(table, outcome),
        }
    )
    choosable = tuple(c for c in texts if 1 < len(texts[c].names) <= MOST_CHOICES)
    return Prepared(
        level="session",
        visits=visits,
        session=np.arange(table.num_rows),
        actions=np.ones(table.num_rows, dtype=bool),
        kind=np.full(table.num_rows, ev.OTHER_CODE, dtype=np.int8),
        coded=texts,
        numbers=measured,
        value=np.zeros(table.num_rows),
        time=start,
        empty={c: pc.is_null(table.column(c)).to_numpy() for c in shown if table.column(c).null_count},
        columns=tuple(shown),
        outcome=outcome,
        currency=loaded.currency or (outcome.goal.currency if outcome.goal else None),
        simulated=SIMULATED in table.column_names,
        has_amounts=bool(visits["revenue"].sum() > 0),
        filter_columns=choosable,
        late={c: k for c, k in profile.known.items() if k != "start"},
    )


def _ids(table: pa.Table, session: str | None) -> pd.Series:
    """Return the sessions' own ids, or the numbers of their rows."""
    if session is not None and session in table.column_names:
        return table.column(session).cast(pa.string()).to_pandas().astype("str")
    return pd.Series(np.arange(table.num_rows)).astype("str")


def _outcome(loaded: Loaded) -> tuple[Outcome, npt.NDArray[np.bool_]]:
    table, profile = loaded.table, loaded.profile
    possible = goals.available_goals(table.column_names, profile.goals, profile.proxies)
    for goal in possible:
        reached = pc.fill_null(goal_column(table, goal), False).to_numpy()
        outcome = outcomes.of_table([goal], int(reached.sum()))
        if outcome.goal is not None:
            return outcome, reached
    return Outcome(None), np.zeros(table.num_rows, dtype=bool)


def _revenue(table: pa.Table, outcome: Outcome) -> npt.NDArray[np.float64]:
    goal = outcome.goal
    if goal is None or goal.proxy or goal.value_column is None:
        return np.zeros(table.num_rows)
    return np.nan_to_num(numbers(table.column(goal.value_column)), nan=0.0)


def _starts(table: pa.Table, time: str | None) -> npt.NDArray[np.int64]:
    """Return the start of each visit in microseconds, ``NO_TIME`` where it is not known."""
    if time is None or time not in table.column_names:
        return np.full(table.num_rows, sessions.NO_TIME)
    moments = table.column(time)
    if not pa.types.is_timestamp(moments.type):
        return np.full(table.num_rows, sessions.NO_TIME)
    stamps = moments.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return pc.fill_null(stamps, int(sessions.NO_TIME)).to_numpy()
