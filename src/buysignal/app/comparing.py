"""Two runs side by side: whether they may be compared, by how much they differ, curves over each other."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from buysignal.app import charts, page, report_charts, runs, words
from buysignal.app.report_charts import Chart
from buysignal.app.runs import Run
from buysignal.app.state import Model
from buysignal.compare import Comparison, Difference, Part, Side, compare
from buysignal.errors import BuysignalError
from buysignal.report_html import words as report_words
from buysignal.wording import answers_goal, readable

MAX_ZIP_MB = 200
TESTED = {"segments": "visits", "next_item": "looks"}
"""What one test row is, where it is no test row."""

WINNERS = {"a": "◀ A", "b": "▶ B", "": "no clear difference"}
"""A sign and a letter, so that colour is not needed."""


def show(used: Model) -> None:
    """Ask for two runs and write them side by side."""
    _bring()
    every = runs.all_runs()
    if len(every) < 2:
        st.info(
            "There is only one run with a report. Train a second model, or bring a bundle or a report.json "
            "above.",
            icon=":material/compare_arrows:",
        )
        page.go("train", "Train another", "model_training", primary=True)
        return
    left, right = _picked(every)
    found = compare(Side("A", left.report), Side("B", right.report))
    for sentence in found.alone:
        st.caption(f"{words.prose(sentence)}.")
    for part in found.parts:
        _part(found, part)


def _bring() -> None:
    with st.expander("Bring a run of elsewhere", icon=":material/upload_file:"):
        upload = st.file_uploader(
            "A bundle (zip), or the report.json of a run", type=["zip", "json"],
            max_upload_size=MAX_ZIP_MB, key="run_upload",
        )  # fmt: skip
        st.caption(
            "It is checked before use, and put beside the other runs; the model in use stays as it is."
        )
        if st.button("Add this run", disabled=upload is None, key="add_run") and upload is not None:
            try:
                label = runs.bring(upload.name, upload.getvalue())
            except BuysignalError as error:
                page.refuse(error)
                return
            st.success(f"**{words.plain(label)}** can be chosen below.", icon=":material/check_circle:")


def _picked(every: list[Run]) -> tuple[Run, Run]:
    labels = [run.label for run in every]
    left, right = st.columns(2, gap="medium")
    with left:
        first = st.selectbox("A", labels, key="run_a")
    with right:
        second = st.selectbox("B", labels, index=_nearest(every), key="run_b")
    return every[labels.index(str(first))], every[labels.index(str(second))]


def _nearest(every: list[Run]) -> int:
    """Position of the first run that may be compared with the one in front; else that of the second."""
    first = Side("A", every[0].report)
    for i, run in enumerate(every[1:], start=1):
        parts = compare(first, Side("B", run.report)).parts
        if parts and not any(part.obstacles for part in parts):
            return i
    return 1


def _part(found: Comparison, part: Part) -> None:
    st.header(report_words.TASK_NAMES[part.task], divider="gray")
    _labels(found, part)
    if part.obstacles:
        reasons = "\n".join(f"- {words.prose(sentence)}" for sentence in part.obstacles)
        st.warning(f"**{part.sentence}**\n\n{reasons}", icon=":material/block:")
    else:
        st.info(f"**{words.prose(part.sentence)}**", icon=":material/compare_arrows:")
    for remark in part.remarks:
        st.caption(f":material/info: {words.prose(remark)}")
    _figures(part)
    drawn = report_charts.compared_charts(part)
    if drawn:
        _charts(found, part, drawn)


def _labels(found: Comparison, part: Part) -> None:
    """Say of each side what must be said first: a proxy by its name, simulated data."""
    for side, table in ((found.a, part.a), (found.b, part.b)):
        goal = table.goal or side.report.goal
        said = [words.proxy_label(goal)] if goal.proxy and answers_goal(table) else []
        said += ["simulated data"] if side.report.dataset.simulated else []
        champion = readable(table.champion or "")
        rows = f"{table.n_test:,} {TESTED.get(table.task, 'test rows')}"
        st.caption(f"**{side.name}**: {words.prose(', '.join([champion, rows, *said]))}")


def _figures(part: Part) -> None:
    comparable = not part.obstacles
    st.dataframe(
        pd.DataFrame([_row(one, comparable) for one in part.differences]),
        hide_index=True,
        height=min(480, 40 + 35 * len(part.differences)),
        column_config={
            "Metric": st.column_config.TextColumn(pinned=True),
            "B against A": st.column_config.TextColumn(
                help="B less A, in brackets its 95 % interval, put together from those of A and B. On the "
                "same test rows the true interval is narrower."
            ),
            "Better": st.column_config.TextColumn(help="Named where the interval leaves out no difference."),
        },
    )
    if comparable and part.task == "segments":
        st.caption("Found in the same visits.")
    elif comparable:
        st.caption("The champions on the same test rows; in brackets 95 % intervals.")
    else:
        st.caption("Side by side only; without a difference, because it would mean nothing.")


def _row(one: Difference, comparable: bool) -> dict[str, str]:
    row = {
        "Metric": report_words.metric_name(one.metric),
        "A": _value(one.metric, one.a, one.a_interval),
        "B": _value(one.metric, one.b, one.b_interval),
    }
    if comparable:
        row["B against A"] = _change(one)
        row["Better"] = WINNERS[one.better] if one.interval is not None else "–"
    return row


def _value(metric: str, value: float | None, bounds: tuple[float, float] | None) -> str:
    cell = report_words.cell(metric, {metric: value}, {} if bounds is None else {metric: bounds})
    return f"{cell.value} ({cell.interval})" if cell.interval else cell.value


def _change(one: Difference) -> str:
    if one.change is None:
        return "–"
    text = _signed(one.metric, one.change)
    if one.interval is None:
        return text
    low, high = (_signed(one.metric, end) for end in one.interval)
    return f"{text} ({low} to {high})"


def _signed(metric: str, value: float) -> str:
    text = report_words.number(metric, value)
    return text if value <= 0 or text.startswith("+") else f"+{text}"


def _charts(found: Comparison, part: Part, drawn: list[Chart]) -> None:
    goal = part.a.goal or found.a.report.goal
    columns = st.columns(2, gap="medium")
    for i, chart in enumerate(drawn):
        with columns[i % 2]:
            st.markdown(f"**{chart.title}**")
            charts.draw(chart.figure, f"compare_{part.task}_{chart.key}", f"{chart.title} of both runs")
            simulated = "Simulated data. " if found.a.report.dataset.simulated else ""
            proxy = f"{words.proxy_label(goal).capitalize()}. " if goal.proxy and answers_goal(part.a) else ""
            st.caption(f"{simulated}{proxy}{chart.sentence}")
