"""Uplift: what a contact brought, read from what contacted and held-out visitors did afterwards.

Visitors, not visits, were dealt into the groups, so visitors are counted: whether each bought within the
horizon after the contact, and for how much. Who was held out was left to chance, so the difference between
the groups is the contact's doing, up to luck, which the intervals tell:

- of rates: Newcombe's interval of a difference, Donner & Zou's of a ratio (`proportions.py`);
- of revenue and profit: a bootstrap over the visitors of each group;
- ``adjusted``: the difference of rates with the part removed that the scores foretold (regression on a
  covariate known before the contact, CUPED: Deng et al. 2013), which narrows the interval at no risk.

Counted are all visitors dealt into a group, whether or not the contact reached them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from scipy import stats

from buysignal import events as ev
from buysignal import sessions
from buysignal.decisions import proportions, resample
from buysignal.decisions.asking import purchases_after
from buysignal.decisions.holdout import CONTACT, GROUPS, HOLDOUT, Campaign, CampaignList
from buysignal.errors import InputError, SamplesError
from buysignal.units import duration_us, spoken

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Interval = tuple[float, float]

_BUY = ev.EVENT_CODES["purchase"]
MOST_NAMED = 3


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
    if "event_name" not in events.column_names:
        raise SamplesError(
            "the later data is a table of visits, which does not say who bought when",
            allowed="events with visitor_id, event_time and purchases",
        )
    people, warnings = _people(drawn.table)
    people["since"], late = _since(people, drawn.campaign, contacted_at)
    people, early = _reached(people, events, duration_us(horizon, "horizon"), horizon)
    people, found = _followed(people, events, duration_us(horizon, "horizon"))
    warnings += [*late, *early, *_unknown_ids(people, found), *_no_purchases(events)]
    arms = {name: _Arm(people[people["group"] == name], seed + n) for n, name in enumerate(GROUPS)}
    economics = drawn.campaign.planned()
    planned = None if economics is None else economics.effect
    effect = wanted if wanted is not None else planned or 0.1
    contact, holdout = (_group(name, arms[name].people, level) for name in GROUPS)
    return Uplift(
        campaign=drawn.campaign,
        horizon=horizon,
        level=level,
        contact=contact,
        holdout=holdout,
        absolute=_absolute(contact, holdout, level),
        relative=_relative(contact, holdout, level),
        adjusted=_adjusted(people, level),
        revenue=_difference(arms, _spent, 1.0, level),
        profit=_profit(arms, drawn.campaign, level),
        wanted=effect,
        needed=_needed(contact, holdout, effect, level),
        warnings=tuple(warnings),
    )


def _people(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return one row per visitor: group, how many visits of theirs stand on the list, mean score."""
    groups = table["group"].astype(str).str.strip().str.lower()
    strange = sorted(set(groups) - set(GROUPS))
    if strange:
        raise InputError(
            f"the list has the group{'s' * (len(strange) > 1)} {', '.join(strange[:MOST_NAMED])}",
            allowed=f"{CONTACT} and {HOLDOUT}",
            todo="take the list that holdout wrote, its column 'group' unchanged",
        )
    rows = table.assign(group=groups)[table["visitor_id"].fillna("") != ""]
    both = rows.groupby("visitor_id")["group"].nunique()
    torn = both.index[both > 1]
    rows = rows[~rows["visitor_id"].isin(torn)]
    missing = [name for name in GROUPS if not (rows["group"] == name).any()]
    if missing:
        raise InputError(
            f"the list has nobody in the group {' and in the group '.join(missing)}",
            allowed=f"visitors in both groups, {CONTACT} and {HOLDOUT}",
            todo="take the whole list that holdout wrote, not only the part that was sent out",
        )
    by = rows.groupby("visitor_id", sort=False)
    people = pd.DataFrame({"group": by["group"].first(), "visits": by.size()})
    if "asked_at" in rows:
        people["asked_at"] = by["asked_at"].min()
    if "probability" in rows:
        people["probability"] = by["probability"].mean()
    warnings = []
    if len(torn):
        warnings.append(
            f"{len(torn):,} visitor{'s stand' if len(torn) > 1 else ' stands'} in both groups and "
            f"{'are' if len(torn) > 1 else 'is'} left out: nothing tells whether the contact reached them."
        )
    return people.reset_index(), warnings


def _since(
    people: pd.DataFrame, campaign: Campaign, contacted_at: np.datetime64 | None
) -> tuple[Ints, list[str]]:
    """Return from when on each visitor's purchases count, in microseconds, and what is odd about it."""
    if contacted_at is not None:
        moment = contacted_at.astype("datetime64[us]").astype(np.int64)
        return np.full(len(people), int(moment)), []
    made = campaign.asked_until or campaign.created
    usual = int(np.datetime64(made.replace(tzinfo=None), "us").astype(np.int64))
    if "asked_at" not in people:
        return np.full(len(people), usual), []
    asked = people["asked_at"].to_numpy().astype("datetime64[us]")
    unread = np.isnat(asked)
    since = np.where(unread, usual, asked.astype(np.int64))
    said = f"{int(unread.sum()):,} visitors have no readable 'asked_at'; the list's latest is taken for them."
    return since, [said] if unread.any() else []


def _reached(
    people: pd.DataFrame, events: pa.Table, span: int, horizon: str
) -> tuple[pd.DataFrame, list[str]]:
    """Return the visitors whose time is up within the events; who they are does not depend on the group."""
    time = sessions.times(events)
    if not len(time) or (time == sessions.NO_TIME).all():
        raise SamplesError("the later data has no times", todo="bring events with their time")
    up = (people["since"] + span <= int(time.max())).to_numpy()
    kept = people[up]
    if any(not (kept["group"] == name).any() for name in GROUPS):
        raise SamplesError(
            f"the later data ends on {_minute(int(time.max()))}, before {spoken(horizon)} after the "
            f"contact are over ({_minute(int(people['since'].max()) + span)})",
            todo="bring data up to then, or choose a shorter horizon",
        )
    early = int((~up).sum())
    said = (
        f"{early:,} visitors are left out: {spoken(horizon)} after their contact are not over in this data."
    )
    return kept.reset_index(drop=True), [said] if early else []


def _minute(moment: int) -> str:
    return str(np.datetime64(moment, "us").astype("datetime64[m]")).replace("T", " ") + " UTC"


def _followed(people: pd.DataFrame, events: pa.Table, span: int) -> tuple[pd.DataFrame, int]:
    """Return the visitors with ``bought`` and ``spent``, and how many of them the events know."""
    time = sessions.times(events)
    ids = pd.Index(people["visitor_id"])
    visitor = ids.get_indexer(events.column("visitor_id").cast(pa.string()).to_pandas())
    mine = np.flatnonzero((visitor >= 0) & (time != sessions.NO_TIME))
    orders, spent = purchases_after(
        time[mine], visitor[mine], ev.codes_of_names(events)[mine] == _BUY, ev.line_values(events)[mine],
        np.arange(len(people)), people["since"].to_numpy(), span,
    )  # fmt: skip
    return people.assign(bought=(orders > 0).astype(np.float64), spent=spent), len(np.unique(visitor[mine]))


def _unknown_ids(people: pd.DataFrame, found: int) -> list[str]:
    if not found:
        raise SamplesError(
            f"none of the {len(people):,} visitors of the list is in the later data "
            f"(the list begins with '{people['visitor_id'].iloc[0]}')",
            allowed="the same ids in both, leading zeros included",
            todo="check whether a spreadsheet changed the ids, or whether the data is of the same shop",
        )
    lost = len(people) - found
    if not lost:
        return []
    return [
        f"{lost:,} of {len(people):,} visitors do not appear in this data; they count as not having bought."
    ]


def _no_purchases(events: pa.Table) -> list[str]:
    buys = ev.codes_of_names(events) == _BUY
    return [] if buys.any() else ["This data holds no purchase at all; is the order event mapped?"]


def _group(name: str, part: pd.DataFrame, level: float) -> GroupResult:
    n, buyers, revenue = len(part), int(part["bought"].sum()), float(part["spent"].sum())
    low, high = proportions.wilson(buyers, n, level)
    return GroupResult(name, n, buyers, buyers / n, low, high, revenue, revenue / n)


def _absolute(contact: GroupResult, holdout: GroupResult, level: float) -> Estimate:
    counts = (contact.buyers, contact.visitors, holdout.buyers, holdout.visitors)
    return Estimate(contact.rate - holdout.rate, *proportions.difference(*counts, level))


def _relative(contact: GroupResult, holdout: GroupResult, level: float) -> Estimate | None:
    if not holdout.buyers:
        return None
    low, high = proportions.ratio(contact.buyers, contact.visitors, holdout.buyers, holdout.visitors, level)
    return Estimate(contact.rate / holdout.rate - 1, low - 1, high - 1)


def _adjusted(people: pd.DataFrame, level: float) -> Estimate | None:
    """Return the difference of rates after regression on the score, whose mean is the same by chance."""
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


class _Arm:
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
    arms: dict[str, _Arm], of: Callable[[pd.DataFrame], Floats], scale: float, level: float
) -> Estimate:
    """Return scale × (mean of the contacted − mean of the held out)."""
    (mean, drawn), (mean_0, drawn_0) = (arms[name].mean(of(arms[name].people)) for name in GROUPS)
    low, high = resample.quantiles(scale * (drawn - drawn_0), level)
    centre = scale * (mean - mean_0)
    return Estimate(centre, float(centre + low), float(centre + high))


def _spent(people: pd.DataFrame) -> Floats:
    return people["spent"].to_numpy(np.float64)


def _profit(arms: dict[str, _Arm], campaign: Campaign, level: float) -> Estimate | None:
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


def _needed(
    contact: GroupResult, holdout: GroupResult, effect: float, level: float
) -> tuple[int, int] | None:
    visitors = contact.visitors + holdout.visitors
    rate = holdout.rate if holdout.buyers else (contact.buyers + holdout.buyers) / visitors
    if not rate or not 0 < rate * (1 + effect) < 1:
        return None
    share = holdout.visitors / visitors
    return proportions.visitors_needed(rate, effect, share=share, level=level)
