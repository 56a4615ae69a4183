"""Heatmaps: cells in one colour, the more the denser, with their figure where there is room.

Density is opacity, so that the same picture can be read on light and on dark ground.
"""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from buysignal.explore.chart import Chart
from buysignal.explore.labels import short, slant, value_text
from buysignal.plots.style import FAINT, INK, PALETTE, SMALL

DENSEST = 0.7
"""Opacity of the largest value: text on it can still be read."""

NARROW = 5
"""Columns up to which a heatmap stands beside another one."""

CHARACTERS_WIDE, CHARACTERS_NARROW = 110, 52
"""Characters that fit below a heatmap."""

MOST_WITH_TEXT = 14
"""Columns up to which each cell has its figure."""


def draw_grid(chart: Chart, axes: Axes) -> None:
    """Draw the cells; blue above zero, orange below, nothing where a cell is not there."""
    columns = list(dict.fromkeys(chart.data[chart.x].astype(str)))
    rows = list(dict.fromkeys(chart.data[chart.y].astype(str)))
    value = chart.data[str(chart.value)].to_numpy(dtype=np.float64)
    top = 1.0 if chart.diverging else (float(np.nanmax(value)) if np.isfinite(value).any() else 1.0) or 1.0
    x = [columns.index(name) for name in chart.data[chart.x].astype(str)]
    y = [rows.index(name) for name in chart.data[chart.y].astype(str)]
    with_text = len(columns) <= MOST_WITH_TEXT
    for i, j, v in zip(x, y, value, strict=True):
        if v != v:
            continue
        colour = to_rgb(PALETTE[0] if v >= 0 else PALETTE[3])
        axes.add_patch(
            Rectangle(
                (i - 0.48, j - 0.47), 0.96, 0.94, facecolor=(*colour, DENSEST * abs(v) / top), linewidth=0
            )
        )
        if with_text:
            text = (
                f"{v + 0.0:.2f}".replace("-0.00", "0.00")
                if chart.diverging
                else value_text(v, chart.value_format, chart.currency)
            )
            axes.text(i, j, text, ha="center", va="center", fontsize=SMALL - 0.5, color=INK, in_layout=False)
    if not with_text:
        most = value_text(top, chart.value_format, chart.currency)
        scale = f"{chart.value_title}: from pale, 0, to dark, {most}"
        axes.set_title(short(scale, 80), loc="right", fontsize=SMALL, color=FAINT)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False)
    _names(axes, columns, rows)


def _names(axes: Axes, columns: list[str], rows: list[str]) -> None:
    wide = CHARACTERS_WIDE if len(columns) > NARROW else CHARACTERS_NARROW
    room = max(wide // len(columns), 4)
    labels = [textwrap.fill(short(name, 22), room, break_long_words=False) for name in columns]
    axes.set_yticks(range(len(rows)), [short(name, 22) for name in rows])
    if max(len(line) for label in labels for line in label.split("\n")) > room:
        axes.set_xticks(range(len(columns)), [short(name, 22) for name in columns])
        slant(axes)
    else:
        axes.set_xticks(range(len(columns)), labels)
