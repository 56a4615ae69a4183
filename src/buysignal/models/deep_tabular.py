"""A neural network on the columns of a table: Keras while it is fitted, plain matrices afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin

from buysignal.models.blocks import cores
from buysignal.models.deep_told import told

HELD_OUT = 0.1
"""Share of the rows that end the fit when they are forecast no better."""

_BATCH = 512


class TabularNetwork(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A rectifier network with dropout, for scaled columns without gaps.

    The last rows of those that ``fit`` is given are held out and end the fit early: rows come visitor by
    visitor, so that none (but at most one) stands on both sides.

    Args:
        hidden: units of each hidden layer.
        dropout: share of units left out at random while fitting (Srivastava et al. 2014).
        epochs: at most.
        patience: epochs without a better loss on the held-out rows, after which the fit ends.
        class_weight: "balanced", or None.
        seed: of the first weights, the order of the rows and the dropout.

    Attributes:
        coefs_, intercepts_: matrices and biases, layer by layer, as scikit-learn's own networks have them.
        classes_: those that were there.
    """

    def __init__(
        self,
        hidden: tuple[int, ...] = (128, 64),
        dropout: float = 0.2,
        learning_rate: float = 2e-3,
        epochs: int = 30,
        patience: int = 3,
        class_weight: str | None = None,
        seed: int = 0,
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.patience = patience
        self.class_weight = class_weight
        self.seed = seed

    def fit(self, X: Any, y: npt.ArrayLike) -> TabularNetwork:
        """Learn from columns X (n, f), dense or sparse, and y (n,) in {0, 1}.

        Raises:
            DependencyError: Keras or TensorFlow is not installed.
        """
        values, outcomes = _dense(X), np.asarray(y, np.float32)
        self.classes_ = np.unique(np.asarray(y))
        self.coefs_: list[npt.NDArray[np.float64]] = []
        self.intercepts_: list[npt.NDArray[np.float64]] = []
        if len(self.classes_) < 2:
            return self
        from buysignal.models.networks.engine import tensorflow

        keras, _ = tensorflow(cores())
        keras.utils.set_random_seed(self.seed)
        model = self._model(keras, values.shape[1])
        learned = len(values) - int(HELD_OUT * len(values))
        held = None if learned == len(values) else (values[learned:], outcomes[learned:])
        model.fit(
            values[:learned],
            outcomes[:learned],
            validation_data=held,
            epochs=self.epochs,
            batch_size=_BATCH,
            class_weight=self._weights(outcomes[:learned]),
            verbose=0,
            callbacks=self._callbacks(keras, "loss" if held is None else "val_loss"),
        )
        weights = [np.asarray(w, np.float64) for w in model.get_weights()]
        self.coefs_, self.intercepts_ = weights[::2], weights[1::2]
        keras.utils.clear_session()
        return self

    def _model(self, keras: Any, width: int) -> Any:
        layers = keras.layers
        inner: list[Any] = []
        for units in self.hidden:
            inner += [layers.Dense(units, activation="relu"), layers.Dropout(self.dropout)]
        model = keras.Sequential([keras.Input((width,)), *inner, layers.Dense(1)])
        model.compile(
            keras.optimizers.AdamW(self.learning_rate, weight_decay=1e-4),
            loss=keras.losses.BinaryCrossentropy(from_logits=True),
        )
        return model

    def _weights(self, y: npt.NDArray[np.float32]) -> dict[int, float] | None:
        if self.class_weight is None:
            return None
        ones = float(y.sum())
        return {0: len(y) / (2 * max(len(y) - ones, 1.0)), 1: len(y) / (2 * max(ones, 1.0))}

    def _callbacks(self, keras: Any, watched: str) -> list[Any]:
        tell = told("tabular_network")

        def begun(epoch: int, _logs: object) -> None:
            tell(epoch / self.epochs, f"pass {epoch + 1} of at most {self.epochs}")

        stop = keras.callbacks.EarlyStopping(watched, patience=self.patience, restore_best_weights=True)
        return [stop, keras.callbacks.LambdaCallback(on_epoch_begin=begun)]

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the chances of no and yes, shape (n, classes)."""
        from buysignal.models.odds import log_odds, sigmoid

        if len(self.classes_) < 2:
            return np.ones((X.shape[0], 1))
        odds = log_odds(self, _dense(X))
        assert odds is not None
        p = sigmoid(odds)
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the likelier class of each row, shape (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def _dense(X: Any) -> npt.NDArray[np.float32]:
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X, np.float32)
