"""Page: choose data, say what it means, and see what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import streamlit as st

from buysignal.app import bringing, brought, mapping, mending, page, state, words
from buysignal.app.bringing import Waiting
from buysignal.app.state import Source
from buysignal.errors import BuysignalError
from buysignal.sources import builtin_profiles
from buysignal.sources.download import DATASETS
from buysignal.sources.own import own_profiles
from buysignal.sources.profile import Profile, parse_profile

DEMO_SIZES = (5_000, 20_000, 50_000)
WAYS = ("Demo shop", "Public data set", "Your files")
PROFILE_TYPE = "toml"
Step = Callable[[float, str], None]


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
    waiting = cast("Waiting | None", st.session_state.get("waiting"))
    if waiting is not None:
        _waiting(waiting)
    data = state.source()
    if data is not None:
        _report(data)
    elif waiting is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("No file at hand? Type a single visit in instead:")
            page.link("live", "Manual input", "touch_app")


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
            "CSV, Parquet or JSON lines, also as .gz or .zip; up to 1 GB; several files are read as one",
            type=[*bringing.UPLOAD_TYPES, PROFILE_TYPE],
            accept_multiple_files=True,
            key="files",
            help="A profile you saved (TOML) may come along: the files are read by it.",
        )
        with st.expander("The format is known"):
            profile = _format()
        if st.form_submit_button("Read the files", type="primary", icon=":material/upload_file:"):
            with _reading() as step:
                _read(files or [], profile, step)
    st.caption(
        "Files stay on the machine the app runs on, and are deleted when you close this page. Columns with "
        "other names are no trouble: you say what they mean."
    )


def _format() -> str | None:
    own, shipped = own_profiles(), builtin_profiles()
    titles = {name: p.title for name, p in {**shipped, **own}.items()}
    return st.selectbox(
        "Format",
        [None, *own, *shipped],
        format_func=lambda name: "Find out by the columns" if name is None else titles[name],
        key="profile",
    )


def _read(files: list[Any], profile: str | None, step: Step) -> None:
    """Read what was uploaded; files whose columns no profile knows wait for a person."""
    folder = state.new_folder("upload")
    profiles = [file for file in files if file.name.lower().endswith(f".{PROFILE_TYPE}")]
    chosen: str | Profile | None = _profile_of(profiles[0]) if profiles else profile
    data = [file for file in files if file not in profiles]
    paths = bringing.stored(data, folder, lambda share, text: step(0.2 * share, text))
    for held in st.session_state.get("files") or []:
        bringing.empty(held)
    try:
        source = bringing.read(
            paths, folder, bringing.label_of(paths), profile=chosen,
            progress=lambda share, text: step(0.2 + 0.8 * share, text),
        )  # fmt: skip
    except BuysignalError as error:
        waiting = bringing.waiting(paths, folder, error)
        if waiting is None:
            raise
        st.session_state["waiting"] = waiting
        return
    _use(source)


def _profile_of(given: Any) -> Profile:
    path: Path = state.new_folder("profile") / Path(given.name).name
    path.write_bytes(given.read())
    try:
        return parse_profile(path)
    except BuysignalError as error:
        raise bringing.for_page(error, path.parent) from error


@contextmanager
def _reading() -> Iterator[Step]:
    """Show progress while data is read; what cannot be read is said, and changes nothing."""
    bar = st.progress(0.0, "Starting")

    def step(share: float, text: str) -> None:
        bar.progress(min(max(share, 0.0), 1.0), text[:1].upper() + text[1:])

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
    st.session_state.pop("waiting", None)


def _waiting(waiting: Waiting) -> None:
    """Ask what the columns mean of files that no profile reads."""
    key = waiting.folder.name
    with st.container(border=True):
        st.subheader(f"What do the columns of {words.plain(waiting.label)} mean?")
        st.markdown(
            "No known format reads this file as it is. Below is a **guess** by the names of its columns: "
            "look through it, correct it, then read the files."
        )
        st.caption(words.prose(brought.sentence(waiting.why.came)))
        with _reading() as step:
            profile = mapping.unknown(waiting.seen.forms, key)
            if profile is not None:
                _use(
                    bringing.read(
                        waiting.paths, waiting.folder, waiting.label, profile=profile, progress=step
                    )
                )
                st.rerun()
        if st.button("Leave these files", key=f"leave_{key}"):
            del st.session_state["waiting"]
            st.rerun()


def _report(data: Source) -> None:
    """Show what is in the data: counts, what it can answer, what was rejected and missing."""
    check = data.check
    st.header(words.plain(data.label), divider="gray")
    note = st.session_state.pop("data_note", None)
    if note:
        st.success(note, icon=":material/check_circle:")
    with st.container(horizontal=True):
        if data.simulated:
            st.badge("Simulated data", icon=":material/science:", color="violet")
        st.badge(_read_by(data), icon=":material/fingerprint:", color="gray")
    brought.figures(check)
    for warning in check.warnings:
        st.warning(brought.sentence(warning), icon=":material/info:")
    st.subheader("What this data can answer")
    brought.answers(check)
    _next_step(data)
    brought.carries(check)
    st.subheader("What your columns mean")
    _mapping(data)
    st.subheader("Quality of the rows")
    _quality(data)


def _read_by(data: Source) -> str:
    check = data.check
    if check.profile in own_profiles():
        return f"Read by your profile '{check.profile}'"
    sure = "" if check.profile_confidence >= 0.995 else f", {check.profile_confidence:.0%} sure"
    return f"Recognised as: {check.profile_title}{sure}"


def _next_step(data: Source) -> None:
    used = state.model()
    fits = used is not None and used.bundle.profile.name == data.check.profile
    with st.container(horizontal=True):
        if fits:
            page.go("visits", "Score these visits", "groups", primary=True)
        page.go("train", "Train a model on this data", "model_training", primary=not fits)


def _mapping(data: Source) -> None:
    with st.expander("Look at the table, change it, keep it as a profile", icon=":material/table_view:"):
        with _reading() as step:
            profile = mapping.known(data.loaded, data.token)
            if profile is not None:
                _again(bringing.reread(data, step, profile=profile), "Read again by the changed table.")
        with _reading():
            mapping.keeping(data.loaded, data.token)


def _again(new: Source, note: str) -> None:
    _use(new)
    st.session_state["data_note"] = note
    st.rerun()


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
        brought.mended(check)
    with tabs[2]:
        brought.missing(check)


def _rejects(data: Source) -> None:
    if not len(data.loaded.rejects):
        st.success("No row was rejected.", icon=":material/check_circle:")
        return
    mending.reasons(data)
    with _reading() as step:
        rates = mending.rates(data)
        if rates:
            given = ", ".join(f"1 {code} = {rate:g} {data.loaded.currency}" for code, rate in rates.items())
            _again(bringing.reread(data, step, rates=rates), f"Converted by {given}.")
    with st.expander("Mend rows and feed them in again", icon=":material/healing:"), _reading():
        mended = mending.rows(data)
        if mended:
            new = bringing.mended(data, mended)
            good = new.check.rows_kept - data.check.rows_kept
            _again(new, f"{good:,} of {words.count(len(mended), 'row')} read again are good now.")


if __name__ == "__main__":
    page.show(body)
