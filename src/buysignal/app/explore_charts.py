"""Interactive figures of an exploration's charts: one drawer a kind, all in the app's look.

Nothing is computed here: bars, points, cells and flows are the rows of the chart's data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from buysignal.app import words
from buysignal.app.charts import BLUE, SYMBOLS, framed
from buysignal.app.explore_grids import heatmap, sankey
from buysignal.app.explore_words import (
    POINTED,
    beside,
    customdata,
    hover,
    said,
    series,
    short,
    texts,
    ticks,
    wrapped,
)  # fmt: skip
from buysignal.app.report_charts import DASHES
from buysignal.explore import Chart
from buysignal.plots.style import PALETTE

MOST_LABELLED_BARS = 16
MOST_HALF_WIDTH_BARS = 20
MOST_MARKERS = 60


def figure_of(chart: Chart) -> go.Figure:
    """Return the chart as an interactive figure."""
    return _DRAWERS[chart.kind](chart)


def is_wide(chart: Chart) -> bool:
    """Whether the chart needs the whole width of a page."""
    if chart.kind in ("bar", "stacked"):
        return chart.data[chart.x].nunique() > MOST_HALF_WIDTH_BARS
    return chart.kind in ("heatmap", "sankey", "line")


def _bar(chart: Chart) -> go.Figure:
    figure = framed(chart.x_title, chart.y_title)
    for i, (name, rows) in enumerate(series(chart)):
        figure.add_bar(
            x=texts(rows[chart.x]), y=rows[chart.y], name=name, marker=_fill(i),
            text=beside(rows[chart.y], chart.y_format, chart) if _few(chart) else None,
            textposition="outside", cliponaxis=False, textangle=0, constraintext="none",
            customdata=customdata(chart, rows), hovertemplate=hover(chart, "%{x}", "y"),
        )  # fmt: skip
    order = texts(chart.data[chart.x].drop_duplicates())
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=order, **short(order))
    ticks(figure, "y", chart.y_format, chart.data[chart.y])
    figure.update_yaxes(rangemode="tozero")
    if _few(chart) and float(chart.data[chart.y].min()) >= 0:
        figure.update_yaxes(range=[0, 1.14 * (float(chart.data[chart.y].max()) or 1.0)])
    return _legend(figure, chart)


def _stacked(chart: Chart) -> go.Figure:
    figure = _bar(chart)
    figure.update_layout(barmode="stack", hovermode="closest")
    figure.update_traces(text=None)
    return figure


def _barh(chart: Chart) -> go.Figure:
    order = texts(chart.data[chart.y].drop_duplicates())
    several = 1 if chart.series is None else max(1, chart.data[chart.series].nunique())
    figure = framed(chart.x_title, "", height=max(190, 84 + (24 + 10 * several) * len(order)))
    for i, (name, rows) in enumerate(series(chart)):
        figure.add_bar(
            orientation="h", x=rows[chart.x], y=texts(rows[chart.y]), name=name, marker=_fill(i),
            text=beside(rows[chart.x], chart.x_format, chart, rows), textposition="outside",
            cliponaxis=False, constraintext="none",
            customdata=customdata(chart, rows), hovertemplate=hover(chart, "%{y}", "x"),
        )  # fmt: skip
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=order, autorange="reversed",
        tickvals=order, ticktext=[wrapped(text) for text in order],
    )  # fmt: skip
    ticks(figure, "x", chart.x_format, chart.data[chart.x])
    longest = max((len(text) for trace in figure.data for text in trace.text), default=0)
    _room_for_figures(figure, chart.data[chart.x], longest)
    return _legend(figure, chart)


def _room_for_figures(figure: go.Figure, values: pd.Series, letters: int) -> None:
    """Leave room beside the longest bars for what is written there."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    room = (high - low or 1.0) * min(0.65, 0.04 * letters)
    figure.update_xaxes(range=[low - (room if low < 0 else 0), high + room], nticks=5)


def _histogram(chart: Chart) -> go.Figure:
    """Bars as wide as their bins; long tails on a logarithmic axis drawn as decades of an even one."""
    start = chart.data[chart.x].to_numpy(dtype=float)
    end = chart.data[chart.x_end or chart.x].to_numpy(dtype=float)
    left, right = (np.log10(start), np.log10(end)) if chart.x_log else (start, end)
    figure = framed(chart.x_title, chart.y_title)
    figure.add_bar(
        x=(left + right) / 2, y=chart.data[chart.y], width=(right - left) * 0.96, marker=_fill(0),
        customdata=np.column_stack([start, end]),
        hovertemplate=_span(chart, start, end)
        + f"<br>%{{y:{POINTED[chart.y_format]}}} {said(chart.y)}<extra></extra>",
    )  # fmt: skip
    ticks(figure, "x", chart.x_format, chart.data[chart.x])
    ticks(figure, "y", chart.y_format, chart.data[chart.y])
    if chart.x_log:
        at = _decades(float(start.min()), float(end.max()))
        figure.update_xaxes(tickvals=np.log10(at), ticktext=[f"{value:,.10g}" for value in at])
    return figure


def _span(chart: Chart, start: Sequence[float] | Any, end: Any) -> str:
    """Return how a bar's span is told: a single number where the bins are whole numbers one apart."""
    shown = POINTED[chart.x_format]
    if np.all(start == np.round(start)) and np.all(end - start == 1):
        return f"%{{customdata[0]:{shown}}}"
    return f"%{{customdata[0]:{shown}}} to %{{customdata[1]:{shown}}}"


def _decades(low: float, high: float) -> list[float]:
    """Return round numbers across the span: 1, 10, 100, or with 2 and 5 between where it is short."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    steps = (1,) if last - first > 4 else (1, 3) if last - first > 2 else (1, 2, 5)
    return [s * 10.0**e for e in range(first, last + 1) for s in steps if low <= s * 10.0**e <= high]


def _line(chart: Chart) -> go.Figure:
    figure = framed(chart.x_title, chart.y_title)
    few = chart.data[chart.x].nunique() <= MOST_MARKERS
    at = f"%{{x|{POINTED['date']}}}" if chart.x_format == "date" else "%{x}"
    for i, (name, rows) in enumerate(series(chart)):
        figure.add_scatter(
            x=rows[chart.x], y=rows[chart.y], name=name, mode="lines+markers" if few else "lines",
            line={"color": PALETTE[i % len(PALETTE)], "width": 2.2, "dash": DASHES[i % len(DASHES)]},
            marker={"size": 6, "symbol": SYMBOLS[i % len(SYMBOLS)]},
            customdata=customdata(chart, rows),
            hovertemplate=hover(chart, at, "y"),
        )  # fmt: skip
    ticks(figure, "x", chart.x_format, chart.data[chart.x])
    ticks(figure, "y", chart.y_format, chart.data[chart.y])
    figure.update_yaxes(rangemode="tozero")
    return _legend(figure, chart)


def _funnel(chart: Chart) -> go.Figure:
    steps, whole = texts(chart.data[chart.y]), max(float(chart.data[chart.x].iloc[0]), 1.0)
    figure = framed("", "", height=max(260, 70 + 58 * len(steps)))
    figure.add_funnel(
        y=steps, x=chart.data[chart.x], marker={"color": BLUE},
        connector={"fillcolor": "rgba(1,115,178,0.18)"},
        text=[f"{n:,} ({words.percent(n / whole)})" for n in chart.data[chart.x]], textinfo="text",
        textposition="auto", cliponaxis=False,
        textfont={"size": 13}, insidetextfont={"color": "#ffffff"},
        customdata=customdata(chart, chart.data),
        hovertemplate=hover(chart, "%{y}", "x"),
    )  # fmt: skip
    figure.update_yaxes(tickvals=steps, ticktext=[wrapped(text, 18) for text in steps], showgrid=False)
    figure.update_xaxes(visible=False)
    return figure


def _fill(position: int) -> dict[str, Any]:
    """Return the look of a bar: colours differ, and from the second on a pattern does too."""
    look: dict[str, Any] = {"color": PALETTE[position % len(PALETTE)]}
    if position:
        shape = ("/", "\\", "x", "-", "|", "+", ".")[(position - 1) % 7]
        look["pattern"] = {"shape": shape, "fillmode": "overlay", "fgcolor": "#ffffff", "fgopacity": 0.55,
                           "solidity": 0.18, "size": 7}  # fmt: skip
    return look


def _legend(figure: go.Figure, chart: Chart) -> go.Figure:
    return figure.update_layout(showlegend=chart.series is not None)


def _few(chart: Chart) -> bool:
    return chart.series is None and chart.data[chart.x].nunique() <= MOST_LABELLED_BARS


_DRAWERS: dict[str, Callable[[Chart], go.Figure]] = {
    "bar": _bar, "barh": _barh, "stacked": _stacked, "histogram": _histogram, "line": _line,
    "funnel": _funnel, "heatmap": heatmap, "sankey": sankey,
}  # fmt: skip
