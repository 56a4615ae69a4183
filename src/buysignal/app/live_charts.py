"""Charts of the live page; they are drawn anew each second from what the feed noted."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from buysignal.app.charts import GREEN, ORANGE, framed
from buysignal.app.live_history import BAND_NAMES

BAND_COLOURS = ("#b9c6d0", "#8cc0e0", "#3f93c4", "#0173b2", "#de8f05")
"""From hardly likely to likely: brighter to darker, and the last of another hue."""

TIME = "The shop's time (UTC)"


def visits_by_chance(table: pd.DataFrame) -> go.Figure:
    """Draw how many visits are open, by band of probability, over time."""
    figure = framed(TIME, "Open visits")
    for name, colour in zip(BAND_NAMES, BAND_COLOURS, strict=True):
        figure.add_scatter(
            x=table["time"], y=table[name], name=name, mode="lines", stackgroup="visits",
            line={"width": 0.5, "color": colour, "shape": "hv"}, fillcolor=colour,
            hovertemplate="%{x|%d %b %H:%M:%S}<br>%{y:,} visits<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_yaxes(tickformat=",d", rangemode="tozero")
    figure.update_layout(legend={"traceorder": "normal", "font": {"size": 11}}, uirevision="live")
    return figure


def expected_and_bought(table: pd.DataFrame, expected: str, currency: str | None) -> go.Figure:
    """Draw what is still expected of the open visits above what was bought since watching began."""
    unit = f" ({currency})" if currency else ""
    figure = framed(TIME, expected + unit)
    figure.set_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.12)
    figure.update_xaxes(fixedrange=True, automargin=True)
    figure.update_yaxes(fixedrange=True, automargin=True, rangemode="tozero", tickformat="~s", nticks=4)
    for row, column, name, colour in ((1, "expected", expected, GREEN), (2, "bought", "Bought", ORANGE)):
        figure.add_scatter(
            x=table["time"], y=table[column], name=name, mode="lines", row=row, col=1,
            line={"color": colour, "width": 2.5, "shape": "hv"}, fill="tozeroy",
            hovertemplate="%{x|%d %b %H:%M:%S}<br>%{y:,.2f}" + (f" {currency}" if currency else "")
            + "<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_yaxes(title=f"Expected{unit}", row=1, col=1)
    figure.update_yaxes(title=f"Bought{unit}", row=2, col=1)
    figure.update_xaxes(title=None, showticklabels=False, row=1, col=1)
    figure.update_xaxes(title=TIME, row=2, col=1)
    figure.update_layout(showlegend=False, uirevision="live")
    return figure
