"""Trees on the features and on what sequence networks say of the last events, learned crosswise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from buysignal.models.sequence import SequenceClassifier
from buysignal.models.sequence_rows import beside

Rows = npt.NDArray[np.float32]

PARTS = 2


class StackedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A booster over the features and the log odds of networks (Wolpert 1992, "Stacked generalization").

    Each half of the visitors is judged by a network that learned from the other half; later rows by the
    mean of both. A network's own rows would not do: it knows their answers, the trees would trust it too
    much, and on new rows they were worse than without it. Nor do two networks share the meaning of their
    states' numbers, which is why it is the log odds that the trees see.

    Args:
        network: reads the last events; one is fitted for each half.
        booster: an XGBoost classifier, fitted on features and log odds.

    Attributes:
        networks_, booster_: fitted.
        classes_: those that were there.
    """

    def __init__(self, network: SequenceClassifier, booster: Any) -> None:
        self.network = network
        self.booster = booster

    def fit(self, X: Rows, y: npt.ArrayLike) -> StackedClassifier:
        """Learn from rows X (n, features + layout.width) and y (n,) in {0, 1}, visitor by visitor.

        Raises:
            DependencyError: Keras or TensorFlow is not installed.
            BundleError: an ONNX copy differs from the trained network by more than 1e-4.
        """
        outcomes = np.asarray(y, np.int8)
        self.classes_ = np.unique(outcomes)
        self.booster_ = clone(self.booster)
        self.networks_: list[SequenceClassifier] = []
        if len(self.classes_) < 2:
            return self
        part = np.arange(len(X)) * PARTS // max(len(X), 1)
        odds = np.zeros(len(X), np.float32)
        for number in range(PARTS):
            own = part == number
            if len(np.unique(outcomes[~own])) == len(self.classes_):
                network = clone(self.network).set_params(seed=self.network.seed + number)
                self.networks_.append(network.fit(X[~own], outcomes[~own]))
                odds[own] = network.log_odds(X[own])
        self.booster_.fit(beside(X, self.network.features, odds), outcomes)
        return self

    def columns(self, X: Rows) -> Rows:
        """Return what the booster reads of X, shape (n, features + 1)."""
        odds = [network.log_odds(X).astype(np.float32) for network in self.networks_]
        return beside(X, self.network.features, np.mean(odds, axis=0) if odds else np.zeros(len(X)))

    def log_odds(self, X: Rows) -> npt.NDArray[np.float64]:
        """Return the log odds of yes, shape (n,)."""
        return np.asarray(self.booster_.predict(self.columns(X), output_margin=True), np.float64)

    def predict_proba(self, X: Rows) -> npt.NDArray[np.float64]:
        """Return the chances of no and yes, shape (n, classes)."""
        if len(self.classes_) < 2:
            return np.ones((len(X), 1))
        found: npt.NDArray[np.float64] = self.booster_.predict_proba(self.columns(X))
        return found

    def predict(self, X: Rows) -> npt.NDArray[Any]:
        """Return the likelier class of each row, shape (n,)."""
        found: npt.NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return found
