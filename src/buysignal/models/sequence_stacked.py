"""Trees on the features and on what a sequence network made of the last events."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from buysignal.models.sequence import SequenceClassifier
from buysignal.models.sequence_rows import beside

Rows = npt.NDArray[np.float32]


class StackedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A booster over the features and the state of a network (Wolpert 1992, "Stacked generalization").

    Args:
        network: reads the last events; fitted first.
        booster: an XGBoost classifier, fitted on features, states and log odds.

    Attributes:
        network_, booster_: fitted.
        classes_: those that were there.
    """

    def __init__(self, network: SequenceClassifier, booster: Any) -> None:
        self.network = network
        self.booster = booster

    def fit(self, X: Rows, y: npt.ArrayLike) -> StackedClassifier:
        """Learn from rows X (n, features + layout.width) and y (n,) in {0, 1}; see `SequenceClassifier`."""
        self.classes_ = np.unique(np.asarray(y))
        self.network_ = clone(self.network).fit(X, y)
        self.booster_ = clone(self.booster)
        if len(self.classes_) > 1:
            self.booster_.fit(self.columns(X), y)
        return self

    def columns(self, X: Rows) -> Rows:
        """Return what the booster reads of X, shape (n, features + states + 1)."""
        network = self.network_
        odds = network.log_odds(X).astype(np.float32)
        return beside(X, network.features, network.states(X), odds)

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
