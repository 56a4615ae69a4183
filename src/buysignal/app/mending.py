"""Rejected rows: why, how to mend them, and reading them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import streamlit as st

from buysignal.app import exports, words
from buysignal.app.state import Source
from buysignal.sources import raw
from buysignal.sources.form import FileForm
from buysignal.sources.mend import Place, form_by_file
from buysignal.sources.rates import missing_rates

SHOWN = 100
FIXED = ("Line", "Why", "How to mend it")
NOTHING_TO_MEND = "duplicate_event"


def reasons(data: Source) -> None:
    """Show why rows were rejected, how many each, and offer them all as CSV."""
    rejects = data.loaded.rejects
    by_reason = rejects.by_reason()
    hints = {r["reason"]: r["hint"] for r in _firsts(data)}
    counts = pd.DataFrame(
        {
            "Reason": [reason.replace("_", " ").capitalize() for reason in by_reason],
            "Rows": list(by_reason.values()),
            "How to mend it": [hints.get(reason, "") for reason in by_reason],
        }
    )
    st.dataframe(
        counts,
        hide_index=True,
        column_config={
            "Reason": st.column_config.TextColumn(width="medium"),
            "Rows": st.column_config.NumberColumn(format="localized", width="small"),
            "How to mend it": st.column_config.TextColumn(width="large"),
        },
    )
    st.download_button(
        "Download the rejected rows (CSV)",
        data=lambda: exports.rejects_csv(rejects),
        file_name="rejects.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="rejects_download",
    )


def _firsts(data: Source) -> list[dict[str, Any]]:
    """The first reject of every reason."""
    table = data.loaded.rejects.table
    places = [pc.index(table.column("reason"), reason).as_py() for reason in data.loaded.rejects.by_reason()]
    return [row for place in places for row in table.slice(place, 1).to_pylist()]


def rates(data: Source) -> dict[str, float] | None:
    """Ask for the exchange rates that are missing; return them once they are given."""
    missing = missing_rates(data.loaded)
    common = data.loaded.currency
    if not missing or common is None or data.again is None:
        return None
    with st.form(f"rates_{data.token}"):
        st.markdown(
            f"**Prices in another currency than {common}.** They are never added up as they are. Type a "
            "rate, and their rows are converted and kept."
        )
        given: dict[str, float | None] = {}
        with st.container(horizontal=True):
            for code, rows in missing.items():
                given[code] = st.number_input(
                    f"1 {code} = … {common} ({words.count(rows, 'row')})",
                    min_value=0.0, value=None, format="%.4f", placeholder="rate", width=220,
                    key=f"rate_{code}_{data.token}",
                )  # fmt: skip
        if not st.form_submit_button("Convert and read again", icon=":material/currency_exchange:"):
            return None
    found = {code: rate for code, rate in given.items() if rate}
    if not found:
        st.warning("Type a rate above 0 first.", icon=":material/info:")
    return found or None


def rows(data: Source) -> dict[Place, str] | None:
    """Show rejected rows by their cells, to be mended; return those that were changed once asked to."""
    mendable = [r for r in data.loaded.rejects.by_reason() if r != NOTHING_TO_MEND]
    if not mendable:
        st.caption("These rows equal others in every cell: there is nothing to mend.")
        return None
    forms = form_by_file(data.loaded.forms)
    left, right = st.columns(2)
    reason = left.selectbox(
        "Rows to mend", mendable, format_func=lambda r: r.replace("_", " ").capitalize(),
        key=f"mend_reason_{data.token}",
    )  # fmt: skip
    table = data.loaded.rejects.table
    found = table.filter(pc.equal(table.column("reason"), reason))
    files = pc.unique(found.column("file")).to_pylist()
    file = (
        right.selectbox("Of the file", files, key=f"mend_file_{data.token}") if len(files) > 1 else files[0]
    )
    found = found.filter(pc.equal(found.column("file"), file))
    with st.form(f"mend_{data.token}", border=False):
        changed = _editor(
            found.slice(0, SHOWN).to_pylist(), forms[file], f"rows_{data.token}_{reason}_{file}"
        )
        if found.num_rows > SHOWN:
            st.caption(
                f"The first {SHOWN} of {found.num_rows:,}. For so many, mend the download and use "
                "`buysignal mend`."
            )
        if not st.form_submit_button("Read these rows again", type="primary", icon=":material/healing:"):
            return None
    if not changed:
        st.warning("Change a cell first: these rows are as they were.", icon=":material/info:")
    return changed or None


def _editor(rejects: Sequence[Mapping[str, Any]], form: FileForm, key: str) -> dict[Place, str]:
    """The cells of some rejects as a table to edit; the rows that were changed, by their places."""
    cells = [raw.split(reject["raw"], form) for reject in rejects]
    names = list(dict.fromkeys(name for row in cells for name in row))
    # The cells to look at stand first: those that the reasons speak of.
    frame = pd.DataFrame(
        [
            [r["line"], _why(r), r["hint"], *(row.get(n, "") for n in names)]
            for r, row in zip(rejects, cells, strict=True)
        ],
        columns=[*FIXED, *(f"cell_{i}" for i in range(len(names)))],
    )
    config = st.column_config
    shown = st.data_editor(
        frame,
        key=key,
        hide_index=True,
        num_rows="fixed",
        disabled=list(FIXED),
        column_config={
            "Line": config.NumberColumn(format="localized", width="small", pinned=True),
            "Why": config.TextColumn(width="small", pinned=True),
            "How to mend it": config.TextColumn(width="medium"),
            **{f"cell_{i}": config.TextColumn(name) for i, name in enumerate(names)},
        },
        alt="Rejected rows, one cell a column, to be mended",
    )
    found: dict[Place, str] = {}
    for i, (reject, before) in enumerate(zip(rejects, cells, strict=True)):
        after = {n: _text(shown[f"cell_{j}"].iloc[i]) for j, n in enumerate(names) if n in before}
        if after != before:
            found[reject["file"], reject["line"]] = raw.join(after, reject["raw"], form)
    return found


def _why(reject: Mapping[str, Any]) -> str:
    reason = str(reject["reason"]).replace("_", " ")
    return f"{reason}: {reject['column']}" if reject["column"] else reason


def _text(cell: object) -> str:
    return "" if cell is None or cell != cell else str(cell)
