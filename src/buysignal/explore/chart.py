"""A chart as data: what is drawn, in which columns, with which units, and the sentence that says it.

Every drawer (the report page's, the app's) draws from this alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

Kind = Literal["bar", "barh", "stacked", "histogram", "line", "heatmap", "funnel", "sankey"]
"""How ``data`` is drawn; rows are drawn in their order, the first one leftmost or topmost.

- ``bar``, ``stacked``: ``x`` text, ``y`` number, one colour per value of ``series`` where it is given;
- ``barh``: ``y`` text, ``x`` number, ``series`` as above;
- ``histogram``: a bar from ``x`` to ``x_end``, ``y`` high; ``x_log`` where the steps grow;
- ``line``: ``x`` date or number, ``y`` number, one line per ``series``;
- ``heatmap``: ``x`` and ``y`` text, coloured by ``value``; a cell that is not there is empty;
- ``funnel``: ``y`` the step, ``x`` how many reach it;
- ``sankey``: ``value`` visits flow from ``x`` to ``y``; the names of nodes start with their step.
"""

Format = Literal["count", "number", "share", "money", "seconds", "date", "text"]
"""``share`` is from 0 to 1 and written as percent; ``money`` is in the chart's currency."""


@dataclass(frozen=True, eq=False)
class Chart:
    """One chart.

    Attributes:
        key: unique in an exploration, and safe as the name of a file.
        section: key of the section it stands in.
        title: what it is about, without figures.
        sentence: what it shows, with this data's figures.
        data: what is drawn, and what the CSV download holds: one row per bar, point, cell or flow.
        x, y: the columns of ``data`` on the axes.
        series: the column that tells colours apart, if any.
        value: the column of a heatmap's colour or a flow's width.
        x_end: histogram: the column with the end of each bar.
        x_title, y_title, value_title: with their units.
        currency: of amounts, such as EUR; None where there are none or nothing says it.
        proxy: name of the proxy where the chart shows one; it is never a purchase.
        simulated: whether the data says of itself that it is simulated.
        x_log: whether the axis is logarithmic.
        diverging: whether a heatmap's values lie on both sides of 0, from -1 to 1.
        labels: further columns of ``data`` worth showing beside a bar or when pointing at it.
    """

    key: str
    section: str
    title: str
    sentence: str
    kind: Kind
    data: pd.DataFrame
    x: str
    y: str
    series: str | None = None
    value: str | None = None
    x_end: str | None = None
    x_title: str = ""
    y_title: str = ""
    value_title: str = ""
    x_format: Format = "text"
    y_format: Format = "count"
    value_format: Format = "count"
    currency: str | None = None
    proxy: str | None = None
    simulated: bool = False
    x_log: bool = False
    diverging: bool = False
    labels: tuple[str, ...] = field(default=())

    @property
    def marks(self) -> tuple[str, ...]:
        """What must stand beside the chart wherever it is shown: simulated, and the proxy's name."""
        marks = ("simulated data",) if self.simulated else ()
        return (*marks, f"proxy: {self.proxy}") if self.proxy else marks
