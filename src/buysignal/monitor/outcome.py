"""Once outcomes are known: does the model still rank as well, and do its probabilities still come true?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from buysignal.metrics import bootstrap_intervals, weighted_conversion
from buysignal.monitor.finding import Finding, Verdict
from buysignal.monitor.window import Window
from buysignal.reference import Reference
from buysignal.wording import share_text

Floats = npt.NDArray[np.float64]

LEAST_AUC_LOSS = 0.02
LEAST_RATIO = 0.15
FEWEST = 50
"""Visits that reach the goal (or should have), and that do not, below which nothing is said."""
DRAWS = 200
_Z = 1.96
_HALF = 0.5


def outcomes(reference: Reference, window: Window, z: float) -> list[Finding]:
    """Return what is known of the ranking and of the calibration.

    Args:
        z: how many standard errors a change must have to be no chance.
    """
    if window.samples.y is None:
        return [Finding("outcome", "unknown", "This data does not say which visits reached the goal.")]
    held = window.answered
    y, p = window.samples.y[held].astype(np.float64), window.p[held]
    visits, first = np.unique(window.samples.session[held], return_index=True)
    reached = len(np.unique(window.samples.session[held][y > 0]))
    # Where many were foretold and none came, that is no lack of data.
    if max(reached, p[first].sum()) < FEWEST or len(visits) - reached < FEWEST:
        said = f"{reached:,} visits reached the goal: {FEWEST} are needed before the scores can be judged."
        return [Finding("outcome", "unknown", said)]

    def figures(y: Floats, p: Floats, *, weights: Floats) -> dict[str, Floats]:
        auc = weighted_conversion(y, p, weights=weights)["roc_auc"]
        return {"roc_auc": auc, "ratio": np.log((weights @ y + _HALF) / (weights @ p + _HALF))}

    groups = window.samples.visitor[held]
    intervals = bootstrap_intervals(figures, y, p, groups=groups, n=DRAWS)
    found = {name: float(v[0]) for name, v in figures(y, p, weights=np.ones((1, len(y)))).items()}
    calibrated = _calibration(found, intervals, y, p, z)
    return [calibrated] if reached < FEWEST else [_ranking(reference, found, intervals, z), calibrated]


def _ranking(
    reference: Reference, found: dict[str, float], intervals: dict[str, tuple[float, float]], z: float
) -> Finding:
    now = found["roc_auc"]
    if "roc_auc" not in reference.outcome or "roc_auc" not in intervals:
        return Finding(
            "ranking", "unknown", f"ROC-AUC {now:.3f}; that of the test slice is not on file.", now
        )
    value, low, high = reference.outcome["roc_auc"]
    error = np.hypot(high - low, intervals["roc_auc"][1] - intervals["roc_auc"][0]) / (2 * _Z)
    limit = value - max(LEAST_AUC_LOSS, z * float(error))
    said = f"ROC-AUC {now:.3f}, {value:.3f} on the test slice; below {limit:.3f} is no chance."
    return Finding("ranking", "alarm" if now < limit else "ok", said, now, limit)


def _calibration(
    found: dict[str, float], intervals: dict[str, tuple[float, float]], y: Floats, p: Floats, z: float
) -> Finding:
    ratio = found["ratio"]
    low, high = intervals.get("ratio", (-np.inf, np.inf))
    limit = max(float(np.log1p(LEAST_RATIO)), z * float(high - low) / (2 * _Z))
    said = (
        f"The goal was still to come in {share_text(float(y.mean()))} of the moments, where the scores said "
        f"{share_text(float(p.mean()))}: {np.exp(ratio):.2f} times as often."
    )
    verdict: Verdict = "alarm" if abs(ratio) > limit else "ok"
    return Finding("calibration", verdict, said, float(np.exp(ratio)), float(np.exp(limit)))
