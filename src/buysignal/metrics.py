"""Metrics as plain functions: each takes weights, so that a bootstrap is one vectorised call.

``weights`` are (b, n): b resamples of n rows, a row's weight being how often it was drawn. One row of
ones is the metric itself. Ties in a score are one step of the curve, never an order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MetricFn = Callable[..., dict[str, Floats]]

CONVERSION = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "ece",
    "lift_at_1pct",
    "lift_at_5pct",
    "lift_at_10pct",
)
REVENUE = ("mae", "mse", "rmse", "r2", "rmse_log1p", "total_error_pct")
SEGMENTS = ("silhouette", "davies_bouldin", "inertia", "stability")

ECE_BINS = 10
_TINY = 1e-7


def conversion_metrics(y: npt.ArrayLike, p: npt.ArrayLike, *, threshold: float = 0.5) -> dict[str, float]:
    """Return every conversion metric of scores ``p`` (n,) for outcomes ``y`` (n,) in {0, 1}.

    ``ece`` is over ten bins of equal mass (Nguyen & O'Connor 2015); ``lift_at_q`` is the share of
    positives among the best-scored q, over the base rate, ties shared out evenly. What needs two
    classes is NaN with one: ``roc_auc``, ``average_precision``, lifts.

    >>> conversion_metrics([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])["roc_auc"]
    0.75
    """
    outcomes = np.asarray(y, dtype=np.float64)
    found = weighted_conversion(outcomes, np.asarray(p, dtype=np.float64), threshold=threshold)
    return {name: float(values[0]) for name, values in found.items()}


def revenue_metrics(
    r: npt.ArrayLike, pred: npt.ArrayLike, pred_log1p: npt.ArrayLike | None = None
) -> dict[str, float]:
    """Return every revenue metric of forecasts ``pred`` (n,) for amounts ``r`` (n,), in currency.

    ``rmse_log1p`` compares log1p(r) with ``pred_log1p`` (log1p of ``pred`` where none is given);
    ``total_error_pct`` is (forecast total - total) / total in percent, NaN where the total is 0.

    >>> revenue_metrics([1.0, 3.0], [1.0, 4.0])["total_error_pct"]
    25.0
    """
    forecast = np.asarray(pred, dtype=np.float64)
    logs = np.log1p(np.maximum(forecast, 0)) if pred_log1p is None else np.asarray(pred_log1p, np.float64)
    found = weighted_revenue(np.asarray(r, dtype=np.float64), forecast, logs)
    return {name: float(values[0]) for name, values in found.items()}


def weighted_conversion(
    y: Floats, p: Floats, *, threshold: float = 0.5, weights: Floats | None = None
) -> dict[str, Floats]:
    """Return each conversion metric as (b,), one value per row of ``weights`` (b, n)."""
    w = np.ones((1, len(y))) if weights is None else weights
    order = np.argsort(-p, kind="stable")
    y, p, w = y[order], p[order], w[:, order]
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            **_at_threshold(y, p, w, threshold),
            **_ranking(y, p, w),
            **_probabilities(y, p, w),
        }


def _at_threshold(y: Floats, p: Floats, w: Floats, threshold: float) -> dict[str, Floats]:
    said = (p >= threshold).astype(np.float64)
    total, positives = w.sum(1), w @ y
    true_positives, predicted = w @ (y * said), w @ said
    precision = np.where(predicted > 0, true_positives / np.where(predicted > 0, predicted, 1), 0.0)
    recall = true_positives / positives
    right = w @ (y == said).astype(np.float64)
    f1 = 2 * true_positives / (predicted + positives)
    return {"accuracy": right / total, "precision": precision, "recall": recall, "f1": f1}


def _ranking(y: Floats, p: Floats, w: Floats) -> dict[str, Floats]:
    """Curves over the distinct scores, best first; all arguments are sorted that way."""
    starts = np.flatnonzero(np.concatenate([[True], p[1:] != p[:-1]])) if len(p) else np.zeros(0, np.int64)
    hits = np.add.reduceat(w * y, starts, axis=1)
    mass = np.add.reduceat(w, starts, axis=1)
    misses = mass - hits
    cum_hits, cum_mass = hits.cumsum(1), mass.cumsum(1)
    positives, negatives = cum_hits[:, -1], misses.sum(1)
    above = cum_hits - hits / 2
    single = (positives == 0) | (negatives == 0)
    auc = np.where(single, np.nan, (misses * above).sum(1) / (positives * negatives))
    precision = np.where(cum_mass > 0, cum_hits / np.where(cum_mass > 0, cum_mass, 1), 0)
    ap = np.where(single, np.nan, (hits * precision).sum(1) / positives)
    found = {"roc_auc": auc, "average_precision": ap}
    for percent in (1, 5, 10):
        lift = _lift(cum_hits, cum_mass, percent / 100)
        found[f"lift_at_{percent}pct"] = np.where(single, np.nan, lift)
    return found


def _lift(cum_hits: Floats, cum_mass: Floats, share: float) -> Floats:
    lifts = np.empty(len(cum_hits))
    for b, (hits, mass) in enumerate(zip(cum_hits, cum_mass, strict=True)):
        wanted = share * mass[-1]
        caught = np.interp(wanted, np.concatenate([[0.0], mass]), np.concatenate([[0.0], hits]))
        lifts[b] = (caught / wanted) / (hits[-1] / mass[-1]) if hits[-1] > 0 else np.nan
    return lifts


def _probabilities(y: Floats, p: Floats, w: Floats) -> dict[str, Floats]:
    total = w.sum(1)
    inside = np.clip(p, _TINY, 1 - _TINY)
    losses = -(y * np.log(inside) + (1 - y) * np.log1p(-inside))
    gaps = np.abs(np.add.reduceat(w * (y - p), _bin_starts(p), axis=1)).sum(1)
    return {"log_loss": w @ losses / total, "brier": w @ (y - p) ** 2 / total, "ece": gaps / total}


def _bin_starts(p_descending: Floats) -> npt.NDArray[np.int64]:
    """First position of each bin of about equal mass; equal scores stay in one bin."""
    n = len(p_descending)
    targets = np.arange(ECE_BINS) * n // ECE_BINS
    return np.unique(np.searchsorted(-p_descending, -p_descending[targets], side="left"))


def weighted_revenue(
    r: Floats, pred: Floats, pred_log1p: Floats, *, weights: Floats | None = None
) -> dict[str, Floats]:
    """Return each revenue metric as (b,), one value per row of ``weights`` (b, n)."""
    w = np.ones((1, len(r))) if weights is None else weights
    n = w.sum(1)
    mse = w @ (r - pred) ** 2 / n
    mean = w @ r / n
    variance = w @ r**2 / n - mean**2
    total, forecast = w @ r, w @ pred
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "mae": w @ np.abs(r - pred) / n,
            "mse": mse,
            "rmse": np.sqrt(mse),
            "r2": np.where(variance > 1e-12 * np.maximum(mean**2, 1e-12), 1 - mse / variance, np.nan),
            "rmse_log1p": np.sqrt(w @ (np.log1p(r) - pred_log1p) ** 2 / n),
            "total_error_pct": np.where(total > 0, 100 * (forecast - total) / total, np.nan),
        }


def bootstrap_intervals(
    metric_fn: MetricFn,
    *arrays: npt.NDArray[np.generic],
    groups: npt.NDArray[np.int64],
    seed: int = 0,
    n: int = 200,
    level: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Return percentile intervals of every metric, resampling whole groups with replacement.

    ``metric_fn(*arrays, weights=w)`` returns (b,) per metric for ``w`` (b, rows). Rows of one visitor
    are not independent, so visitors are drawn, not rows (Davison & Hinkley 1997, section 3.8).
    A metric that is undefined in most resamples is left out.
    """
    drawn: dict[str, list[Floats]] = {}
    codes, code = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(seed)
    chunk = max(1, min(n, 2_000_000 // max(len(code), 1)))
    for start in range(0, n, chunk):
        size = min(chunk, n - start)
        counts = np.stack(
            [
                np.bincount(rng.integers(len(codes), size=len(codes)), minlength=len(codes))
                for _ in range(size)
            ]
        )
        for name, values in metric_fn(*arrays, weights=counts[:, code].astype(np.float64)).items():
            drawn.setdefault(name, []).append(values)
    intervals = {}
    for name, parts in drawn.items():
        values = np.concatenate(parts)
        values = values[np.isfinite(values)]
        if len(values) * 2 > n:
            low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
            intervals[name] = (float(low), float(high))
    return intervals


def best_threshold(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Return the score from which saying yes has the highest F1; 0.5 where only one class is there.

    The threshold lies midway between two scores that occur, so that float32 and float64 agree.
    """
    outcomes, scores = np.asarray(y, np.float64), np.asarray(p, np.float64)
    if outcomes.min(initial=1) == outcomes.max(initial=0):
        return 0.5
    order = np.argsort(-scores, kind="stable")
    outcomes, scores = outcomes[order], scores[order]
    ends = np.flatnonzero(np.concatenate([scores[1:] != scores[:-1], [True]]))
    hits = outcomes.cumsum()[ends]
    f1 = 2 * hits / (ends + 1 + outcomes.sum())
    best = int(np.argmax(f1))
    lower = scores[ends[best + 1]] if best + 1 < len(ends) else 0.0
    return float((scores[ends[best]] + lower) / 2)


def undefined_reason(y: npt.ArrayLike) -> str | None:
    """Say why ranking metrics are missing: only one class among ``y``; None where both are there."""
    outcomes = np.asarray(y)
    positives = int(outcomes.sum())
    if 0 < positives < len(outcomes):
        return None
    return f"undefined: {positives:,} of {len(outcomes):,} rows are positive, both kinds are needed"
