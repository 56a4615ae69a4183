"""Session and click tables in, samples out: for data that brings its own target."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import sessions
from buysignal.errors import SamplesError
from buysignal.goals import ClickTask, Goal
from buysignal.prefixes import moments
from buysignal.samples import Known, Samples

Levels = dict[str, tuple[str, ...]]

_CLICK_BASE = ("event_seq", "country", "category", "item_id", "price", "page", "device", "channel")


def table_samples(
    table: pa.Table,
    goal: Goal,
    *,
    features: Collection[str],
    time: str | None = None,
    known: Mapping[str, Known] | None = None,
    levels: Levels | None = None,
    targets: bool = True,
) -> Samples:
    """Return one sample per row of a session table.

    A time column adds ``hour`` and ``weekday`` of the start of the visit, UTC.

    Args:
        table: typed rows, as ``sources.load`` gives them for level "session".
        goal: of kind "column"; its target columns must not be among ``features``.
        features: columns to learn from.
        time: the column that holds the start of the visit.
        known: when a column is known, carried along for the audit.
        levels: levels of the categorical columns as in training; learned from ``table`` when None.
        targets: read what came of the visit; False for rows that are to be scored.

    Raises:
        SamplesError: a feature, target or time column is missing.
    """
    start = _start_of_visit(table, time)
    columns: dict[str, Any] = {name: _column(table, name) for name in features}
    if time is not None:
        columns |= {"hour": _hour(start), "weekday": _weekday(start)}
    X, categories = _matrix(columns, levels)
    n = table.num_rows
    return Samples(
        X=X,
        names=tuple(columns),
        y=column_outcome(table, goal) if targets else None,
        revenue=column_amount(table, goal) if targets else None,
        time=start,
        session=np.arange(n),
        visitor=np.arange(n),
        k=np.ones(n, np.int32),
        unit="session",
        goal=goal,
        source_row=np.arange(n),
        categories=categories,
        known={name: when for name, when in (known or {}).items() if name in columns},
    )


def click_samples(
    events: pa.Table, task: ClickTask, goal: Goal, *, hide: Collection[str] = (), levels: Levels | None = None
) -> Samples:
    """Return one sample per event, its columns as they stand: the classic per-click exercise.

    Nothing is folded: the target is a column of the very click it is predicted for.

    Args:
        events: conformed events.
        task: names the target column.
        goal: the proxy this target stands for.
        hide: columns to leave out besides the target.
        levels: levels as in training.
    """
    attributes = [c for c in events.column_names if c.startswith(ev.ATTRIBUTE_PREFIX)]
    names = [c for c in (*_CLICK_BASE, *attributes) if c != task.column and c not in hide]
    columns = {
        _short(name): _column(events, name) for name in names if events.column(name).null_count < len(events)
    }
    start = moments(events)
    if not np.isnat(start).all():
        columns["month"] = start.astype("datetime64[M]").astype(float) % 12 + 1
        columns["day"] = (start.astype("datetime64[D]") - start.astype("datetime64[M]")).astype(float) + 1
    X, categories = _matrix(columns, levels)
    target = _column(events, task.column)
    n = len(events)
    return Samples(
        X=X,
        names=tuple(columns),
        y=(np.asarray(target) == task.positive).astype(np.int8) if task.task == "conversion" else None,
        revenue=np.nan_to_num(np.asarray(target, dtype=float)) if task.task == "revenue" else None,
        time=start,
        session=sessions.codes(events.column("session_id")),
        visitor=sessions.codes(events.column("visitor_id")),
        k=np.ones(n, np.int32),
        unit="click",
        goal=goal,
        source_row=np.arange(n),
        categories=categories,
    )


def click_goal(task: ClickTask, currency: str | None) -> Goal:
    """Return the goal a click task stands for: always a proxy, never a conversion."""
    return Goal(
        name=task.name,
        sentence=task.title,
        proxy=True,
        kind="column",
        attribute=_short(task.column) if task.task == "conversion" else None,
        equals=task.positive,
        value="column" if task.task == "revenue" else None,
        value_column=_short(task.column) if task.task == "revenue" else None,
        value_sentence=task.title if task.task == "revenue" else None,
        currency=currency,
    )


def column_outcome(table: pa.Table, goal: Goal) -> npt.NDArray[np.int8] | None:
    """Return y of a goal of kind "column", (n,) int8, or None where it has no yes/no question."""
    if goal.attribute is None:
        return None
    column = _column(table, goal.attribute)
    if goal.above is not None:
        return (np.nan_to_num(np.asarray(column, dtype=float)) > goal.above).astype(np.int8)
    return (np.asarray(column) == goal.equals).astype(np.int8)


def column_amount(table: pa.Table, goal: Goal) -> npt.NDArray[np.float64] | None:
    """Return the amount of a goal of kind "column", (n,), or None where it has none."""
    if goal.value != "column" or goal.value_column is None:
        return None
    return np.nan_to_num(np.asarray(_column(table, goal.value_column), dtype=float))


def _short(name: str) -> str:
    return name.removeprefix(ev.ATTRIBUTE_PREFIX)


def _column(table: pa.Table, name: str) -> Any:
    if name not in table.column_names:
        raise SamplesError(
            f"the column '{name}' is missing",
            allowed=", ".join(table.column_names),
            todo="bring the same columns the model was trained on",
        )
    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if name == "page":
        numbers = pc.cast(column, pa.float64(), safe=False) if _all_numbers(column) else column
        column = numbers
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.to_numpy().astype(object)
    return column.cast(pa.float64()).to_numpy()


def _all_numbers(column: pa.ChunkedArray) -> bool:
    try:
        pc.cast(pc.unique(column), pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def _start_of_visit(table: pa.Table, time: str | None) -> npt.NDArray[np.datetime64]:
    if time is None:
        return np.full(table.num_rows, np.datetime64("NaT"), "datetime64[us]")
    if time not in table.column_names:
        raise SamplesError(f"the time column '{time}' is missing", allowed=", ".join(table.column_names))
    return table.column(time).cast(pa.timestamp("us")).to_numpy().astype("datetime64[us]")


def _hour(time: npt.NDArray[np.datetime64]) -> npt.NDArray[np.float64]:
    hours = (time - time.astype("datetime64[D]")).astype("timedelta64[h]").astype(float)
    return np.where(np.isnat(time), np.nan, hours)


def _weekday(time: npt.NDArray[np.datetime64]) -> npt.NDArray[np.float64]:
    # 1 January 1970 was a Thursday; Monday is 0.
    days = (time.astype("datetime64[D]").astype(np.int64) + 3) % 7
    return np.where(np.isnat(time), np.nan, days.astype(float))


def _matrix(columns: dict[str, Any], levels: Levels | None) -> tuple[npt.NDArray[np.float32], Levels]:
    """Return X and the levels; text becomes the position of its level, NaN for one never seen."""
    found: Levels = {}
    X = np.empty((len(next(iter(columns.values()))), len(columns)), np.float32)
    for position, (name, values) in enumerate(columns.items()):
        if levels is not None and name in levels:
            found[name] = levels[name]
            X[:, position] = _codes(_as_text(values), found[name])
        elif levels is None and values.dtype == object:
            found[name] = _levels(values)
            X[:, position] = _codes(values, found[name])
        elif values.dtype == object:
            raise SamplesError(
                f"the column '{name}' holds text", allowed="numbers, as in training", todo="check the column"
            )
        else:
            X[:, position] = values
    return X, found


def _as_text(values: Any) -> Any:
    if values.dtype == object:
        return values
    return np.array([None if np.isnan(v) else f"{v:g}" for v in values], dtype=object)


def _levels(values: Any) -> tuple[str, ...]:
    counts = pc.value_counts(pa.array(values, pa.string(), from_pandas=True).drop_null())
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    return tuple(level for level, _ in sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def _codes(values: Any, levels: tuple[str, ...]) -> npt.NDArray[np.float32]:
    position = pc.index_in(pa.array(values, pa.string(), from_pandas=True), pa.array(levels, pa.string()))
    return position.cast(pa.float32()).to_numpy(zero_copy_only=False)
