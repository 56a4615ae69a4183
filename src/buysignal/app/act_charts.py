"""Charts for acting: what a list brings, what lies in carts, what a contact changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from buysignal.app import words
from buysignal.app.charts import BLUE, GREEN, GREY, ORANGE, VERMILION, framed
from buysignal.decisions.effect import GroupResult
from buysignal.decisions.targeting import TargetingPlan
from buysignal.decisions.uplift import Uplift
from buysignal.units import spoken

IDLE_BANDS = (0.0, 60.0, 1_440.0, 4_320.0, 10_080.0, np.inf)
IDLE_NAMES = ("<1 hour", "1–24 h", "1–3 days", "3–7 days", ">7 days")


def profit_curve(plan: TargetingPlan) -> go.Figure:
    """Draw the profit of contacting the best 1, 2, 3 … visits, its interval, and the list chosen."""
    unit = f" ({plan.currency})" if plan.currency else ""
    figure = framed("Visits contacted, best first", f"Expected profit{unit}", height=400)
    curve = plan.curve
    for column, fill in (("low", None), ("high", "tonexty")):
        figure.add_scatter(
            x=curve["visits"], y=curve[column], mode="lines", line={"width": 0}, fill=fill,
            fillcolor="rgba(2, 158, 115, 0.18)", name=f"{words.percent(plan.level)} interval",
            hoverinfo="skip", showlegend=fill is not None,
        )  # fmt: skip
    figure.add_scatter(
        x=curve["visits"], y=curve["profit"], mode="lines", line={"color": GREEN, "width": 3},
        name="Expected profit", customdata=np.column_stack([curve["low"], curve["high"], curve["cost"]]),
        hovertemplate="%{x:,} visits<br>profit %{y:,.2f} (%{customdata[0]:,.2f} to %{customdata[1]:,.2f})"
        "<br>cost %{customdata[2]:,.2f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=curve["visits"], y=curve["predicted"], mode="lines",
        line={"color": BLUE, "width": 2, "dash": "dot"}, name="What the scores alone promise",
        hovertemplate="%{x:,} visits<br>promised %{y:,.2f}<extra></extra>",
    )  # fmt: skip
    if plan.visits:
        figure.add_scatter(
            x=[plan.visits], y=[plan.profit], mode="markers", name="The list",
            marker={"size": 13, "color": VERMILION, "symbol": "diamond"},
            hovertemplate="the list: %{x:,} visits<br>profit %{y:,.2f}<extra></extra>",
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": GREY, "width": 1})
    figure.update_xaxes(tickformat=",d", rangemode="tozero")
    figure.update_yaxes(tickformat=",~r")
    return figure


def carts_by_day(by_day: pd.DataFrame) -> go.Figure:
    """Draw how many carts were left each day, and what became of them."""
    figure = framed("Day the cart was left (UTC)", "Carts", height=320)
    for column, name, colour, pattern in (
        ("open", "Still open", ORANGE, ""),
        ("replaced", "Replaced by a newer cart", GREY, "/"),
        ("recovered", "Came back and bought", GREEN, "."),
    ):
        figure.add_bar(
            x=by_day["day"], y=by_day[column], name=name,
            marker={"color": colour, "pattern": {"shape": pattern, "fillmode": "overlay"}},
            hovertemplate="%{x|%d %b %Y}<br>%{y:,} carts<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    figure.update_yaxes(tickformat=",d")
    return figure


def risk_by_idle(carts: pd.DataFrame, currency: str | None) -> go.Figure:
    """Draw how much is at risk in open carts, by how long they have been left."""
    place = np.searchsorted(IDLE_BANDS[1:-1], carts["idle_minutes"].to_numpy(), side="right")
    sums = np.bincount(place, carts["at_risk"], minlength=len(IDLE_NAMES))
    counts = np.bincount(place, minlength=len(IDLE_NAMES))
    unit = f" ({currency})" if currency else ""
    figure = framed("Time since the last click", f"At risk{unit}", height=320)
    figure.add_bar(
        x=list(IDLE_NAMES), y=sums, marker_color=VERMILION, customdata=counts,
        text=[words.money(value, None) if value else "" for value in sums], textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x}<br>%{customdata:,} carts<br>%{y:,.0f} at risk<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(tickformat="~s")
    figure.update_xaxes(type="category", tickangle=0)
    figure.update_layout(showlegend=False)
    return figure


def rates(found: Uplift) -> go.Figure:
    """Draw the share of buyers of both groups with its interval."""
    figure = framed(f"Share of visitors who bought within {spoken(found.horizon)}", "", height=240)
    for group, name, colour, symbol in (
        (found.holdout, "Left alone", GREY, "square"),
        (found.contact, "Contacted", BLUE, "circle"),
    ):
        _with_interval(figure, group, name, colour, symbol)
    figure.update_xaxes(tickformat=".1%", rangemode="tozero")
    figure.update_layout(showlegend=False)
    return figure


def _with_interval(figure: go.Figure, group: GroupResult, name: str, colour: str, symbol: str) -> None:
    figure.add_scatter(
        x=[group.rate], y=[name], mode="markers", name=name,
        marker={"size": 15, "color": colour, "symbol": symbol},
        error_x={"type": "data", "array": [group.rate_high - group.rate],
                 "arrayminus": [group.rate - group.rate_low], "thickness": 3, "width": 9, "color": colour},
        hovertemplate=f"{name}: %{{x:.2%}}<br>{group.rate_low:.2%} to {group.rate_high:.2%}<br>"
        f"{group.buyers:,} of {group.visitors:,} bought<extra></extra>",
    )  # fmt: skip
