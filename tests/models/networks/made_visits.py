"""Visits made by a rule that only order can tell, and networks with weights drawn at random."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from buysignal.models.networks.design import Design
from buysignal.models.networks.steps import Inputs
from buysignal.sequences import Catalog, Sequences

ITEMS = 12


def made_catalog() -> Catalog:
    """Twelve items in three categories; one has no price, one no category."""
    category = np.arange(ITEMS, dtype=np.int32) % 3
    category[5] = -1
    price = np.linspace(5, 50, ITEMS).astype(np.float32)
    price[7] = np.nan
    return Catalog(
        tuple(f"item{i}" for i in range(ITEMS)), {"category": category}, {"category": ("a", "b", "c")}, price
    )


def made_visits(visits: int = 200, *, seed: int = 0, longest: int = 12, shortest: int = 2) -> Sequences:
    """Each item is the sum of the two before it: what was looked at last alone tells nothing.

    The goal is reached later in the visit where it began with an item below 6.
    """
    random = np.random.default_rng(seed)
    sizes = random.integers(shortest, longest + 1, visits)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    items = random.integers(0, ITEMS, starts[-1]).astype(np.int32)
    for first, end in pairwise(starts):
        for view in range(first + 2, end):
            items[view] = (items[view - 1] + items[view - 2]) % ITEMS
    gap = random.exponential(60, len(items)).astype(np.float32)
    gap[starts[:-1]] = np.nan
    goal = np.repeat((items[starts[:-1]] < 6).astype(np.int8), sizes)
    return Sequences(items, starts, np.sort(random.uniform(0, 60, visits)), made_catalog(), gap, goal)


def random_weights(design: Design, inputs: Inputs, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Return weights of a network that has learned nothing, both heads included."""
    random = np.random.default_rng(seed)
    width, state = design.width, design.state_width

    def of(*shape: int) -> np.ndarray:
        return random.normal(0, 0.4, shape).astype(np.float32)

    found = {f"embedding/{c.name}": of(c.levels, width) for c in inputs.columns if c.levels}
    numbers = sum(not c.levels for c in inputs.columns)
    if numbers:
        found["numbers"] = of(numbers, width)
    found |= _gru(design, of) if design.body == "gru" else _transformer(design, of)
    found |= {"items/kernel": of(state, width), "items/bias": of(width), "items/around": of(width, width)}
    found |= {"items/vectors": of(inputs.items, width), "items/base": of(inputs.items)}
    if inputs.in_order:
        found |= {"items/move/kernel": of(state, 9), "items/move/bias": of(9)}
    return found | {"goal/kernel": of(state, 1), "goal/bias": of(1)}


def _gru(design: Design, of) -> dict[str, np.ndarray]:  # type: ignore[no-untyped-def]
    found = {}
    for i in range(design.blocks):
        below = design.state if i else design.width
        found[f"gru{i}/kernel"] = of(below, 3 * design.state)
        found[f"gru{i}/recurrent_kernel"] = of(design.state, 3 * design.state)
        found[f"gru{i}/bias"] = of(2, 3 * design.state)
    return found


def _transformer(design: Design, of) -> dict[str, np.ndarray]:  # type: ignore[no-untyped-def]
    width, length = design.width, design.length
    ahead = np.triu(np.full((length, length), -1e9, np.float32), 1)
    found = {"position": of(length, width), "norm/kernel": of(width), "norm/bias": of(width)}
    for i in range(design.blocks):
        found[f"block{i}/bias"] = of(design.heads, length, length) + ahead
        for name, first, second in (
            ("norm_attention", (width,), (width,)),
            ("norm_dense", (width,), (width,)),
            ("query_key_value", (width, 3 * width), (3 * width,)),
            ("out", (width, width), (width,)),
            ("up", (width, 2 * width), (2 * width,)),
            ("down", (2 * width, width), (width,)),
        ):
            found[f"block{i}/{name}/kernel"], found[f"block{i}/{name}/bias"] = of(*first), of(*second)
    return found
