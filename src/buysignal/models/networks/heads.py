"""From states to answers, in Keras: which item comes next, and whether the goal is reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from buysignal.models.networks.bodies import Embedding
from buysignal.models.networks.steps import Inputs


class ItemHead:
    """A score for each item: the state, brought to an item's width, times the item's vector.

    Items' vectors are those of the input (Press & Wolf 2017, "Using the output embedding to improve
    language models"), attributes included: what is learned of one red skirt helps the next one. The step's
    own vector has a way of its own around the body, because what was looked at last says most.
    """

    def __init__(self, keras: Any, inputs: Inputs, embedding: Embedding, seeds: Iterator[int]) -> None:
        width = embedding.tables[inputs.columns[0].name][1].shape[1]
        self._keras, self._embedding = keras, embedding
        self._described_by = inputs.described_by
        start = keras.initializers.GlorotUniform
        self.to_item = keras.layers.Dense(width, kernel_initializer=start(seed=next(seeds)))
        self.around = keras.layers.Dense(width, use_bias=False, kernel_initializer=start(seed=next(seeds)))
        self.bias = keras.Variable("zeros", shape=(inputs.items,), name="item_bias")

    def vectors(self) -> Any:
        """Return the items' vectors, (m, width)."""
        ops, tables = self._keras.ops, self._embedding.tables
        found = [ops.take(tables[name][1], codes, axis=0) for name, codes in self._described_by.items()]
        return sum(found[1:], found[0])

    def __call__(self, state: Any, step: Any) -> Any:
        """Return (q, m) scores from states (q, s) and steps' vectors (q, width)."""
        ops = self._keras.ops
        wanted = self.to_item(state) + self.around(step)
        return ops.matmul(wanted, ops.transpose(self.vectors())) + self.bias

    @property
    def variables(self) -> list[Any]:
        return [*self.to_item.trainable_variables, *self.around.trainable_variables, self.bias]

    def weights(self) -> dict[str, np.ndarray]:
        """Return the layers' weights and the items' finished vectors."""
        kernel, bias = (np.asarray(w) for w in self.to_item.trainable_variables)
        return {
            "items/kernel": kernel,
            "items/bias": bias,
            "items/around": np.asarray(self.around.trainable_variables[0]),
            "items/vectors": np.asarray(self.vectors()),
            "items/base": np.asarray(self.bias),
        }


class GoalHead:
    """The log odds that the goal is reached, from the state."""

    def __init__(self, keras: Any, seeds: Iterator[int]) -> None:
        start = keras.initializers.GlorotUniform(seed=next(seeds))
        self.layer = keras.layers.Dense(1, kernel_initializer=start)

    def __call__(self, state: Any) -> Any:
        """Return (q,) from states (q, s)."""
        return self.layer(state)[:, 0]

    @property
    def variables(self) -> list[Any]:
        return list(self.layer.trainable_variables)

    def weights(self) -> dict[str, np.ndarray]:
        """Return the layer's weights."""
        kernel, bias = (np.asarray(w) for w in self.layer.trainable_variables)
        return {"goal/kernel": kernel, "goal/bias": bias}
