"""From steps to states, in Keras: vectors of the inputs, then a GRU or a causal transformer.

The state after a step depends on that step and those before it alone. Padding stands behind the steps, so
that no state ever sees it.

GRU: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder"; for sessions Hidasi et
al. 2016, "Session-based recommendations with recurrent neural networks". Transformer: Vaswani et al. 2017,
"Attention is all you need", blocks normalised first, one learned bias per head and distance (Raffel et al.
2020); for items Kang & McAuley 2018, "Self-attentive sequential recommendation".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from buysignal.models.networks.design import Design
from buysignal.models.networks.steps import FIRST, Inputs

NEVER = -1e9
"""Added to the weight of what lies in the future: after the softmax nothing of it is left."""


class Embedding:
    """The vector of a step: the sum of its codes' vectors and of its numbers', in Keras."""

    def __init__(self, keras: Any, inputs: Inputs, width: int, seeds: Iterator[int]) -> None:
        self._keras = keras
        start = keras.initializers.RandomNormal(stddev=1 / math.sqrt(width), seed=next(seeds))
        self._numbers = [place for place, column in enumerate(inputs.columns) if not column.levels]
        self.tables: dict[str, tuple[int, Any]] = {}
        for place, column in enumerate(inputs.columns):
            if column.levels:
                table = np.array(start((column.levels, width)))
                # What training never saw must not add noise.
                table[:FIRST] = 0
                self.tables[column.name] = (place, keras.Variable(table, name=column.name))
        self.number = keras.Variable(start((len(self._numbers), width))) if self._numbers else None

    def __call__(self, X: Any) -> Any:
        ops = self._keras.ops
        found = [
            ops.take(table, ops.cast(X[:, :, at], "int32"), axis=0) for at, table in self.tables.values()
        ]
        if self.number is not None:
            found.append(ops.matmul(ops.take(X, np.array(self._numbers), axis=2), self.number))
        return sum(found[1:], found[0])

    @property
    def variables(self) -> list[Any]:
        return [table for _, table in self.tables.values()] + ([] if self.number is None else [self.number])

    def weights(self) -> dict[str, np.ndarray]:
        """Return the tables by column, and what numbers are multiplied by."""
        found = {f"embedding/{name}": np.asarray(table) for name, (_, table) in self.tables.items()}
        return found | ({} if self.number is None else {"numbers": np.asarray(self.number)})


class GRU:
    """Gated recurrent units, one layer above the other."""

    def __init__(self, keras: Any, design: Design, seeds: Iterator[int]) -> None:
        init = keras.initializers
        self.layers = [
            keras.layers.GRU(
                design.state,
                return_sequences=True,
                kernel_initializer=init.GlorotUniform(seed=next(seeds)),
                recurrent_initializer=init.Orthogonal(seed=next(seeds)),
            )
            for _ in range(design.blocks)
        ]

    def __call__(self, x: Any, training: bool) -> Any:
        for layer in self.layers:
            x = layer(x, training=training)
        return x

    @property
    def variables(self) -> list[Any]:
        return [weight for layer in self.layers for weight in layer.trainable_variables]

    def weights(self) -> dict[str, np.ndarray]:
        """Return the kernels and biases of each layer; gates in the order z, r, h."""
        return {
            f"gru{i}/{name}": np.asarray(getattr(layer.cell, name))
            for i, layer in enumerate(self.layers)
            for name in ("kernel", "recurrent_kernel", "bias")
        }


class Transformer:
    """Blocks of causal attention and two dense layers, each beside a shortcut."""

    def __init__(self, keras: Any, design: Design, seeds: Iterator[int]) -> None:
        self._keras, self._design, width = keras, design, design.width

        def dense(size: int, **more: Any) -> Any:
            return keras.layers.Dense(size, kernel_initializer=_glorot(keras, seeds), **more)

        small = keras.initializers.RandomNormal(stddev=0.02, seed=next(seeds))
        self.position = keras.Variable(small, shape=(design.length, width), name="position")
        self.blocks = [
            {
                "norm_attention": keras.layers.LayerNormalization(epsilon=1e-5),
                "query_key_value": dense(3 * width),
                "out": dense(width),
                "norm_dense": keras.layers.LayerNormalization(epsilon=1e-5),
                "up": dense(2 * width, activation="relu"),
                "down": dense(width),
            }
            for _ in range(design.blocks)
        ]
        self.bias = [
            keras.Variable("zeros", shape=(design.heads, design.length), name=f"distance{i}")
            for i in range(design.blocks)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5)
        self.drop = keras.layers.Dropout(design.dropout, seed=next(seeds))
        # distance[i, j] steps from j to i; what lies ahead is masked, whatever stands here.
        i = np.arange(design.length)
        self._distance = np.maximum(i[:, None] - i[None], 0)
        self._ahead = np.where(i[:, None] < i[None], NEVER, 0.0).astype(np.float32)

    def __call__(self, x: Any, training: bool) -> Any:
        length = self._keras.ops.shape(x)[1]
        x = self.drop(x + self.position[:length], training=training)
        for block, bias in zip(self.blocks, self.bias, strict=True):
            found = self._attention(block, block["norm_attention"](x), bias, length)
            x = x + self.drop(block["out"](found), training=training)
            found = block["down"](block["up"](block["norm_dense"](x)))
            x = x + self.drop(found, training=training)
        return self.norm(x)

    def _attention(self, block: dict[str, Any], x: Any, bias: Any, length: Any) -> Any:
        ops, heads = self._keras.ops, self._design.heads
        size = self._design.width // heads
        parts = ops.reshape(block["query_key_value"](x), (-1, length, 3, heads, size))
        query, key, value = (ops.transpose(parts[:, :, k], (0, 2, 1, 3)) for k in range(3))
        weight = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / math.sqrt(size)
        distance = ops.take(bias, self._distance, axis=1) + self._ahead
        found = ops.matmul(ops.softmax(weight + distance[:, :length, :length]), value)
        return ops.reshape(ops.transpose(found, (0, 2, 1, 3)), (-1, length, heads * size))

    @property
    def variables(self) -> list[Any]:
        layers = [layer for block in self.blocks for layer in block.values()] + [self.norm]
        return [self.position, *self.bias, *(w for layer in layers for w in layer.trainable_variables)]

    def weights(self) -> dict[str, np.ndarray]:
        """Return every layer's weights by block, and the biases as (heads, length, length), future masked."""
        found = {"position": np.asarray(self.position)}
        for i, (block, bias) in enumerate(zip(self.blocks, self.bias, strict=True)):
            found[f"block{i}/bias"] = np.asarray(bias)[:, self._distance] + self._ahead
            for name, layer in block.items():
                found |= of_layer(f"block{i}/{name}", layer)
        return found | of_layer("norm", self.norm)


def _glorot(keras: Any, seeds: Iterator[int]) -> Any:
    return keras.initializers.GlorotUniform(seed=next(seeds))


def of_layer(name: str, layer: Any) -> dict[str, np.ndarray]:
    """Return a layer's two weights as plain arrays."""
    first, second = (np.asarray(w) for w in layer.trainable_variables)
    return {f"{name}/kernel": first, f"{name}/bias": second}
