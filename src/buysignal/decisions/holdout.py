"""Holdouts: a share of a target list that is left alone, so that what the contact brings can be measured.

Who is held out is decided by a hash of the visitor's id, keyed with the campaign's name (BLAKE2b,
RFC 7693): as good as a coin, yet a visitor falls on the same side each time, in every list of that
campaign, and on sides of their own in the next campaign.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from buysignal.decisions.economics import Economics
from buysignal.errors import InputError, SourceError
from buysignal.goals import Goal
from buysignal.spreadsheet import write_csv

CONTACT, HOLDOUT = "contact", "holdout"
GROUPS = (CONTACT, HOLDOUT)
COLUMNS = (
    "visitor_id",
    "session_id",
    "group",
    "asked_at",
    "probability",
    "expected_revenue",
    "expected_profit",
    "simulated",
)
_TEXTS = ("visitor_id", "session_id", "group")
_NEEDED = ("visitor_id", "group")
_NEUTRALISED = re.compile(r"^'(?=[=+\-@\t\r])")


class Campaign(BaseModel):
    """What is known of a campaign beside its list; stands as JSON next to the CSV.

    Attributes:
        name: also the key of the draw, together with ``seed``.
        created: when the list was made, UTC.
        asked_until: the latest moment a visit of the list was asked at, UTC.
        share: of the visitors, held out.
        goal, proxy, simulated, bundle_version: where the scores come from.
        economics: the figures it was planned with.
        expected_profit: of contacting the whole list, with its interval, as planned.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    name: str = Field(min_length=1)
    created: datetime
    asked_until: datetime | None = None
    share: float
    seed: int = 0
    goal: str
    proxy: bool = False
    simulated: bool = False
    currency: str | None = None
    bundle_version: str | None = None
    economics: dict[str, Any] = Field(default_factory=dict)
    expected_profit: tuple[float, float, float] | None = Field(default=None, description="value, low, high")
    contacts: int = 0
    holdouts: int = 0

    def planned(self) -> Economics | None:
        """Return the figures it was planned with."""
        return Economics(**self.economics) if self.economics else None


@dataclass(frozen=True, eq=False)
class CampaignList:
    """A list whose visitors are dealt into contact and holdout."""

    campaign: Campaign
    table: pd.DataFrame


def held_out(
    visitor_id: npt.ArrayLike, *, campaign: str, share: float, seed: int = 0
) -> npt.NDArray[np.bool_]:
    """Return which visitors are left alone, (n,).

    Args:
        visitor_id: (n,) texts; equal ids fall on the same side.
        campaign: its name; another name draws anew.
        share: of the visitors, above 0 and below 1.
        seed: another seed draws anew, too.

    Raises:
        InputError: the share is out of range, or the campaign has no name.

    >>> held_out(["v1", "v3", "v1"], campaign="spring", share=0.5).tolist()
    [False, True, False]
    """
    if not 0 < share < 1:
        raise InputError(
            f"the holdout share is {share:g}", allowed="above 0 and below 1", todo="write 20 % as 0.2"
        )
    if not campaign.strip():
        raise InputError("the campaign has no name", todo="name it, such as 'spring 2025'")
    key = hashlib.blake2b(f"{seed}\0{campaign}".encode(), digest_size=32).digest()
    limit = int(share * 2**64)
    ids, place = np.unique(np.asarray(visitor_id, dtype=str), return_inverse=True)
    drawn = [
        int.from_bytes(hashlib.blake2b(one.encode(), key=key, digest_size=8).digest(), "big") for one in ids
    ]
    return np.array([number < limit for number in drawn], dtype=bool)[place]


def set_aside(
    listed: pd.DataFrame,
    *,
    campaign: str,
    share: float = 0.2,
    seed: int = 0,
    goal: Goal | None = None,
    economics: Economics | None = None,
    expected_profit: tuple[float, float, float] | None = None,
    bundle_version: str | None = None,
    simulated: bool = False,
    created: datetime | None = None,
) -> CampaignList:
    """Return the list with a column ``group``: contact, or holdout for about that share of the visitors.

    Args:
        listed: at least ``visitor_id``; the other columns of a plan's list are kept where there.
        campaign: its name.
        share: of the visitors to leave alone.
        seed: another one draws anew.
        goal, economics, expected_profit, bundle_version, simulated: for the record.
        created: when the list was made, UTC; now if unset.

    Raises:
        InputError: share or name are unfit, or the list is so short that a group is empty.
    """
    out = held_out(listed["visitor_id"].astype(str), campaign=campaign, share=share, seed=seed)
    if out.all() or not out.any():
        raise InputError(
            f"of {len(out):,} visits, {int(out.sum()):,} fall into the holdout, so one group is empty",
            allowed="a list of which both groups get some",
            todo="take a longer list or another share",
        )
    table = listed.assign(group=np.where(out, HOLDOUT, CONTACT), simulated=simulated)
    table = table[[c for c in COLUMNS if c in table]]
    visitors = table.drop_duplicates("visitor_id")["group"].value_counts()
    return CampaignList(
        Campaign(
            name=campaign,
            created=created or datetime.now(UTC).replace(microsecond=0),
            asked_until=_latest(table),
            share=share,
            seed=seed,
            goal="unknown" if goal is None else goal.name,
            proxy=False if goal is None else goal.proxy,
            simulated=simulated,
            currency=None if goal is None else goal.currency,
            bundle_version=bundle_version,
            economics={} if economics is None else economics.as_dict(),
            expected_profit=expected_profit,
            contacts=int(visitors[CONTACT]),
            holdouts=int(visitors[HOLDOUT]),
        ),
        table,
    )


def _latest(table: pd.DataFrame) -> datetime | None:
    latest = table["asked_at"].max() if "asked_at" in table else pd.NaT
    return None if pd.isna(latest) else pd.Timestamp(latest).tz_localize("UTC").to_pydatetime()


def sidecar(path: Path) -> Path:
    """Return where the JSON beside a campaign's CSV lies."""
    return path.with_suffix(".json")


def write_campaign(drawn: CampaignList, path: Path) -> tuple[Path, Path]:
    """Write the list as CSV and the campaign as JSON of the same name; return both paths.

    Raises:
        SourceError: the name does not end in .csv, or the place cannot be written to.
    """
    if path.suffix != ".csv":
        raise SourceError(f"cannot write a campaign to '{path.name}'", allowed="a name ending in .csv")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_csv(pa.Table.from_pandas(drawn.table, preserve_index=False), path)
        sidecar(path).write_text(drawn.campaign.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise SourceError(
            f"{path} cannot be written: {error.strerror}", todo="choose another place"
        ) from error
    return path, sidecar(path)


def read_campaign(path: Path, about: Path | None = None) -> CampaignList:
    """Return a campaign that ``write_campaign`` wrote, ids as they were.

    Args:
        path: the CSV; a spreadsheet may have saved it in between.
        about: the JSON; the file of the same name if unset.

    Raises:
        SourceError: a file is missing, cannot be read, or lacks ``visitor_id`` or ``group``.
    """
    beside = about or sidecar(path)
    try:
        # Ids are texts whatever they look like: "007" keeps its zeros, and "nan" is a name.
        table = pd.read_csv(
            path, dtype=dict.fromkeys(_TEXTS, str), keep_default_na=False,
            na_values={name: [""] for name in COLUMNS if name not in _TEXTS}, sep=None, engine="python",
            encoding="utf-8-sig",
        )  # fmt: skip
    except (OSError, ValueError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise SourceError(
            f"'{path.name}' cannot be read as CSV", todo="take the file that holdout wrote"
        ) from error
    missing = [c for c in _NEEDED if c not in table]
    if missing:
        raise SourceError(
            f"'{path.name}' has no column {' and no column '.join(missing)}",
            allowed=f"a campaign's list: {', '.join(COLUMNS)}",
            todo="take the file that holdout wrote",
        )
    for name in ("visitor_id", "session_id"):
        if name in table:
            table[name] = table[name].str.replace(_NEUTRALISED, "", regex=True)
    if "asked_at" in table:
        table["asked_at"] = pd.to_datetime(table["asked_at"], errors="coerce")
    return CampaignList(_about(beside), table)


def _about(path: Path) -> Campaign:
    try:
        return Campaign.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise SourceError(
            f"'{path.name}', which says what the campaign was, is not beside its list",
            todo="put both files that holdout wrote side by side",
        ) from error
    except (ValueError, ValidationError) as error:
        raise SourceError(
            f"'{path.name}' is no record of a campaign", todo="take the file that holdout wrote"
        ) from error
