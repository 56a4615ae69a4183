"""What one browser session holds: its data, its model, its scores. Nothing here is shared."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast
from uuid import uuid4

import streamlit as st

from buysignal.app.held import forget, held
from buysignal.app.job import TrainingJob
from buysignal.bundle import Bundle
from buysignal.check import CheckResult
from buysignal.folded import Folded
from buysignal.report import Report
from buysignal.scoring import Scored, score_loaded
from buysignal.sources.mend import Place
from buysignal.sources.profile import Profile
from buysignal.sources.read import Loaded, Progress

MOST_KEPT = 2_000_000
"""Events that stay folded between pages: about 600 MB for each browser session. More are folded by every
question anew, which takes a second a million."""


class Again(Protocol):
    """Reads what was read once more; the names of its files are the user's."""

    def __call__(self, *, profile: Profile, rates: Mapping[str, float], progress: Progress) -> Loaded: ...


@dataclass(frozen=True, eq=False)
class Source:
    """Data that was read and checked.

    Attributes:
        label: what the user calls it.
        loaded: kept rows and rejects; file names are the user's, not the server's.
        simulated: made by the demo shop.
        paths: where the session's files lie; empty where nothing was uploaded.
        test_name: the file to judge on, where the data set comes in two parts.
        token: unique for each reading.
        again: reads the same files once more, by another profile or with other rates.
        mends: rejected rows that were mended: file and line -> the row as it is now.
    """

    label: str
    loaded: Loaded
    check: CheckResult
    simulated: bool = False
    paths: tuple[Path, ...] = ()
    test_name: str | None = None
    token: str = ""
    again: Again | None = None
    mends: Mapping[Place, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Model:
    """A bundle in use, with the report of its training where that lies beside it."""

    label: str
    bundle: Bundle
    report: Report | None

    @property
    def simulated(self) -> bool:
        return self.bundle.manifest.dataset.simulated


def folder() -> Path:
    """Return this session's own folder; it is deleted when the session ends."""
    if "folder" not in st.session_state:
        st.session_state["folder"] = tempfile.TemporaryDirectory(prefix="buysignal-app-")
    return Path(cast("tempfile.TemporaryDirectory[str]", st.session_state["folder"]).name)


def new_folder(name: str) -> Path:
    """Return a fresh folder inside the session's."""
    path = folder() / f"{name}-{uuid4().hex[:8]}"
    path.mkdir(parents=True)
    return path


def source() -> Source | None:
    """Return the data in use."""
    return cast("Source | None", st.session_state.get("source"))


def use_source(new: Source) -> None:
    """Put ``new`` in place of the data in use."""
    st.session_state["source"] = new
    st.session_state.pop("scores", None)
    forget("folded")


def model() -> Model | None:
    """Return the model in use."""
    return cast("Model | None", st.session_state.get("model"))


def use_model(new: Model) -> None:
    """Put ``new`` in place of the model in use."""
    st.session_state["model"] = new
    st.session_state.pop("scores", None)
    forget("folded")


def job() -> TrainingJob | None:
    """Return the training that runs or ran last."""
    return cast("TrainingJob | None", st.session_state.get("job"))


def scores(data: Source, used: Model) -> Scored:
    """Return the scores of the data in use by the model in use, computed once.

    Raises:
        InputError: they do not fit each other.
    """
    key = (data.token, used.bundle.version)
    kept = st.session_state.get("scores")
    if kept is None or kept[0] != key:
        with st.spinner("Scoring every visit"):
            kept = (key, score_loaded(used.bundle, data.loaded, folded=folded(data, used)))
        st.session_state["scores"] = kept
    return cast(Scored, kept[1])


def folded(data: Source, used: Model, *, everyone: bool = False) -> Folded | None:
    """Return the events of the data in use as the model reads them, for all pages the same.

    None where there is nothing to keep: whole visits, another kind of data than the model's, or more events
    than `MOST_KEPT`. The library then folds for itself, or refuses. ``everyone`` as in `Folded`.
    """
    table = data.loaded.table
    if not (used.bundle.reads_events and data.loaded.profile.level == "event"):
        return None
    if table.num_rows > MOST_KEPT:
        return None
    key = (data.token, used.bundle.version)
    known = held("folded", key, lambda: Folded(used.bundle, table))
    if everyone and known.refused:
        return held("folded_everyone", key, lambda: Folded(used.bundle, table, everyone=True))
    return known


def currency() -> str | None:
    """Return the currency of the model's amounts, where it is known."""
    used, data = model(), source()
    if used is not None and used.bundle.goal.currency:
        return used.bundle.goal.currency
    return data.loaded.currency if data is not None else None
