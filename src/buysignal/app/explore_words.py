"""How the Explore page writes figures, names and what pointing at a chart says."""

from __future__ import annotations

import html
import textwrap
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from buysignal.app import words
from buysignal.explore import Chart, Format

LONGEST_LABEL = 26
LONGEST_TICK, SHORTEST_TICK = 16, 3
"""Letters of a name under a column; short ones, such as hours, may be left out where it is narrow."""

MOST_WRITTEN_COLUMNS = 8
"""Columns up to which a name under one has two lines and a cell has its figure."""

TICKS: dict[Format, str | None] = {
    "count": ",d", "number": ",.3~r", "share": ".0%", "money": ",.0f", "seconds": ",d", "date": None,
    "text": None,
}  # fmt: skip
POINTED: dict[Format, str] = {
    "count": ",d", "number": ",.4~r", "share": ".1%", "money": ",.2f", "seconds": ",.0f",
    "date": "%a %d %b %Y", "text": "",
}  # fmt: skip


def form_of(form: Format, values: pd.Series) -> Format:
    """Return the format, or for numbers without one the plain one of their kind."""
    if form != "text" or not pd.api.types.is_numeric_dtype(values):
        return form
    return "count" if pd.api.types.is_integer_dtype(values) else "number"


def ticks(figure: go.Figure, axis: str, form: Format, values: pd.Series) -> None:
    """Write an axis in its format, with decimals only where all values are small."""
    form = form_of(form, values)
    shown = TICKS[form]
    if form == "share" and float(values.abs().max()) < 0.05:
        shown = ".1%"
    if form == "money" and float(values.abs().max()) < 5:
        shown = ",.2f"
    figure.update_layout({f"{axis}axis": {"tickformat": shown}})


def beside(values: pd.Series, form: Format, chart: Chart, rows: pd.DataFrame | None = None) -> list[str]:
    """Return what stands beside each bar: its figure, and its share where the chart has one."""
    form = form_of(form, values)
    figures = [written(value, form, chart.currency) for value in values]
    share = next((c for c in chart.labels if c in ("share", f"share of {chart.x}")), None)
    if rows is None or share is None or form == "share":
        return figures
    return [f"{text} ({words.percent(float(part))})" for text, part in zip(figures, rows[share], strict=True)]


def written(value: float, form: Format, currency: str | None = None) -> str:
    """Return a figure as people write it.

    >>> written(1234, "count"), written(0.0312, "share"), written(12.5, "money", "EUR")
    ('1,234', '3.1 %', '12.50 EUR')
    """
    if pd.isna(value):
        return ""
    if form == "share":
        return words.percent(float(value))
    if form == "money":
        return words.money(float(value), currency)
    return f"{value:,.0f}" if form in ("count", "seconds") else f"{value:,.4g}"


def customdata(chart: Chart, rows: pd.DataFrame) -> Any:
    """Return what pointing at a bar may tell besides its figure, shape (rows, labels)."""
    return rows[list(chart.labels)].to_numpy(dtype=object) if chart.labels else None


def hover(chart: Chart, head: str, axis: str) -> str:
    """Return what pointing at a bar or point says: where, how much, and the chart's labels."""
    asked, column = (chart.y_format, chart.y) if axis == "y" else (chart.x_format, chart.x)
    form = form_of(asked, chart.data[column])
    unit = f" {chart.currency}" if form == "money" and chart.currency else ""
    lines = [head, f"{said(column)}: %{{{axis}:{POINTED[form]}}}{unit}"]
    for i, label in enumerate(chart.labels):
        lines.append(f"{said(label)}: %{{customdata[{i}]{label_format(chart.data[label])}}}")
    if chart.series is not None:
        lines.insert(0, "%{fullData.name}")
    return "<br>".join(lines) + "<extra></extra>"


def label_format(values: pd.Series) -> str:
    """Return how pointing at a bar writes a label's values."""
    if not pd.api.types.is_numeric_dtype(values):
        return ""
    if pd.api.types.is_integer_dtype(values):
        return ":,d"
    return ":.1%" if float(values.abs().max()) <= 1 else ":,.4~r"


def short(names: list[str]) -> dict[str, Any]:
    """Return tick labels that fit under a column; pointing at it tells a whole name."""
    if len(names) > MOST_WRITTEN_COLUMNS and max(map(len, names)) <= SHORTEST_TICK:
        return {}
    few = len(names) <= MOST_WRITTEN_COLUMNS
    shown = [wrapped(name, 12) if few else cut(name, LONGEST_TICK) for name in names]
    return {"tickvals": names, "ticktext": shown}


def cut(text: str, longest: int) -> str:
    """Return a name no longer than ``longest`` letters."""
    plain = html.unescape(text)
    return text if len(plain) <= longest else escaped(f"{plain[: longest - 1].rstrip()}…")


def wrapped(text: str, width: int = LONGEST_LABEL) -> str:
    """Return a name in at most about two lines."""
    lines = textwrap.wrap(html.unescape(cut(text, 2 * width)), width)
    return "<br>".join(map(escaped, lines))


def texts(values: pd.Series) -> list[str]:
    """Return names as labels of an axis."""
    return [escaped(value) for value in values]


def escaped(value: object) -> str:
    """Return a name from the data so that no part of it is read as markup."""
    return html.escape(str(value), quote=False)


def said(column: str) -> str:
    """Return a column's name in words."""
    return escaped(column.replace("_", " "))


def series(chart: Chart) -> list[tuple[str, pd.DataFrame]]:
    """Return name and rows of each colour; one without a name where there is a single one."""
    if chart.series is None:
        return [("", chart.data)]
    names = chart.data[chart.series].drop_duplicates()
    return [(escaped(name), chart.data[chart.data[chart.series] == name]) for name in names]
