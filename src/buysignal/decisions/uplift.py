"""Uplift: what a contact brought, read from what contacted and held-out visitors did afterwards.

Who was held out was left to chance, so the difference between the groups is the contact's doing, up to
luck, which the intervals tell. `afterwards.py` follows the visitors, `effect.py` reckons the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from buysignal.decisions import afterwards, effect
from buysignal.decisions.effect import Estimate, GroupResult
from buysignal.decisions.holdout import GROUPS, Campaign, CampaignList


@dataclass(frozen=True)
class Uplift:
    """What the contact brought.

    Attributes:
        horizon: how long after the contact purchases count, such as "7d".
        contact, holdout: the groups.
        absolute: difference of the rates of buyers, from −1 to 1.
        relative: the same over the holdout's rate (0.1 is 10 % more); None where nobody held out bought.
        adjusted: as ``absolute``, narrowed by the scores; None where the list has none.
        revenue: difference of revenue per visitor.
        profit: of the whole campaign against contacting nobody; None without its economics.
        wanted: the relative effect that should be found.
        needed: visitors (contacted, held out) that show such an effect with power 0.8; None where no rate
            is there to reckon with.
        warnings: what is wrong with the figures, or limits them.
    """

    campaign: Campaign
    horizon: str
    level: float
    contact: GroupResult
    holdout: GroupResult
    absolute: Estimate
    relative: Estimate | None
    adjusted: Estimate | None
    revenue: Estimate
    profit: Estimate | None
    wanted: float
    needed: tuple[int, int] | None
    warnings: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Say the result plainly: the range, whether it is told apart from nothing, what it would take."""
        from buysignal.decisions.words import uplift_sentence

        return uplift_sentence(self)

    def table(self) -> pd.DataFrame:
        """Return both groups, one a row."""
        return pd.DataFrame([vars(self.contact), vars(self.holdout)])

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""

        def plain(estimate: Estimate | None) -> dict[str, float | None] | None:
            if estimate is None:
                return None
            return {name: v if np.isfinite(v) else None for name, v in vars(estimate).items()}

        return {
            "campaign": self.campaign.model_dump(mode="json"),
            "sentence": self.sentence,
            "horizon": self.horizon,
            "level": self.level,
            "groups": [vars(self.contact), vars(self.holdout)],
            **{n: plain(getattr(self, n)) for n in ("absolute", "relative", "adjusted", "revenue", "profit")},
            "wanted": self.wanted,
            "needed": self.needed,
            "warnings": list(self.warnings),
        }


def measure(
    drawn: CampaignList,
    events: pa.Table,
    *,
    horizon: str = "7d",
    contacted_at: np.datetime64 | None = None,
    wanted: float | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Uplift:
    """Return what the contact brought.

    Args:
        drawn: the campaign as it was written.
        events: what came later, as canonical events in any order; earlier events do no harm.
        horizon: how long after the contact purchases count, with its unit.
        contacted_at: when the contacts went out, UTC; if unset, when each visitor was asked about (or,
            where the list does not say, when it was made). Before it nothing counts for either group.
        wanted: the relative effect to reckon the needed visitors for; the planned one, or 10 %, if unset.
        level: of the intervals.
        seed: of the bootstrap.

    Raises:
        InputError: a group is missing or has another name.
        SamplesError: the events end before anybody's horizon is over, have no times, or know none of the
            visitors.
        UnitError: the horizon has no unit.
    """
    people, warnings = afterwards.follow(drawn, events, horizon=horizon, contacted_at=contacted_at)
    arms = {name: effect.Arm(people[people["group"] == name], seed + n) for n, name in enumerate(GROUPS)}
    contact, holdout = (effect.group_result(name, arms[name].people, level) for name in GROUPS)
    looked_for = _looked_for(drawn.campaign, wanted)
    return Uplift(
        campaign=drawn.campaign,
        horizon=horizon,
        level=level,
        contact=contact,
        holdout=holdout,
        absolute=effect.absolute(contact, holdout, level),
        relative=effect.relative(contact, holdout, level),
        adjusted=effect.adjusted(people, level),
        revenue=effect.revenue(arms, level),
        profit=effect.profit(arms, drawn.campaign, level),
        wanted=looked_for,
        needed=effect.needed(contact, holdout, looked_for, level),
        warnings=tuple(warnings),
    )


def _looked_for(campaign: Campaign, wanted: float | None) -> float:
    """Return the relative effect to reckon with: the one wanted, else the planned one, else 10 %."""
    economics = campaign.planned()
    planned = None if economics is None else economics.effect
    return wanted if wanted is not None else planned or 0.1
