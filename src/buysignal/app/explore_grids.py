"""Interactive heatmaps and flows of an exploration."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from buysignal.app.charts import GREY, framed, ink, is_dark
from buysignal.app.explore_words import (
    MOST_WRITTEN_COLUMNS,
    POINTED,
    TICKS,
    label_format,
    said,
    short,
    texts,
    wrapped,
)  # fmt: skip
from buysignal.explore import Chart
from buysignal.plots.style import PALETTE

_GATHERED = re.compile(r"EXIT|\d+ others?|others?", re.IGNORECASE)


def heatmap(chart: Chart) -> go.Figure:
    """Draw cells coloured by their value, which is written into them where there is room."""
    columns, rows = (texts(chart.data[c].drop_duplicates()) for c in (chart.x, chart.y))
    figure = framed(chart.x_title, chart.y_title, height=max(260, 120 + 30 * len(rows)))
    few = len(columns) <= MOST_WRITTEN_COLUMNS
    labels = [_grid(chart, label, rows, columns) for label in chart.labels]
    told = "".join(
        f"<br>{said(label)}: %{{customdata[{i}]{label_format(chart.data[label])}}}"
        for i, label in enumerate(chart.labels)
    )
    figure.add_heatmap(
        z=_grid(chart, str(chart.value), rows, columns), x=columns, y=rows,
        hoverongaps=False, xgap=1, ygap=1, showscale=not few, colorbar=_colour_key(chart),
        texttemplate=_cell_text(chart) if few else None,
        textfont={"color": ink()}, customdata=np.dstack(labels) if labels else None,
        hovertemplate=f"{said(chart.y)}: %{{y}}<br>{said(chart.x)}: %{{x}}<br>"
        f"{said(str(chart.value))}: {_cell_text(chart)}{told}<extra></extra>",
        **_scale(chart, few),
    )  # fmt: skip
    figure.update_xaxes(type="category", showgrid=False, **short(columns))
    figure.update_yaxes(
        type="category", autorange="reversed", showgrid=False,
        tickvals=rows, ticktext=[wrapped(text, 18) for text in rows],
    )  # fmt: skip
    return figure


def _grid(chart: Chart, column: str, rows: list[str], columns: list[str]) -> Any:
    """Return a column of the cells as a grid, NaN where there is no cell."""
    at = [texts(chart.data[chart.y]), texts(chart.data[chart.x])]
    cells = pd.Series(chart.data[column].to_numpy(), index=pd.MultiIndex.from_arrays(at))
    return cells.unstack().reindex(index=rows, columns=columns).to_numpy(dtype=float)


def _colour_key(chart: Chart) -> dict[str, Any]:
    """Return the key of the colours: a thin bar, so that a phone keeps the width for the cells."""
    return {
        "title": {"text": chart.value_title, "side": "right", "font": {"size": 12}}, "nticks": 5,
        "tickformat": TICKS[chart.value_format], "tickfont": {"size": 11}, "outlinewidth": 0,
        "thickness": 8, "len": 1, "y": 0.5, "x": 1.0, "xpad": 6, "ypad": 0,
    }  # fmt: skip


def _scale(chart: Chart, written: bool) -> dict[str, Any]:
    """Return colours that fade into the page's ground, light or dark, where there is little."""
    if chart.diverging:
        steps = [[0, "rgba(213,94,0,0.85)"], [0.5, "rgba(140,140,140,0.06)"], [1, "rgba(1,115,178,0.85)"]]
        return {"colorscale": steps, "zmin": -1, "zmax": 1}
    # Figures stay readable on the deep blue in both themes; alone, the light blue is clearer in the dark.
    blue = "86,180,233" if is_dark() and not written else "1,115,178"
    return {
        "colorscale": [[0, f"rgba({blue},0.05)"], [1, f"rgba({blue},{0.7 if written else 0.9})"]],
        "zmin": 0,
    }


def _cell_text(chart: Chart) -> str:
    return f"%{{z:{'.2f' if chart.diverging else POINTED[chart.value_format]}}}"


def sankey(chart: Chart) -> go.Figure:
    """Flows from step to step; a node has the colour of its name without the step."""
    value = str(chart.value)
    sources, targets = texts(chart.data[chart.x]), texts(chart.data[chart.y])
    nodes = list(dict.fromkeys([*sources, *targets]))
    kinds = list(dict.fromkeys(_without_step(node) for node in nodes))
    colours = [_colour_of(_without_step(node), kinds) for node in nodes]
    figure = framed("", "", height=max(360, 60 + 30 * len(kinds)))
    figure.add_sankey(
        node={
            "label": [wrapped(_without_step(node), 13) for node in nodes], "color": colours,
            "align": "left", "pad": 14, "thickness": 14, "line": {"width": 0}, "customdata": nodes,
            "hovertemplate": f"%{{customdata}}<br>%{{value:,d}} {said(value)}<extra></extra>",
        },
        link={
            "source": [nodes.index(name) for name in sources],
            "target": [nodes.index(name) for name in targets],
            "value": chart.data[value],
            "color": [_faded(colours[nodes.index(name)]) for name in sources],
            "hovertemplate": "%{source.customdata} → %{target.customdata}<br>"
            f"%{{value:,d}} {said(value)}<extra></extra>",
        },
        textfont={"color": ink(), "size": 11},
    )  # fmt: skip
    return figure


def _colour_of(kind: str, kinds: list[str]) -> str:
    """Return the colour of a node; what is gathered from many, and the end, are grey."""
    named = [name for name in kinds if not _GATHERED.fullmatch(name)]
    return PALETTE[named.index(kind) % len(PALETTE)] if kind in named else GREY


def _without_step(node: str) -> str:
    """Return a node's name as it is read.

    >>> _without_step("2. item viewed"), _without_step("2nd"), _without_step("3: purchase")
    ('item viewed', '2nd', 'purchase')
    """
    front, _, rest = node.partition(" ")
    return rest.strip() if rest and front.rstrip(".:)").isdigit() else node


def _faded(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.32)"
