"""Reasons: what moves one score away from that of a typical visit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from buysignal.features.catalogue import NAMES, feature
from buysignal.samples import ORDER

Floats = npt.NDArray[np.float64]
Row = npt.NDArray[np.float32]

PERMUTATIONS = 8


@dataclass(frozen=True)
class Reason:
    """One feature's share in a score.

    Attributes:
        feature: its name.
        contribution: added to the score, in the score's own unit (probability: 0.03 is three points).
        value: the feature in this visit, as text.
        typical: the feature in a typical visit, as text.
        sentence: the same in words.
    """

    feature: str
    contribution: float
    value: str
    typical: str
    sentence: str


def contributions(
    predict: Callable[[npt.NDArray[np.float32]], Floats],
    row: Row,
    typical: Row,
    *,
    alone: int | None = None,
    seed: int = 0,
) -> Floats:
    """Return each feature's contribution, shape (f,); they sum to predict(row) − predict(typical).

    Shapley values against one reference, estimated over random orders and their reverses (Castro, Gómez
    & Tejada 2009; antithetic pairs after Mitchell et al. 2022). Deterministic for a seed.

    Args:
        predict: scores (m,) of rows (m, f).
        row: (f,) the visit.
        typical: (f,) the reference.
        alone: so many first columns have a contribution each, and all behind them one together, the last of
            the result; every column its own where None.
        seed: of the orders.
    """
    parts = [slice(column, column + 1) for column in range(len(row) if alone is None else alone)]
    if alone is not None and alone < len(row):
        parts.append(slice(alone, len(row)))
    same = (row == typical) | (np.isnan(row) & np.isnan(typical))
    differs = np.flatnonzero([not same[part].all() for part in parts])
    result = np.zeros(len(parts))
    if len(differs) == 0:
        return result
    rng = np.random.default_rng(seed)
    half = [rng.permutation(differs) for _ in range(PERMUTATIONS // 2)]
    orders = [*half, *(order[::-1] for order in half)]
    walk = np.repeat(typical[None], len(orders) * (len(differs) + 1), axis=0)
    steps = walk.reshape(len(orders), len(differs) + 1, len(row))
    for path, order in zip(steps, orders, strict=True):
        for position, part in enumerate(order):
            path[position + 1 :, parts[part]] = row[parts[part]]
    gains = np.diff(predict(walk).reshape(len(orders), -1), axis=1)
    for order, gain in zip(orders, gains, strict=True):
        result[order] += gain
    return result / len(orders)


def top_reasons(
    contribution: Floats,
    row: Row,
    typical: Row,
    names: Sequence[str],
    categories: dict[str, tuple[str, ...]],
    *,
    count: int = 3,
) -> list[Reason]:
    """Return the ``count`` largest contributions, largest first, in words.

    A contribution behind those of ``names`` is that of the last events in their order.
    """
    ranked = [i for i in np.argsort(-np.abs(contribution), kind="stable")[:count] if contribution[i] != 0]
    return [
        _reason(names[i], float(contribution[i]), row[i], typical[i], categories.get(names[i]))
        if i < len(names)
        else _order(float(contribution[i]))
        for i in ranked
    ]


def _order(contribution: float) -> Reason:
    direction = "raises" if contribution > 0 else "lowers"
    sentence = f"what the last clicks were, and in which order, {direction} it"
    return Reason(ORDER, contribution, "this visit's", "a typical visit's", sentence)


def _reason(
    name: str, contribution: float, value: float, typical: float, levels: tuple[str, ...] | None
) -> Reason:
    here, usual = _words(value, levels), _words(typical, levels)
    label = feature(name).sentence if name in NAMES else name.replace("_", " ")
    direction = "raises" if contribution > 0 else "lowers"
    return Reason(name, contribution, here, usual, f"{label}: {here} (typical: {usual}) {direction} it")


def _words(value: float, levels: tuple[str, ...] | None) -> str:
    if np.isnan(value):
        return "unknown" if levels else "none"
    if levels:
        return levels[int(value)]
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-6 or abs(value) >= 100 else f"{value:,.2f}"
