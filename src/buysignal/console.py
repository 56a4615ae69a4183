"""What the command line shows: tables and sentences, no figures of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from buysignal.segment_actions import CAVEAT

if TYPE_CHECKING:
    import pandas as pd

    from buysignal.bundle import Bundle
    from buysignal.check import CheckResult
    from buysignal.report import Report
    from buysignal.report import Table as ReportTable
    from buysignal.scoring import Scored, Story

CONVERSION_COLUMNS = ("roc_auc", "average_precision", "f1", "ece", "log_loss", "lift_at_10pct")
REVENUE_COLUMNS = ("rmse", "mae", "r2", "rmse_log1p", "total_error_pct")
SEGMENT_COLUMNS = ("silhouette", "davies_bouldin", "inertia", "stability")
NEXT_ITEM_COLUMNS = ("mrr_at_20", "recall_at_20", "recall_at_5", "ndcg_at_20", "coverage")
_COLUMNS = {
    "conversion": CONVERSION_COLUMNS,
    "revenue": REVENUE_COLUMNS,
    "segments": SEGMENT_COLUMNS,
    "next_item": NEXT_ITEM_COLUMNS,
}
_HEADS = {
    "roc_auc": "ROC-AUC",
    "average_precision": "AP",
    "f1": "F1",
    "log_loss": "log loss",
    "ece": "ECE",
    "lift_at_10pct": "lift 10%",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "rmse_log1p": "RMSE log1p",
    "total_error_pct": "total %",
    "davies_bouldin": "Davies–Bouldin",
    "mrr_at_20": "MRR@20",
    "recall_at_20": "Recall@20",
    "recall_at_5": "Recall@5",
    "ndcg_at_20": "NDCG@20",
}
_VERDICT_STYLE = {"tautology": "bold red", "leak": "bold red", "warning": "yellow", "ok": "green"}
_ANSWER_STYLE = {"yes": "green", "proxy": "yellow", "no": "red"}
SIMULATED = "[bold yellow]Simulated:[/] learned from the demo shop, which is no real one."
SHOWN_SCORES = 20
WIDE = 110
"""Characters from which a terminal shows every column."""


def print_check(result: CheckResult, console: Console) -> None:
    """Show what is in the data and what it can answer."""
    console.print(
        f"[bold]{escape(result.profile_title)}[/] (profile {result.profile}, "
        f"{result.profile_confidence:.0%} sure)"
    )
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for label, value in _facts(result):
        facts.add_row(label, value)
    console.print(facts)
    _print_counts("Rejected, by reason", result.rejects_by_reason, console)
    _print_counts("Mended", result.mended, console)
    _print_counts("Missing cells", result.missing_by_column, console)
    answers = Table("question", "answer", "why", title="What this data can answer", title_justify="left")
    for answer in result.can_predict:
        style = _ANSWER_STYLE[answer.answer]
        answers.add_row(escape(answer.question), f"[{style}]{answer.answer}[/]", escape(answer.why))
    console.print(answers)
    if result.needs:
        console.print(_needs(result))
    for warning in result.warnings:
        console.print(f"[yellow]Note:[/] {escape(warning)}")
    for sentence in result.lacking:
        console.print(f"[cyan]Missing:[/] {escape(sentence)}")


def _needs(result: CheckResult) -> Table:
    """How far the purchases carry, with the sources of the numbers."""
    shown = Table(title=f"How far {result.purchases:,} purchases carry", title_justify="left")
    shown.add_column("for")
    shown.add_column("needed", justify="right")
    shown.add_column("what that means")
    for need in result.needs:
        style = "green" if need.enough else "yellow"
        shown.add_row(need.question, f"[{style}]{need.need:,}[/]", f"{need.sentence} ({need.source})")
    return shown


def _facts(result: CheckResult) -> list[tuple[str, str]]:
    span = " to ".join(result.time_range) if result.time_range else "unknown"
    facts = [
        ("rows", f"{result.rows_in:,} in = {result.rows_kept:,} kept + {result.rows_rejected:,} rejected"),
        ("time", span),
        ("visitors", "not told apart from sessions" if result.visitors is None else f"{result.visitors:,}"),
        ("sessions", f"{result.sessions:,}"),
        ("purchases", f"{result.purchases:,}"),
        ("duplicates", f"{result.duplicates:,}"),
        ("suspected bots", f"{result.suspected_bots:,}"),
    ]
    if result.revenue is not None:
        facts.insert(5, ("revenue", f"{result.revenue:,.2f} {result.currency or ''}".strip()))
    if result.known_too_late:
        late = ", ".join(f"{c} ({when})" for c, when in result.known_too_late.items())
        facts.append(("not known at the start", late))
    return facts


def _print_counts(title: str, counts: dict[str, int], console: Console) -> None:
    if counts:
        console.print(f"{title}: " + ", ".join(f"{escape(name)} {n:,}" for name, n in counts.items()))


def print_report(report: Report, console: Console) -> None:
    """Show the goal, every leaderboard, and the audit's verdicts beside them."""
    if report.dataset.simulated:
        console.print(SIMULATED)
    kind = "proxy, not conversion" if report.goal.proxy else "conversion"
    console.print(f"Goal: [bold]{report.goal.name}[/] ({kind}): {escape(report.goal.sentence)}")
    for table in report.tables:
        console.print(leaderboard(table, console.width))
        for line in table.audit:
            if line.verdict != "ok":
                style = _VERDICT_STYLE.get(line.verdict, "")
                console.print(f"  [{style}]{line.verdict.upper()}[/] {escape(line.detail)}")
        for note in table.notes:
            console.print(f"  [dim]{escape(note)}[/]")
        console.print()
    for note in report.notes:
        console.print(f"[yellow]Note:[/] {escape(note)}")


def leaderboard(table: ReportTable, width: int = 120) -> Table:
    """Return one table of the report for a terminal ``width`` characters wide, the champion marked."""
    columns = [c for c in _COLUMNS.get(table.task, ()) if any(c in row.metrics for row in table.rows)]
    columns = columns if width >= WIDE else columns[:4]
    proxy = " (proxy)" if table.goal is not None and table.goal.proxy else ""
    shown = Table(title=f"{table.name}{proxy}", title_justify="left", caption_justify="left")
    shown.caption = _caption(table)
    shown.add_column("model", no_wrap=True)
    resampled = any(row.imbalance not in (None, "none") for row in table.rows)
    if resampled:
        shown.add_column("imbalance", no_wrap=True)
    for column in columns:
        shown.add_column(_HEADS.get(column, column), justify="right", no_wrap=True)
    for row in table.rows:
        name = f"[bold]{row.model} ★[/]" if row.champion else row.model
        # The interval of the first figure fits a wide terminal; the report has them all.
        cells = [
            _figure(row.metrics.get(c), row.intervals.get(c) if width >= WIDE and c == columns[0] else None)
            for c in columns
        ]
        shown.add_row(name, *([row.imbalance or "none"] if resampled else []), *cells)
    return shown


def _caption(table: ReportTable) -> str:
    rate = "" if table.base_rate is None else f", base rate {table.base_rate:.3f}"
    return f"{table.n_test:,} test rows, {table.n_train:,} train{rate}; {escape(table.split)}"


def _figure(value: float | None, interval: tuple[float | None, float | None] | None) -> str:
    if value is None:
        return "–"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}"
    if interval is None or None in interval:
        return text
    return f"{text} [dim]{interval[0]:.3g}–{interval[1]:.3g}[/]"


def print_scores(scored: Scored, out: Path | None, console: Console) -> None:
    """Show the highest scores, or say where all of them are."""
    table = scored.table
    if table["simulated"].any():
        console.print(SIMULATED)
    kind = f"proxy '{scored.goal.name}', not conversion" if scored.goal.proxy else "conversion"
    console.print(f"{len(table):,} scores ({kind}): P({escape(scored.goal.sentence)})")
    for note in scored.notes:
        console.print(f"[yellow]Note:[/] {escape(note)}")
    if out is not None:
        console.print(f"Written to [bold]{out}[/].")
        return
    best = table.sort_values("probability", ascending=False).head(SHOWN_SCORES)
    console.print(_frame(best.drop(columns=["goal", "proxy", "simulated", "bundle_version"])))
    if len(table) > SHOWN_SCORES:
        console.print(f"[dim]the highest {SHOWN_SCORES}; --out FILE writes them all[/]")


def print_segments(table: pd.DataFrame, bundle: Bundle, console: Console) -> None:
    """Show the segments, one a row, and where it is known what could be done for each, and why."""
    if bundle.manifest.dataset.simulated:
        console.print(SIMULATED)
    kind = f"proxy '{bundle.goal.name}'" if bundle.goal.proxy else "conversion"
    console.print(f"Segments found by {bundle.segment_method}; rate is {kind}.")
    told = table.drop(columns=[name for name in _NOT_IN_A_CELL if name in table])
    if "stability" in table:
        pairs = zip(table["stability_word"], table["stability"], strict=True)
        told["stability"] = ["" if value != value else f"{said} ({value:.2f})" for said, value in pairs]
    console.print(_frame(told))
    if "action" in table:
        for row in table.to_dict("records"):
            console.print(_action(row))
        console.print(f"[dim]{CAVEAT}[/]")


_NOT_IN_A_CELL = (
    "found_as", "stability_word", "action", "action_sentence", "action_reason", "goal", "proxy", "simulated",
)  # fmt: skip


def _action(row: Mapping[Any, Any]) -> str:
    """Say what could be done for a segment; a renamed one with the name it was found with."""
    found = row.get("found_as")
    name = f"{row['segment']} (found as: {found})" if isinstance(found, str) else row["segment"]
    told = f"{row['action_sentence']} Why: {row['action_reason']}"
    return f"[bold]{escape(name)}:[/] {escape(told)}"


def print_story(story: Story, console: Console) -> None:
    """Show one visit, click by click, and why it ends where it does."""
    if story.simulated:
        console.print(SIMULATED)
    console.print(f"Session [bold]{escape(story.session)}[/]: P({escape(story.goal.sentence)})")
    console.print(_frame(story.steps))
    console.print(
        f"Score {story.probability:.1%}, against {story.typical_probability:.1%} for a typical visit:"
    )
    for reason in story.reasons:
        console.print(f"  {reason.contribution:+.1%}  {escape(reason.sentence)}")


def _frame(frame: pd.DataFrame) -> Table:
    shown = Table()
    for name in frame.columns:
        shown.add_column(str(name), justify="right" if frame[name].dtype.kind in "fi" else "left")
    for row in frame.itertuples(index=False):
        shown.add_row(*(_cell(value) for value in row))
    return shown


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return escape(str(value))
