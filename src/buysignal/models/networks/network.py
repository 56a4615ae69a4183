"""Body and heads put together, in Keras: what is trained, and what it weighs."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from buysignal.models.networks.bodies import GRU, Embedding, Transformer
from buysignal.models.networks.design import Design
from buysignal.models.networks.heads import GoalHead, ItemHead
from buysignal.models.networks.steps import UNKNOWN, Inputs


class KerasNetwork:
    """A network with freshly drawn weights.

    Args:
        keras: the module.
        goal: whether it has a head for the goal; one for items it has where ``inputs`` names any.
        seed: of the weights and of dropout.
    """

    def __init__(self, keras: Any, design: Design, inputs: Inputs, *, goal: bool, seed: int) -> None:
        seeds = itertools.count(1_000 * seed + 1)
        self.design, self.inputs = design, inputs
        self.embedding = Embedding(keras, inputs, design.width, seeds)
        self.drop_step = keras.layers.Dropout(design.dropout, seed=next(seeds))
        kind = GRU if design.body == "gru" else Transformer
        self.body: GRU | Transformer = kind(keras, design, seeds)
        self.drop_state = keras.layers.Dropout(design.dropout, seed=next(seeds))
        self.items = ItemHead(keras, inputs, self.embedding, seeds) if inputs.items else None
        self.goal = GoalHead(keras, seeds) if goal else None
        self._build()

    def _build(self) -> None:
        """Let every layer make its weights."""
        state, step = self.states(
            np.full((1, 2, len(self.inputs.columns)), UNKNOWN, np.float32), training=False
        )
        if self.items is not None:
            self.items(state[:, 0], step[:, 0], np.full(1, UNKNOWN))
        if self.goal is not None:
            self.goal(state[:, 0])

    def states(self, X: Any, *, training: bool) -> tuple[Any, Any]:
        """Return the states (n, L, s) and the steps' vectors (n, L, width) of X (n, L, c)."""
        step = self.drop_step(self.embedding(X), training=training)
        return self.drop_state(self.body(step, training), training=training), step

    @property
    def variables(self) -> list[Any]:
        heads = [head for head in (self.items, self.goal) if head is not None]
        return [v for part in (self.embedding, self.body, *heads) for v in part.variables]

    def weights(self) -> dict[str, np.ndarray]:
        """Return all weights as plain arrays, by name."""
        heads = [head for head in (self.items, self.goal) if head is not None]
        return {k: w for part in (self.embedding, self.body, *heads) for k, w in part.weights().items()}
