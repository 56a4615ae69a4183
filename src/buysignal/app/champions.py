"""Choosing the champion: which run is in use and kept on this machine, or another candidate of one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from buysignal.app import bundles, page, runs, state, trainings, words
from buysignal.app.runs import Run
from buysignal.app.state import Model
from buysignal.compare import main_tables
from buysignal.errors import BuysignalError
from buysignal.report import Row, Table
from buysignal.report_html import words as report_words
from buysignal.wording import readable

DECIDES = {"conversion": "log_loss", "revenue": "rmse_log1p"}
"""What the validation slice chooses by."""


def show(used: Model) -> None:
    """Write both ways to choose."""
    st.header("Which run?", divider="gray")
    _use()
    _save(used)
    st.header("Which candidate of this run?", divider="gray")
    _candidate(used)


def _use() -> None:
    every = [run for run in runs.all_runs() if run.open is not None]
    labels = [run.label for run in every]
    if not labels:
        st.caption("No run with a report is at hand.")
        return
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("Run", labels, key="champion_run", width=460)
        chosen = every[labels.index(str(label))]
        if st.button("Use on all pages", disabled=chosen.in_use, key="use_run", icon=":material/check:"):
            _take(chosen)


def _take(chosen: Run) -> None:
    assert chosen.open is not None
    try:
        model = chosen.open()
    except BuysignalError as error:
        page.refuse(error)
        return
    state.use_model(model)
    runs.remember(model)
    st.rerun()


def _save(used: Model) -> None:
    champion = bundles.champion()
    if champion:
        st.caption(f"This machine's champion is **{words.plain(champion)}**: it is opened first.")
    with st.form("keep_champion"):
        st.markdown("**Keep the model in use as this machine's champion**")
        name = st.text_input("Name", value=_suggested(used.label), max_chars=60, key="champion_name")
        replace = st.checkbox("Replace a model of this name", key="champion_replace")
        if st.form_submit_button("Save as champion", icon=":material/trophy:"):
            try:
                bundles.keep(used, name, replace=replace)
            except BuysignalError as error:
                page.refuse(error)
                return
            st.success(
                f"Saved as **{words.plain(name.strip())}**. The app opens it first from now on.",
                icon=":material/trophy:",
            )
    st.caption(
        "It is stored in the folder of models on this machine, with its segments as they are named now."
    )


def _suggested(label: str) -> str:
    """Return a name a folder may have, from the model's label."""
    kept = "".join(sign if sign.isalnum() or sign in " .-_" else " " for sign in label)
    return " ".join(kept.split())[:60].strip(" .-_") or "champion"


def _candidate(used: Model) -> None:
    report = used.report
    if report is None:
        st.caption("This bundle came without its report, so its candidates are not known.")
        return
    st.markdown(
        "The champion is the candidate with the best figure on the **validation slice**, visits kept aside "
        "for choosing. You may keep another, for instance one that is easier to explain. The training then "
        "runs again on the same data, split and seed, and report and model card say that you chose."
    )
    tables = {task: table for task, table in main_tables(report).items() if task in DECIDES}
    if not tables:
        return
    task = st.segmented_control(
        "Question", list(tables), format_func=lambda t: report_words.TASK_NAMES[t],
        default=next(iter(tables)), required=True, key="champion_task",
    )  # fmt: skip
    table = tables[task]
    _board(table)
    others = [name for row in table.rows if (name := _key(row)) != table.champion]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.selectbox("Keep instead", others, format_func=readable, key="champion_wanted", width=320)
        missing = _missing(used)
        if st.button(
            "Train again with this champion",
            disabled=bool(missing) or wanted is None,
            type="primary",
            icon=":material/model_training:",
            key="train_again",
        ):
            data = state.source()
            assert data is not None
            trainings.again(data, used, str(wanted))
            st.switch_page(page.VIEWS / "train.py")
    if missing:
        st.caption(missing)
        page.go("data", "Choose data", "database")


def _missing(used: Model) -> str:
    """Say what is missing for training again; empty where nothing is."""
    data, running, report = state.source(), state.job(), used.report
    if running is not None and running.status == "running":
        return "A training is running; wait for it on the Train page."
    if report is None or not report.settings:
        return "This run does not say how it was set, so it cannot be repeated. Train it once more."
    if data is None or not trainings.is_its_data(data, report):
        return (
            f"Open the data of this run first: {words.prose(report.dataset.name)}, "
            f"{report.dataset.rows_in:,} rows."
        )
    return ""


def _board(table: Table) -> None:
    metric = DECIDES[table.task]
    name = report_words.metric_name(metric)
    rows = sorted(table.rows, key=lambda row: row.validation.get(metric) or float("inf"))
    data = [
        {
            "Candidate": f"★ {report_words.model_name(row)}"
            if row.champion
            else report_words.model_name(row),
            f"{name}, validation": row.validation.get(metric),
            f"{name}, test": row.metrics.get(metric),
        }
        for row in rows
    ]
    st.dataframe(
        pd.DataFrame(data),
        hide_index=True,
        height=min(420, 40 + 35 * len(data)),
        column_config={
            column: st.column_config.NumberColumn(format="%.4f", help="Lower is better.")
            for column in (f"{name}, validation", f"{name}, test")
        },
    )
    page.caption(f"★ is the champion. {name}: lower is better; the validation column decides.")


def _key(row: Row) -> str:
    """Return the candidate as the training names it."""
    return row.model if row.imbalance in (None, "none") else f"{row.model} ({row.imbalance})"
