"""The report in words and cells: what stands on the page, without how it looks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from buysignal.models.segment_stability import word
from buysignal.plots.scores import METRIC_NAMES
from buysignal.report import Dataset, GoalNote, Report, Row, SliceRow, Table
from buysignal.wording import base_name, readable, share_text

SEVERITY = ("tautology", "leak", "warning", "ok")

COLUMNS: dict[str, tuple[str, ...]] = {
    "conversion": (
        "roc_auc", "average_precision", "f1", "precision", "recall", "accuracy",
        "log_loss", "brier", "ece", "lift_at_1pct", "lift_at_5pct", "lift_at_10pct",
    ),
    "revenue": ("r2", "rmse_log1p", "mae", "rmse", "mse", "total_error_pct"),
    "segments": ("silhouette", "davies_bouldin", "inertia", "stability"),
    "next_item": (
        "mrr_at_20", "recall_at_20", "recall_at_10", "recall_at_5", "ndcg_at_20", "coverage",
        "popularity_bias",
    ),
}  # fmt: skip
"""Metrics in the order of the leaderboard, the one to look at first in front."""

TASK_NAMES = {
    "conversion": "Who",
    "revenue": "How much",
    "segments": "Which kinds of visit",
    "next_item": "What next",
}
"""The question a table answers, as a short title."""

UNITS = {"click": "one click", "session": "one visit", "prefix": "a visit so far, after each click"}

HEADLINE = {
    "conversion": "roc_auc",
    "revenue": "r2",
    "segments": "silhouette",
    "next_item": "mrr_at_20",
}

GLOSSARY = (
    ("ROC-AUC", "how often a visit with the goal is scored above one without; 0.5 is guessing, 1 is perfect"),
    (
        "Average precision",
        "the share of right alarms, averaged over all that are to be found; guessing reaches the base rate",
    ),
    ("F1, precision, recall", "at the score from which the model says yes, chosen before the test"),
    ("Log loss, Brier score", "how far probabilities are from what happened; lower is better"),
    ("ECE", "how far a predicted probability is, on average, from the observed share; 0 is perfect"),
    ("Lift at 5 %", "how many times the base rate is found among the 5 % with the highest scores"),
    ("R²", "share of the variation explained; 0 is as good as always saying the mean"),
    ("RMSE of log1p", "typical error on a logarithmic scale, which a few huge orders do not decide"),
    ("Silhouette", "how clearly segments are set apart, from −1 to 1"),
    ("Davies–Bouldin", "how much segments overlap; lower is better"),
    ("Stability", "how alike segments are when found again on other samples of the visits; 1 is the same"),
    (
        "MRR@20",
        "one over the place of the item that was looked at next, averaged; 0 beyond the first 20",
    ),
    ("Recall@20", "how often the item that was looked at next is among the 20 suggested first"),
    ("NDCG@20", "as MRR, with places further down counting more gently"),
    ("Coverage", "share of all items that are suggested to anybody"),
    ("Popularity bias", "mean popularity of what is suggested: 1 is the most viewed item, 0.5 no preference"),
    ("Intervals", "95 % of repetitions with other visitors of the same kind would lie in them"),
    ("Tautology", "the columns spell out the answer; the figure says nothing about visitors"),
    ("Leak", "the figure uses something a live score cannot know, or rows already seen"),
)  # fmt: skip


class Cell(NamedTuple):
    """A figure with its interval, as text."""

    value: str
    interval: str = ""


class Statement(NamedTuple):
    """The large sentence on top: what may be called conversion here."""

    kind: str
    title: str
    text: str


def code_spans(text: str) -> Markup:
    """Escape ``text`` and set `names` in code type."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def statement(report: Report) -> Statement:
    """Return the honest sentence that stands above all figures."""
    goal = report.goal
    if goal.proxy:
        why = "These figures are a proxy" if report.dataset.purchases else "No purchases in this data"
        return Statement(
            "proxy",
            f"{why}: nothing here is conversion.",
            f"The figures answer a named stand-in, “proxy: {goal.name}” ({goal.sentence}). They say how well "
            "browsing can be foreseen, not who will buy.",
        )
    return Statement(
        "conversion",
        "This data holds purchases: scores are conversion.",
        f"A score is the probability that {goal.sentence}, seen from what was known at that moment.",
    )


def who_buys(report: Report) -> str:
    """Return whether the data can say who buys."""
    count = report.dataset.purchases
    if count:
        return f"can be answered, from {count:,} purchases."
    if count == 0 or report.goal.proxy:
        return "cannot be answered, there is no purchase in the data."
    return "can be answered for the goal above."


def facts(data: Dataset) -> list[tuple[str, str]]:
    """Return the key figures of the data set."""
    counts = [
        ("rows read", data.rows_in),
        ("rows kept", data.rows_kept),
        ("rows rejected", data.rows_rejected),
        ("visitors", data.visitors),
        ("sessions", data.sessions),
        ("purchases", data.purchases),
    ]
    found = [(name, f"{value:,}") for name, value in counts if value is not None]
    if data.refused_events:
        refused = f"{data.refused_events:,} events of {data.refused_visitors:,} visitors"
        found.append(("left out without consent", refused))
    if data.revenue:
        found.append(("revenue", f"{data.revenue:,.0f}"))
    if data.start and data.end:
        found.append(("period", f"{data.start[:10]} to {data.end[:10]}"))
    return found


def question(report: Report, table: Table) -> str:
    """Return the goal of the table as a sentence, a proxy with its name in front."""
    goal = table.goal or report.goal
    if table.task == "segments":
        return "Which kinds of visits are there?"
    if table.task == "next_item":
        return "Which item does the visitor look at next?"
    sentence = goal.value_sentence if table.task == "revenue" and goal.value_sentence else goal.sentence
    label = f"proxy: {goal.name} — " if goal.proxy else ""
    return f"{label}{sentence}"


def table_facts(table: Table) -> list[tuple[str, str]]:
    """Return unit, split, counts and base rate."""
    one = "one look, asked for from the looks before it" if table.task == "next_item" else UNITS[table.unit]
    found = [("one row is", one), ("split", table.split), ("train", f"{table.n_train:,} rows")]
    if table.n_validate:
        found.append(("validate", f"{table.n_validate:,} rows"))
    found.append(("test", f"{table.n_test:,} rows"))
    if table.base_rate is not None:
        found.append((base_name(table), share_text(table.base_rate)))
    return found


def worst_verdict(table: Table) -> str:
    """Return the most severe verdict of the audit; "ok" without any."""
    return min((line.verdict for line in table.audit), key=_severity, default="ok")


def _severity(verdict: str) -> int:
    return SEVERITY.index(verdict) if verdict in SEVERITY else len(SEVERITY) - 2


def headline(table: Table) -> str:
    """Return the champion's first figure with its interval, in words."""
    row = next((row for row in table.rows if row.champion), table.rows[0] if table.rows else None)
    metric = HEADLINE[table.task]
    if row is None or row.metrics.get(metric) is None:
        return ""
    shown = cell(metric, row.metrics, row.intervals)
    interval = f" ({shown.interval})" if shown.interval else ""
    return f"{metric_name(metric)} {shown.value}{interval} by {model_name(row)}"


def metric_name(metric: str) -> str:
    """Return a metric's name for people."""
    return METRIC_NAMES.get(metric, readable(metric))


def model_name(row: Row) -> str:
    """Return a model's name with how it treats a rare class, where it does."""
    plain = row.imbalance in (None, "none")
    return readable(row.model if plain else f"{row.model} ({row.imbalance})")


def leaderboard(table: Table) -> tuple[list[str], list[tuple[Row, str, list[Cell]]]]:
    """Return column titles, and per row the model's name and its cells; the champion comes first."""
    metrics = _shown(table, [row.metrics for row in table.rows])
    rows = sorted(table.rows, key=lambda row: not row.champion)
    cells = [(row, model_name(row), [cell(m, row.metrics, row.intervals) for m in metrics]) for row in rows]
    return [metric_name(m) for m in metrics], cells


def slices(table: Table, rows: Sequence[SliceRow]) -> tuple[list[str], list[tuple[str, list[Cell]]]]:
    """Return column titles and rows for parts of the test rows."""
    metrics = _shown(table, [row.metrics for row in rows])[:6]
    rated = any(row.base_rate is not None for row in rows)
    titles = ["Rows", *[base_name(table).capitalize()] * rated, *[metric_name(m) for m in metrics]]
    found = []
    for row in rows:
        rate = Cell("–" if row.base_rate is None else share_text(row.base_rate))
        cells = [Cell(f"{row.n:,}"), *[rate] * rated, *[cell(m, row.metrics, row.intervals) for m in metrics]]
        found.append((slice_name(row.slice, step_word(table)), cells))
    return titles, found


def slice_name(name: str, step: str = "click") -> str:
    """Return a slice for people; ``step`` is what a visit is counted in.

    >>> slice_name("k=1"), slice_name("k=3", "look"), slice_name("no_cart_yet")
    ('1 click', '3 looks', 'No cart yet')
    """
    if name.startswith("k="):
        count = name.removeprefix("k=")
        return f"{count} {step}" if count == "1" else f"{count} {step}s"
    return readable(name)


def step_word(table: Table) -> str:
    """Return what the visits of a table are counted in."""
    return "look" if table.task == "next_item" else "click"


def by_steps(table: Table) -> str:
    """Return the title of the figures by how much of the visit was known."""
    return "By items looked at so far" if table.task == "next_item" else "By clicks seen so far"


def _shown(table: Table, found: Sequence[dict[str, float | None]]) -> list[str]:
    present = {name for metrics in found for name, value in metrics.items() if value is not None}
    ordered = [name for name in COLUMNS[table.task] if name in present]
    return ordered + sorted(present - set(ordered))


def cell(
    metric: str,
    metrics: dict[str, float | None],
    intervals: dict[str, tuple[float | None, float | None]],
) -> Cell:
    """Return one figure as text, with its interval."""
    value = metrics.get(metric)
    if value is None:
        return Cell("–")
    low, high = intervals.get(metric, (None, None))
    interval = (
        f"{number(metric, low)} to {number(metric, high)}" if low is not None and high is not None else ""
    )
    return Cell(number(metric, value), interval)


def number(metric: str, value: float) -> str:
    """Return a metric's value as people write it.

    >>> number("roc_auc", 0.93614), number("lift_at_5pct", 7.123), number("mse", 123456.7)
    ('0.936', '7.1×', '123,457')
    """
    if metric.startswith("lift"):
        return f"{value:.1f}×"
    if metric.endswith("_pct"):
        return _signed(f"{value:+.1f} %")
    return _signed(plain_number(value, 3))


def plain_number(value: float, decimals: int = 2) -> str:
    """Return a number with fewer decimals the larger it is.

    >>> plain_number(1234.5), plain_number(13.29), plain_number(0.0519), plain_number(0.0519, 3)
    ('1,234', '13.3', '0.05', '0.052')
    """
    size = abs(value)
    places = 0 if size >= 1000 else max(decimals - 2, 0) if size >= 100 else decimals - (size >= 10)
    return f"{value:,.{places}f}"


def _signed(text: str) -> str:
    """Write a true minus, and none before zero."""
    return text.removeprefix("-") if not text.strip("-+0., %") else text.replace("-", "−")


def total(report: Report, table: Table) -> str:
    """Return the forecast of the total in a sentence; empty where there is none."""
    one, goal = table.total, table.goal or report.goal
    if one is None or one.forecast is None:
        return ""
    text = f"Total of the test rows: forecast {money(one.forecast, goal)}"
    if one.low is not None and one.high is not None:
        text += f" ({100 * one.level:.0f} % interval {money(one.low, goal)} to {money(one.high, goal)})"
    if one.actual is not None:
        text += f"; it was {money(one.actual, goal)}"
    return f"{text}. Method: {one.method}."


def money(value: float, goal: GoalNote) -> str:
    """Return an amount with its currency."""
    return f"{value:,.0f} {goal.currency}" if goal.currency else f"{value:,.0f}"


def segments(report: Report, table: Table) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Return column titles and rows of the segments, with the means that set them apart."""
    goal = table.goal or report.goal
    means = list(dict.fromkeys(name for s in table.segments for name in s.means))
    rate = any(s.rate is not None for s in table.segments)
    revenue = any(s.revenue is not None for s in table.segments)
    stable = any(s.stability is not None for s in table.segments)
    titles = (
        ["Visits", "Share"] + ["Stability"] * stable + ["Reach the goal"] * rate + ["Mean amount"] * revenue
    )
    titles += [readable(name) for name in means]
    rows = []
    for s in table.segments:
        cells = [f"{s.n:,}", "–" if s.share is None else share_text(s.share)]
        cells += ["–" if s.stability is None else f"{s.stability:.2f}, {word(s.stability)}"] * stable
        cells += ["–" if s.rate is None else share_text(s.rate)] * rate
        cells += ["–" if s.revenue is None else money(s.revenue, goal)] * revenue
        cells += ["–" if (v := s.means.get(name)) is None else plain_number(v) for name in means]
        rows.append((f"{s.name} (found as: {s.original})" if s.original else s.name, cells))
    return titles, rows
