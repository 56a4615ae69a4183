"""The figures of two groups that chance has dealt: differences, each with its interval.

- of rates: Newcombe's interval of a difference, Donner & Zou's of a ratio (`proportions.py`);
- of revenue and profit: a bootstrap over the visitors of each group;
- ``adjusted``: the difference of rates with the part removed that the scores foretold (regression on a
  covariate known before the contact, CUPED: Deng et al. 2013), which narrows the interval at no risk.

``people`` are visitors as `afterwards.follow` returns them, one a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from buysignal.decisions import proportions, resample
from buysignal.decisions.holdout import CONTACT, GROUPS, Campaign

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval."""

    value: float
    low: float
    high: float

    @property
    def tells(self) -> bool:
        """Whether it can be told apart from nothing."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class GroupResult:
    """What one group did within the horizon; revenue in the campaign's currency."""

    group: str
    visitors: int
    buyers: int
    rate: float
    rate_low: float
    rate_high: float
    revenue: float
    revenue_per_visitor: float


def group_result(name: str, part: pd.DataFrame, level: float) -> GroupResult:
    """Return what the visitors ``part`` of one group did, with Wilson's interval of the rate."""
    n, buyers, revenue = len(part), int(part["bought"].sum()), float(part["spent"].sum())
    low, high = proportions.wilson(buyers, n, level)
    return GroupResult(name, n, buyers, buyers / n, low, high, revenue, revenue / n)


def absolute(contact: GroupResult, holdout: GroupResult, level: float) -> Estimate:
    """Return the difference of the rates of buyers, -1 to 1 (Newcombe 1998)."""
    counts = (contact.buyers, contact.visitors, holdout.buyers, holdout.visitors)
    return Estimate(contact.rate - holdout.rate, *proportions.difference(*counts, level))


def relative(contact: GroupResult, holdout: GroupResult, level: float) -> Estimate | None:
    """Return that difference over the holdout's rate (Donner & Zou 2012); None where nobody there bought."""
    if not holdout.buyers:
        return None
    low, high = proportions.ratio(contact.buyers, contact.visitors, holdout.buyers, holdout.visitors, level)
    return Estimate(contact.rate / holdout.rate - 1, low - 1, high - 1)


def adjusted(people: pd.DataFrame, level: float) -> Estimate | None:
    """Return the difference of rates after regression on the score, whose mean is the same by chance.

    None where scores are missing or all the same (Deng et al. 2013).
    """
    if "probability" not in people or people["probability"].isna().any():
        return None
    p, y = people["probability"].to_numpy(np.float64), people["bought"].to_numpy(np.float64)
    treated = (people["group"] == CONTACT).to_numpy()
    if p.std() < 1e-9 or min(treated.sum(), (~treated).sum()) < 2:
        return None
    inside = [(p[part] - p[part].mean(), y[part]) for part in (treated, ~treated)]
    theta = sum(float(q @ z) for q, z in inside) / sum(float(q @ q) for q, _ in inside)
    rest = y - theta * (p - p.mean())
    value = float(rest[treated].mean() - rest[~treated].mean())
    variance = sum(float(rest[part].var(ddof=1)) / int(part.sum()) for part in (treated, ~treated))
    half = float(stats.norm.ppf((1 + level) / 2)) * variance**0.5
    return Estimate(value, value - half, value + half)


class Arm:
    """One group with its bootstrap: visitors of each group are drawn apart, once for all figures."""

    def __init__(self, people: pd.DataFrame, seed: int) -> None:
        self.people = people
        self.group = resample.grouped(np.arange(len(people)), seed)
        self.counts = resample.bootstrap_counts(int(self.group.max()) + 1, seed=seed)

    def mean(self, value: Floats) -> tuple[float, Floats]:
        """Return the mean of n values and the deviations from it that were drawn, (draws,)."""
        n = len(value)
        deviations = resample.ratio_deviations(value, np.ones(n), self.group, np.array([n])) / n
        return float(value.mean()), (self.counts @ deviations)[:, 0]


def _difference(
    arms: dict[str, Arm], of: Callable[[pd.DataFrame], Floats], scale: float, level: float
) -> Estimate:
    """Return scale × (mean of the contacted − mean of the held out)."""
    (mean, drawn), (mean_0, drawn_0) = (arms[name].mean(of(arms[name].people)) for name in GROUPS)
    low, high = resample.quantiles(scale * (drawn - drawn_0), level)
    centre = scale * (mean - mean_0)
    return Estimate(centre, float(centre + low), float(centre + high))


def _spent(people: pd.DataFrame) -> Floats:
    return people["spent"].to_numpy(np.float64)


def revenue(arms: dict[str, Arm], level: float) -> Estimate:
    """Return the difference of revenue per visitor."""
    return _difference(arms, _spent, 1.0, level)


def profit(arms: dict[str, Arm], campaign: Campaign, level: float) -> Estimate | None:
    """Return what the campaign earned against contacting nobody; None where its economics are not known."""
    economics = campaign.planned()
    if economics is None:
        return None

    def earned(part: pd.DataFrame) -> Floats:
        bought = part["bought"].to_numpy(np.float64)
        worth = economics.order_value
        revenue = _spent(part) if worth is None else bought * worth
        contacted = (part["group"] == CONTACT).to_numpy()
        cost = economics.incentive * bought + economics.contact_cost * part["visits"].to_numpy(np.float64)
        return np.asarray(economics.margin * revenue - np.where(contacted, cost, 0.0))

    return _difference(arms, earned, float(len(arms[CONTACT].people)), level)


def needed(contact: GroupResult, holdout: GroupResult, effect: float, level: float) -> tuple[int, int] | None:
    """Return the visitors (contacted, held out) that show a relative ``effect`` with power 0.8.

    None where there is no rate to reckon with, or none that such an effect leaves between 0 and 1.
    """
    visitors = contact.visitors + holdout.visitors
    rate = holdout.rate if holdout.buyers else (contact.buyers + holdout.buyers) / visitors
    if not rate or not 0 < rate * (1 + effect) < 1:
        return None
    share = holdout.visitors / visitors
    return proportions.visitors_needed(rate, effect, share=share, level=level)
