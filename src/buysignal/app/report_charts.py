"""Interactive charts of a training's report, each with its name and the sentence under it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from buysignal.app import words
from buysignal.app.charts import BLUE, GREY, ORANGE, SYMBOLS, framed, ink
from buysignal.compare import Bounds, Part
from buysignal.plots import QUALITY_BY_CLICK
from buysignal.plots.next_item import SHOWN
from buysignal.plots.style import PALETTE
from buysignal.report import Curve, Pictures, SliceRow, Table
from buysignal.report_html.words import metric_name, step_word
from buysignal.wording import readable

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MOST_COLUMNS = 15


@dataclass(frozen=True, eq=False)
class Chart:
    """One chart of a table: a short key, a title, the figure, and what it shows."""

    key: str
    title: str
    figure: go.Figure
    sentence: str


def charts_of(table: Table, currency: str | None) -> list[Chart]:
    """Return every chart the table has data for."""
    return [*_scores(table), *_amounts(table, currency), *_others(table)]


def compared_charts(part: Part) -> list[Chart]:
    """Return the curves of two runs over each other, and their quality click by click."""
    curves = {kind: dict(lines) for kind, lines in part.curves.items()}
    both = part.a.model_copy(
        update={"champion": None, "pictures": Pictures.model_validate(curves), "per_k": []}
    )
    return [*_scores(both), *_clicks_of_both(part)]


def _clicks_of_both(part: Part) -> Iterator[Chart]:
    metric, name = _quality(part.a)
    points = {
        clicks.removeprefix("k="): one
        for clicks, differences in part.slices.items()
        for one in differences
        if clicks.startswith("k=") and one.metric == metric
    }
    if len(points) < 2:
        return
    figure = framed("Clicks seen so far", name)
    sides = (("A", BLUE, [(d.a, d.a_interval) for d in points.values()]),
             ("B", ORANGE, [(d.b, d.b_interval) for d in points.values()]))  # fmt: skip
    for i, (side, colour, values) in enumerate(sides):
        figure.add_scatter(
            x=list(points), y=[value for value, _ in values], mode="lines+markers", name=side,
            line={"color": colour, "width": 2.5, "dash": DASHES[i]},
            marker={"size": 9, "symbol": SYMBOLS[i]},
            error_y=_error_bars(values), hovertemplate="after %{x} clicks: %{y:.3f}",
        )  # fmt: skip
    figure.update_xaxes(type="category")
    yield Chart("clicks", "By clicks seen", figure, f"{name} of both, click by click, with 95 % intervals.")


def _error_bars(values: Sequence[tuple[float | None, Bounds | None]]) -> dict[str, Any]:
    known = [(value or 0.0, bounds or (value or 0.0, value or 0.0)) for value, bounds in values]
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - value for value, (_, high) in known],
        "arrayminus": [value - low for value, (low, _) in known],
        "color": GREY,
    }


def _quality(table: Table) -> tuple[str, str]:
    """Return the metric that is shown click by click, and its name."""
    metric = QUALITY_BY_CLICK.get(table.task, "rmse_log1p")
    return metric, metric_name(metric)


def _scores(table: Table) -> Iterator[Chart]:
    data, best = table.pictures, table.champion
    if data.roc:
        figure = framed("Others scored as high (false positive rate)", "Found (true positive rate)")
        _diagonal(figure, "Guessing")
        _lines(figure, data.roc, best)
        _percent(figure, "xy")
        yield Chart("roc", "ROC curve", figure, "The further a line bends to the upper left, the better.")
    if data.precision_recall:
        figure = framed("Found (recall)", "Right when it says yes (precision)")
        _lines(figure, {name: _from(curve, 0.005) for name, curve in data.precision_recall.items()}, best)
        if table.base_rate is not None:
            figure.add_hline(y=table.base_rate, line={"color": GREY, "dash": "dot"})
        _percent(figure, "xy")
        rate = words.percent(table.base_rate)
        yield Chart(
            "pr",
            "Precision and recall",
            figure,
            f"Guessing reaches the dotted line, the base rate of {rate}.",
        )
    if data.calibration:
        figure = framed("Predicted probability", "What happened (share)")
        _diagonal(figure, "As predicted", _top(data.calibration))
        _lines(figure, data.calibration, best, mode="lines+markers")
        _percent(figure, "xy")
        yield Chart(
            "calibration",
            "Calibration",
            figure,
            "On the dotted line, 10 % predicted means 10 of 100 happened.",
        )
    if data.confusion:
        counts = data.confusion
        grid = [[counts.true_negative, counts.false_positive], [counts.false_negative, counts.true_positive]]
        yield Chart(
            "confusion",
            "Right and wrong answers",
            _confusion(grid),
            f"Counts on the test rows where {words.percent(counts.threshold)} or more says yes.",
        )
    if data.gain:
        figure = framed("Visits contacted, best scores first", "Of all goals, reached")
        _diagonal(figure, "At random")
        _lines(figure, data.gain, best)
        _percent(figure, "xy")
        yield Chart("gain", "Gain", figure, "How much of the goal the best-scored visits hold.")
    if data.lift:
        figure = framed("Visits contacted, best scores first", "Times the base rate")
        _lines(figure, {name: _from(curve, 0.005) for name, curve in data.lift.items()}, best)
        figure.add_hline(y=1, line={"color": GREY, "dash": "dot"})
        _percent(figure, "x")
        figure.update_yaxes(ticksuffix="×", rangemode="tozero")
        yield Chart("lift", "Lift", figure, "How many times more often than at random the goal is reached.")


def _amounts(table: Table, currency: str | None) -> Iterator[Chart]:
    data, unit = table.pictures, f" ({currency})" if currency else ""
    if data.predicted_actual:
        figure = framed(f"Predicted{unit}", f"Actual{unit}")
        top = max(_top({"a": c}) for c in data.predicted_actual.values())
        _diagonal(figure, "As predicted", top)
        _dots(figure, data.predicted_actual)
        yield Chart(
            "predicted",
            "Predicted and actual",
            figure,
            "Each point is one test row; most visits spend nothing.",
        )
    if data.residuals:
        figure = framed(f"Predicted{unit}", f"Actual less predicted{unit}")
        figure.add_hline(y=0, line={"color": GREY, "dash": "dot"})
        _dots(figure, data.residuals)
        yield Chart("residuals", "What the forecast missed", figure, "On the dotted line nothing was missed.")


def _others(table: Table) -> Iterator[Chart]:
    metric, name = _quality(table)
    if table.task == "next_item" and table.rows:
        yield Chart(
            "recommenders", "Models side by side", _recommenders(table),
            "MRR@20 is one over the place of the item looked at next, Recall@20 how often it is among the "
            "first 20; lines are 95 % intervals.",
        )  # fmt: skip
    slices = [s for s in table.per_k if s.metrics.get(metric) is not None]
    if len(slices) > 1:
        step = step_word(table)
        yield Chart(
            "clicks",
            f"By {step}s seen",
            _by_clicks(slices, metric, name, step),
            f"{name} when only the first {step}s are known; lines are 95 % intervals.",
        )
    if table.pictures.importance:
        yield Chart(
            "importance", "What the model relies on", _importance(table),
            f"How much worse the model gets when one column is shuffled{_measured(table)}; the longest bars "
            "matter most.",
        )  # fmt: skip
    if table.pictures.silhouette:
        yield Chart(
            "silhouette", "Silhouette", _silhouette(table),
            "Each line is a segment, its visits from the clearest to the least clear; below 0 they sit "
            "closer to another segment.",
        )  # fmt: skip


def _lines(figure: go.Figure, curves: Mapping[str, Curve], champion: str | None, mode: str = "lines") -> None:
    names = sorted(curves, key=lambda name: name != champion)
    for i, name in reversed(list(enumerate(names))):
        chosen = champion in (None, name)
        figure.add_scatter(
            x=curves[name].x,
            y=curves[name].y,
            mode=mode,
            name=f"★ {readable(name)}" if name == champion else readable(name),
            line={
                "color": PALETTE[i % len(PALETTE)],
                "width": 3.2 if chosen else 1.4,
                "dash": DASHES[i % len(DASHES)],
            },
            marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 8 if chosen else 5},
            opacity=1.0 if chosen else 0.75,
            legendrank=i + 1,
            visible=True if i < 2 else "legendonly",
        )
    figure.update_layout(height=390, legend={"entrywidthmode": "fraction", "entrywidth": 0.5})


def _dots(figure: go.Figure, clouds: Mapping[str, Curve]) -> None:
    for i, (name, cloud) in enumerate(clouds.items()):
        figure.add_scatter(
            x=cloud.x, y=cloud.y, mode="markers", name=readable(name),
            marker={"color": PALETTE[i % len(PALETTE)], "opacity": 0.5, "size": 6, "symbol": SYMBOLS[i % 8]},
        )  # fmt: skip
    figure.update_xaxes(tickformat=",~r")
    figure.update_yaxes(tickformat=",~r")


def _diagonal(figure: go.Figure, name: str, top: float = 1.0) -> None:
    figure.add_scatter(
        x=[0, top], y=[0, top], mode="lines", name=name, hoverinfo="skip",
        line={"color": GREY, "dash": "dot", "width": 1.4}, legendrank=99,
    )  # fmt: skip


def _percent(figure: go.Figure, which: str) -> None:
    if "x" in which:
        figure.update_xaxes(tickformat=".0%")
    if "y" in which:
        figure.update_yaxes(tickformat=".0%")
    figure.update_traces(hovertemplate="%{x:.1%}, %{y:.1%}", selector={"mode": "lines"})


def _top(curves: Mapping[str, Curve]) -> float:
    return max((v for c in curves.values() for v in (*c.x, *c.y) if v is not None), default=1.0)


def _from(curve: Curve, start: float) -> Curve:
    kept = [i for i, x in enumerate(curve.x) if x is not None and x >= start]
    return Curve(x=[curve.x[i] for i in kept], y=[curve.y[i] for i in kept])


def _confusion(grid: list[list[int]]) -> go.Figure:
    total = sum(map(sum, grid)) or 1
    text = [[f"{n:,}<br>{words.percent(n / total)}" for n in row] for row in grid]
    figure = framed("The model says", "What happened")
    shares = [[n / max(sum(row), 1) for n in row] for row in grid]
    figure.add_heatmap(
        z=shares, x=["no", "yes"], y=["no", "yes"], text=text, texttemplate="%{text}", zmin=0, zmax=1,
        colorscale=[[0, "rgba(1,115,178,0.08)"], [1, "rgba(1,115,178,0.65)"]], showscale=False,
        hovertemplate="says %{x}, was %{y}: %{text}<extra></extra>", textfont={"size": 15, "color": ink()},
    )  # fmt: skip
    return figure


def _recommenders(table: Table) -> go.Figure:
    ordered = sorted(table.rows, key=lambda row: row.metrics.get(SHOWN[0][0]) or 0.0)
    figure = framed("1 is perfect", "", height=160 + 34 * len(ordered))
    names = [f"★ {readable(row.model)}" if row.champion else readable(row.model) for row in ordered]
    for i, (metric, _) in enumerate(SHOWN):
        values = [(row.metrics.get(metric), row.intervals.get(metric)) for row in ordered]
        known = [(v, None if b is None or None in b else (b[0] or 0.0, b[1] or 0.0)) for v, b in values]
        figure.add_scatter(
            x=[value for value, _ in values], y=names, mode="markers", name=metric_name(metric),
            marker={"size": 10, "color": PALETTE[i], "symbol": SYMBOLS[i]}, error_x=_error_bars(known),
            hovertemplate="%{y}: %{x:.3f}",
        )  # fmt: skip
    figure.update_xaxes(range=[0, 1])
    return figure


def _by_clicks(slices: list[SliceRow], metric: str, name: str, step: str) -> go.Figure:
    figure = framed(f"{step.capitalize()}s seen so far", name)
    values = [s.metrics[metric] or 0.0 for s in slices]
    bounds = [s.intervals.get(metric, (v, v)) for s, v in zip(slices, values, strict=True)]
    figure.add_scatter(
        x=[s.slice.removeprefix("k=") for s in slices],
        y=values,
        mode="lines+markers",
        line={"color": BLUE, "width": 2.5},
        marker={"size": 9},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [(high or v) - v for v, (_, high) in zip(values, bounds, strict=True)],
            "arrayminus": [v - (low or v) for v, (low, _) in zip(values, bounds, strict=True)],
            "color": GREY,
        },
        customdata=[s.n for s in slices],
        hovertemplate="after %{x}: %{y:.3f}<br>%{customdata:,} test rows<extra></extra>",
    )
    figure.update_xaxes(type="category")
    return figure


def _measured(table: Table) -> str:
    """Return the unit of the bars in brackets; empty where the report does not tell it."""
    unit = (table.pictures.importance_unit or "").removesuffix(" when shuffled")
    told = unit.replace("rmse_log1p", metric_name("rmse_log1p")).replace("1 - ", "1 − ")
    return f" ({told})" if told else ""


def _importance(table: Table) -> go.Figure:
    found = [i for i in table.pictures.importance if i.value is not None and i.value > 0]
    shown = sorted(found, key=lambda i: i.value or 0.0)[-MOST_COLUMNS:]
    # Beside long column names a phone leaves the title about twenty letters a line.
    figure = framed("How much worse<br>without it", "", height=140 + 27 * len(shown))
    figure.add_bar(
        orientation="h",
        y=[words.wrapped(words.column(i.feature), 30) for i in shown],
        x=[i.value for i in shown],
        marker_color=BLUE,
        hovertemplate="%{y}<br>%{x:.4f}<extra></extra>",
    )
    return figure


def _silhouette(table: Table) -> go.Figure:
    figure = framed("Visits of the segment, clearest first", "Silhouette")
    for i, (name, curve) in enumerate(table.pictures.silhouette.items()):
        n = max(len(curve.y) - 1, 1)
        figure.add_scatter(
            x=[position / n for position in range(len(curve.y))], y=curve.y, mode="lines", name=name,
            line={"color": PALETTE[i % len(PALETTE)], "dash": DASHES[i % len(DASHES)], "width": 2.5},
            hovertemplate="%{y:.2f}",
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": ORANGE, "dash": "dot"})
    figure.update_xaxes(tickformat=".0%")
    return figure
