"""Charts of segments: the map, the sizes, and what sets one apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from buysignal.app import words
from buysignal.app.charts import BLUE, GREY, ORANGE, SYMBOLS, framed
from buysignal.plots.segments import NOISE, segment_name
from buysignal.plots.style import PALETTE
from buysignal.report import SegmentProfile, Table

MOST_BARS = 10
LEAST_RATIO, MOST_RATIO = 0.05, 20.0


def scatter(table: Table) -> go.Figure:
    """Draw visits on two axes, one colour and symbol a segment."""
    x, y = (_direction(title) for title in table.pictures.map_axes or ("First direction", "Second direction"))
    figure = framed(x, y, height=480)
    names = {s.segment: s.name for s in table.segments}
    drawn = {p.segment for p in table.pictures.segment_map}
    largest_first = [s.segment for s in table.segments if s.segment in drawn]
    for i, segment in enumerate(largest_first + sorted(drawn - set(largest_first))):
        ours = [p for p in table.pictures.segment_map if p.segment == segment]
        figure.add_scatter(
            x=[p.x for p in ours],
            y=[p.y for p in ours],
            mode="markers",
            name=segment_name(segment, names),
            marker={
                "size": 7,
                "opacity": 0.65,
                "color": GREY if segment == NOISE else PALETTE[i % len(PALETTE)],
                "symbol": SYMBOLS[i % len(SYMBOLS)],
            },
            hovertemplate="%{fullData.name}<extra></extra>",
        )
    figure.update_layout(legend={"y": 1.02, "entrywidthmode": "pixels", "itemsizing": "constant"})
    return figure


def _direction(title: str) -> str:
    """Return an axis title in words; the unit of both directions is the standard deviation."""
    name = title.removeprefix("mostly ")
    said = f"mostly: {words.column(name)[:1].lower()}{words.column(name)[1:]}" if name != title else title
    return words.wrapped(f"{said[:1].upper()}{said[1:]} (standard deviations)", 38)


def sizes(counts: pd.DataFrame) -> go.Figure:
    """Draw how many visits each segment has."""
    ordered = counts.sort_values("visits")
    figure = framed("Visits", "", height=max(200, 90 + 46 * len(ordered)))
    figure.add_bar(
        orientation="h",
        y=[words.wrapped(str(name), 26) for name in ordered["segment"]],
        x=ordered["visits"],
        marker_color=BLUE,
        text=[words.percent(share) for share in ordered["share"]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}<br>%{x:,} visits<extra></extra>",
    )
    figure.update_xaxes(tickformat=",d", range=[0, 1.2 * float(ordered["visits"].max())])
    return figure


def against_average(one: SegmentProfile, every: Sequence[SegmentProfile]) -> go.Figure:
    """Draw the segment's means as multiples of the mean over all visits, largest difference on top."""
    ratios = _ratios(one, every)
    names = sorted(ratios, key=lambda name: abs(np.log(ratios[name])))[-MOST_BARS:]
    figure = framed("Times the mean of all visits", "", height=max(220, 100 + 36 * len(names)))
    values = [ratios[name] for name in names]
    figure.add_bar(
        orientation="h",
        y=[words.wrapped(words.column(name), 24) for name in names],
        x=[np.log2(value) for value in values],
        marker_color=[BLUE if value >= 1 else ORANGE for value in values],
        text=[_times(value) for value in values],
        textposition="outside",
        cliponaxis=False,
        customdata=[one.means[name] for name in names],
        hovertemplate="%{y}<br>mean here %{customdata:,.4~g}<br>%{text} of all visits<extra></extra>",
    )
    ticks = [0.1, 0.5, 1, 2, 5, 20]
    ends = [np.log2(value) for value in values] or [0.0]
    room = 0.45 * max(max(ends) - min(ends), 1.0)
    figure.update_xaxes(
        tickvals=[np.log2(t) for t in ticks],
        ticktext=[f"{t:g}×" for t in ticks],
        range=[min(*ends, 0.0) - room, max(*ends, 0.0) + room],
        tickangle=0,
    )
    return figure


def _times(value: float) -> str:
    if value <= LEAST_RATIO:
        return "hardly any"
    return f"over {MOST_RATIO:.0f}×" if value >= MOST_RATIO else f"{value:.2g}×"


def _ratios(one: SegmentProfile, every: Sequence[SegmentProfile]) -> dict[str, float]:
    """Return mean over overall mean for columns that are never negative, kept within what can be drawn."""
    total = sum(profile.n for profile in every)
    found = {}
    for name, mean in one.means.items():
        overall = sum((profile.means.get(name) or 0.0) * profile.n for profile in every) / total
        if mean is not None and overall > 0:
            found[name] = float(np.clip(mean / overall, LEAST_RATIO, MOST_RATIO))
    return found
