"""Pictures, drawn from the report alone, so that report, app and tracking show the same."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from buysignal.plots.amounts import predicted_actual, residuals
from buysignal.plots.features import importance
from buysignal.plots.next_item import recommenders
from buysignal.plots.scores import (
    calibration_curve,
    confusion_matrix,
    gain_curve,
    lift_curve,
    per_k_curve,
    precision_recall_curve,
    roc_curve,
)
from buysignal.plots.segments import segment_map, silhouette
from buysignal.plots.style import Caption, caption_of
from buysignal.report import Report, Table

__all__ = [
    "Caption", "Picture", "calibration_curve", "caption_of", "confusion_matrix", "gain_curve", "importance",
    "lift_curve", "per_k_curve", "pictures_of", "precision_recall_curve", "predicted_actual", "recommenders",
    "residuals", "roc_curve", "segment_map", "silhouette",
]  # fmt: skip


QUALITY_BY_CLICK = {"conversion": "roc_auc", "next_item": "mrr_at_20"}
"""What is drawn against the clicks seen; amounts go by their error."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One finished picture: a short name for files, what it shows in words, and the figure."""

    name: str
    alt: str
    figure: Figure


def pictures_of(report: Report, table: Table, *, captions: bool = True) -> list[Picture]:
    """Return every picture the table has data for; ``captions=False`` where the page writes them."""
    caption = caption_of(report, table) if captions else None
    return [*_scores(table, caption), *_amounts(report, table, caption), *_others(table, caption)]


def _scores(table: Table, caption: Caption | None) -> list[Picture]:
    data, best, found = table.pictures, table.champion, []
    if data.roc:
        drawn = roc_curve(data.roc, champion=best, caption=caption)
        found.append(Picture("roc", "ROC curves: found positives against false alarms", drawn))
    if data.precision_recall:
        drawn = precision_recall_curve(
            data.precision_recall, base_rate=table.base_rate, champion=best, caption=caption
        )
        found.append(Picture("precision_recall", "Precision against recall", drawn))
    if data.calibration:
        drawn = calibration_curve(data.calibration, champion=best, caption=caption)
        found.append(Picture("calibration", "Predicted probability against observed share", drawn))
    if data.confusion:
        drawn = confusion_matrix(data.confusion, caption=caption)
        found.append(Picture("confusion", "Counts of right and wrong answers", drawn))
    if data.lift:
        drawn = lift_curve(data.lift, champion=best, caption=caption)
        found.append(Picture("lift", "Lift over the base rate, best scores first", drawn))
    if data.gain:
        drawn = gain_curve(data.gain, champion=best, caption=caption)
        found.append(Picture("gain", "Share of positives reached, best scores first", drawn))
    return found


def _amounts(report: Report, table: Table, caption: Caption | None) -> list[Picture]:
    data, currency = table.pictures, (table.goal or report.goal).currency
    found = []
    if data.predicted_actual:
        drawn = predicted_actual(data.predicted_actual, currency=currency, caption=caption)
        found.append(Picture("predicted_actual", "Predicted against actual amounts", drawn))
    if data.residuals:
        drawn = residuals(data.residuals, currency=currency, caption=caption)
        found.append(Picture("residuals", "What the predictions missed", drawn))
    return found


def _others(table: Table, caption: Caption | None) -> list[Picture]:
    data, found = table.pictures, []
    metric = QUALITY_BY_CLICK.get(table.task, "rmse_log1p")
    if table.task == "next_item" and table.rows:
        drawn = recommenders(table.rows, caption=caption)
        found.append(Picture("recommenders", "How high each model puts the item looked at next", drawn))
    if sum(s.metrics.get(metric) is not None for s in table.per_k) > 1:
        step = "look" if table.task == "next_item" else "click"
        drawn = per_k_curve(table.per_k, metric, step=step, caption=caption)
        found.append(Picture("per_k", f"Quality against the number of {step}s seen", drawn))
    if data.importance:
        drawn = importance(data.importance, unit=data.importance_unit, caption=caption)
        found.append(Picture("importance", "Columns the model relies on, most important first", drawn))
    if data.segment_map:
        names = {s.segment: s.name for s in table.segments}
        drawn = segment_map(data.segment_map, names=names, axes_titles=data.map_axes, caption=caption)
        found.append(Picture("segments", "Sessions in two dimensions, by segment", drawn))
    if data.silhouette:
        drawn = silhouette(data.silhouette, caption=caption)
        found.append(Picture("silhouette", "How well each segment is set apart", drawn))
    return found
