"""What the visitors of a campaign did afterwards: who can be followed, who bought, and for how much.

Visitors, not visits, were dealt into the groups, so visitors are followed: all of a group, whether or not
the contact reached them. Who is left out, and why, is said, and does not depend on the group.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from buysignal import events as ev
from buysignal import sessions
from buysignal.decisions.asking import purchases_after
from buysignal.decisions.holdout import CONTACT, GROUPS, HOLDOUT, Campaign, CampaignList
from buysignal.errors import InputError, SamplesError
from buysignal.units import duration_us, spoken

Ints = npt.NDArray[np.int64]

_BUY = ev.EVENT_CODES["purchase"]
MOST_NAMED = 3


def follow(
    drawn: CampaignList,
    events: pa.Table,
    *,
    horizon: str,
    contacted_at: np.datetime64 | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Return the visitors who can be followed, and what is wrong with the figures or limits them.

    One row per visitor: ``group``, ``visits`` on the list, ``bought`` (0 or 1) and ``spent`` within the
    horizon; the mean ``probability`` where the list has scores.

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
    span = duration_us(horizon, "horizon")
    people, early = _reached(people, events, span, horizon)
    people, found = _followed(people, events, span)
    return people, [*warnings, *late, *early, *_unknown_ids(people, found), *_no_purchases(events)]


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
