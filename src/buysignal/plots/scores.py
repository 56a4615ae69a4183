"""Pictures of scores: ROC, precision-recall, calibration, lift, gain, confusion matrix, per click."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from buysignal.plots.style import (
    FAINT,
    INK,
    PALETTE,
    SMALL,
    TEXT,
    Caption,
    blank,
    champion_first,
    finish,
    in_percent,
    legend,
    numbers,
)
from buysignal.report import Confusion, Curve, SliceRow
from buysignal.wording import readable, share_text

Curves = dict[str, Curve]

FEW = 0.005
"""Share of a curve's beginning that is not drawn: a handful of rows says nothing."""


def roc_curve(curves: Curves, *, champion: str | None = None, caption: Caption | None = None) -> Figure:
    """Draw false positive rate against true positive rate, one line a model."""
    figure, axes = blank("False positive rate (others scored as high)", "True positive rate (found)", "ROC")
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="Guessing")
    _lines(axes, curves, champion)
    in_percent(axes)
    legend(axes, loc="lower right")
    return finish(figure, caption)


def precision_recall_curve(
    curves: Curves,
    *,
    base_rate: float | None = None,
    champion: str | None = None,
    caption: Caption | None = None,
) -> Figure:
    """Draw recall against precision, one line a model; the base rate is what guessing reaches.

    The first half percent of the recall is left out.
    """
    figure, axes = blank(
        "Recall (share of positives found)", "Precision (share right)", "Precision and recall"
    )
    if base_rate is not None:
        axes.axhline(
            base_rate, color=FAINT, linewidth=1, linestyle=":", label=f"Base rate {share_text(base_rate)}"
        )
    for _, curve, style in champion_first(curves, champion):
        x, y = np.array(numbers(curve.x)), np.array(numbers(curve.y))
        axes.plot(x[x >= FEW], y[x >= FEW], **style)
    axes.set_ylim(-0.02, 1.04)
    in_percent(axes)
    legend(axes, loc="best")
    return finish(figure, caption)


def calibration_curve(
    curves: Curves, *, champion: str | None = None, caption: Caption | None = None
) -> Figure:
    """Draw predicted against observed share in bins of equal size: on the diagonal, scores are true."""
    figure, axes = blank("Predicted probability", "Observed share", "Calibration")
    tops = [v for c in curves.values() for v in (*numbers(c.x), *numbers(c.y))]
    top = min(1.0, 1.08 * float(np.nanmax(tops))) if tops else 1.0
    axes.plot([0, top], [0, top], color=FAINT, linewidth=1, linestyle=":", label="Perfect")
    for _, curve, style in champion_first(curves, champion):
        axes.plot(numbers(curve.x), numbers(curve.y), marker="o", markersize=3.5, **style)
    in_percent(axes)
    legend(axes, loc="upper left")
    return finish(figure, caption)


def gain_curve(curves: Curves, *, champion: str | None = None, caption: Caption | None = None) -> Figure:
    """Draw the share of rows addressed, best first, against the share of positives among them."""
    figure, axes = blank("Share of rows, best scores first", "Share of positives reached", "Gain")
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="Guessing")
    _lines(axes, curves, champion)
    in_percent(axes)
    legend(axes, loc="lower right")
    return finish(figure, caption)


def lift_curve(curves: Curves, *, champion: str | None = None, caption: Caption | None = None) -> Figure:
    """Draw the share of rows addressed against how many times the base rate is found there.

    The first half percent of the rows is left out.
    """
    figure, axes = blank("Share of rows, best scores first", "Lift (times the base rate)", "Lift")
    axes.axhline(1, color=FAINT, linewidth=1, linestyle=":", label="Guessing")
    for _, curve, style in champion_first(curves, champion):
        x, y = np.array(numbers(curve.x)), np.array(numbers(curve.y))
        axes.plot(x[x >= FEW], y[x >= FEW], **style)
    axes.set_ylim(0, 1.25 * axes.get_ylim()[1])
    axes.yaxis.set_major_formatter("{x:g}×")
    in_percent(axes, "x")
    legend(axes, loc="upper right", ncols=2)
    return finish(figure, caption)


def confusion_matrix(confusion: Confusion, *, caption: Caption | None = None) -> Figure:
    """Draw the four counts with their share of each true class."""
    figure, axes = blank("The model says", "What happened", "Confusion matrix")
    counts = np.array(
        [
            [confusion.true_negative, confusion.false_positive],
            [confusion.false_negative, confusion.true_positive],
        ]
    )
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.grid(visible=False)
    for i, j in np.ndindex(2, 2):
        right = i == j
        colour = PALETTE[0] if right else PALETTE[1]
        axes.fill_between(
            [j - 0.48, j + 0.48], i - 0.48, i + 0.48, color=colour, alpha=0.12 + 0.4 * shares[i, j]
        )
        axes.text(
            j, i - 0.08, f"{counts[i, j]:,}", ha="center", fontsize=TEXT + 5, color=INK, fontweight="bold"
        )
        said = "right" if right else "wrong"
        axes.text(
            j,
            i + 0.2,
            f"{share_text(shares[i, j])} of these, {said}",
            ha="center",
            fontsize=SMALL + 0.5,
            color=INK,
        )
    axes.set_xticks([0, 1], ["no", "yes"])
    axes.set_yticks([0, 1], ["no", "yes"])
    axes.set_xlim(-0.5, 1.5)
    axes.set_ylim(1.5, -0.5)
    if confusion.threshold is not None:
        axes.set_xlabel(
            f"The model says (yes from a score of {confusion.threshold:.3g})", fontsize=TEXT, color=INK
        )
    return finish(figure, caption)


def per_k_curve(
    slices: Sequence[SliceRow], metric: str, *, step: str = "click", caption: Caption | None = None
) -> Figure:
    """Draw a metric against the clicks seen so far, with its interval; slices are named ``k=3``."""
    rows = [(int(s.slice.removeprefix("k=")), s) for s in slices if s.slice.startswith("k=")]
    rows = [(k, s) for k, s in sorted(rows, key=lambda row: row[0]) if s.metrics.get(metric) is not None]
    name = METRIC_NAMES.get(metric, readable(metric))
    figure, axes = blank(f"{step.capitalize()}s seen so far", name, f"{name} as the visit goes on")
    ks = [k for k, _ in rows]
    values = numbers([s.metrics[metric] for _, s in rows])
    bounds = [s.intervals.get(metric, (None, None)) for _, s in rows]
    low, high = numbers([b[0] for b in bounds]), numbers([b[1] for b in bounds])
    if np.isfinite(low).any():
        axes.fill_between(ks, low, high, color=PALETTE[0], alpha=0.18, linewidth=0, label="95 % interval")
    axes.plot(ks, values, color=PALETTE[0], linewidth=2.2, marker="o", markersize=5, label=name)
    if metric == "roc_auc":
        axes.axhline(0.5, color=FAINT, linewidth=1, linestyle=":", label="Guessing")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xticks(ks)
    legend(axes, loc="best")
    return finish(figure, caption)


METRIC_NAMES = {
    "roc_auc": "ROC-AUC",
    "average_precision": "Average precision",
    "rmse_log1p": "RMSE of log1p",
    "r2": "R²",
    "f1": "F1",
    "mae": "MAE",
    "mse": "MSE",
    "rmse": "RMSE",
    "ece": "ECE",
    "lift_at_1pct": "Lift at 1 %",
    "lift_at_5pct": "Lift at 5 %",
    "lift_at_10pct": "Lift at 10 %",
    "total_error_pct": "Error of the total",
    "davies_bouldin": "Davies–Bouldin",
    "recall_at_5": "Recall@5",
    "recall_at_10": "Recall@10",
    "recall_at_20": "Recall@20",
    "mrr_at_20": "MRR@20",
    "ndcg_at_20": "NDCG@20",
    "brier": "Brier score",
}
"""Names of metrics for people, where more than a capital letter changes."""


def _lines(axes: Axes, curves: Curves, champion: str | None) -> None:
    for _, curve, style in champion_first(curves, champion):
        axes.plot(numbers(curve.x), numbers(curve.y), **style)
