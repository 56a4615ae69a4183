"""Segments called by names of one's own, on all pages of this session and in what is downloaded."""

from __future__ import annotations

import streamlit as st

from buysignal.app import bundles, page, runs, state
from buysignal.app.state import Model
from buysignal.errors import BuysignalError
from buysignal.segment_names import LONGEST, renamed, renamed_report


def show(used: Model) -> None:
    """Write the form, and the bundle with these names as a download."""
    profiles = used.bundle.segment_profiles
    with st.form("rename_segments", border=True):
        for profile in profiles:
            st.text_input(
                f"Name of “{profile.original or profile.name}”",
                value=profile.name,
                max_chars=LONGEST,
                key=_key(used, profile.segment),
            )
        if st.form_submit_button("Use these names", icon=":material/edit:", type="primary"):
            _use(used, {p.segment: str(st.session_state[_key(used, p.segment)]) for p in profiles})
    with st.container(horizontal=True):
        if any(profile.original for profile in profiles) and st.button(
            "Back to the names found", icon=":material/undo:", key="found_names"
        ):
            _use(used, {p.segment: p.original or p.name for p in profiles})
        st.download_button(
            "Bundle with these names (zip)",
            data=lambda: bundles.zipped_model(used),
            file_name=f"{used.label}.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            key="renamed_bundle",
            help="The model with its segments as they are named now. What each was found as stays in it.",
        )
    st.caption(
        "The names hold on all pages, in every export and in the bundle you download. The model on this "
        "machine keeps its own, until you save this one on the Models page."
    )


def _key(used: Model, segment: int) -> str:
    """A new set of names has fields of its own, so that they show what holds now."""
    return f"segment_name_{used.bundle.version}_{segment}"


def _use(used: Model, names: dict[int, str]) -> None:
    try:
        bundle = renamed(used.bundle, names)
    except BuysignalError as error:
        page.refuse(error)
        return
    report = None if used.report is None else renamed_report(used.report, bundle.segment_profiles)
    model = Model(used.label, bundle, report)
    state.use_model(model)
    runs.remember(model)
    st.toast("The segments have these names on all pages now.", icon=":material/edit:")
    st.rerun()
