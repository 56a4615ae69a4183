"""Carts at risk: which lie open, what they are worth, how likely they stay; and which came back.

A **cart** belongs to a visit. It is *left* when something lies in it after the visit's last event, and
*open* while its visitor has bought nothing since, in any visit. An older open cart of the same visitor
counts as replaced by the newer one. Contents, pieces and value are those of the fold, at ``now``; nothing
later than ``now`` is looked at.

P(abandon) is 1 − P(buy later in this visit) as of the visit's last click. While the visit is under way
that is the question itself. Of a visit that is over it is what could be said before that was known: the
visit was not finished by a purchase, and what is left is whether the visitor comes back. How often that
happens is counted, not modelled: the recovery rate of carts whose time is up. With a goal that looks
beyond the session, the score itself speaks of coming back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from buysignal import events as ev
from buysignal import prefixes, sessions
from buysignal.decisions.asking import bot_so_far, refused_by
from buysignal.errors import SamplesError
from buysignal.units import duration_us

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_BUY, _ADD, _REMOVE = (ev.EVENT_CODES[n] for n in ("purchase", "add_to_cart", "remove_from_cart"))
_DAY = np.timedelta64(1, "D")
SHOWN_ITEMS = 5
RECENT = "3d"
"""A cart left longer ago than this is rarely still wanted; its chance of being bought is of back then."""


@dataclass(frozen=True, eq=False)
class Carts:
    """Carts as they stand at ``now``. Money in ``currency``.

    Attributes:
        now: UTC.
        horizon: how long a left cart has to come back, such as "7d".
        open: one row per open cart, most at risk first: ``visitor_id``, ``session_id``, ``pieces``,
            ``contents``, ``value``, ``last_seen``, ``idle_minutes``, ``visit_over``, ``probability`` (of
            buying, as of the last click), ``p_abandon``, ``at_risk`` (p_abandon × value), and ``reasons``
            where given.
        recovered: carts whose visitor bought after all: ``visitor_id``, ``session_id``, ``value``,
            ``pieces``, ``left_at`` (of carts bought in the same visit: when something was first put in),
            ``bought_at``, ``days``, ``same_visit``.
        by_day: one row per day (UTC) of leaving: ``day``, ``left``, ``recovered``, ``open``, ``replaced``,
            ``value_left``, ``value_recovered``, ``recovery_rate``.
        filled: visits that put something into a cart.
        bought_in_visit: those of them that bought.
        left: visits that ended with something in the cart.
        recovery_rate: share of the carts left a horizon ago or earlier that were bought within it; None
            where there are none.
        judged: how many carts that rate stands on.
        excluded: open carts that are not listed, by reason.
        simulated: the model learned from the demo shop, which is no real one.
    """

    now: np.datetime64
    horizon: str
    currency: str | None
    open: pd.DataFrame
    recovered: pd.DataFrame
    by_day: pd.DataFrame
    filled: int
    bought_in_visit: int
    left: int
    recovery_rate: float | None
    judged: int
    excluded: dict[str, int]
    simulated: bool = False

    @property
    def value(self) -> float:
        """Worth of all open carts listed."""
        return float(self.open["value"].sum())

    @property
    def at_risk(self) -> float:
        """Sum of P(abandon) × value over the open carts."""
        return float(self.open["at_risk"].sum())

    @property
    def sentence(self) -> str:
        """Say the result in one or two plain sentences."""
        from buysignal.decisions.words import carts_sentence

        return carts_sentence(self)

    def narrowed(self, *, idle: str | None = None, least: float = 0.0) -> Carts:
        """Return the same with fewer open carts: clicked at most ``idle`` ago, worth ``least`` or more.

        Raises:
            UnitError: ``idle`` has no unit.
        """
        keep = self.open["value"] >= least
        if idle is not None:
            keep &= self.open["idle_minutes"] <= duration_us(idle, "idle") / 60e6
        return replace(self, open=self.open[keep])

    def export(self) -> pd.DataFrame:
        """Return the open carts to take away, with what their figures are of."""
        return self.open.assign(currency=self.currency, asked_at=self.now, simulated=self.simulated)

    def export_recovered(self) -> pd.DataFrame:
        """Return the carts that were bought after all to take away."""
        return self.recovered.assign(currency=self.currency, simulated=self.simulated)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        tables = {
            name: getattr(self, name).to_dict(orient="records") for name in ("open", "recovered", "by_day")
        }
        return {
            "now": str(self.now),
            "sentence": self.sentence,
            "currency": self.currency,
            "simulated": self.simulated,
            "filled": self.filled,
            "bought_in_visit": self.bought_in_visit,
            "left": self.left,
            "horizon": self.horizon,
            "recovery_rate": self.recovery_rate,
            "judged": self.judged,
            "value": self.value,
            "at_risk": self.at_risk,
            "excluded": self.excluded,
            **tables,
        }


def carts(
    events: pa.Table,
    pieces: npt.ArrayLike,
    value: npt.ArrayLike,
    probability: npt.ArrayLike,
    *,
    now: np.datetime64,
    horizon: str = "7d",
    session_gap: str = "30m",
    currency: str | None = None,
    reasons: dict[str, str] | None = None,
) -> Carts:
    """Return the carts as they stand at ``now``.

    Args:
        events: n events up to ``now``, as ``sessions.assign`` leaves them, each with a time.
        pieces, value: (n,) the fold's ``cart_items`` and ``cart_value`` after each event.
        probability: (sessions,) of buying, after each session's last event.
        now: the moment of asking, UTC.
        horizon: how long a left cart has to come back, with its unit.
        session_gap: after this pause a visit is over, with its unit.
        currency: of the values.
        reasons: session → what moves its score, in words.

    Raises:
        SamplesError: the events know no carts or no times, or one is later than ``now``.
        UnitError: a duration has no unit.
    """
    wait = np.timedelta64(duration_us(horizon, "horizon"), "us")
    gap = np.timedelta64(duration_us(session_gap, "session_gap"), "us")
    code = ev.codes_of_names(events)
    if not (code == _ADD).any():
        raise SamplesError(
            "these events put nothing into a cart",
            allowed="events with add_to_cart",
            todo="map the shop's own word for it in a profile",
        )
    visits = _visits(events, np.asarray(pieces, np.float64), np.asarray(value, np.float64), now)
    visits["probability"] = np.asarray(probability, np.float64)
    # The fold counts in float32; a cent is what a value is known to.
    visits["value"], visits["ordered_value"] = visits["value"].round(2), visits["ordered_value"].round(2)
    left = _followed(events, visits[visits["pieces"] > 0])
    listed, excluded = _listed(left, now, gap)
    listed["contents"] = _contents(events, listed["row"].to_numpy())
    if reasons is not None:
        listed["reasons"] = listed["session_id"].map(reasons).fillna("")
    judged = left[left["last_seen"] + wait <= now]
    came_back = (judged["bought_at"] <= judged["last_seen"] + wait).mean() if len(judged) else None
    filled = visits[visits["filled"]]
    return Carts(
        now=now,
        horizon=horizon,
        currency=currency,
        open=listed[[c for c in _OPEN if c in listed]],
        recovered=_recovered(filled, left),
        by_day=_by_day(left),
        filled=len(filled),
        bought_in_visit=int(filled["first_bought"].notna().sum()),
        left=len(left),
        recovery_rate=None if came_back is None else float(came_back),
        judged=len(judged),
        excluded=excluded,
    )


_OPEN = (
    "visitor_id", "session_id", "pieces", "contents", "value", "last_seen", "idle_minutes", "visit_over",
    "probability", "p_abandon", "at_risk", "reasons",
)  # fmt: skip


def _visits(events: pa.Table, pieces: Floats, value: Floats, now: np.datetime64) -> pd.DataFrame:
    """Return one row per visit: its last event, its cart then, and what it put in and bought."""
    where, code, time = sessions.layout(events), ev.codes_of_names(events), prefixes.moments(events)
    if (sessions.times(events) == sessions.NO_TIME).any():
        raise SamplesError("some events have no time, so it is not known when a cart was left")
    if len(time) and time.max() > now:
        raise SamplesError(f"some events are later than {now}", allowed="what was known at that moment")
    session, last = where.session_of_row(), where.session_starts[1:] - 1
    frame = pd.DataFrame(
        {
            "visitor_id": events.column("visitor_id").take(pa.array(last)).to_pandas(),
            "session_id": events.column("session_id").take(pa.array(last)).to_pandas(),
            "row": last,
            "last_seen": time[last],
            "pieces": pieces[last],
            "value": value[last],
            "suspected_bot": bot_so_far(events)[last],
            "refused_consent": refused_by(events, last, np.full(len(last), now)),
        }
    )
    added, bought = np.flatnonzero(code == _ADD), np.flatnonzero(code == _BUY)
    frame["filled"] = np.isin(np.arange(len(frame)), session[added])
    first_added = pd.Series(time[added]).groupby(session[added]).first()
    frame["first_added"] = first_added.reindex(frame.index)
    first = pd.Series(bought).groupby(session[bought]).first()
    frame["first_bought"] = pd.Series(time[first], index=first.index).reindex(frame.index)
    # What lay in the cart just before the order, as the order itself empties it.
    before = np.maximum(first.to_numpy() - 1, where.session_starts[:-1][first.index.to_numpy()])
    frame["ordered_pieces"] = pd.Series(pieces[before], index=first.index).reindex(frame.index)
    frame["ordered_value"] = pd.Series(value[before], index=first.index).reindex(frame.index)
    return frame


def _followed(events: pa.Table, left: pd.DataFrame) -> pd.DataFrame:
    """Return left carts with ``bought_at`` (null where nothing was bought since) and ``replaced``."""
    code = ev.codes_of_names(events)
    buys = np.flatnonzero(code == _BUY)
    orders = pd.DataFrame(
        {
            "visitor_id": events.column("visitor_id").take(pa.array(buys)).to_pandas(),
            "bought_at": prefixes.moments(events)[buys],
        }
    ).sort_values("bought_at", kind="stable")
    orders["visitor_id"] = orders["visitor_id"].astype(left["visitor_id"].dtype)
    left = pd.merge_asof(
        left.sort_values("last_seen", kind="stable"), orders, left_on="last_seen", right_on="bought_at",
        by="visitor_id", direction="forward", allow_exact_matches=False,
    )  # fmt: skip
    still = left["bought_at"].isna()
    newest = left[still].groupby("visitor_id", sort=False)["last_seen"].idxmax()
    return left.assign(replaced=still & ~left.index.isin(newest))


def _listed(
    left: pd.DataFrame, now: np.datetime64, gap: np.timedelta64
) -> tuple[pd.DataFrame, dict[str, int]]:
    still = left[left["bought_at"].isna() & ~left["replaced"]]
    excluded = {c: int(still[c].sum()) for c in ("suspected_bot", "refused_consent")}
    listed = still[~still["suspected_bot"] & ~still["refused_consent"]].copy()
    idle = (now - listed["last_seen"].to_numpy()).astype("timedelta64[us]").astype(np.int64)
    staying = 1 - listed["probability"].to_numpy()
    listed = listed.assign(
        idle_minutes=idle / 60e6,
        visit_over=idle > gap.astype(np.int64),
        p_abandon=staying,
        at_risk=staying * listed["value"].to_numpy(),
    )
    return listed.sort_values("at_risk", ascending=False, kind="stable", ignore_index=True), excluded


def _recovered(filled: pd.DataFrame, left: pd.DataFrame) -> pd.DataFrame:
    same = filled[filled["first_bought"].notna() & ~filled["suspected_bot"]]
    later = left[left["bought_at"].notna() & ~left["suspected_bot"]]
    parts = [
        pd.DataFrame(
            {
                "visitor_id": part["visitor_id"],
                "session_id": part["session_id"],
                "value": part[value],
                "pieces": part[pieces],
                "left_at": part[since],
                "bought_at": part[bought],
                "same_visit": part is same,
            }
        )
        for part, value, pieces, since, bought in (
            (same, "ordered_value", "ordered_pieces", "first_added", "first_bought"),
            (later, "value", "pieces", "last_seen", "bought_at"),
        )
    ]
    joined = pd.concat(parts, ignore_index=True)
    joined["days"] = (joined["bought_at"].to_numpy() - joined["left_at"].to_numpy()) / _DAY
    return joined.sort_values("bought_at", ascending=False, kind="stable", ignore_index=True)


def _by_day(left: pd.DataFrame) -> pd.DataFrame:
    back = left["bought_at"].notna()
    table = pd.DataFrame(
        {
            "day": left["last_seen"].dt.floor("D"),
            "left": 1,
            "recovered": back.astype(np.int64),
            "open": (~back & ~left["replaced"]).astype(np.int64),
            "replaced": left["replaced"].astype(np.int64),
            "value_left": left["value"],
            "value_recovered": left["value"].where(back, 0.0),
        }
    )
    days = table.groupby("day", as_index=False).sum()
    return days.assign(recovery_rate=days["recovered"] / days["left"])


def left_carts(events: pa.Table, rows: Ints) -> pd.DataFrame:
    """Return what lies in the carts of the visits that end at ``rows``: one line per visit and item.

    Columns: ``row``, ``item``, ``pieces`` (above 0). A purchase empties the cart.
    """
    where, code = sessions.layout(events), ev.codes_of_names(events)
    session = where.session_of_row()
    wanted = np.isin(session, session[rows])
    moved = np.flatnonzero(wanted & np.isin(code, (_ADD, _REMOVE)))
    n = events.num_rows
    last_buy = np.full(where.sessions, -1)
    np.maximum.at(last_buy, session[code == _BUY], np.arange(n)[code == _BUY])
    moved = moved[moved > last_buy[session[moved]]]
    quantity = events.column("quantity").fill_null(1).to_numpy()[moved]
    frame = pd.DataFrame(
        {
            "row": (where.session_starts[1:] - 1)[session[moved]],
            "item": events.column("item_id").cast(pa.string()).take(pa.array(moved)).to_pandas(),
            "pieces": np.where(code[moved] == _ADD, quantity, -quantity),
        }
    )
    lines = frame.fillna({"item": "?"}).groupby(["row", "item"], sort=False, as_index=False)["pieces"].sum()
    return lines[lines["pieces"] > 0].reset_index(drop=True)


def _contents(events: pa.Table, rows: Ints) -> list[str]:
    """Return the contents of each cart as text, such as "2 × BOO-034, JAC-001"."""
    lines = left_carts(events, rows)
    said = lines["item"].where(lines["pieces"] == 1, lines["pieces"].astype(str) + " × " + lines["item"])
    texts = {}
    for row, group in said.groupby(lines["row"], sort=False):
        more = f" and {len(group) - SHOWN_ITEMS} more" if len(group) > SHOWN_ITEMS else ""
        texts[row] = ", ".join(group.head(SHOWN_ITEMS)) + more
    return [texts.get(row, "") for row in rows]
