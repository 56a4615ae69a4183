"""Charts of the revenue and price pages; nothing is computed here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from buysignal.app import words
from buysignal.app.charts import BLUE, GREEN, GREY, ORANGE, framed
from buysignal.decisions.forecast import Forecast

BAND = "rgba(2, 158, 115, 0.20)"
BLUE_BAND = "rgba(1, 115, 178, 0.18)"
_HALF_DAY = pd.Timedelta(hours=12)


def days_ahead(found: Forecast, axis: str, currency: str | None) -> go.Figure:
    """Draw past days as bars, and the coming days as a line in their band."""
    past, ahead = _dates(found.history["day"]), _dates(found.daily["day"])
    unit = f" {currency}" if currency else ""
    figure = framed("Day", axis, height=380)
    figure.add_bar(
        x=past, y=found.history["amount"], marker_color=BLUE, name="Past days",
        customdata=found.history["visits"],
        hovertemplate="%{x|%a %d %b}<br>%{y:,.0f}" + unit + "<br>%{customdata:,} visits<extra></extra>",
    )  # fmt: skip
    for column, fill in (("low", None), ("high", "tonexty")):
        figure.add_scatter(
            x=ahead, y=found.daily[column], mode="lines", line={"width": 0}, fill=fill, fillcolor=BAND,
            name="9 of 10 such days", showlegend=fill is not None, hoverinfo="skip",
        )  # fmt: skip
    figure.add_scatter(
        x=ahead, y=found.daily["expected"], mode="lines+markers", name="Visits to come, expected",
        line={"color": GREEN, "width": 2.5, "dash": "dot"},
        marker={"size": 8, "symbol": "diamond", "color": GREEN},
        customdata=found.daily[["low", "high"]],
        hovertemplate="%{x|%a %d %b}<br>%{y:,.0f}" + unit
        + "<br>%{customdata[0]:,.0f} to %{customdata[1]:,.0f}<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(tickformat="~s", rangemode="tozero")
    figure.update_xaxes(tickformat="%d %b")
    return figure


def _dates(days: pd.Series) -> pd.Series:
    """Return the calendar day most of each 24 hours lies in."""
    return pd.to_datetime(pd.to_datetime(days) + _HALF_DAY).dt.normalize()


def predicted_and_actual(table: pd.DataFrame, axis: str, currency: str | None) -> go.Figure:
    """Draw each group's predicted total with its interval beside what came, as horizontal bars."""
    shown = table.iloc[::-1]
    labels = [words.wrapped(str(name).replace("_", " "), 24) for name in shown["group"]]
    unit = f" {currency}" if currency else ""
    figure = framed(axis, "", height=max(220, 110 + 52 * len(shown)))
    figure.add_bar(
        orientation="h", y=labels, x=shown["actual"], name="Actual", marker_color=BLUE,
        customdata=shown["visits"],
        hovertemplate="%{y}<br>actual %{x:,.0f}" + unit + "<br>%{customdata:,} visits<extra></extra>",
    )  # fmt: skip
    figure.add_bar(
        orientation="h", y=labels, x=shown["predicted"], name="Predicted", marker_color=ORANGE,
        marker_pattern_shape="/",
        error_x={
            "type": "data",
            "symmetric": False,
            "array": shown["high"] - shown["predicted"],
            "arrayminus": shown["predicted"] - shown["low"],
            "color": GREY,
        },
        customdata=shown[["low", "high"]],
        hovertemplate="%{y}<br>predicted %{x:,.0f}" + unit
        + "<br>%{customdata[0]:,.0f} to %{customdata[1]:,.0f}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(barmode="group", legend={"traceorder": "reversed"})
    figure.update_xaxes(tickformat="~s", rangemode="tozero")
    return figure


def predicted_by_day(table: pd.DataFrame, axis: str, currency: str | None) -> go.Figure:
    """Draw predicted totals by day in their band, and what came as points."""
    unit = f" {currency}" if currency else ""
    figure = framed("Day on which the visits began", axis)
    for column, fill in (("low", None), ("high", "tonexty")):
        figure.add_scatter(
            x=table["group"], y=table[column], mode="lines", line={"width": 0}, fill=fill,
            fillcolor="rgba(222, 143, 5, 0.22)", name="9 of 10 such days", showlegend=fill is not None,
            hoverinfo="skip",
        )  # fmt: skip
    figure.add_scatter(
        x=table["group"], y=table["predicted"], mode="lines", name="Predicted",
        line={"color": ORANGE, "width": 2.5, "dash": "dot"},
        hovertemplate="%{x|%a %d %b}<br>predicted %{y:,.0f}" + unit + "<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=table["group"], y=table["actual"], mode="markers", name="Actual",
        marker={"size": 9, "color": BLUE},
        hovertemplate="%{x|%a %d %b}<br>actual %{y:,.0f}" + unit + "<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(tickformat="~s", rangemode="tozero")
    figure.update_xaxes(tickformat="%d %b", type="date")
    return figure


def association(
    curve: pd.DataFrame, seen: pd.DataFrame, asked: tuple[float, float], *, x: str, y: str, percent: bool
) -> go.Figure:
    """Draw the conversion along the price in its band, the prices seen as points sized by looks.

    Args:
        asked: price and rate in question.
        percent: the price is a multiple of the usual one, written as percent.
    """
    at = "%{x:.0%}" if percent else "%{x:,.2f}"
    figure = framed(x, y)
    _band(figure, curve, "rate", BLUE_BAND)
    figure.add_scatter(
        x=curve["price"], y=curve["rate"], mode="lines", name="Association",
        line={"color": BLUE, "width": 2.5}, hovertemplate=at + "<br>%{y:.1%}<extra></extra>",
    )  # fmt: skip
    kept = seen[seen["looks"] > 0]
    figure.add_scatter(
        x=kept["price"], y=kept["rate"], mode="markers", name="Prices seen",
        marker={
            "size": 8 + 22 * np.sqrt(kept["looks"] / max(float(kept["looks"].max()), 1.0)),
            "color": GREY, "opacity": 0.55, "line": {"width": 1, "color": GREY},
        },
        customdata=kept["looks"],
        hovertemplate=at + "<br>%{y:.1%} of %{customdata:,} looks<extra></extra>",
    )  # fmt: skip
    _asked(figure, asked, at + "<br>%{y:.1%}<extra>the price asked about</extra>")
    figure.update_yaxes(tickformat=".0%" if float(curve["rate_high"].max()) > 0.05 else ".1%",
                        rangemode="tozero")  # fmt: skip
    figure.update_xaxes(tickformat=".0%" if percent else ",.2~f")
    return figure


def value_along(
    curve: pd.DataFrame, asked: tuple[float, float], *, x: str, y: str, percent: bool
) -> go.Figure:
    """Draw price × conversion along the price in its band."""
    at = "%{x:.0%}" if percent else "%{x:,.2f}"
    figure = framed(x, y)
    _band(figure, curve, "value", BAND)
    figure.add_scatter(
        x=curve["price"], y=curve["value"], mode="lines", name="Price × conversion",
        line={"color": GREEN, "width": 2.5, "dash": "dot"},
        hovertemplate=at + "<br>%{y:,.2f}<extra></extra>",
    )  # fmt: skip
    _asked(figure, asked, at + "<br>%{y:,.2f}<extra>the price asked about</extra>")
    figure.update_yaxes(tickformat=",~r", rangemode="tozero")
    figure.update_xaxes(tickformat=".0%" if percent else ",.2~f")
    return figure


def _band(figure: go.Figure, curve: pd.DataFrame, name: str, colour: str) -> None:
    for column, fill in ((f"{name}_low", None), (f"{name}_high", "tonexty")):
        figure.add_scatter(
            x=curve["price"], y=curve[column], mode="lines", line={"width": 0}, fill=fill,
            fillcolor=colour, name="95 % interval", showlegend=fill is not None, hoverinfo="skip",
        )  # fmt: skip


def _asked(figure: go.Figure, asked: tuple[float, float], hover: str) -> None:
    figure.add_scatter(
        x=[asked[0]], y=[asked[1]], mode="markers", name="Your price",
        marker={"size": 13, "color": ORANGE, "symbol": "diamond"}, hovertemplate=hover,
    )  # fmt: skip
