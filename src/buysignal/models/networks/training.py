"""Training a network: both heads at every step, batches by length, a stop when validation gets no better.

AdamW (Loshchilov & Hutter 2019) with a short warm-up, then a cosine down to 0 (the same, 2017). Whole rows
are read in one pass and every step of them is asked, so that a visit of ten views gives nine questions for
the price of one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError
from buysignal.models.networks.batches import batches, trimmed
from buysignal.models.networks.design import Design, Plan
from buysignal.models.networks.engine import tensorflow
from buysignal.models.networks.losses import Losses, Sums
from buysignal.models.networks.network import KerasNetwork
from buysignal.models.networks.steps import NONE, Inputs, Steps, known_codes, lengths

Progress = Callable[[float, str], None]

WARM_UP = 0.05
"""Share of all batches over which the learning rate rises."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, still in Keras; ``to_onnx.export`` makes a graph of it.

    Attributes:
        validation: loss on the validation rows after each pass; empty without such rows.
        epochs: passes that the kept weights have seen.
    """

    network: KerasNetwork
    validation: list[float]
    epochs: int


def train(
    steps: Steps,
    inputs: Inputs,
    design: Design,
    plan: Plan,
    *,
    validate: Steps | None = None,
    stop_after: int | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Return a network trained on ``steps``.

    Args:
        validate: rows that decide which pass was the best, later than those of ``steps``; without them the
            weights after the last pass are kept.
        stop_after: passes after which to end whatever the validation says, at the learning rates of
            ``plan.epochs`` passes: to repeat on more rows what a run with validation found best.
        progress: called now and then; what it raises ends the training.

    Raises:
        DependencyError: the extra ``deep`` is not installed.
        SamplesError: nothing is asked, or more steps than a transformer looks back.
    """
    ready = _ready(steps, inputs, design)
    held_out = None if validate is None else _ready(validate, inputs, design)
    keras, tf = tensorflow(plan.threads)
    network = KerasNetwork(keras, design, inputs, goal=ready.goal is not None, seed=plan.seed)
    _start_at_base_rates(network, ready)
    return _Run(keras, tf, network, plan, progress).run(ready, held_out, stop_after or plan.epochs)


def _ready(steps: Steps, inputs: Inputs, design: Design) -> Steps:
    asked = [t for t in (steps.next_item if inputs.items else None, steps.goal) if t is not None]
    if not any((t != NONE).any() for t in asked):
        raise SamplesError("a network has nothing to learn: no step has a next item or a goal")
    if design.body == "transformer" and int(lengths(steps.X).max(initial=0)) > design.length:
        raise SamplesError("rows have more steps than the transformer", allowed=f"{design.length} steps")
    left = steps.from_the_left()
    return trimmed(Steps(known_codes(left.X, inputs.columns), left.next_item, left.goal, left.weight))


def _start_at_base_rates(network: KerasNetwork, steps: Steps) -> None:
    """Let the heads begin at how often each answer occurs, which is most of what there is to learn first."""
    if network.items is not None and steps.next_item is not None:
        counts = np.bincount(steps.next_item[steps.next_item != NONE], minlength=network.inputs.items)
        share = np.log((counts + 1.0) / (counts.sum() + len(counts)))
        network.items.bias.assign((share - share.mean()).astype(np.float32))
    if network.goal is not None and steps.goal is not None:
        rate = float(np.clip(steps.goal[steps.goal != NONE].mean(), 1e-4, 1 - 1e-4))
        network.goal.layer.bias.assign(np.full(1, math.log(rate / (1 - rate)), np.float32))


class _Run:
    def __init__(
        self, keras: Any, tf: Any, network: KerasNetwork, plan: Plan, progress: Progress | None
    ) -> None:
        self.network, self.plan, self.progress = network, plan, progress
        self.losses = Losses(tf, network, plan)
        self.optimizer = keras.optimizers.AdamW(
            plan.learning_rate, weight_decay=plan.weight_decay, global_clipnorm=1.0
        )
        self.optimizer.build(network.variables)
        self.random = np.random.default_rng(plan.seed)
        self.done = 0

    def run(self, steps: Steps, held_out: Steps | None, epochs: int) -> Trained:
        validation: list[float] = []
        best: list[npt.NDArray[np.float32]] = []
        kept = epochs
        for epoch in range(epochs):
            self._pass_over(steps, epoch)
            if held_out is None:
                continue
            validation.append(self.validation_loss(held_out))
            kept = int(np.argmin(validation)) + 1
            if kept == epoch + 1:
                best = [np.asarray(v) for v in self.network.variables]
            elif epoch + 1 - kept >= self.plan.patience:
                break
        for variable, value in zip(self.network.variables, best, strict=False):
            variable.assign(value)
        return Trained(self.network, validation, kept)

    def _pass_over(self, steps: Steps, epoch: int) -> None:
        cut = batches(steps, self.plan.batch_steps, items=self.network.inputs.items, random=self.random)
        total = self.plan.epochs * len(cut)
        for number, rows in enumerate(cut):
            at = epoch * len(cut) + number
            self.optimizer.learning_rate = self.plan.learning_rate * _share_of_rate(at / total)
            self.losses.learn(trimmed(steps.only(rows)), self.optimizer)
            if self.progress is not None:
                self.progress((at + 1) / total, f"pass {epoch + 1} of at most {self.plan.epochs}")

    def validation_loss(self, steps: Steps) -> float:
        """Return the loss a target of either head, put together as the plan weighs them."""
        found = [
            self.losses.sums(trimmed(steps.only(rows)))
            for rows in batches(steps, self.plan.batch_steps, items=self.network.inputs.items)
        ]
        return Sums(*np.sum(found, axis=0)).together(self.plan.goal_weight)


def _share_of_rate(done: float) -> float:
    """Return the learning rate at the share ``done`` of all batches, as a share of the highest."""
    if done < WARM_UP:
        return 0.1 + 0.9 * done / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - WARM_UP) / (1 - WARM_UP))))
