"""How every picture looks: one size, one palette for all eyes, axis titles, and the caption underneath.

Figures are made without pyplot and without global settings, so that a web server may draw many at
once.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from buysignal.report import Curve, Report, Table
from buysignal.wording import answers_goal, base_name, goal_sentence, readable, share_text

INK, FAINT, GRID = "#1f2933", "#6b7885", "#d5dbe1"
"""Text, secondary text and lines. The HTML report swaps them in the dark."""

PALETTE = (
    "#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#56b4e9", "#ca9161", "#fbafe4", "#949494",
)  # fmt: skip
"""Seaborn's palette "colorblind" (after Wong 2011) without its pale yellow; written out, because
importing seaborn takes a second and brings pyplot with its global state."""

DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1.2, 1.5)))
"""Lines differ in dash as well as in colour."""

SIZE_INCHES = (4.3, 3.4)
TEXT, SMALL = 9.0, 7.5


@dataclass(frozen=True)
class Caption:
    """What must stand under every picture: goal, split, base rate."""

    goal: str
    proxy: str | None
    split: str
    base_rate: float | None = None
    base_name: str = "base rate"
    n_test: int | None = None
    simulated: bool = False

    @property
    def text(self) -> str:
        """One line; a proxy says so first, and simulated data too."""
        parts = [f"proxy: {self.proxy}" if self.proxy else "", f"goal: {self.goal}", f"split: {self.split}"]
        if self.n_test is not None:
            parts.append(f"{self.n_test:,} test rows")
        if self.base_rate is not None:
            parts.append(f"{self.base_name} {share_text(self.base_rate)}")
        if self.simulated:
            parts.insert(0, "simulated data")
        return " · ".join(part for part in parts if part)


def caption_of(report: Report, table: Table) -> Caption:
    """Return the caption of the pictures of ``table``."""
    goal = table.goal or report.goal
    return Caption(
        goal=goal_sentence(goal, table),
        proxy=goal.name if goal.proxy and answers_goal(table) else None,
        split=table.split,
        base_rate=table.base_rate if table.task in ("conversion", "revenue") else None,
        base_name=base_name(table),
        n_test=table.n_test,
        simulated=report.dataset.simulated,
    )


def blank(x: str, y: str, title: str) -> tuple[Figure, Axes]:
    """Return an empty figure with titled axes in the common style."""
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x, fontsize=TEXT, color=INK)
    axes.set_ylabel(y, fontsize=TEXT, color=INK)
    axes.set_title(title, fontsize=TEXT + 1.5, color=INK, loc="left", fontweight="bold", pad=8)
    axes.tick_params(labelsize=SMALL + 0.5, colors=FAINT, length=0)
    axes.grid(visible=True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_facecolor("none")
    figure.patch.set_facecolor("white")
    for side in axes.spines.values():
        side.set_visible(False)
    return figure, axes


def finish(figure: Figure, caption: Caption | None) -> Figure:
    """Write the caption under the figure and return it."""
    if caption is not None:
        lines = "\n".join(textwrap.wrap(caption.text, 84))
        figure.supxlabel(lines, fontsize=SMALL - 0.5, color=FAINT, x=0.01, ha="left", linespacing=1.3)
    return figure


def legend(axes: Axes, **where: Any) -> None:
    """Write the legend without a frame."""
    axes.legend(fontsize=SMALL, labelcolor=INK, frameon=False, handlelength=2.6, **where)


def in_percent(axes: Axes, which: str = "xy") -> None:
    """Write axis ticks of shares as percent."""
    if "x" in which:
        axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=None))
    if "y" in which:
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=None))


def champion_first(
    curves: dict[str, Curve], champion: str | None
) -> Iterator[tuple[str, Curve, dict[str, Any]]]:
    """Yield name, curve and line style; the champion is first, thicker and named as chosen."""
    names: Sequence[str] = sorted(curves, key=lambda name: name != champion)
    for i, name in enumerate(names):
        chosen = name == champion
        label = f"{readable(name)} (chosen)" if chosen else readable(name)
        yield (
            name,
            curves[name],
            {
                "label": label,
                "color": PALETTE[i % len(PALETTE)],
                "linestyle": DASHES[i % len(DASHES)],
                "linewidth": 2.4 if chosen else 1.4,
                "zorder": 4 if chosen else 3,
            },
        )


def numbers(values: Sequence[float | None]) -> list[float]:
    """Return values with nulls as NaN, for drawing."""
    return [float("nan") if value is None else value for value in values]
