"""Which columns a model leans on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from matplotlib.figure import Figure

from buysignal.plots.scores import METRIC_NAMES
from buysignal.plots.style import PALETTE, SMALL, Caption, blank, finish, numbers
from buysignal.report import Importance

SHOWN = 12


def importance(
    ranked: Sequence[Importance], *, unit: str | None = None, caption: Caption | None = None
) -> Figure:
    """Draw the most important columns, the largest on top (permutation importance, Breiman 2001)."""
    figure, axes = blank(_unit(unit), "", "What the model looks at")
    shown = sorted(ranked, key=lambda one: -(one.value or 0.0))[:SHOWN][::-1]
    axes.barh(
        [_short(one.feature) for one in shown],
        numbers([one.value for one in shown]),
        color=PALETTE[0],
        height=0.7,
    )
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", labelsize=SMALL)
    return finish(figure, caption)


def _unit(unit: str | None) -> str:
    text = (unit or "loss when shuffled").replace("rise of 1 - ", "loss of ")
    for metric, name in METRIC_NAMES.items():
        text = re.sub(rf"\b{metric}\b", name, text)
    return text[:1].upper() + text[1:]


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"
