"""A network over the last events of a visit as a scikit-learn classifier: a GRU or a small transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin

from buysignal.models.blocks import cores
from buysignal.models.deep_told import told
from buysignal.models.networks.runtime import Network
from buysignal.models.odds import sigmoid
from buysignal.models.sequence_rows import NONE, last_events, whole_visits
from buysignal.samples import StepLayout

Rows = npt.NDArray[np.float32]

HELD_OUT = 0.1
"""Share of the visits that decide which pass over the others was the best."""

ITEM = "item"

_FIRST_LEVEL = 3
"""Codes below it name no item: padding, unknown, none."""


class SequenceClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Reads the last events of each row in their order, and nothing else of it.

    It learns two answers at once, the goal and the item looked at next, of which there are many more: what
    it learns of items from these helps the goal (Caruana 1997, "Multitask learning"). Scores come from
    ONNX Runtime from the start, so that what is stored later is what was judged.

    Args:
        layout: of the steps behind the features.
        features: how many columns stand before the steps.
        body: "gru" or "transformer".
        width, state, blocks: numbers of a step's vector and of a GRU's memory; layers.
        epochs: passes at most.
        goal_weight: of the goal's loss beside that of the next item.
        seed: of weights, dropout and order.

    Attributes:
        network_: the trained network as ONNX.
        classes_: those that were there.
    """

    def __init__(
        self,
        layout: StepLayout,
        features: int,
        body: str = "gru",
        width: int = 32,
        state: int = 64,
        blocks: int = 1,
        dropout: float = 0.2,
        learning_rate: float = 3e-3,
        epochs: int = 12,
        patience: int = 2,
        goal_weight: float = 5.0,
        seed: int = 0,
    ) -> None:
        self.layout = layout
        self.features = features
        self.body = body
        self.width = width
        self.state = state
        self.blocks = blocks
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.patience = patience
        self.goal_weight = goal_weight
        self.seed = seed

    def fit(self, X: Rows, y: npt.ArrayLike) -> SequenceClassifier:
        """Learn from rows X (n, features + layout.width) and y (n,) in {0, 1}.

        Rows of one visit stand one after the other, as samples have them; the last visits are held out.

        Raises:
            DependencyError: Keras or TensorFlow is not installed.
            BundleError: the ONNX copy differs from the trained network by more than 1e-4.
        """
        from buysignal.models.networks.design import Design, Plan
        from buysignal.models.networks.steps import Steps
        from buysignal.models.networks.to_onnx import export
        from buysignal.models.networks.training import train

        outcomes = np.asarray(y, np.int8)
        self.classes_ = np.unique(outcomes)
        self.network_ = b""
        if len(self.classes_) < 2:
            return self
        visits, goal = whole_visits(self._steps(X), outcomes)
        steps = Steps(visits, self._next_items(visits), goal)
        learned = len(visits) - int(HELD_OUT * len(visits))
        head, tail = np.arange(learned), np.arange(learned, len(visits))
        judged = steps.only(tail) if (goal[tail] != NONE).any() else None
        design = Design(
            self.body, self.width, self.state, self.blocks, length=self.layout.length, dropout=self.dropout
        )
        plan = Plan(
            self.epochs, self.patience, learning_rate=self.learning_rate, goal_weight=self.goal_weight,
            seed=self.seed, threads=cores(),
        )  # fmt: skip
        done = train(
            steps.only(head), self._inputs(), design, plan, validate=judged, progress=told(self.body)
        )
        self.network_ = export(done, visits)
        self._runtime = Network(self.network_)
        return self

    def _steps(self, X: Rows) -> Rows:
        return last_events(X, self.features, len(self.layout.columns))

    def _inputs(self) -> Any:
        from buysignal.models.networks.steps import Column, Inputs

        columns = tuple(map(Column, self.layout.columns, self.layout.sizes))
        items = self._items()
        described = {ITEM: _FIRST_LEVEL + np.arange(items, dtype=np.int32)} if items else {}
        return Inputs(columns, items, described)

    def _items(self) -> int:
        """Return among how many items the next one is asked for; 0 where no more than one is known."""
        if ITEM not in self.layout.columns:
            return 0
        known = self.layout.sizes[self.layout.columns.index(ITEM)] - _FIRST_LEVEL
        return known if known > 1 else 0

    def _next_items(self, visits: Rows) -> npt.NDArray[np.int32] | None:
        if not self._items():
            return None
        item = visits[:, :, self.layout.columns.index(ITEM)].astype(np.int32)
        following = np.full_like(item, NONE)
        following[:, :-1] = np.where(item[:, 1:] >= _FIRST_LEVEL, item[:, 1:] - _FIRST_LEVEL, NONE)
        following[visits[:, :, 0] == 0] = NONE
        return following

    def log_odds(self, X: Rows) -> npt.NDArray[np.float64]:
        """Return the log odds of yes, shape (n,)."""
        return self._runtime.goal(self._steps(X)).astype(np.float64)

    def states(self, X: Rows) -> Rows:
        """Return each visit so far in a few numbers, shape (n, s)."""
        return self._runtime.states(self._steps(X))

    def predict_proba(self, X: Rows) -> npt.NDArray[np.float64]:
        """Return the chances of no and yes, shape (n, classes)."""
        if len(self.classes_) < 2:
            return np.ones((len(X), 1))
        p = sigmoid(self.log_odds(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: Rows) -> npt.NDArray[np.int8]:
        """Return the likelier class of each row, shape (n,)."""
        found: npt.NDArray[np.int8] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return found
