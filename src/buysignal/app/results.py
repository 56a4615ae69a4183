"""The figures of one run: leaderboards, the audit's verdicts beside them, slices, charts."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from buysignal.app import charts, page, report_charts, state, words
from buysignal.app.state import Model
from buysignal.plots import caption_of
from buysignal.report import AuditLine, Report, Row, Table
from buysignal.report_html import words as report_words
from buysignal.wording import answers_goal, readable

VERDICTS = {
    "tautology": ("red", ":material/error:"),
    "leak": ("red", ":material/error:"),
    "warning": ("orange", ":material/warning:"),
    "ok": ("green", ":material/check_circle:"),
}


def show(used: Model) -> None:
    """Write the figures of the model in use."""
    report = used.report
    if report is None:
        st.info("This bundle came without its report, so there are only scores, no figures of its training.")
        return
    statement = report_words.statement(report)
    box = st.warning if statement.kind == "proxy" else st.success
    box(f"**{words.prose(statement.title)}** {words.prose(statement.text)}",
        icon=":material/swap_horiz:" if statement.kind == "proxy" else ":material/verified:")  # fmt: skip
    for note in report.notes:
        st.caption(words.prose(note))
    tables = report.tables
    picked = st.selectbox(
        "Results", range(len(tables)), format_func=lambda i: _title(tables[i]), key="table",
        index=next((i for i, t in enumerate(tables) if t.unit != "click"), 0),
    )  # fmt: skip
    _table(report, tables[picked])


HEADLINES: dict[str, tuple[str, ...]] = {
    "conversion": ("roc_auc", "average_precision", "lift_at_10pct", "ece"),
    "revenue": ("r2", "rmse_log1p", "mae", "total_error_pct"),
    "segments": ("silhouette", "davies_bouldin", "stability"),
    "next_item": ("mrr_at_20", "recall_at_20", "recall_at_5", "coverage"),
}
METRIC_HELP = {
    "roc_auc": "ROC-AUC",
    "average_precision": "Average precision",
    "f1": "F1, precision, recall",
    "precision": "F1, precision, recall",
    "recall": "F1, precision, recall",
    "log_loss": "Log loss, Brier score",
    "brier": "Log loss, Brier score",
    "ece": "ECE",
    "r2": "R²",
    "rmse_log1p": "RMSE of log1p",
    "silhouette": "Silhouette",
    "davies_bouldin": "Davies–Bouldin",
    "stability": "Stability",
    "mrr_at_20": "MRR@20",
    "recall_at_20": "Recall@20",
    "ndcg_at_20": "NDCG@20",
    "coverage": "Coverage",
    "popularity_bias": "Popularity bias",
}
"""Metric -> its entry in the report's glossary."""

UNITS = {"prefix": "after each click", "session": "per visit", "click": "single clicks, the classic exercise"}


def _title(table: Table) -> str:
    proxy = f" (proxy: {table.goal.name})" if table.goal is not None and table.goal.proxy else ""
    if table.task == "next_item":
        return f"{report_words.TASK_NAMES[table.task]}: the item looked at next"
    return (
        f"{report_words.TASK_NAMES[table.task]}: {table.name.split(': ', 1)[-1]}{proxy}, {UNITS[table.unit]}"
    )


def _table(report: Report, table: Table) -> None:
    asked = report_words.question(report, table)
    st.subheader(words.plain(asked[:1].upper() + asked[1:]))
    _headline(table)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**Leaderboard**")
        _leaderboard(table)
    with right:
        st.markdown("**Audit:** is the figure what it seems?")
        _audit(table.audit)
    st.caption(words.prose(caption_of(report, table).text))
    _slices(table)
    total = report_words.total(report, table)
    if total:
        st.markdown(f"**Total.** {words.prose(total)}")
    for note in table.notes:
        st.caption(words.prose(note))
    _pictures(report, table)
    with st.expander("What the figures mean"):
        st.markdown("\n".join(f"- **{name}**: {meaning}" for name, meaning in report_words.GLOSSARY))


def _headline(table: Table) -> None:
    row = next((r for r in table.rows if r.champion), None)
    if row is None:
        return
    present = [name for name in HEADLINES[table.task] if row.metrics.get(name) is not None]
    st.markdown(
        f"Champion: **{report_words.model_name(row)}**",
        help="Chosen on visits kept aside for choosing; its figures here are those of the test rows.",
    )
    if table.validation_choice:
        st.info(
            f"Chosen by you; the validation slice would have chosen **{readable(table.validation_choice)}**.",
            icon=":material/person:",
        )
    with st.container(horizontal=True):
        for name in present:
            cell = report_words.cell(name, row.metrics, row.intervals)
            st.metric(
                report_words.metric_name(name), cell.value, cell.interval or None,
                delta_color="off", delta_arrow="off", border=True, width=170, help=_help(name),
            )  # fmt: skip


def _help(metric: str) -> str | None:
    """Return what a metric means, for a tooltip."""
    if metric.startswith("lift_at_"):
        share = metric.removeprefix("lift_at_").removesuffix("pct")
        return f"How many times the base rate is found among the {share} % with the highest scores."
    meaning = dict(report_words.GLOSSARY).get(METRIC_HELP.get(metric, ""))
    return f"{meaning[:1].upper()}{meaning[1:]}." if meaning else None


def _leaderboard(table: Table) -> None:
    titles, rows = report_words.leaderboard(table)
    data = [
        {"Model": _marked(row, name), **{t: cell.value for t, cell in zip(titles, cells, strict=True)}}
        for row, name, cells in rows
    ]
    st.dataframe(
        pd.DataFrame(data),
        hide_index=True,
        height=min(420, 38 + 35 * len(data)),
        column_config={
            "Model": st.column_config.TextColumn(pinned=True, width="medium"),
            **{report_words.metric_name(m): st.column_config.TextColumn(help=_help(m)) for m in METRIC_HELP},
        },
    )


def _slices(table: Table) -> None:
    """Show the champion by clicks seen and by cart, each figure with its interval."""
    for title, rows, sentence in (
        (
            report_words.by_steps(table),
            table.per_k,
            f"What the model is worth after the first {report_words.step_word(table)}, the second …",
        ),
        ("With a cart and without", table.per_cart, "A full cart says most; without one it is harder."),
    ):
        if not rows:
            continue
        titles, cells = report_words.slices(table, rows)
        st.markdown(f"**{title}**")
        data = [
            {"Test rows": name, **dict(zip(titles, map(_with_interval, row), strict=True))}
            for name, row in cells
        ]
        st.dataframe(
            pd.DataFrame(data),
            hide_index=True,
            column_config={"Test rows": st.column_config.TextColumn(pinned=True)},
        )
        st.caption(f"{sentence} In brackets 95 % intervals.")


def _with_interval(cell: report_words.Cell) -> str:
    return f"{cell.value} ({cell.interval})" if cell.interval else cell.value


def _marked(row: Row, name: str) -> str:
    return f"★ {name}" if row.champion else name


def _audit(lines: list[AuditLine]) -> None:
    if not lines:
        st.caption("Nothing to audit here: there is no column that could give the answer away.")
        return
    found = [line for line in lines if line.verdict != "ok"]
    passed = [line for line in lines if line.verdict == "ok"]
    for line in found:
        colour, icon = VERDICTS.get(line.verdict, VERDICTS["warning"])
        with st.container(border=True):
            st.badge(line.verdict.capitalize(), icon=icon, color=colour)
            st.markdown(words.prose(line.detail))
    if not found:
        st.success("Nothing found that would make this figure worth less.", icon=":material/check_circle:")
    with st.expander(f"{words.count(len(passed), 'check')} passed"):
        st.markdown("\n".join(f"- {words.prose(line.detail)}" for line in passed))


def _pictures(report: Report, table: Table) -> None:
    goal = table.goal or report.goal
    drawn = report_charts.charts_of(table, goal.currency or state.currency())
    if not drawn:
        return
    st.markdown("#### Interactive charts and insights")
    columns = st.columns(2, gap="medium")
    for i, chart in enumerate(drawn):
        with columns[i % 2]:
            st.markdown(f"**{chart.title}**")
            charts.draw(chart.figure, f"report_{table.name}_{chart.key}", chart.title)
            simulated = "Simulated data. " if report.dataset.simulated else ""
            proxy = f"{words.proxy_label(goal).capitalize()}. " if goal.proxy and answers_goal(table) else ""
            st.caption(f"{simulated}{proxy}{chart.sentence}")
    if any(chart.key == "roc" for chart in drawn):
        page.caption("Two models are drawn, the chosen one with a star; a click on another name adds it.")
