"""Charts as pictures, drawn from their data alone in the style of the reports."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from buysignal.explore import words
from buysignal.explore.chart import Chart, Format
from buysignal.explore.draw_flow import draw_flow
from buysignal.explore.draw_grid import NARROW, draw_grid
from buysignal.explore.labels import short, slant, value_text
from buysignal.plots.style import DASHES, FAINT, GRID, INK, PALETTE, SMALL, TEXT

WIDE = frozenset({"heatmap", "sankey"})
BAR_INCHES = 0.24
WORDS_INCHES = 0.6
"""What title and sentence add to the height."""

DOTS_PER_INCH = 200
MONTHS_FROM_DAYS = 200
"""From so many days on an axis of days names months."""

DATES_NAMED = 6

ROUND_SECONDS = (1, 10, 60, 600, 3600, 36_000)

MOST_LABELS = 10
"""Upright bars that get their figure written above them."""


def is_wide(chart: Chart) -> bool:
    """Whether the chart needs the width of the page to be read."""
    if chart.kind == "heatmap":
        return chart.data[chart.x].nunique() > NARROW
    return chart.kind == "sankey"


def figure_of(chart: Chart, *, words_too: bool = True) -> Figure:
    """Return the chart as a figure.

    Args:
        words_too: write the title above it, the sentence below, and its labels (simulated, proxy).
    """
    width, height = _size(chart)
    figure = Figure(figsize=(width, height + WORDS_INCHES * words_too), layout="constrained")
    figure.patch.set_facecolor("white")
    axes = figure.subplots()
    _plain(axes)
    _DRAWERS[chart.kind](chart, axes)
    if chart.x_title:
        axes.set_xlabel(short(chart.x_title, 70), fontsize=TEXT, color=INK)
    if chart.y_title:
        axes.set_ylabel(short(chart.y_title, 48), fontsize=TEXT, color=INK)
    if words_too:
        _words(figure, chart)
    return figure


def png(chart: Chart) -> bytes:
    """Return the chart as a PNG picture with its title, sentence and labels."""
    buffer = io.BytesIO()
    figure_of(chart).savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    return buffer.getvalue()


def _size(chart: Chart) -> tuple[float, float]:
    width = 7.6 if is_wide(chart) else 4.3
    if chart.kind in ("barh", "funnel"):
        bars = len(chart.data)
        return width, max(1.9, 0.9 + BAR_INCHES * bars)
    if chart.kind == "heatmap":
        rows = chart.data[chart.y].nunique()
        return width, max(2.2, 1.3 + 0.28 * rows)
    return (width, 3.6) if chart.kind == "sankey" else (width, 3.1)


def _plain(axes: Axes) -> None:
    axes.tick_params(labelsize=SMALL + 0.5, colors=FAINT, length=0)
    axes.grid(visible=True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_facecolor("none")
    for side in axes.spines.values():
        side.set_visible(False)


def _words(figure: Figure, chart: Chart) -> None:
    """Write the title above everything, and below it the labels and the sentence."""
    wide = is_wide(chart)
    title = textwrap.fill(short(chart.title, 120), 110 if wide else 52)
    figure.suptitle(title, x=0.01, ha="left", fontsize=TEXT + 1.5, color=INK, fontweight="bold")
    said = " · ".join((*chart.marks, chart.sentence))
    lines = textwrap.fill(short(said, 2000), 150 if wide else 84)
    figure.supxlabel(lines, fontsize=SMALL - 0.5, color=FAINT, x=0.01, ha="left", linespacing=1.3)


def _ticks(chart: Chart, kind: Format) -> Any:
    if kind == "share":
        return FuncFormatter(lambda value, _: f"{100 * value:.3g} %")
    if kind == "seconds":
        return FuncFormatter(lambda value, _: words.duration(value).replace("less than a second", "<1 s"))
    return FuncFormatter(lambda value, _: f"{value:,.10g}")


def _series(chart: Chart) -> list[tuple[str, Any]]:
    """Return name and rows of each colour; one without a name where there is a single one."""
    if chart.series is None:
        return [("", chart.data)]
    names = list(dict.fromkeys(chart.data[chart.series]))
    return [(str(name), chart.data[chart.data[chart.series] == name]) for name in names]


def _legend(axes: Axes, series: list[tuple[str, Any]]) -> None:
    if len(series) > 1:
        axes.legend(
            fontsize=SMALL, labelcolor=INK, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3
        )


def _fill(number: int) -> dict[str, Any]:
    """Return the look of the bars of one series: the second is hatched, so that colour is not alone."""
    if number == 0:
        return {"color": PALETTE[0]}
    return {"color": PALETTE[number], "hatch": "////", "edgecolor": "white", "linewidth": 0}


def _bar(chart: Chart, axes: Axes) -> None:
    series = _series(chart)
    names = list(dict.fromkeys(chart.data[chart.x].astype(str)))
    stacked = chart.kind == "stacked"
    width = 0.8 if stacked else 0.8 / len(series)
    below = np.zeros(len(names))
    for i, (name, rows) in enumerate(series):
        heights = rows.assign(at=rows[chart.x].astype(str)).set_index("at")[chart.y].reindex(names).fillna(0)
        at = np.arange(len(names)) + (0 if stacked else (i - (len(series) - 1) / 2) * width)
        bars = axes.bar(
            at, heights, width, bottom=below if stacked else None, label=short(name), **_fill(i),
        )  # fmt: skip
        below = below + heights.to_numpy()
        if len(names) * len(series) <= MOST_LABELS and not stacked:
            texts = [value_text(value, chart.y_format, chart.currency) for value in heights]
            axes.bar_label(bars, texts, fontsize=SMALL, color=INK, padding=2)
    axes.set_xticks(np.arange(len(names)), [short(name, 18) for name in names])
    if max(map(len, names), default=0) > 3 and len(names) > 4:
        slant(axes)
    elif len(names) > 14:
        axes.set_xticks(np.arange(len(names))[::2], [short(name, 18) for name in names][::2])
    axes.grid(visible=False, axis="x")
    axes.margins(y=0.12)
    axes.yaxis.set_major_formatter(_ticks(chart, chart.y_format))
    _legend(axes, series)


def _barh(chart: Chart, axes: Axes) -> None:
    series = _series(chart)
    names = list(dict.fromkeys(chart.data[chart.y].astype(str)))
    height = 0.78 / len(series)
    top = float(chart.data[chart.x].max()) or 1.0
    for i, (name, rows) in enumerate(series):
        at = np.array([names.index(str(value)) for value in rows[chart.y]], dtype=float)
        at += (i - (len(series) - 1) / 2) * height
        bars = axes.barh(
            at, rows[chart.x].fillna(0), height, label=short(name), **_fill(i),
        )  # fmt: skip
        texts = [value_text(value, chart.x_format, chart.currency) for value in rows[chart.x]]
        axes.bar_label(bars, texts, fontsize=SMALL, color=INK, padding=3)
    axes.set_yticks(np.arange(len(names)), [short(name) for name in names])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 1.22 * top)
    axes.xaxis.set_major_formatter(_ticks(chart, chart.x_format))
    axes.locator_params(axis="x", nbins=5)
    _legend(axes, series)


def _funnel(chart: Chart, axes: Axes) -> None:
    """Bars that get shorter; beside each the visits, and the share of the step before."""
    visits = chart.data[chart.x].to_numpy()
    at = np.arange(len(visits))
    axes.barh(at, visits, 0.72, color=PALETTE[0])
    for i, value in enumerate(visits):
        share = value / visits[i - 1] if i and visits[i - 1] else 1.0
        kept = f"  ({words.share(share)} of the step before)" if i else ""
        axes.annotate(
            f"{value:,}{kept}", (value, i), xytext=(4, 0), textcoords="offset points", va="center",
            fontsize=SMALL, color=INK,
        )  # fmt: skip
    axes.set_yticks(at, [short(str(name)) for name in chart.data[chart.y]])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.55 * max(float(visits.max()), 1.0))
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_formatter(_ticks(chart, "count"))
    axes.locator_params(axis="x", nbins=4)


def _histogram(chart: Chart, axes: Axes) -> None:
    low, high = chart.data[chart.x].to_numpy(), chart.data[str(chart.x_end)].to_numpy()
    axes.bar(
        low, chart.data[chart.y], high - low, align="edge", color=PALETTE[0], edgecolor=GRID, linewidth=0.5
    )
    if chart.x_log:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="x", which="minor", length=0)
        if chart.x_format == "seconds":
            axes.xaxis.set_major_locator(FixedLocator(ROUND_SECONDS))
    else:
        axes.locator_params(axis="x", nbins=6)
    axes.grid(visible=False, axis="x")
    axes.xaxis.set_major_formatter(_ticks(chart, chart.x_format))
    axes.yaxis.set_major_formatter(_ticks(chart, chart.y_format))


def _line(chart: Chart, axes: Axes) -> None:
    series = _series(chart)
    for i, (name, rows) in enumerate(series):
        marker = "o" if len(rows) <= 40 else None
        axes.plot(
            rows[chart.x], rows[chart.y], color=PALETTE[i], linestyle=DASHES[i % len(DASHES)],
            linewidth=1.8, marker=marker, markersize=3, label=short(name),
        )  # fmt: skip
    axes.set_ylim(0, 1.12 * (float(chart.data[chart.y].max()) or 1.0))
    if chart.x_format == "date":
        days = chart.data[chart.x]
        shown = days.iloc[np.unique(np.linspace(0, len(days) - 1, DATES_NAMED).astype(int))]
        long = (days.iloc[-1] - days.iloc[0]).days > MONTHS_FROM_DAYS
        axes.set_xticks(shown, [f"{day:%b %Y}" if long else f"{day:%d %b}" for day in shown])
    axes.yaxis.set_major_formatter(_ticks(chart, chart.y_format))
    _legend(axes, series)


_DRAWERS: dict[str, Callable[[Chart, Axes], None]] = {
    "bar": _bar,
    "stacked": _bar,
    "barh": _barh,
    "funnel": _funnel,
    "histogram": _histogram,
    "line": _line,
    "heatmap": draw_grid,
    "sankey": draw_flow,
}
