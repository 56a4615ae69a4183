"""Calibration: a monotone map from a score to a probability, learned on a later slice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin

Method = Literal["none", "platt", "beta"]

_EDGE = 1e-7
_LEAST_SLOPE = 0.02
_LEAST_POSITIVES = {"platt": 5, "beta": 200}


@dataclass(frozen=True)
class Calibration:
    """p -> sigmoid(a ln p - b ln(1 - p) + c), with a, b > 0: ranks, and so AUC, stay.

    Beta calibration (Kull, Silva Filho & Flach 2017); with a = b it is Platt scaling (Platt 1999) of
    the score's log odds, with a = b = 1 and c = 0 it changes nothing.
    """

    method: Method
    a: float = 1.0
    b: float = 1.0
    c: float = 0.0

    def apply(self, p: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return calibrated probabilities (n,).

        >>> Calibration("none").apply([0.25])
        array([0.25])
        """
        scores = np.asarray(p, dtype=np.float64)
        if self.method == "none":
            return scores
        inside = np.clip(scores, _EDGE, 1 - _EDGE)
        z = self.a * np.log(inside) - self.b * np.log1p(-inside) + self.c
        return 1 / (1 + np.exp(-z))

    def to_dict(self) -> dict[str, Any]:
        """Return the method and its three numbers, for a manifest."""
        return asdict(self)


def fit_calibration(
    p: npt.ArrayLike, y: npt.ArrayLike, *, method: Method | None = None, pull: float = 2.0
) -> Calibration:
    """Learn the map on scores ``p`` (n,) and outcomes ``y`` (n,) that no model was fitted on.

    ``method`` None chooses by how many rows of the rarer class there are: beta from 200, Platt from
    5, else none. ``pull`` is a ridge towards the identity, worth about that many rows, so that a
    small slice cannot bend the scores far.
    """
    from scipy.optimize import minimize

    scores, outcomes = np.asarray(p, np.float64), np.asarray(y, np.float64)
    rarer = int(min(outcomes.sum(), len(outcomes) - outcomes.sum()))
    chosen: Method = method or _choose(rarer)
    if chosen == "none" or rarer == 0:
        return Calibration("none")
    inside = np.clip(scores, _EDGE, 1 - _EDGE)
    up, down = np.log(inside), -np.log1p(-inside)
    columns = np.column_stack([up, down] if chosen == "beta" else [up + down])

    def loss(theta: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        z = columns @ theta[:-1] + theta[-1]
        value = np.logaddexp(0, z).sum() - outcomes @ z + pull / 2 * ((theta[:-1] - 1) ** 2).sum()
        wrong = 1 / (1 + np.exp(-z)) - outcomes
        slope = columns.T @ wrong + pull * (theta[:-1] - 1)
        return value / len(z), np.append(slope, wrong.sum()) / len(z)

    slopes = columns.shape[1]
    start = np.append(np.ones(slopes), 0.0)
    bounds = [(_LEAST_SLOPE, 50.0)] * slopes + [(-50.0, 50.0)]
    theta = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Calibration(chosen, float(theta[0]), float(theta[-2]), float(theta[-1]))


def _choose(rarer: int) -> Method:
    if rarer >= _LEAST_POSITIVES["beta"]:
        return "beta"
    return "platt" if rarer >= _LEAST_POSITIVES["platt"] else "none"


class Calibrated(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted classifier with its calibration behind it.

    ``fit`` takes the *validation* rows and learns the map only; the classifier stays as it is.
    """

    def __init__(self, estimator: Any, method: Method | None = None) -> None:
        self.estimator = estimator
        self.method = method

    def fit(self, X: Any, y: Any) -> Calibrated:
        from buysignal.models.conversion import probability

        self.calibration_ = fit_calibration(probability(self.estimator, X), y, method=self.method)
        self.classes_ = np.array([0, 1])
        return self

    @classmethod
    def of(cls, estimator: Any, calibration: Calibration) -> Calibrated:
        """Put a calibration that was learned elsewhere behind a fitted classifier."""
        made = cls(estimator, calibration.method)
        made.calibration_ = calibration
        made.classes_ = np.array([0, 1])
        return made

    def predict_proba(self, X: Any) -> Any:
        from buysignal.models.conversion import probability

        p = self.calibration_.apply(probability(self.estimator, X))
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> Any:
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(np.int8)
