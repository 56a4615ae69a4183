"""Two runs side by side: whether their figures may be compared at all, and by how much they differ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from buysignal.report import Curve, Dataset, Report, Row, Table, Task
from buysignal.report_html.words import COLUMNS, TASK_NAMES, metric_name, worst_verdict
from buysignal.wording import goal_sentence, readable, share_text

LOWER_IS_BETTER = frozenset(
    {"log_loss", "brier", "ece", "mae", "mse", "rmse", "rmse_log1p", "davies_bouldin"}
)
NEARER_TO_ZERO_IS_BETTER = frozenset({"total_error_pct"})
DECIDING: dict[Task, str] = {
    "conversion": "log_loss",
    "revenue": "rmse_log1p",
    "segments": "silhouette",
    "next_item": "mrr_at_20",
}
"""What the sentence speaks of: the figure the champion is chosen by, as far as there is one."""

CURVES = ("roc", "precision_recall", "calibration", "lift", "gain")
_SAME_RATE = 1e-6
_FINGERPRINT = ("rows_in", "rows_kept", "visitors", "sessions", "purchases", "revenue", "start", "end")

Bounds = tuple[float, float]


@dataclass(frozen=True)
class Side:
    """One run: what it is called, and its report."""

    name: str
    report: Report


@dataclass(frozen=True)
class Difference:
    """One metric of both champions.

    Attributes:
        a, b: the values; None where undefined.
        a_interval, b_interval: 95 % intervals, where there are any.
        change: b - a; None where the runs may not be compared.
        interval: 95 % interval of the change, where both have one.
        better: "a" or "b" where the interval leaves out 0, else "".
    """

    metric: str
    a: float | None
    b: float | None
    a_interval: Bounds | None = None
    b_interval: Bounds | None = None
    change: float | None = None
    interval: Bounds | None = None
    better: str = ""


@dataclass(frozen=True)
class Part:
    """One question both runs answer.

    Attributes:
        task: which question.
        a, b: the tables.
        obstacles: sentences on why the figures may not be compared; empty where they may.
        remarks: what to keep in mind all the same.
        differences: metric by metric.
        slices: clicks seen (or cart) → the metrics there; empty where they may not be compared.
        curves: kind of curve → run → points; empty where they may not be compared.
        sentence: the outcome in words.
    """

    task: Task
    a: Table
    b: Table
    obstacles: tuple[str, ...]
    remarks: tuple[str, ...]
    differences: tuple[Difference, ...]
    slices: Mapping[str, tuple[Difference, ...]]
    curves: Mapping[str, Mapping[str, Curve]]
    sentence: str


@dataclass(frozen=True)
class Comparison:
    """Two runs, question by question; ``alone`` says which questions only one of them answers."""

    a: Side
    b: Side
    parts: tuple[Part, ...]
    alone: tuple[str, ...] = field(default=())


def compare(a: Side, b: Side) -> Comparison:
    """Return two runs side by side.

    Figures may be compared where both answer the same question on the same test rows of the same data,
    which is told from goal, unit, the counts, period and revenue of the data, split, number of test rows
    and base rate. Where they may not, values are shown and no differences.

    The interval of a difference is put together from those of the two values (Zou & Donner 2008,
    "Construction of confidence limits about effect measures"). It takes the two as independent; on the
    same test rows they rise and fall together, so the true interval is narrower.
    """
    ours, theirs = main_tables(a.report), main_tables(b.report)
    parts = tuple(_part(a, b, ours[task], theirs[task]) for task in ours if task in theirs)
    alone = tuple(
        f"Only {side.name} answers: {TASK_NAMES[task].lower()}"
        for side, has, other in ((a, ours, theirs), (b, theirs, ours))
        for task in has
        if task not in other
    )
    return Comparison(a, b, parts, alone)


def main_tables(report: Report) -> dict[Task, Table]:
    """Return the table of each question that the bundle's own model stands in.

    The classic click exercise, and tables with columns known too late, stand before it in a report.
    """
    own = [
        table
        for table in report.tables
        if table.task == "next_item" or (table.unit != "click" and table.name != "engagement")
    ]
    return {table.task: table for table in own if table.rows}


def champion_row(table: Table) -> Row | None:
    """Return the champion's row."""
    return next((row for row in table.rows if row.champion), None)


def obstacles(a: Side, b: Side, ours: Table, theirs: Table) -> tuple[str, ...]:
    """Return why the figures of two tables may not be compared, each in a sentence; empty where they may."""
    found = [
        _other_goal(a, b, ours, theirs),
        _other_data(a, b),
        _other_rows(a, b, ours, theirs),
        _other_rate(a, b, ours, theirs),
    ]
    return tuple(sentence for sentence in found if sentence)


def _other_goal(a: Side, b: Side, ours: Table, theirs: Table) -> str:
    one, other = ours.goal or a.report.goal, theirs.goal or b.report.goal
    if ours.task not in ("segments", "next_item") and (one.name, one.proxy) != (other.name, other.proxy):
        said = [
            f"{side.name} “{goal_sentence(goal, table)}”{f' (proxy: {goal.name})' if goal.proxy else ''}"
            for side, goal, table in ((a, one, ours), (b, other, theirs))
        ]
        return f"They answer different questions: {said[0]}, {said[1]}."
    if ours.unit != theirs.unit:
        return f"One row is a {ours.unit} in {a.name} and a {theirs.unit} in {b.name}."
    return ""


def _other_data(a: Side, b: Side) -> str:
    one, other = a.report.dataset, b.report.dataset
    if one.simulated != other.simulated:
        real, made = (b, a) if one.simulated else (a, b)
        return f"{made.name} was trained on simulated data, {real.name} was not."
    if not same_data(one, other):
        return f"They come from different data: {a.name} {_data(one)}; {b.name} {_data(other)}."
    return ""


def same_data(one: Dataset, other: Dataset) -> bool:
    """Return whether two runs learned from the same data, as far as its counts, period and revenue tell."""
    # Read back as from a file, where figures have six digits.
    one, other = (Dataset.model_validate(data.model_dump()) for data in (one, other))
    return all(getattr(one, name) == getattr(other, name) for name in _FINGERPRINT)


def _data(data: Dataset) -> str:
    period = f", {data.start[:10]} to {data.end[:10]}" if data.start and data.end else ""
    visits = f" in {data.sessions:,} visits" if data.sessions else ""
    return f"{data.name}, {data.rows_kept:,} rows{visits}{period}"


def _other_rows(a: Side, b: Side, ours: Table, theirs: Table) -> str:
    if ours.split != theirs.split:
        return f"They were tested on different rows: {a.name} “{ours.split}”, {b.name} “{theirs.split}”."
    if ours.n_test != theirs.n_test:
        return (
            f"They were tested on different rows: {a.name} on {ours.n_test:,}, {b.name} on {theirs.n_test:,}."
        )
    return ""


def _other_rate(a: Side, b: Side, ours: Table, theirs: Table) -> str:
    one, other = ours.base_rate, theirs.base_rate
    if one is None or other is None or ours.task == "segments" or abs(one - other) <= _SAME_RATE:
        return ""
    return (
        f"The goal is not equally frequent on their test rows: {share_text(one)} in {a.name}, "
        f"{share_text(other)} in {b.name}; many figures move with that alone."
    )


def _part(a: Side, b: Side, ours: Table, theirs: Table) -> Part:
    found = obstacles(a, b, ours, theirs)
    mine, other = champion_row(ours), champion_row(theirs)
    differences = _differences(ours.task, mine, other, comparable=not found)
    return Part(
        task=ours.task,
        a=ours,
        b=theirs,
        obstacles=found,
        remarks=_remarks(a, b, ours, theirs),
        differences=differences,
        slices={} if found else _slices(ours, theirs),
        curves={} if found else _curves(a, b, ours, theirs),
        sentence=_sentence(a, b, ours.task, differences, comparable=not found),
    )


def _differences(
    task: Task, a: Row | None, b: Row | None, *, comparable: bool
) -> tuple[Difference, ...]:  # fmt: skip
    if a is None or b is None:
        return ()
    return tuple(
        _difference(name, a.metrics.get(name), b.metrics.get(name), _bounds(a, name), _bounds(b, name),
                    comparable=comparable)
        for name in COLUMNS[task]
        if a.metrics.get(name) is not None or b.metrics.get(name) is not None
    )  # fmt: skip


def _bounds(row: Row, metric: str) -> Bounds | None:
    low, high = row.intervals.get(metric, (None, None))
    return None if low is None or high is None else (low, high)


def _difference(
    metric: str,
    a: float | None,
    b: float | None,
    a_bounds: Bounds | None,
    b_bounds: Bounds | None,
    *,
    comparable: bool,
) -> Difference:
    shown = Difference(metric, a, b, a_bounds, b_bounds)
    if not comparable or a is None or b is None:
        return shown
    interval = None if a_bounds is None or b_bounds is None else difference_interval(a, a_bounds, b, b_bounds)
    better = ""
    if interval is not None and not interval[0] <= 0 <= interval[1]:
        better = "b" if _improves(metric, a, b) else "a"
    return Difference(metric, a, b, a_bounds, b_bounds, b - a, interval, better)


def difference_interval(a: float, a_bounds: Bounds, b: float, b_bounds: Bounds) -> Bounds:
    """Return the interval of b - a from the intervals of a and b, taken as independent (Zou & Donner 2008).

    >>> low, high = difference_interval(0.0, (-3.0, 3.0), 10.0, (6.0, 14.0))
    >>> low, high
    (5.0, 15.0)
    """
    change = b - a
    low = change - math.hypot(b - b_bounds[0], a_bounds[1] - a)
    return low, change + math.hypot(b_bounds[1] - b, a - a_bounds[0])


def _improves(metric: str, a: float, b: float) -> bool:
    if metric in NEARER_TO_ZERO_IS_BETTER:
        return abs(b) < abs(a)
    return (b < a) if metric in LOWER_IS_BETTER else (b > a)


def _slices(ours: Table, theirs: Table) -> dict[str, tuple[Difference, ...]]:
    other = {row.slice: row for row in (*theirs.per_k, *theirs.per_cart)}
    found = {}
    for row in (*ours.per_k, *ours.per_cart):
        if row.slice in other and other[row.slice].n == row.n:
            pair = [
                Row(model="", metrics=one.metrics, intervals=one.intervals) for one in (row, other[row.slice])
            ]
            found[row.slice] = _differences(ours.task, pair[0], pair[1], comparable=True)
    return found


def _curves(a: Side, b: Side, ours: Table, theirs: Table) -> dict[str, dict[str, Curve]]:
    found: dict[str, dict[str, Curve]] = {}
    for kind in CURVES:
        pairs = [
            (side.name, getattr(table.pictures, kind).get(table.champion))
            for side, table in ((a, ours), (b, theirs))
        ]
        if all(curve is not None for _, curve in pairs):
            found[kind] = dict(pairs)
    return found


def _remarks(a: Side, b: Side, ours: Table, theirs: Table) -> tuple[str, ...]:
    said = []
    for side, table in ((a, ours), (b, theirs)):
        verdict = worst_verdict(table)
        if verdict not in ("ok", "warning"):
            said.append(f"The audit calls the figures of {side.name} a {verdict}: they prove nothing.")
        if table.validation_choice:
            said.append(
                f"The champion of {side.name} was chosen by a person; the validation slice would have chosen "
                f"{readable(table.validation_choice)}."
            )
    settings = _other_settings(a, b)
    return (*said, *([settings] if settings else []))


def _other_settings(a: Side, b: Side) -> str:
    one, other = a.report.settings, b.report.settings
    names = [
        n for n in one if n in other and one[n] != other[n] and n not in ("goal", "champion", "test_files")
    ]
    if not names:
        return ""
    told = "; ".join(f"{n.replace('_', ' ')}: {one[n]} in {a.name}, {other[n]} in {b.name}" for n in names)
    return f"They were trained differently ({told})."


def _sentence(
    a: Side, b: Side, task: Task, differences: tuple[Difference, ...], *, comparable: bool
) -> str:  # fmt: skip
    if not comparable:
        return "These figures may not be compared; each is true of its own run only."
    deciding = next((d for d in differences if d.metric == DECIDING[task]), None)
    if deciding is None or deciding.change is None:
        return "There is no figure both have."
    name = _inside_a_sentence(metric_name(deciding.metric))
    if deciding.change == 0:
        return f"Both have the same {name}."
    ahead = b if _improves(deciding.metric, deciding.a or 0.0, deciding.b or 0.0) else a
    if deciding.interval is None:
        return f"{ahead.name} has the better {name}; there is no interval to say how sure that is."
    if deciding.better:
        return f"{ahead.name} is better by {name}, by more than chance in the test rows explains."
    return f"{ahead.name} has the better {name}, but by no more than chance in the test rows explains."


def _inside_a_sentence(name: str) -> str:
    """Return a name without its capital, unless it is an abbreviation.

    >>> _inside_a_sentence("Log loss"), _inside_a_sentence("RMSE of log1p")
    ('log loss', 'RMSE of log1p')
    """
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]
