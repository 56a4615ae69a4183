"""What a contact costs and brings: margin, costs, budget, and how much more often contacted visits buy.

The expected profit of contacting a visit whose chance of buying is p and whose order is worth v:

    p · (a·m·v − (1 + a)·c_inc) − c_contact

with m the margin, c_inc the incentive every contacted buyer takes, and a how much more often the visit
buys once contacted: revenue is gained only from purchases that would not have come, the incentive is
paid to those who would have bought anyway, too. The formula is the cost-sensitive decision rule of
Elkan (2001) with the costs of a campaign, as in Verbeke et al. (2012). It is linear in p and p·v, so a
visit's known outcome may stand in their place without bias.

``a`` is the effect u, but no chance may pass 1: a = min(u, 1/p − 1). An effect on the odds instead of the
chance, a = u·(1 − p)/(1 + u·p), takes into account that those who will buy anyway cannot be persuaded.
In both, the p of ``a`` is the score, known before the outcome, so the estimate stays linear in the outcome.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from buysignal.errors import InputError

Floats = npt.NDArray[np.float64]

_TINY = 1e-9


@dataclass(frozen=True)
class Economics:
    """The figures a campaign is planned with; money in the goal's currency.

    Attributes:
        margin: profit as a share of revenue, above 0 and at most 1 (0.3 is 30 %).
        contact_cost: of contacting one visit, 0 or more.
        incentive: cost of the incentive for each contacted visit that buys, 0 or more.
        budget: the most that contacts and incentives may cost; None is no limit.
        effect: how much more often contacted visits buy, relative (0.1 is 10 % more often); above 0.
        effect_on: the "chance" itself, or its "odds" (sure buyers gain next to nothing).
        measured: the effect comes from a holdout, and is not just assumed.
        order_value: worth of an order, where the data holds no amounts; None takes them from the data.

    Raises:
        InputError: a figure is out of its range.

    >>> Economics(margin=1.2, contact_cost=0.1)
    Traceback (most recent call last):
    ...
    buysignal.errors.InputError: margin is 1.2. Allowed: a share of revenue above 0 and at most 1. \
What to do: write 30 % as 0.3.
    """

    margin: float
    contact_cost: float
    incentive: float = 0.0
    budget: float | None = None
    effect: float = 0.1
    effect_on: Literal["chance", "odds"] = "chance"
    measured: bool = False
    order_value: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.margin <= 1:
            raise InputError(
                f"margin is {self.margin:g}",
                allowed="a share of revenue above 0 and at most 1",
                todo="write 30 % as 0.3",
            )
        if not 0 < self.effect <= 10:
            raise InputError(
                f"effect is {self.effect:g}",
                allowed="above 0 and at most 10 (0.1 is 10 % more often)",
                todo="a contact that changes nothing is not worth its cost; assume an effect, or measure it",
            )
        if self.effect_on not in ("chance", "odds"):
            raise InputError(f"effect_on is '{self.effect_on}'", allowed="chance or odds")
        for name in ("contact_cost", "incentive", "budget", "order_value"):
            value = getattr(self, name)
            if value is not None and not (0 <= value < math.inf):
                raise InputError(f"{name.replace('_', ' ')} is {value:g}", allowed="0 or more")

    def gained(self, p: Floats) -> Floats:
        """Return ``a`` (n,): how much more often visits with the chances p (n,) buy once contacted."""
        if self.effect_on == "odds":
            return self.effect * (1 - p) / (1 + self.effect * p)
        return np.minimum(self.effect, np.maximum(1 / np.maximum(p, _TINY) - 1, 0.0))

    def profit(self, a: Floats, p: Floats, revenue: Floats) -> Floats:
        """Return the profit of contacting each visit, (n,).

        Args:
            a: (n,) as ``gained`` gives.
            p: (n,) chance of buying uncontacted, or the outcome 0 or 1 that is known.
            revenue: (n,) expected revenue uncontacted (p times the amount), or the revenue that is known.
        """
        return a * self.margin * revenue - (1 + a) * self.incentive * p - self.contact_cost

    def cost(self, a: Floats, p: Floats) -> Floats:
        """Return what contacting each visit is expected to cost, (n,): the contact and the incentive."""
        return self.contact_cost + (1 + a) * self.incentive * p

    def break_even(self, order_value: float) -> float | None:
        """Return the chance of buying from which a contact pays for an order of that value, 0 to 1.

        None where it never does: the incentive eats what the effect gains, or no chance is high enough.

        >>> round(Economics(margin=0.3, contact_cost=0.1, effect=0.1).break_even(60.0), 4)
        0.0556
        """
        grid = np.linspace(0.0, 1.0, 100_001)
        worth = self.profit(self.gained(grid), grid, grid * order_value)
        paying = np.flatnonzero(worth > 0)
        if not len(paying):
            return None
        first = int(paying[0])
        if first == 0:
            return 0.0
        low, high = worth[first - 1], worth[first]
        return float(grid[first - 1] + (grid[first] - grid[first - 1]) * (-low / (high - low)))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, from which the same can be made again."""
        return asdict(self)

    @property
    def sentence(self) -> str:
        """Say where the effect comes from."""
        odds = self.effect_on == "odds"
        how = "the odds that contacted visits buy are" if odds else "contacted visits buy"
        more = f"{100 * self.effect:.3g} % {'higher' if odds else 'more often'}"
        if self.measured:
            return f"A holdout measured that {how} {more}."
        return f"Assumes that {how} {more}; that is an assumption until a holdout has measured it."
