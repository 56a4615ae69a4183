"""Charts of the live page, as Vega-Lite: only their data change, so they move without being drawn anew.

The charts of the other pages come from Plotly, which Streamlit puts up afresh for every new figure: each
second, here, a blank would be seen.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from buysignal.app.charts import GREEN, ORANGE, quiet_ink
from buysignal.app.live_history import BAND_NAMES

BAND_COLOURS = ("#b9c6d0", "#8cc0e0", "#3f93c4", "#0173b2", "#de8f05")
"""From hardly likely to likely: brighter to darker, and the last of another hue."""

_TIME = {"field": "time", "type": "temporal", "scale": {"type": "utc"}}
_CLOCK = {
    "tickCount": 5,
    "labelExpr": "utcFormat(datum.value, "
    "utchours(datum.value) || utcminutes(datum.value) ? '%H:%M' : '%d %b')",
}
_SAID = {"field": "time", "type": "temporal", "title": "Shop's time", "format": "%d %b %H:%M:%S"}
HEIGHT, HALF = 330, 165


def visits_by_chance(table: pd.DataFrame) -> None:
    """Draw how many visits are open, by band of probability, over time."""
    long = table.melt("time", list(BAND_NAMES), "band", "visits")
    long["rank"] = long["band"].map(BAND_NAMES.index)
    spec: dict[str, Any] = {
        "description": "Open visits by probability over time",
        "mark": {"type": "area", "interpolate": "step-after"},
        "encoding": {
            "x": {**_TIME, "title": "The shop's time (UTC)", "axis": _CLOCK},
            "y": {"field": "visits", "type": "quantitative", "stack": "zero", "title": "Open visits"},
            "color": {
                "field": "band", "type": "nominal", "sort": None,
                "scale": {"domain": list(BAND_NAMES), "range": list(BAND_COLOURS)},
                "legend": {"orient": "top", "title": None, "columns": 3},
            },
            "order": {"field": "rank", "type": "quantitative"},
            "tooltip": [_SAID, {"field": "band", "title": "Probability"},
                        {"field": "visits", "title": "Visits"}],
        },
    }  # fmt: skip
    _draw(long, spec, HEIGHT)


def expected_and_bought(table: pd.DataFrame, currency: str | None) -> None:
    """Draw what is still expected of the open visits above what was bought since watching began."""
    unit = f" ({currency})" if currency else ""
    _amount(table, "expected", f"Expected{unit}", GREEN, None)
    _amount(table, "bought", f"Bought{unit}", ORANGE, "The shop's time (UTC)")


def _amount(table: pd.DataFrame, column: str, title: str, colour: str, below: str | None) -> None:
    spec: dict[str, Any] = {
        "description": f"{title} over time",
        "mark": {"type": "area", "interpolate": "step-after", "color": colour, "fillOpacity": 0.5,
                 "line": {"color": colour, "strokeWidth": 2.5}},
        "encoding": {
            "x": {**_TIME, "title": below, "axis": {**_CLOCK, "labels": below is not None}},
            "y": {"field": column, "type": "quantitative", "title": title, "axis": {"tickCount": 3}},
            "tooltip": [_SAID, {"field": column, "type": "quantitative", "title": title, "format": ",.2f"}],
        },
    }  # fmt: skip
    _draw(table[["time", column]], spec, HALF)


def _draw(data: pd.DataFrame, spec: dict[str, Any], height: int) -> None:
    aware = data.assign(time=data["time"].dt.tz_localize("UTC"))
    quiet = {"titleColor": quiet_ink(), "labelColor": quiet_ink()}
    inked = {**spec, "config": {"axis": quiet, "legend": {"labelColor": quiet_ink()}}}
    st.vega_lite_chart(aware, inked, width="stretch", height=height)
