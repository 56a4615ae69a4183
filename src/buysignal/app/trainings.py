"""Starting a training in the background: from the Train page, or again with another champion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from buysignal import training
from buysignal.app import state
from buysignal.app.job import TrainingJob, Work
from buysignal.app.state import Model, Source
from buysignal.compare import same_data
from buysignal.report import Report
from buysignal.sources.read import Progress
from buysignal.training import Options, Trained
from buysignal.training.dataset import dataset_of


def start(data: Source, test: Path | None, options: Options) -> None:
    """Begin a training on the session's data; the Train page follows it."""
    job = TrainingJob(_work(data, test, options), data.label)
    st.session_state["job"] = job.start()


def _work(data: Source, test: Path | None, options: Options) -> Work:
    """Return what the training thread does; everything it needs is taken along now."""
    out = state.new_folder("model") / "bundle"

    def work(progress: Progress) -> Trained:
        if test is None:
            return training.train_loaded(data.loaded, out=out, options=options, progress=progress)
        rest = [path for path in data.paths if path != test]
        with_profile = replace(options, profile=data.loaded.profile)
        return training.train(rest, test=[test], out=out, progress=progress, options=with_profile)

    return work


def is_its_data(data: Source, report: Report) -> bool:
    """Return whether the data in use is what the report's run learned from, as far as counts can tell."""
    ours, theirs = dataset_of(data.loaded, None), report.dataset
    if report.settings.get("test_files"):
        return ours.rows_in == theirs.rows_in
    return same_data(ours, theirs)


def again(data: Source, used: Model, champion: str) -> None:
    """Begin the model's training again, same data, split and seed, to keep ``champion``."""
    assert used.report is not None
    settings = {k: v for k, v in used.report.settings.items() if k != "test_files"}
    settings |= {"goal": used.bundle.goal.name, "champion": champion, "profile": data.loaded.profile}
    names = used.report.settings.get("test_files", [])
    test = next((path for path in data.paths if path.name in names), None)
    start(data, test, Options(**settings))
