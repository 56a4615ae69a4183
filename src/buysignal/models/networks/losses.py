"""What training makes small: cross entropy of the next item and of the goal, at the steps that are asked."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from buysignal.models.networks.design import Plan
from buysignal.models.networks.network import KerasNetwork
from buysignal.models.networks.steps import NONE, Steps


class Sums(NamedTuple):
    """Losses summed, and the weights they were summed with."""

    item: float
    item_weight: float
    goal: float
    goal_weight: float

    def together(self, goal_weight: float) -> float:
        """Return the mean loss of an item plus that of a goal, the latter weighted."""
        item = self.item / self.item_weight if self.item_weight else 0.0
        goal = self.goal / self.goal_weight if self.goal_weight else 0.0
        return float(item + (goal_weight * goal if self.item_weight else goal))


class Losses:
    """The losses of a network as two compiled functions of a batch, whatever its size."""

    def __init__(self, tf: Any, network: KerasNetwork, plan: Plan) -> None:
        self._tf, self._network, self._plan = tf, network, plan
        shape = [
            tf.TensorSpec([None, None, len(network.inputs.columns)], tf.float32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None], tf.float32),
        ]
        self._sums = tf.function(lambda *batch: self._of(*batch, training=False), input_signature=shape)
        self._gradients = tf.function(self._gradients_of, input_signature=shape)

    def sums(self, steps: Steps) -> Sums:
        """Return the losses of a batch, labels not smoothed."""
        return Sums(*(float(value) for value in self._sums(*_tensors(steps))))

    def learn(self, steps: Steps, optimizer: Any) -> None:
        """Take one step of ``optimizer`` on a batch."""
        gradients = self._gradients(*_tensors(steps))
        optimizer.apply(gradients, self._network.variables)

    def _gradients_of(self, *batch: Any) -> Any:
        tf, variables = self._tf, [v.value for v in self._network.variables]
        with tf.GradientTape() as tape:
            item, item_weight, goal, goal_weight = self._of(*batch, training=True)
            item = item / tf.maximum(item_weight, 1e-9)
            goal = goal / tf.maximum(goal_weight, 1e-9)
            share = self._plan.goal_weight if self._network.items is not None else 1.0
            loss = item + share * goal
        found = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [tf.convert_to_tensor(g) for g in found]

    def _of(self, X: Any, next_item: Any, goal: Any, weight: Any, *, training: bool) -> tuple[Any, ...]:
        state, step = self._network.states(X, training=training)
        nothing = self._tf.constant(0.0)
        found: list[Any] = []
        for head, target, loss in (
            (self._network.items, next_item, self._item_loss),
            (self._network.goal, goal, self._goal_loss),
        ):
            if head is None:
                found += [nothing, nothing]
                continue
            asked = self._tf.where(target >= 0)
            parts = [self._tf.gather_nd(part, asked) for part in (state, step, X[:, :, 0], target)]
            each = loss(parts[0], parts[1], parts[2], parts[3], training)
            w = self._tf.gather(weight, asked[:, 0])
            found += [self._tf.reduce_sum(w * each), self._tf.reduce_sum(w)]
        return tuple(found)

    def _item_loss(self, state: Any, step: Any, code: Any, target: Any, training: bool) -> Any:
        tf, share = self._tf, self._plan.smoothing if training else 0.0
        scores = self._network.items(state, step, code)  # type: ignore[misc]
        right = tf.nn.sparse_softmax_cross_entropy_with_logits(target, scores)
        if not share:
            return right
        even = tf.reduce_logsumexp(scores, axis=1) - tf.reduce_mean(scores, axis=1)
        return (1 - share) * right + share * even

    def _goal_loss(self, state: Any, _step: Any, _code: Any, target: Any, _training: bool) -> Any:
        odds = self._network.goal(state)  # type: ignore[misc]
        return self._tf.nn.sigmoid_cross_entropy_with_logits(self._tf.cast(target, "float32"), odds)


def _tensors(steps: Steps) -> tuple[Any, ...]:
    none = np.full(steps.X.shape[:2], NONE, np.int32)
    item, goal = (
        none if target is None else target.astype(np.int32, copy=False)
        for target in (steps.next_item, steps.goal)
    )
    weight = np.ones(len(steps), np.float32) if steps.weight is None else steps.weight.astype(np.float32)
    return steps.X, item, goal, weight
