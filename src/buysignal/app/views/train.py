"""Page: train a model in the background, or open a trained one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from buysignal import goals
from buysignal.app import bringing, bundles, page, runs, state, trainings, words
from buysignal.app.job import TrainingJob
from buysignal.app.state import Model, Source
from buysignal.compare import main_tables
from buysignal.errors import BuysignalError
from buysignal.goals import Goal
from buysignal.report_html import words as report_words
from buysignal.training import Options

WAYS = ("Train a model", "Open a trained model")
MAX_ZIP_MB = 200
POLL_SECONDS = 1.0


def body() -> None:
    """Draw the page."""
    used, running = state.model(), state.job()
    page.heading(
        "Train a model",
        "Several models learn from the data, are judged on later visits they have not seen, and the best is "
        "kept. It goes on in the background; the other pages stay open.",
        goal=used.bundle.goal if used is not None else None,
        simulated=used is not None and used.simulated,
    )
    if running is not None and running.status == "running":
        _watch(running)
        return
    if running is not None:
        _ended(running)
    if used := state.model():
        _in_use(used)
    way = st.segmented_control(
        "What", WAYS, default=WAYS[0], required=True, key="train_way", label_visibility="collapsed"
    )
    {WAYS[0]: _new, WAYS[1]: _open}[str(way)]()


def _in_use(used: Model) -> None:
    """Say which model the pages speak of, with its first figure, and where the others are."""
    made = used.bundle.manifest.created[:16].replace("T", " ")
    with st.container(border=True):
        st.markdown(f"Model in use: **{words.plain(used.label)}**, trained {made} UTC")
        for table in main_tables(used.report).values() if used.report is not None else ():
            if said := report_words.headline(table):
                st.caption(f"{report_words.TASK_NAMES[table.task]}: {words.prose(said)}")
        page.go("models", "Judge it on the Models page", "leaderboard", primary=bool(_just_trained()))


def _just_trained() -> bool:
    return bool(st.session_state.get("just_trained") == state.model())


def _new() -> None:
    data = state.source()
    if data is None:
        with st.container(border=True):
            st.subheader("What should it learn from?")
            st.markdown(
                "Open the demo shop (5,000 visitors train in about a minute), or bring your own data."
            )
            with st.container(horizontal=True, vertical_alignment="center"):
                if st.button(
                    "Open the demo shop", type="primary", icon=":material/storefront:", key="train_demo"
                ):
                    with st.spinner("Simulating visitors"):
                        state.use_source(bringing.demo_shop(5_000))
                    st.rerun()
                page.go("data", "Upload CSV", "upload_file")
        return
    possible = _possible(data)
    if not possible:
        st.info(f"{goals.NO_CONVERSION.capitalize()}, and its format offers no proxy either.")
        return
    _settings(data, possible)


def _possible(data: Source) -> list[Goal]:
    profile, table = data.loaded.profile, data.loaded.table
    if profile.level == "session":
        return goals.available_goals(table.column_names, profile.goals, profile.proxies)
    names = {str(name) for name in table.column("event_name").unique().to_pylist()}
    return goals.available(names, profile.proxies, profile.goals)


def _settings(data: Source, possible: list[Goal]) -> None:
    with st.container(border=True):
        st.markdown(f"From **{words.plain(data.label)}**: {words.count(data.check.sessions, 'visit')}")
        position = st.radio(
            "What should it predict?",
            range(len(possible)),
            format_func=lambda i: _goal_title(possible[i]),
            key="goal",
            help=words.HELP["proxy"] if any(goal.proxy for goal in possible) else None,
        )
        fast = st.segmented_control(
            "How thorough?",
            ("Fast", "Full"),
            default="Fast",
            required=True,
            key="speed",
            help="Fast: smaller models, no search for the best settings; for a first look. Full: all of it.",
        )
        test = _test_file(data)
        if st.button("Train", type="primary", icon=":material/play_arrow:", key="train"):
            options = Options(goal=possible[position].name, fast=fast == "Fast", profile=data.loaded.profile)
            trainings.start(data, test, options)
            st.rerun()


def _goal_title(goal: Goal) -> str:
    sentence = goal.sentence[:1].upper() + goal.sentence[1:]
    return f"{sentence} ({words.proxy_label(goal)})" if goal.proxy else sentence


def _test_file(data: Source) -> Path | None:
    """Ask which file to judge on, where there are several."""
    if len(data.paths) < 2:
        return None
    names = [path.name for path in data.paths]
    options: list[str | None] = [None, *names]
    chosen = st.selectbox(
        "Judge on",
        options,
        index=options.index(data.test_name) if data.test_name in names else 0,
        format_func=lambda name: "the latest part of all files" if name is None else f"the file {name}",
        key="test_file",
    )
    return next((path for path in data.paths if path.name == chosen), None)


def _watch(job: TrainingJob) -> None:
    """Follow the training without holding up the rest of the page."""

    @st.fragment(run_every=POLL_SECONDS)  # type: ignore[untyped-decorator]
    def follow() -> None:
        if job.status != "running":
            st.rerun()
        with st.container(border=True):
            st.markdown(f"**Training on {words.plain(job.label)}**")
            minutes, seconds = divmod(int(job.seconds), 60)
            st.progress(
                job.share,
                f"{job.share:.0%}, {minutes}:{seconds:02d} min: {words.plain(job.text.replace('_', ' '))}",
            )
            st.caption("You may go on using the other pages meanwhile.")
            if st.button("Stop", icon=":material/stop:", disabled=job.stopping, key="stop"):
                job.stop()

    follow()


def _ended(job: TrainingJob) -> None:
    """Take over what the training left, once; then say how it ended."""
    st.session_state["job"] = None
    if job.status == "done" and job.result is not None:
        model = bundles.opened(job.result.path, label=_label(job.label))
        state.use_model(model)
        runs.remember(model)
        st.session_state["just_trained"] = model
        st.success("The model is trained and in use on all pages.", icon=":material/check_circle:")
        st.toast("The model is trained and in use.", icon=":material/check_circle:")
    elif job.status == "failed":
        st.error(words.prose(job.error), icon=":material/error:")
    else:
        st.info("The training was stopped; the model in use is the one from before.")


def _label(data: str) -> str:
    return f"trained on {data}"


def _open() -> None:
    found = bundles.found()
    if found:
        with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
            names = [path.name for path in found]
            name = st.selectbox("On this machine", names, key="found_bundle", width=320)
            if st.button("Use this one", key="use_found"):
                _take(lambda: bundles.opened(found[names.index(name)]))
    with st.container(border=True):
        upload = st.file_uploader(
            "A bundle as zip, as the Models page gives it",
            type="zip",
            max_upload_size=MAX_ZIP_MB,
            key="bundle_zip",
        )
        st.caption("It is checked before use: sizes, hashes, version. A bundle runs no code.")
        if (
            st.button("Use the uploaded bundle", disabled=upload is None, key="use_upload")
            and upload is not None
        ):
            _take(lambda: bundles.unpacked(upload.getvalue(), upload.name, state.new_folder("bundle")))


def _take(open_model: Callable[[], Model]) -> None:
    try:
        model = open_model()
    except BuysignalError as error:
        page.refuse(error)
        return
    state.use_model(model)
    runs.remember(model)
    st.rerun()


if __name__ == "__main__":
    page.show(body)
