"""From states to answers, in Keras: which item comes next, and whether the goal is reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from buysignal.models.networks.bodies import Embedding, of_layer
from buysignal.models.networks.steps import FIRST, Inputs

REACH = 20
"""Places along the catalog, either way, that are told apart when the next item is near the last one."""


class ItemHead:
    """A score for each item: the state, brought to an item's width, times the item's vector.

    Items' vectors are those of the input (Press & Wolf 2017, "Using the output embedding to improve
    language models"), attributes included: what is learned of one red skirt helps the next one. To them
    comes what sets an item apart as an answer, 0 until it is learned. The step's own vector has a way of its
    own around the body, because what was looked at last says most. Where items are
    in order, the state also says how far along the catalog the next look goes, whatever the item.
    """

    def __init__(self, keras: Any, inputs: Inputs, embedding: Embedding, seeds: Iterator[int]) -> None:
        width = embedding.tables[inputs.columns[0].name][1].shape[1]
        self._keras, self._embedding = keras, embedding
        self._described_by = inputs.described_by
        start = keras.initializers.GlorotUniform
        self.to_item = keras.layers.Dense(width, kernel_initializer=start(seed=next(seeds)))
        self.around = keras.layers.Dense(width, use_bias=False, kernel_initializer=start(seed=next(seeds)))
        self.move = keras.layers.Dense(2 * REACH + 1, kernel_initializer="zeros") if inputs.in_order else None
        self.apart = keras.Variable("zeros", shape=(inputs.items, width), name="item_apart")
        self.bias = keras.Variable("zeros", shape=(inputs.items,), name="item_bias")

    def vectors(self) -> Any:
        """Return the items' vectors, (m, width)."""
        ops, tables = self._keras.ops, self._embedding.tables
        found = [ops.take(tables[name][1], codes, axis=0) for name, codes in self._described_by.items()]
        return sum(found, self.apart.value)

    def __call__(self, state: Any, step: Any, code: Any) -> Any:
        """Return (q, m) scores from states (q, s), steps' vectors (q, width) and first columns (q,)."""
        ops = self._keras.ops
        wanted = self.to_item(state) + self.around(step)
        scores = ops.matmul(wanted, ops.transpose(self.vectors())) + self.bias
        if self.move is None:
            return scores
        last = ops.cast(code, "int32")[:, None] - FIRST
        way = ops.clip(np.arange(self.bias.shape[0], dtype=np.int32) - last, -REACH, REACH) + REACH
        along = ops.take_along_axis(self.move(state), way, axis=1)
        return scores + ops.where(last >= 0, along, 0.0)

    @property
    def variables(self) -> list[Any]:
        layers = [layer for layer in (self.to_item, self.around, self.move) if layer is not None]
        return [*(w for layer in layers for w in layer.trainable_variables), self.apart, self.bias]

    def weights(self) -> dict[str, np.ndarray]:
        """Return the layers' weights and the items' finished vectors."""
        found = of_layer("items", self.to_item)
        if self.move is not None:
            found |= of_layer("items/move", self.move)
        return found | {
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
        return of_layer("goal", self.layer)
