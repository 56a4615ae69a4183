"""Each visit with what a contact is expected to bring and cost, by scores that keep their word.

Scores may promise too much or too little, amounts most of all, and most often too much at the top. Where
outcomes are known, the chance and the revenue are each brought to what such visits did:
``exp(level + slope · log(score / typical score)) · score``, a quasi-Poisson fit (McCullagh & Nelder 1989,
chapter 9) with both drawn towards 0, "as promised", by the weight of about ten purchases. They decide who
is contacted; the estimate of the profit does not rest on them. No visit's own outcome moves its own
correction: it is learned on earlier visits, or, where a list is judged by outcomes, on the other half of
the visitors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.decisions.economics import Economics
from buysignal.errors import GoalError
from buysignal.goals import Goal

Floats = npt.NDArray[np.float64]

_PRIOR = 0.3
"""Standard deviation that level and slope are expected to have: ten purchases tell a level as exactly."""
_STEPS = 30


@dataclass(frozen=True)
class Correction:
    """How a score is brought to what came: a factor that may change along the score."""

    level: float = 0.0
    slope: float = 0.0
    typical: float = 1.0

    def of(self, score: Floats) -> Floats:
        """Return corrected scores, (n,); 0 stays 0."""
        safe = np.where(score > 0, score, self.typical)
        return score * np.exp(self.level + self.slope * np.log(safe / self.typical))


@dataclass(frozen=True)
class Scale:
    """Corrections of chance and revenue."""

    chance: Correction = Correction()
    revenue: Correction = Correction()


AT_THEIR_WORD = Scale()


def priced(
    visits: pd.DataFrame, economics: Economics, goal: Goal, scale: Scale = AT_THEIR_WORD
) -> pd.DataFrame:
    """Return the visits with ``chance``, ``revenue``, ``a``, ``cost`` and ``expected_profit``.

    With ``bought`` and ``spent`` also ``came`` (revenue) and ``realised`` (profit).

    Raises:
        GoalError: nothing says what an order is worth.
    """
    p = np.minimum(scale.chance.of(visits["probability"].to_numpy(dtype=np.float64)), 1.0)
    if economics.order_value is not None:
        revenue = p * economics.order_value
    elif "expected_revenue" in visits and goal.value in ("purchase_revenue", "column"):
        revenue = scale.revenue.of(visits["expected_revenue"].to_numpy(dtype=np.float64))
    else:
        raise GoalError(
            f"nothing says what an order is worth: the model of '{goal.name}' expects no revenue",
            allowed="a model trained on purchases with prices, or an order value of your own",
            todo="give the mean worth of an order (order_value)",
        )
    a = economics.gained(p)
    frame = visits.assign(
        chance=p, revenue=revenue, a=a, cost=economics.cost(a, p),
        expected_profit=economics.profit(a, p, revenue),
    )  # fmt: skip
    if "bought" not in visits:
        return frame
    y = visits["bought"].to_numpy(dtype=np.float64)
    worth = economics.order_value
    came = visits["spent"].to_numpy(dtype=np.float64) if worth is None else y * worth
    return frame.assign(came=came, realised=economics.profit(a, y, came))


def best_first(visits: pd.DataFrame) -> pd.DataFrame:
    """Return priced visits by expected profit, highest first."""
    return visits.sort_values("expected_profit", ascending=False, kind="stable", ignore_index=True)


def learned(known: pd.DataFrame) -> Scale:
    """Return the corrections that raw priced visits with known outcomes ask for."""
    chance, bought = (known[c].to_numpy(dtype=np.float64) for c in ("chance", "bought"))
    revenue, came = (known[c].to_numpy(dtype=np.float64) for c in ("revenue", "came"))
    worth = came.sum() / bought.sum() if came.sum() > 0 else 1.0
    return Scale(_fitted(chance, bought), _fitted(revenue / worth, came / worth, worth))


def _fitted(promised: Floats, came: Floats, unit: float = 1.0) -> Correction:
    """Return the correction of promises (n,), counted in purchases; ``unit`` is what one is worth."""
    some = promised > 0
    if not some.any():
        return Correction()
    promised, came = promised[some], came[some]
    log = np.log(promised)
    typical = float(promised @ log / promised.sum())
    design = np.column_stack([np.ones_like(log), log - typical])
    beta = np.zeros(2)
    for _ in range(_STEPS):
        mean = promised * np.exp(np.clip(design @ beta, -5, 5))
        pull = design.T @ (came - mean) - beta / _PRIOR**2
        step = np.linalg.solve((design.T * mean) @ design + np.eye(2) / _PRIOR**2, pull)
        beta = beta + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    return Correction(float(beta[0]), float(beta[1]), float(np.exp(typical)) * unit)


def crosswise(visits: pd.DataFrame, economics: Economics, goal: Goal, seed: int = 0) -> pd.DataFrame:
    """Return visits with known outcomes priced by corrections learned on the other half of the visitors.

    Raises:
        GoalError: nothing says what an order is worth.
    """
    raw = priced(visits, economics, goal)
    visitor = np.unique(visits["visitor_id"].to_numpy(), return_inverse=True)[1]
    side = np.random.default_rng(seed).permutation(int(visitor.max()) + 1)[visitor] % 2
    halves = [
        priced(visits[side == half], economics, goal, learned(raw[side != half]))
        for half in (0, 1)
        if (side == half).any()
    ]
    return pd.concat(halves)
