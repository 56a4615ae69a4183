"""Points of the pictures in a report, thinned so that a report stays small."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from buysignal.report import Confusion, Curve, Pictures

Floats = npt.NDArray[np.float64]

MOST_POINTS = 200
CLOUD_POINTS = 600


def draw_scores(pictures: Pictures, model: str, y: npt.ArrayLike, p: npt.ArrayLike) -> None:
    """Put a model's ROC, precision-recall, calibration, gain and lift lines into ``pictures``."""
    outcomes = np.asarray(y)
    if outcomes.min(initial=1) == outcomes.max(initial=0):
        return
    pictures.roc[model] = roc(y, p)
    pictures.precision_recall[model] = precision_recall(y, p)
    pictures.calibration[model] = calibration(y, p)
    pictures.gain[model] = gain(y, p)
    pictures.lift[model] = lift(y, p)


def roc(y: npt.ArrayLike, p: npt.ArrayLike) -> Curve:
    """Return false-positive rate (x) against true-positive rate (y)."""
    hits, misses = _steps(y, p)
    return _thinned(misses / max(misses[-1], 1), hits / max(hits[-1], 1))


def precision_recall(y: npt.ArrayLike, p: npt.ArrayLike) -> Curve:
    """Return recall (x) against precision (y)."""
    hits, misses = _steps(y, p)
    said = hits[1:] + misses[1:]
    return _thinned(hits[1:] / max(hits[-1], 1), hits[1:] / said)


def gain(y: npt.ArrayLike, p: npt.ArrayLike) -> Curve:
    """Return the share of rows, best first (x), against the share of positives among them (y)."""
    hits, misses = _steps(y, p)
    said = hits + misses
    return _thinned(said / max(said[-1], 1), hits / max(hits[-1], 1))


def lift(y: npt.ArrayLike, p: npt.ArrayLike) -> Curve:
    """Return the share of rows, best first (x), against the lift over the base rate (y)."""
    hits, misses = _steps(y, p)
    said = hits[1:] + misses[1:]
    base = max(hits[-1], 1) / max(said[-1], 1)
    return _thinned(said / max(said[-1], 1), hits[1:] / said / base)


def calibration(y: npt.ArrayLike, p: npt.ArrayLike, bins: int = 10) -> Curve:
    """Return mean score (x) against the share of positives (y) in bins of equal mass, with ``n``."""
    outcomes, scores = np.asarray(y, np.float64), np.asarray(p, np.float64)
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return Curve(
        x=[float(scores[part].mean()) for part in parts],
        y=[float(outcomes[part].mean()) for part in parts],
        n=[len(part) for part in parts],
    )


def confusion(y: npt.ArrayLike, p: npt.ArrayLike, threshold: npt.ArrayLike) -> Confusion:
    """Return the four counts where a score of ``threshold`` (one, or one per row) or more says yes."""
    outcomes, said = np.asarray(y) == 1, np.asarray(p) >= np.asarray(threshold)
    return Confusion(
        threshold=float(np.asarray(threshold, np.float64).mean()),
        true_negative=int((~outcomes & ~said).sum()),
        false_positive=int((~outcomes & said).sum()),
        false_negative=int((outcomes & ~said).sum()),
        true_positive=int((outcomes & said).sum()),
    )


def cloud(x: npt.ArrayLike, y: npt.ArrayLike, seed: int = 0, points: int = CLOUD_POINTS) -> Curve:
    """Return at most ``points`` of the points, drawn at random."""
    xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
    rows = np.arange(len(xs))
    if len(rows) > points:
        rows = np.sort(np.random.default_rng(seed).choice(rows, points, replace=False))
    return Curve(x=xs[rows].tolist(), y=ys[rows].tolist())


def _steps(y: npt.ArrayLike, p: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return hits and misses so far at each distinct score, best first, starting at (0, 0)."""
    outcomes, scores = np.asarray(y, np.float64), np.asarray(p, np.float64)
    order = np.argsort(-scores, kind="stable")
    outcomes, scores = outcomes[order], scores[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    hits = np.append(0.0, outcomes.cumsum()[ends])
    return hits, np.append(0.0, ends + 1.0) - hits


def _thinned(x: Floats, y: Floats) -> Curve:
    if len(x) > MOST_POINTS:
        keep = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).round().astype(int))
        x, y = x[keep], y[keep]
    return Curve(x=x.tolist(), y=y.tolist())
