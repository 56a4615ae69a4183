"""Interactive charts: one look, colours for all eyes, axis titles with units.

Colours of text and lines come from the page's theme, light or dark; only data is coloured here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from buysignal.app import words
from buysignal.explain import Reason
from buysignal.plots.style import PALETTE

BLUE, ORANGE, GREEN, VERMILION = PALETTE[:4]
GREY = "#8a949e"
HEIGHT = 340
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "x", "cross", "star", "hexagon")

RARE_BANDS = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
EVEN_BANDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
MOST_MARKERS = 40
FIGURE_ROOM = 40
"""Pixels beside a bar's end for its figure."""
TOOL_ROW = 20
"""Pixels above every chart for the button that saves it."""


def draw(figure: go.Figure, key: str, alt: str) -> None:
    """Put the chart on the page, as wide as there is room; its one tool saves it as a picture.

    The button shows when the chart is pointed at or reached by the keyboard. The picture has the ground
    of the page, light or dark, so that it can be read on a slide.
    """
    chart = with_tool_room(figure)
    # The chart library's own grey is too faint for small text on white (3.7 to 1; WCAG asks for 4.5).
    for update in (chart.update_xaxes, chart.update_yaxes):
        update(title_font_color=quiet_ink(), tickfont_color=quiet_ink())
    st.plotly_chart(chart, width="stretch", key=key, config=tools(key), alt=alt)


def with_tool_room(figure: go.Figure) -> go.Figure:
    """Return the chart, higher by a row in which the button covers neither legend nor data."""
    roomy = go.Figure(figure)
    layout = roomy.layout
    height = (layout.height or HEIGHT) + TOOL_ROW
    layout.update(height=height, margin={"t": (layout.margin.t or 0) + TOOL_ROW})
    layout.modebar.update(color=GREY, activecolor=BLUE, bgcolor="rgba(0, 0, 0, 0)")
    if layout.legend.orientation == "h" and layout.legend.yref != "container":
        layout.legend.update(yref="container", yanchor="top", y=1 - (TOOL_ROW + 4) / height)
    return roomy


def tools(key: str) -> dict[str, Any]:
    """Return the settings of a chart's tools; ``key`` names the saved picture."""
    name = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-") or "chart"
    return {
        "displaylogo": False,
        "displayModeBar": "hover",
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": "png", "scale": 2, "filename": name},
        "scrollZoom": False,
    }


_AXIS = {
    "automargin": True,
    "fixedrange": True,
    "separatethousands": True,
    # 20,000 is written out, 2,000,000 is 2M.
    "minexponent": 6,
}


def is_dark() -> bool:
    """Whether the visitor's page is dark."""
    return st.context.theme.type == "dark"


def ink() -> str:
    """Return the colour of text on coloured ground, which the chart library does not adapt."""
    return "#e6ebef" if is_dark() else "#1f2933"


def quiet_ink() -> str:
    """Return the colour of text that stands back: titles and ticks of axes."""
    return "#aebac4" if is_dark() else "#52606d"


def framed(x: str, y: str, *, height: int = HEIGHT) -> go.Figure:
    """Return an empty chart with titled axes."""
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 12, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "title": None},
        dragmode=False,
        hoverlabel={"align": "left", "namelength": -1},
    )
    figure.update_xaxes(title=x, **_AXIS)
    figure.update_yaxes(title=y, **_AXIS)
    return figure


def bands_for(probability: pd.Series) -> tuple[float, ...]:
    """Return the ends of the bands: fine at the bottom where the goal is rare, even where it is not."""
    return RARE_BANDS if probability.median() < 0.1 else EVEN_BANDS


def band_names(bands: Sequence[float]) -> list[str]:
    """Return what the bands are called, in percent.

    >>> band_names((0.0, 0.005, 0.5, 1.0))
    ['<0.5', '0.5–50', '50–100']
    """
    ends = [f"{100 * end:g}" for end in bands]
    return [f"<{ends[1]}", *[f"{a}–{b}" for a, b in pairwise(ends[1:])]]


def band_of(probability: pd.Series, bands: Sequence[float]) -> npt.NDArray[np.int64]:
    """Return the position of each probability's band, shape (n,)."""
    return np.searchsorted(bands[1:-1], probability.to_numpy(), side="right").astype(np.int64)


def visits_by_band(probability: pd.Series, axis: str) -> go.Figure:
    """Draw how many visits fall into each band of probability."""
    bands = bands_for(probability)
    counts = np.bincount(band_of(probability, bands), minlength=len(bands) - 1)
    shares = counts / max(counts.sum(), 1)
    figure = framed(f"{axis} (%)", "Visits")
    figure.add_bar(
        x=band_names(bands),
        y=counts,
        marker_color=BLUE,
        text=[words.percent(share) if share else "" for share in shares],
        textposition="outside",
        cliponaxis=False,
        customdata=shares,
        hovertemplate="%{x} %<br>%{y:,} visits (%{customdata:.1%})<extra></extra>",
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat=",d")
    return figure


def revenue_by_band(table: pd.DataFrame, axis: str, label: str, currency: str | None) -> go.Figure:
    """Draw how much expected revenue lies in each band of probability."""
    bands = bands_for(table["probability"])
    position = band_of(table["probability"], bands)
    sums = np.bincount(position, table["expected_revenue"], minlength=len(bands) - 1)
    unit = f" ({currency})" if currency else ""
    figure = framed(f"{axis} (%)", f"{label}, sum{unit}")
    figure.add_bar(
        x=band_names(bands),
        y=sums,
        marker_color=GREEN,
        text=[words.percent(part / sums.sum()) if part else "" for part in sums],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x} %<br>%{y:,.0f}" + (f" {currency}" if currency else "") + "<extra></extra>",
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat="~s")
    return figure


def by_segment(counts: pd.DataFrame, axis: str) -> go.Figure:
    """Draw the mean probability of each segment, wide segments first; bars say how many visits."""
    ordered = counts.sort_values("mean_probability")
    figure = framed(axis, "", height=max(200, 90 + 46 * len(ordered)))
    figure.add_bar(
        orientation="h",
        y=[words.wrapped(str(name), 26) for name in ordered["segment"]],
        x=ordered["mean_probability"],
        marker_color=BLUE,
        text=[words.percent(p) for p in ordered["mean_probability"]],
        textposition="outside",
        cliponaxis=False,
        customdata=np.column_stack([ordered["visits"], ordered["share"]]),
        hovertemplate="%{y}<br>%{x:.1%}<br>%{customdata[0]:,} visits (%{customdata[1]:.1%})<extra></extra>",
    )
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    _room(figure, ordered["mean_probability"], 1.25)
    return figure


def _room(figure: go.Figure, values: Sequence[float] | pd.Series, factor: float) -> None:
    """Leave room beside bars for their figures."""
    top = float(np.max(np.asarray(values), initial=0.0))
    if top > 0:
        figure.update_xaxes(range=[0, top * factor])


def reasons(found: Sequence[Reason], currency: str | None) -> go.Figure:
    """Draw what moves a score away from a typical visit's, largest at the top."""
    shown = list(found)[::-1]
    labels = [
        words.wrapped(f"{words.column(r.feature)}: {words.value(r.feature, r.value, currency)}", 30)
        for r in shown
    ]
    figure = framed(
        "Percentage points",
        "",
        height=max(180, 96 + 44 * len(shown)),
    )
    figure.add_bar(
        orientation="h",
        y=labels,
        x=[100 * r.contribution for r in shown],
        marker_color=[BLUE if r.contribution > 0 else ORANGE for r in shown],
        text=[words.points(r.contribution).removesuffix(" points").replace("-", "−") for r in shown],
        textposition="outside",
        cliponaxis=False,
        customdata=[[words.value(r.feature, v, currency) for v in (r.value, r.typical)] for r in shown],
        hovertemplate="%{y}<br>here %{customdata[0]}, typical %{customdata[1]}<br>"
        "%{x:+.2f} points<extra></extra>",
    )
    ends = [100 * r.contribution for r in shown] or [0.0]
    low, high = min(min(ends), 0), max(max(ends), 0)
    # Figures stand beside the bars' ends: their room is in pixels, as a share of a narrow column is none.
    edge = 0.02 * (high - low)
    figure.update_xaxes(range=[low - edge, high + edge])
    figure.update_yaxes(ticklabelstandoff=FIGURE_ROOM if low < 0 else 0)
    figure.update_layout(showlegend=False, margin_r=FIGURE_ROOM)
    return figure


def history(steps: pd.DataFrame, axis: str) -> go.Figure:
    """Draw the probability after each click of one visit; hovering says what was done."""
    figure = framed("Click", axis)
    said = [
        words.event(str(name)) + (f": {item}" if isinstance(item, str) and item else "")
        for name, item in zip(steps["event"], steps["item"], strict=True)
    ]
    figure.add_scatter(
        x=steps["click"],
        y=steps["probability"],
        mode="lines+markers" if len(steps) <= MOST_MARKERS else "lines",
        line={"color": BLUE, "width": 2.5, "shape": "hv"},
        marker={"size": 9, "color": BLUE},
        customdata=said,
        hovertemplate="Click %{x}: %{customdata}<br>%{y:.1%}<extra></extra>",
        name="Probability",
    )
    top = float(steps["probability"].max())
    figure.update_yaxes(tickformat=_percent_ticks(top), range=[0, min(1.02, max(0.01, 1.25 * top))])
    figure.update_xaxes(dtick=1 if len(steps) <= 15 else None, tickformat=",d")
    figure.update_layout(showlegend=False)
    return figure


def amounts(steps: pd.DataFrame, axis: str) -> go.Figure:
    """Draw the expected amount after each click, in the band most such visits end in."""
    figure = framed("Click", axis, height=300)
    if "revenue_low" in steps:
        for column, fill in (("revenue_low", None), ("revenue_high", "tonexty")):
            figure.add_scatter(
                x=steps["click"], y=steps[column], mode="lines", fill=fill, hoverinfo="skip",
                line={"width": 0, "shape": "hv"}, fillcolor="rgba(2, 158, 115, 0.18)",
                name="9 of 10 visits", showlegend=fill is not None,
            )  # fmt: skip
    figure.add_scatter(
        x=steps["click"],
        y=steps["expected_revenue"],
        mode="lines+markers",
        line={"color": GREEN, "width": 2.5, "shape": "hv"},
        marker={"size": 8, "color": GREEN, "symbol": "square"},
        hovertemplate="Click %{x}<br>%{y:,.2f}<extra></extra>",
        name="Expected",
    )
    figure.update_yaxes(rangemode="tozero", tickformat=",~r")
    figure.update_xaxes(dtick=1 if len(steps) <= 15 else None, tickformat=",d")
    return figure


def _percent_ticks(top: float) -> str:
    return ".1%" if top < 0.05 else ".0%"


def sweep(
    values: Sequence[float] | Sequence[str], p: npt.NDArray[np.float64], here: int, *, axis: str, answer: str
) -> go.Figure:
    """Draw the probability while one value changes and all others stay; the value in use is marked."""
    figure = framed(axis, answer)
    is_text = isinstance(values[0], str)
    if is_text:
        colours = [ORANGE if i == here else BLUE for i in range(len(values))]
        figure.add_bar(x=values, y=p, marker_color=colours, hovertemplate="%{x}<br>%{y:.1%}<extra></extra>")
    else:
        figure.add_scatter(
            x=values, y=p, mode="lines", line={"color": BLUE, "width": 2.5},
            hovertemplate="%{x:,.4~g}<br>%{y:.1%}<extra></extra>", name="Probability",
        )  # fmt: skip
        figure.add_scatter(
            x=[values[here]], y=[p[here]], mode="markers", marker={"size": 12, "color": ORANGE},
            hovertemplate="your value: %{x:,.4~g}<br>%{y:.1%}<extra></extra>", name="Your value",
        )  # fmt: skip
    top = float(np.max(p))
    figure.update_yaxes(tickformat=_percent_ticks(top), range=[0, min(1.02, max(0.01, 1.15 * top))])
    figure.update_layout(showlegend=not is_text)
    return figure
