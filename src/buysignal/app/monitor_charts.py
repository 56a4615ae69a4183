"""Charts of monitoring: what moved how far, one column then and now, visits a day, chances that came true."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from buysignal.app import words
from buysignal.app.charts import BLUE, GREEN, GREY, ORANGE, VERMILION, framed
from buysignal.drift import Shift
from buysignal.monitor.pictures import Group, Kept, Pictures

SHOWN = 12
DAY = np.timedelta64(1, "D")


def moved(shifts: Sequence[Shift]) -> go.Figure:
    """Draw how far each column moved, 1 being the limit; the farthest at the top."""
    shown = list(shifts[:SHOWN])[::-1]
    far = [one.times_limit for one in shown]
    names = [words.wrapped(words.column(one.name), 28) for one in shown]
    figure = framed("Times the limit", "", height=90 + 40 * len(shown))
    for name, colour, pattern, wanted in (
        ("Beyond the limit", VERMILION, "/", True),
        ("Within it", BLUE, "", False),
    ):
        kept = [one.times_limit if one.drifted is wanted else None for one in shown]
        figure.add_bar(
            orientation="h", name=name, y=names, x=kept,
            marker={"color": colour, "pattern": {"shape": pattern, "fillmode": "overlay"}},
            # Beside short bars a figure would stand on the dashed line.
            text=[f"{value:.1f}" if value is not None and wanted else "" for value in kept],
            textposition="outside",
            cliponaxis=False, showlegend=any(value is not None for value in kept),
            hovertemplate="%{y}<br>%{x:.2f} times the limit<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=1, line={"color": GREY, "width": 2, "dash": "dash"})
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(range=[0, max(1.25, 1.2 * max(far, default=1.0))])
    return figure


def then_and_now(name: str, groups: Sequence[Group], currency: str | None) -> go.Figure:
    """Draw which share of the visits each group of values held then, and holds now."""
    shown = list(groups)[::-1]
    labels = [words.wrapped(label(name, one, currency), 26) for one in shown]
    figure = framed("Share of visits", "", height=100 + 36 * len(shown))
    for what, colour, shares in (
        ("Now", BLUE, [one.now for one in shown]),
        ("Then", GREY, [one.then for one in shown]),
    ):
        figure.add_bar(
            orientation="h", y=labels, x=shares, name=what, marker_color=colour,
            hovertemplate=f"%{{y}}<br>{what.lower()} %{{x:.1%}}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(legend_traceorder="reversed")
    figure.update_yaxes(type="category")
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    return figure


def label(name: str, group: Group, currency: str | None) -> str:
    """Return what a group of values is called.

    >>> label("channel", Group("level", 0.1, 0.2, level="paid_search"), None)
    'paid search'
    >>> label("n_events", Group("range", 0.1, 0.2, low=2.0, high=5.0), None)
    'over 2 to 5'
    """
    if group.kind == "missing":
        return "not known"
    if group.kind == "rare":
        return "others"
    if group.kind == "level":
        return words.value(name, group.level)
    low, high = (None if end is None else _number(name, end, currency) for end in (group.low, group.high))
    if low is None:
        return "any" if high is None else f"up to {high}"
    return f"over {low}" if high is None else f"over {low} to {high}"


def _number(name: str, value: float, currency: str | None) -> str:
    if name == "probability":
        return words.percent(value).replace(" ", "\u00a0")
    return words.value(name, f"{value:.3g}" if abs(value) < 1_000 else f"{value:.0f}", currency)


def visits_a_day(pictures: Pictures) -> go.Figure:
    """Draw the visits of each whole day beside the usual days of then."""
    days = [str(pictures.first_day + number * DAY) for number in range(len(pictures.daily_now))]
    figure = framed("Day (UTC)", "Visits", height=320)
    figure.add_bar(
        x=days, y=pictures.daily_now, name="Now", marker_color=BLUE,
        hovertemplate="%{x|%d %b %Y}<br>%{y:,} visits<extra></extra>",
    )  # fmt: skip
    if len(pictures.daily_then):
        low, high = np.quantile(pictures.daily_then, [0.1, 0.9])
        figure.add_hrect(y0=low, y1=high, line_width=0, fillcolor="rgba(138, 148, 158, 0.25)", layer="below")
        figure.add_scatter(
            x=days, y=np.full(len(days), pictures.daily_then.mean()), mode="lines", name="Mean of then",
            line={"color": ORANGE, "width": 2.5, "dash": "dash"},
            hovertemplate="then %{y:,.0f} a day<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(type="date", tickformat="%d %b", nticks=7)
    figure.update_yaxes(tickformat=",d", rangemode="tozero")
    return figure


def came_true(fifths: Sequence[Kept], answer: str) -> go.Figure:
    """Draw what the scores said beside what came, from the least likely moments to the likeliest."""
    names = _names(len(fifths))
    figure = framed("Moments, by their score", answer, height=320)
    for what, colour, shares in (
        ("The scores said", GREY, [one.said for one in fifths]),
        ("It came", GREEN, [one.came for one in fifths]),
    ):
        figure.add_bar(
            x=names, y=shares, name=what, marker_color=colour,
            customdata=[one.moments for one in fifths],
            text=[words.percent(share).replace(" ", "\u00a0") for share in shares], textposition="outside",
            cliponaxis=False,
            hovertemplate=f"{what}: %{{y:.1%}}<br>%{{customdata:,}} moments<extra></extra>",
        )  # fmt: skip
    top = max((max(one.said, one.came) for one in fifths), default=0.0)
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat=".0%", range=[0, max(0.01, 1.15 * top)])
    return figure


def _names(parts: int) -> list[str]:
    if parts < 2:
        return ["all"] * parts
    middle = [str(number) for number in range(2, parts)]
    return ["lowest fifth", *middle, "highest fifth"] if parts == 5 else ["lowest", *middle, "highest"]
