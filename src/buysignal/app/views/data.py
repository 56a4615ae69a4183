"""Page: choose data and see what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pandas as pd
import streamlit as st

from buysignal.app import bringing, exports, page, state, words
from buysignal.app.state import Source
from buysignal.check import CheckResult
from buysignal.errors import BuysignalError
from buysignal.goals import Answer
from buysignal.sources import builtin_profiles
from buysignal.sources.download import DATASETS
from buysignal.sources.read import MENDED

DEMO_SIZES = (5_000, 20_000, 50_000)
SHOWN_REJECTS = 200
WAYS = ("Demo shop", "Public data set", "Your files")
CANONICAL = ("visitor_id", "event_name", "event_time", "session_id", "item_id", "category", "price")


def body() -> None:
    """Draw the page."""
    page.heading(
        "Upload CSV or manual input",
        "Bring the clicks of a shop, or start with the demo shop. You see at once what the data holds, what "
        "it can answer and what it cannot.",
    )
    way = st.segmented_control("Where from", WAYS, default=WAYS[0], required=True, key="way")
    with st.container(border=True):
        {"Demo shop": _demo, "Public data set": _public, "Your files": _files}[way or WAYS[0]]()
    data = state.source()
    if data is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("No file at hand? Type a single visit in instead:")
            page.link("live", "Manual input", "touch_app")
    else:
        _report(data)


def _demo() -> None:
    st.markdown(
        "A made-up shop whose visitors browse, compare and sometimes buy, with duplicates, bots and a second "
        "currency mixed in on purpose. It is **simulated**: no figure says anything about a real shop."
    )
    # Where nothing is trained yet, the shop that trains within a minute comes first.
    first = 0 if state.model() is None else 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        visitors = st.selectbox(
            "Visitors",
            DEMO_SIZES,
            index=first,
            format_func=lambda n: f"{n:,}",
            width=160,
            key="demo_visitors",
        )
        if st.button("Open the demo shop", type="primary", icon=":material/storefront:", key="open_demo"):
            with _reading() as step:
                step(0.2, "simulating visitors")
                _use(bringing.demo_shop(visitors))


def _public() -> None:
    name = st.selectbox(
        "Data set", list(DATASETS), format_func=lambda n: DATASETS[n].title, key="public_name"
    )
    st.markdown(
        f"Fetched from [the publisher]({DATASETS[name].page}) and verified by its checksum. Without a "
        "network, download the archive there and give it here."
    )
    archive = st.file_uploader("The archive, if you have it (zip)", type=["zip", "csv"], key="public_archive")
    if st.button("Get the data set", type="primary", icon=":material/download:", key="get_public"):
        with _reading() as step:
            _use(bringing.public(name, archive, state.new_folder("public"), step))


def _files() -> None:
    with st.form("upload", border=False):
        files = st.file_uploader(
            "CSV, Parquet or JSON lines, also as .gz or .zip; several files are read as one",
            type=list(bringing.UPLOAD_TYPES),
            accept_multiple_files=True,
            key="files",
        )
        with st.expander("My columns have other names"):
            profile, mapping = _mapping()
        if st.form_submit_button("Read the files", type="primary", icon=":material/upload_file:"):
            with _reading() as step:
                folder = state.new_folder("upload")
                _use(bringing.uploaded(files or [], folder, step, profile=profile, mapping=mapping))
    st.caption("Files stay on the machine the app runs on, and are deleted when you close this page.")


def _mapping() -> tuple[str | None, dict[str, str]]:
    profiles = builtin_profiles()
    profile = st.selectbox(
        "Format",
        [None, *profiles],
        format_func=lambda name: "Find out by the columns" if name is None else profiles[name].title,
        key="profile",
    )
    st.markdown("Write the name of *your* column beside what it holds. Leave the others empty.")
    columns = st.columns(2)
    given = {
        name: columns[i % 2].text_input(f"{words.CANONICAL.get(name, name)} (`{name}`)", key=f"map_{name}")
        for i, name in enumerate(CANONICAL)
    }
    return profile, {name: value.strip() for name, value in given.items() if value.strip()}


@contextmanager
def _reading() -> Iterator[Callable[[float, str], None]]:
    """Show progress while data is read; what cannot be read is said, and changes nothing."""
    bar = st.progress(0.0, "Starting")

    def step(share: float, text: str) -> None:
        bar.progress(min(max(share, 0.0), 1.0), text.capitalize())

    try:
        yield step
    except BuysignalError as error:
        page.refuse(error)
        if state.source() is not None:
            st.caption("What was loaded before is still in use.")
    finally:
        bar.empty()


def _use(new: Source) -> None:
    state.use_source(new)


def _report(data: Source) -> None:
    """Show what is in the data: counts, what it can answer, what was rejected and missing."""
    check = data.check
    st.header(words.plain(data.label), divider="gray")
    with st.container(horizontal=True):
        if data.simulated:
            st.badge("Simulated data", icon=":material/science:", color="violet")
        sure = "" if check.profile_confidence >= 0.995 else f", {check.profile_confidence:.0%} sure"
        st.badge(f"Recognised as: {check.profile_title}{sure}", icon=":material/fingerprint:", color="gray")
    _figures(check)
    for warning in check.warnings:
        st.warning(_sentence(warning), icon=":material/info:")
    st.subheader("What this data can answer")
    _answers(check)
    _next_step(data)
    st.subheader("Quality of the rows")
    _quality(data)


def _figures(check: CheckResult) -> None:
    facts = [
        ("Visits", f"{check.sessions:,}", None),
        ("Visitors", "–" if check.visitors is None else f"{check.visitors:,}",
         "Not told apart from visits in this source." if check.visitors is None else None),
        ("Purchases", f"{check.purchases:,}", None),
        ("Revenue", words.money(check.revenue, check.currency), None),
    ]  # fmt: skip
    with st.container(horizontal=True):
        for label, value, text in facts:
            st.metric(label, value, help=text, border=True, width=160)
    if check.time_range:
        start, end = (moment[:10] for moment in check.time_range)
        st.caption(f"From {start} to {end}.")


ANSWERS = {
    "yes": (":material/check_circle:", "green", "Yes"),
    "proxy": (":material/swap_horiz:", "orange", "Proxy only"),
    "no": (":material/block:", "red", "No"),
}


def _answers(check: CheckResult) -> None:
    with st.container(border=True):
        for answer in check.can_predict:
            _answer(answer)


def _answer(answer: Answer) -> None:
    icon, colour, word = ANSWERS[answer.answer]
    left, right = st.columns([1, 6], vertical_alignment="center")
    with left:
        st.badge(
            word, icon=icon, color=colour, help=words.HELP["proxy"] if answer.answer == "proxy" else None
        )
    why = words.plain(answer.why)
    front = "proxy, not conversion: " if answer.answer == "proxy" else ""
    right.markdown(f"**{words.plain(_sentence(answer.question, '?'))}** {_sentence(front + why)}")


def _sentence(text: str, end: str = ".") -> str:
    return text[:1].upper() + text[1:].rstrip(".?") + end


def _next_step(data: Source) -> None:
    used = state.model()
    fits = used is not None and used.bundle.profile.name == data.check.profile
    with st.container(horizontal=True):
        if fits:
            page.go("visits", "Score these visits", "groups", primary=True)
        page.go("train", "Train a model on this data", "model_training", primary=not fits)


def _quality(data: Source) -> None:
    check = data.check
    st.markdown(
        f"**{check.rows_in:,}** rows in = **{check.rows_kept:,}** kept "
        f"+ **{check.rows_rejected:,}** rejected",
        help=words.HELP["rejects"],
    )
    tabs = st.tabs(["Rejected rows", "Mended and doubtful", "Missing cells"])
    with tabs[0]:
        _rejects(data)
    with tabs[1]:
        _mended(check)
    with tabs[2]:
        _missing(check)


def _rejects(data: Source) -> None:
    rejects = data.loaded.rejects
    if not len(rejects):
        st.success("No row was rejected.", icon=":material/check_circle:")
        return
    by_reason = rejects.by_reason()
    counts = pd.DataFrame(
        {
            "Reason": [reason.replace("_", " ") for reason in by_reason],
            "Rows": list(by_reason.values()),
        }
    )
    st.dataframe(counts, hide_index=True, width="content")
    with st.expander("Look at the rows"):
        rows = rejects.table.slice(0, SHOWN_REJECTS).to_pandas()
        st.dataframe(
            rows,
            hide_index=True,
            column_order=["line", "reason", "column", "hint", "raw", "file"],
            column_config={
                "line": st.column_config.NumberColumn("Line", format="localized", width="small"),
                "reason": "Reason",
                "column": "Column",
                "hint": st.column_config.TextColumn("How to mend it", width="large"),
                "raw": st.column_config.TextColumn("The row", width="large"),
                "file": "File",
            },
        )
        if len(rejects) > SHOWN_REJECTS:
            st.caption(f"The first {SHOWN_REJECTS} of {len(rejects):,}; the download has them all.")
    st.download_button(
        "Download the rejected rows (CSV)",
        data=lambda: exports.rejects_csv(rejects),
        file_name="rejects.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="rejects_download",
    )


def _mended(check: CheckResult) -> None:
    lines = [f"- {n:,} {MENDED[kind]}" for kind, n in check.mended.items()]
    lines.append(f"- {words.count(check.duplicates, 'row')} equal to an earlier one")
    lines.append(f"- {words.count(check.suspected_bots, 'suspected bot session')}")
    lines += [f"- `{c}` is known only {_when(when)}" for c, when in check.known_too_late.items()]
    st.markdown("\n".join(lines))


def _when(known: str) -> str:
    return {"during": "while the visit goes on", "end": "when the visit is over"}.get(known, known)


def _missing(check: CheckResult) -> None:
    if not check.missing_by_column:
        st.success("No cell is empty in any column.", icon=":material/check_circle:")
        return
    missing = pd.DataFrame(
        {
            "Column": list(check.missing_by_column),
            "Empty cells": list(check.missing_by_column.values()),
            "Share": [n / check.rows_kept for n in check.missing_by_column.values()],
        }
    )
    st.dataframe(
        missing,
        hide_index=True,
        width="content",
        column_config={
            "Empty cells": st.column_config.NumberColumn(format="localized"),
            "Share": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
        },
    )
    st.caption("Cells may well be empty for a reason: a page view names no item and has no price.")


if __name__ == "__main__":
    page.show(body)
