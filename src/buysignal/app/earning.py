"""What the revenue and price pages share: data to speak of, and answers kept for this session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pandas as pd
import streamlit as st

from buysignal import outlook
from buysignal.app import bringing, page, state
from buysignal.app.held import held
from buysignal.app.state import Model, Source
from buysignal.decisions.looks import first_looks
from buysignal.decisions.price import PriceStudy, study
from buysignal.errors import SourceError
from buysignal.outlook import Ahead
from buysignal.sources.read import Loaded

Progress = Callable[[float, str], None]
T = TypeVar("T")

FULL_DEMO = 20_000


def need_data(title: str, text: str, *, offer_demo: bool = True) -> Source | None:
    """Return the data in use; where there is none, say how to get some."""
    data = state.source()
    if data is None:
        with st.container(border=True):
            st.subheader(title)
            st.markdown(text)
            with st.container(horizontal=True, vertical_alignment="center"):
                if offer_demo and st.button(
                    "Open the demo shop", type="primary", icon=":material/storefront:", key="open_demo_here"
                ):
                    with st.spinner("Simulating visitors"):
                        state.use_source(bringing.demo_shop(FULL_DEMO))
                    st.rerun()
                page.go("data", "Upload CSV", "upload_file")
    return data


def ahead(data: Source, used: Model, now: str | None = None) -> Ahead:
    """Return what forecasts of this data are made from, computed once."""
    key = (data.token, used.bundle.version, now)
    name = "ahead" if now is None else "ahead_earlier"
    return _once(name, key, lambda step: outlook.look_ahead(used.bundle, _fitting(data, used), now=now,
                                                            folded=state.folded(data, used, everyone=True),
                                                            progress=step))  # fmt: skip


def back(data: Source, used: Model) -> pd.DataFrame:
    """Return every visit at every fair moment, expected and actual, computed once."""
    key = (data.token, used.bundle.version)
    return _once(
        "back", key, lambda step: outlook.look_back(used.bundle, _fitting(data, used),
                                                    folded=state.folded(data, used), progress=step)
    )  # fmt: skip


def prices(data: Source) -> PriceStudy:
    """Return what this data says about prices, computed once."""
    return _once("prices", (data.token,), lambda step: _study(data, step))


def _study(data: Source, step: Progress) -> PriceStudy:
    if data.loaded.profile.level != "event":
        raise SourceError(
            "this data holds whole visits, not what was looked at within them",
            allowed="events: which item was looked at, at what price, and what came next",
            todo="bring the shop's events on the Data page",
        )
    step(0.1, "collecting looks at items")
    looks = first_looks(data.loaded.table, currency=data.loaded.currency)
    step(0.5, "learning how conversion goes along with price")
    return study(looks)


def _fitting(data: Source, used: Model) -> Loaded:
    """Return what was read, if it is of the kind the model reads."""
    if (data.loaded.profile.level == "event") != used.bundle.reads_events:
        kind = "clicks" if used.bundle.reads_events else "rows, one a visit"
        raise SourceError(
            "this data is of another kind than the model's",
            allowed=f"{kind}, as the model was trained on",
            todo="choose other data, or train a model on this data",
        )
    return data.loaded


def _once(name: str, key: tuple[object, ...], make: Callable[[Progress], T]) -> T:
    """Compute with a bar that says how far it is, once for ``key`` in this session."""

    def work() -> T:
        bar = st.progress(0.0, "Starting")

        def step(share: float, text: str) -> None:
            bar.progress(min(share, 1.0), text.capitalize())

        try:
            return make(step)
        finally:
            bar.empty()

    return held(name, key, work)
