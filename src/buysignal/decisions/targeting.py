"""Whom to target: the visits worth a contact, what that costs, and the profit with its interval.

Visits are sorted by the profit their score lets expect (`economics.py`, `pricing.py`); contacted are those
where it is above 0, as far as the budget goes. No visit's own outcome puts it on the list, so outcomes can
judge it. **What is
estimated** is the true expected profit of contacting that very list: the sum over its visits of the
profit's mean, given all that was known when each was asked. `judging.py` has three ways to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.decisions import judging, pricing
from buysignal.decisions.economics import Economics
from buysignal.decisions.judging import Basis
from buysignal.decisions.words import WHY_OUT as WHY_OUT
from buysignal.decisions.words import targeting_sentence
from buysignal.errors import GoalError, InputError, SamplesError
from buysignal.goals import Goal

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVEL = 0.95
CURVE_POINTS = 60
WORTH_SAYING = 0.1
"""Scores off by more than this share are said so."""
FEW_BUYERS = 30
"""Fewer buyers behind an estimate are said so."""

_INSIDE = ("a", "outcome_known", "bought", "spent", "came", "realised")


@dataclass(frozen=True, eq=False)
class TargetingPlan:
    """Whom to contact, and what to expect of it. Money in ``currency``.

    Attributes:
        basis: how the profit was estimated; see `judging.py`.
        considered: visits asked about, without those that are out.
        excluded: how many are out, by reason.
        visits: on the list.
        worthwhile: visits a contact pays for, whatever the budget.
        budget_binds: the budget ends the list before the profit does.
        threshold: the least expected profit of a visit on the list.
        threshold_probability: the chance from which a contact pays for an order of ``order_value``.
        order_value: the mean order the scores expect, None where they expect none.
        contact_cost, incentive_cost: expected for the list.
        profit, low, high: expected profit of the list and its interval at ``level``.
        predicted_profit: what the scores alone say.
        buyers: purchases behind the estimate; None where it rests on probabilities alone.
        curve: one row per list length: ``visits``, ``share``, ``cost``, ``predicted``, ``profit``, ``low``,
            ``high``; from 0 to all visits considered.
        visits_listed: the list, best first: the visits' columns with ``expected_profit``.
        promised: sums of the raw ``chance`` and ``revenue`` scores of all visits considered, over what they
            were brought to before the list was chosen (`pricing.py`); 1 where they were taken at their word.
        simulated: the model learned from the demo shop, which is no real one.
        notes: what to keep in mind.
    """

    goal: Goal
    economics: Economics
    currency: str | None
    basis: Basis
    level: float
    considered: int
    excluded: dict[str, int]
    visits: int
    worthwhile: int
    budget_binds: bool
    threshold: float | None
    threshold_probability: float | None
    order_value: float | None
    contact_cost: float
    incentive_cost: float
    profit: float
    low: float
    high: float
    predicted_profit: float
    buyers: int | None
    curve: pd.DataFrame
    visits_listed: pd.DataFrame
    promised: dict[str, float]
    simulated: bool = False
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Say the result in one or two plain sentences."""
        return targeting_sentence(self)

    def export(self) -> pd.DataFrame:
        """Return the list to take away, with what its figures are of."""
        about: dict[str, Any] = {
            "goal": self.goal.name,
            "proxy": self.goal.proxy,
            "simulated": self.simulated,
        }
        return self.visits_listed.assign(currency=self.currency, **about)

    def as_json(self) -> dict[str, Any]:
        """Return plain values; ``proxy`` travels with them."""
        plain = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in ("goal", "economics", "curve", "visits_listed")
        }
        return {
            "goal": self.goal.name,
            "proxy": self.goal.proxy,
            "sentence": self.sentence,
            **plain,
            "notes": list(self.notes),
            "economics": self.economics.as_dict(),
            "curve": self.curve.to_dict(orient="records"),
        }


def plan(
    visits: pd.DataFrame,
    economics: Economics,
    *,
    goal: Goal,
    known: pd.DataFrame | None = None,
    level: float = LEVEL,
    seed: int = 0,
) -> TargetingPlan:
    """Return whom to contact and what to expect of it.

    Args:
        visits: one row per visit as ``asking.asked_visits`` gives them; needed are ``visitor_id`` and
            ``probability``, and ``expected_revenue`` unless ``economics.order_value`` is given. Where
            ``outcome_known`` is true throughout, the profit is judged by ``bought`` and ``spent``.
        economics: costs, margin, effect, budget.
        goal: what the probability is of.
        known: earlier visits of the same kind whose outcome is known, to correct the scores by.
        level: of the intervals.
        seed: of the bootstrap.

    Raises:
        GoalError: the score is of a proxy, or nothing says what an order is worth.
        SamplesError: no visit is left to choose from.
        InputError: ``level`` is out of range.
    """
    if not 0.5 <= level < 1:
        raise InputError(f"level is {level:g}", allowed="0.5 to below 1, such as 0.95")
    refuse_proxy(goal)
    eligible, excluded = _eligible(visits)
    past = _usable(known)
    if "outcome_known" in eligible and bool(eligible["outcome_known"].all()):
        rows = pricing.best_first(pricing.crosswise(eligible, economics, goal, seed))
        lists = _lists(rows, economics)
        judged = judging.by_outcomes(rows, lists.ends, level, seed)
    elif past is not None:
        scale = pricing.learned(pricing.priced(past, economics, goal))
        rows = pricing.best_first(pricing.priced(eligible, economics, goal, scale))
        lists = _lists(rows, economics)
        past = pricing.best_first(pricing.priced(past, economics, goal, scale))
        judged = judging.by_past(rows, past, economics, lists.ends, level, seed)
    else:
        rows = pricing.best_first(pricing.priced(eligible, economics, goal))
        lists = _lists(rows, economics)
        judged = judging.by_probabilities(rows, economics, lists.ends, level, seed)
    return _plan(rows, lists, judged, economics, goal, excluded, level)


def refuse_proxy(goal: Goal) -> None:
    """Raise a GoalError where the score is of a proxy: it has no margin, so no profit either."""
    if goal.proxy:
        raise GoalError(
            f"the score is of the proxy '{goal.name}' ({goal.sentence}), which is no purchase and brings no "
            "money, so no profit can be counted",
            allowed="a model trained on data with purchases",
            todo="train on events with purchases (and their prices), or target by the proxy's score alone",
        )


@dataclass(frozen=True)
class _Lists:
    """List lengths to judge (rising), and which of them is the list, with and without the budget."""

    ends: Ints
    chosen: int
    worthwhile: int

    def at(self, length: int) -> int:
        return int(np.searchsorted(self.ends, length))


def _eligible(visits: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    excluded, keep = {}, np.ones(len(visits), dtype=bool)
    for column in WHY_OUT:
        if column in visits:
            out = visits[column].to_numpy(dtype=bool) & keep
            excluded[column] = int(out.sum())
            keep &= ~out
    if not keep.any():
        raise SamplesError(
            f"no visit is left to choose from: of {len(visits):,}, "
            + (", ".join(f"{n:,} {WHY_OUT[why]}" for why, n in excluded.items() if n) or "none was asked"),
            todo="ask at another moment, or bring more visits",
        )
    return visits[keep], excluded


def _usable(known: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the known visits that may be learned from; None where they are too few."""
    if known is None or not len(known):
        return None
    keep = known["outcome_known"].to_numpy(dtype=bool, copy=True)
    for column in WHY_OUT:
        if column in known:
            keep &= ~known[column].to_numpy(dtype=bool)
    return known[keep] if keep.sum() >= judging.LIKE else None


def _lists(rows: pd.DataFrame, economics: Economics) -> _Lists:
    n = len(rows)
    chosen = worthwhile = int((rows["expected_profit"] > 0).sum())
    if economics.budget is not None:
        spent = rows["cost"].cumsum().to_numpy()
        chosen = min(worthwhile, int(np.searchsorted(spent, economics.budget + 1e-9, side="right")))
    grid = np.unique(np.round(np.linspace(0, n, CURVE_POINTS)).astype(np.int64))
    return _Lists(np.unique(np.append(grid, [chosen, worthwhile])), chosen, worthwhile)


def _plan(
    rows: pd.DataFrame,
    lists: _Lists,
    judged: judging.Judged,
    economics: Economics,
    goal: Goal,
    excluded: dict[str, int],
    level: float,
) -> TargetingPlan:
    at, listed = lists.at(lists.chosen), rows.head(lists.chosen)
    curve = _curve(rows, lists, judged)
    p, revenue = rows["chance"].sum(), rows["revenue"].sum()
    order_value = float(revenue / p) if p > 0 else None
    contacts = economics.contact_cost * lists.chosen
    promised = _promised(rows)
    buyers = None if judged.buyers is None else int(judged.buyers[at])
    return TargetingPlan(
        goal=goal,
        economics=economics,
        currency=goal.currency,
        basis=judged.basis,
        level=level,
        considered=len(rows),
        excluded=excluded,
        visits=lists.chosen,
        worthwhile=lists.worthwhile,
        budget_binds=lists.chosen < lists.worthwhile,
        threshold=float(listed["expected_profit"].iloc[-1]) if lists.chosen else None,
        threshold_probability=None if order_value is None else economics.break_even(order_value),
        order_value=order_value,
        contact_cost=contacts,
        incentive_cost=float(listed["cost"].sum()) - contacts,
        profit=float(judged.profit[at]),
        low=float(judged.low[at]),
        high=float(judged.high[at]),
        predicted_profit=float(listed["expected_profit"].sum()),
        buyers=buyers,
        curve=curve,
        visits_listed=listed.drop(columns=[*_INSIDE, *WHY_OUT], errors="ignore"),
        promised=promised,
        notes=_notes(lists.chosen, judged.basis, buyers, promised),
    )


def _curve(rows: pd.DataFrame, lists: _Lists, judged: judging.Judged) -> pd.DataFrame:
    def until(column: str) -> Floats:
        return np.concatenate([[0.0], rows[column].cumsum().to_numpy()])[lists.ends]

    return pd.DataFrame(
        {
            "visits": lists.ends,
            "share": lists.ends / len(rows),
            "cost": until("cost"),
            "predicted": until("expected_profit"),
            "profit": judged.profit,
            "low": judged.low,
            "high": judged.high,
        }
    )


def _promised(rows: pd.DataFrame) -> dict[str, float]:
    pairs = {"chance": "probability", "revenue": "expected_revenue"}
    return {
        priced: float(rows[raw].sum() / rows[priced].sum())
        for priced, raw in pairs.items()
        if raw in rows and rows[priced].sum() > 0
    }


def _notes(chosen: int, basis: Basis, buyers: int | None, promised: dict[str, float]) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    if chosen and buyers is not None and buyers < FEW_BUYERS:
        notes += (f"Only {buyers:,} purchases stand behind the estimate: take its interval seriously.",)
    if basis == "probabilities":
        return (*notes, "The scores are taken at their word: no visit with a known outcome checks them here.")
    words = {"chance": "chances of buying", "revenue": "amounts"}
    off = [
        f"{words[of]} {times:.1f} times" for of, times in promised.items() if abs(times - 1) > WORTH_SAYING
    ]
    if off:
        notes += (
            f"The raw scores promise {' and '.join(off)} what such visits did; that was put right first.",
        )
    return notes
