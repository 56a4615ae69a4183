"""Flows between the steps of visits: nodes as bars, streams between them as bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from buysignal.explore.chart import Chart
from buysignal.explore.labels import short
from buysignal.explore.places import EXIT
from buysignal.plots.style import FAINT, INK, PALETTE, SMALL

NODE = 0.035
"""Width of a node; steps are one apart."""

GAP = 0.025
"""Between the nodes of a step, as a share of the height."""

LEAST_NAMED = 0.022
"""Height from which a node has its name beside it."""


@dataclass
class _Node:
    """A state in a step; ``left`` and ``arrived`` say up to where streams already touch it."""

    step: int
    name: str
    colour: str
    low: float
    size: float
    left: float
    arrived: float


def draw_flow(chart: Chart, axes: Axes) -> None:
    """Draw the flows step by step, the broadest node of each step on top and the exit below."""
    starts, ends = (chart.data[column].astype(str).tolist() for column in (chart.x, chart.y))
    visits = [float(n) for n in chart.data[str(chart.value)]]
    nodes, scale = _nodes(_total(ends, visits) | _total(starts, visits))
    flows = [(nodes[a], nodes[b], scale * n) for a, b, n in zip(starts, ends, visits, strict=True)]
    for start, end, height in sorted(flows, key=lambda f: (f[0].step, f[0].low, f[1].low)):
        _stream(axes, start, end, height)
    for node in nodes.values():
        axes.add_patch(Rectangle((node.step, node.low), NODE, node.size, facecolor=node.colour, linewidth=0))
        if node.size >= LEAST_NAMED:
            axes.text(
                node.step + NODE + 0.015, node.low + node.size / 2, short(node.name, 20), va="center",
                fontsize=SMALL, color=INK,
            )  # fmt: skip
    steps = sorted({node.step for node in nodes.values()})
    axes.set_xticks([step + NODE / 2 for step in steps], [f"Step {step}" for step in steps])
    axes.set_yticks([])
    axes.set_xlim(steps[0] - 0.02, steps[-1] + 0.45)
    axes.set_ylim(1 + GAP, -GAP)
    axes.grid(visible=False)


def _total(labels: list[str], visits: list[float]) -> dict[str, float]:
    totals = dict.fromkeys(labels, 0.0)
    for label, n in zip(labels, visits, strict=True):
        totals[label] += n
    return totals


def _nodes(sizes: dict[str, float]) -> tuple[dict[str, _Node], float]:
    """Return the nodes, each step's stacked from the top, and the height of one visit.

    The keys of ``sizes`` start with their step: ``"1. item viewed"``.
    """
    parts = {label: (int(label.split(". ", 1)[0]), label.split(". ", 1)[1]) for label in sizes}
    steps = [step for step, _ in parts.values()]
    broadest = max(sum(n for label, n in sizes.items() if parts[label][0] == step) for step in set(steps))
    scale = (1 - GAP * (max(steps.count(step) for step in steps) - 1)) / max(broadest, 1)
    names = sorted({name for _, name in parts.values() if name != EXIT})
    nodes: dict[str, _Node] = {}
    low = dict.fromkeys(steps, 0.0)
    for label in sorted(sizes, key=lambda key: (parts[key][1] == EXIT, -sizes[key])):
        step, name = parts[label]
        colour = FAINT if name == EXIT else PALETTE[names.index(name) % (len(PALETTE) - 1)]
        at, size = low[step], scale * sizes[label]
        nodes[label] = _Node(step, name, colour, at, size, left=at, arrived=at)
        low[step] += size + GAP
    return nodes, scale


def _stream(axes: Axes, start: _Node, end: _Node, height: float) -> None:
    """Draw one band below those that leave and arrive already."""
    x0, x1 = start.step + NODE, float(end.step)
    middle = (x0 + x1) / 2
    a, b = start.left, end.arrived
    start.left += height
    end.arrived += height
    points = [
        (x0, a), (middle, a), (middle, b), (x1, b),
        (x1, b + height), (middle, b + height), (middle, a + height), (x0, a + height), (x0, a),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    colour = FAINT if end.name == EXIT else start.colour
    axes.add_patch(PathPatch(Path(np.array(points), codes), facecolor=colour, alpha=0.3, linewidth=0))
