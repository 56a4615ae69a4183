"""Picture of recommenders: how high each puts the item that was looked at next."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from buysignal.plots.scores import METRIC_NAMES
from buysignal.plots.style import PALETTE, SMALL, Caption, blank, finish, legend
from buysignal.report import Row
from buysignal.wording import readable

SHOWN = (("mrr_at_20", "o"), ("recall_at_20", "D"))
"""The metrics drawn, each with its marker."""


def recommenders(rows: Sequence[Row], *, caption: Caption | None = None) -> Figure:
    """Draw MRR@20 and Recall@20 of each model with 95 % intervals, the best at the top."""
    metric = SHOWN[0][0]
    ordered = sorted(rows, key=lambda row: row.metrics.get(metric) or 0.0)
    figure, axes = blank("1 is perfect", "", "Suggestions by model")
    for i, (name, marker) in enumerate(SHOWN):
        for place, row in enumerate(ordered):
            value = row.metrics.get(name)
            if value is None:
                continue
            low, high = row.intervals.get(name, (None, None))
            errors = [
                [value - (low if low is not None else value)],
                [(high if high is not None else value) - value],
            ]
            axes.errorbar(
                value, place, xerr=errors, marker=marker, markersize=7 if row.champion else 5,
                color=PALETTE[i], linewidth=1.4, linestyle="none",
                label=METRIC_NAMES.get(name, readable(name)) if place == 0 else None,
            )  # fmt: skip
    names = [f"{readable(row.model)} (chosen)" if row.champion else readable(row.model) for row in ordered]
    axes.set_yticks(range(len(names)), names, fontsize=SMALL)
    axes.set_xlim(0, 1)
    legend(axes, loc="lower right")
    return finish(figure, caption)
