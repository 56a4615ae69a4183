"""From a model and a source to decisions: whom to target now, and which carts lie open.

The rules themselves are in `decisions`; here scores are made for the moments they ask about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import scoring, sessions
from buysignal.bundle import Bundle
from buysignal.decisions import asking, carts, holdout, targeting
from buysignal.decisions.carts import Carts
from buysignal.decisions.economics import Economics
from buysignal.decisions.holdout import CampaignList
from buysignal.decisions.targeting import TargetingPlan
from buysignal.errors import InputError, SamplesError
from buysignal.folded import Folded, folded_for, folded_until
from buysignal.goals import Goal
from buysignal.sources.read import Loaded
from buysignal.units import duration_us

Progress = Callable[[float, str], None]

_MARGIN_GAPS = 8
"""Earlier visits are asked about until this many session gaps before now, so that all are over by now."""


@dataclass(frozen=True, eq=False)
class AskedVisits:
    """Visits with their scores as of the moment they were asked about.

    Attributes:
        visits: to choose from, one a row, as ``targeting.plan`` takes them.
        known: earlier ones whose outcome is known, to correct the scores by; None where there are none.
        goal: what the scores are of.
        simulated: the model learned from the demo shop.
        notes: what was left out.
    """

    visits: pd.DataFrame
    known: pd.DataFrame | None
    goal: Goal
    simulated: bool
    notes: tuple[str, ...] = ()


def target(
    bundle: Bundle,
    source: Loaded | pa.Table,
    economics: Economics,
    *,
    click: int | None = None,
    now: str | None = None,
    unseen: bool = False,
    level: float = targeting.LEVEL,
    seed: int = 0,
    progress: Progress | None = None,
) -> TargetingPlan:
    """Return whom to contact and what to expect of it; see ``targeting.plan``.

    Of events, the visits under way at ``now`` are asked as they stand, their scores corrected by visits
    that were under way earlier; or, with ``click``, every visit right after that many clicks, judged by
    what it did later. In session tables every row is asked, and the scores are taken at their word.

    Args:
        bundle: trained on purchases.
        source: what was read, or its table.
        economics: costs, margin, effect, budget.
        click: ask every visit after this many clicks; None asks the visits under way.
        now: the moment of asking, UTC, such as "2025-03-30 18:00"; the latest event if unset.
        unseen: the model has learned from none of these visits, whatever their dates are.

    Raises:
        GoalError: the bundle's score is of a proxy, or it knows no amounts.
        SamplesError: no visit is there to choose from.
        InputError: ``click`` and ``now`` were both given, or ``now`` is no moment.
    """
    step = progress or (lambda share, text: None)
    step(0.1, "scoring visits")
    asked = ask(bundle, source, click=click, now=now, unseen=unseen)
    step(0.8, "drawing visitors")
    plan = plan_of(asked, economics, level=level, seed=seed)
    step(1.0, "done")
    return plan


def ask(
    bundle: Bundle,
    source: Loaded | pa.Table,
    *,
    click: int | None = None,
    now: str | None = None,
    unseen: bool = False,
    folded: Folded | None = None,
) -> AskedVisits:
    """Return the scored visits that ``target`` plans with: asked once, planned with as often as wanted.

    Args:
        bundle, source, click, now, unseen: as ``target`` takes them.
        folded: the source's events as they were folded for an earlier question.

    Raises:
        GoalError, SamplesError, InputError: as ``target``.
    """
    targeting.refuse_proxy(bundle.goal)
    if click is not None and now is not None:
        raise InputError(
            "both a number of clicks and a moment were given", allowed="one of the two moments to ask at"
        )
    table = source.table if isinstance(source, Loaded) else source
    known: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
    if not bundle.reads_events:
        scored = (
            scoring.score_loaded(bundle, source)
            if isinstance(source, Loaded)
            else scoring.score(bundle, table)
        )
        visits = scored.table.assign(visitor_id=scored.table["row"].to_numpy())
    elif click is None:
        visits, known = visits_under_way(bundle, table, now=now, unseen=unseen, folded=folded)
    else:
        visits, notes = visits_after_click(bundle, table, click, unseen=unseen, folded=folded)
    return AskedVisits(visits, known, bundle.goal, bundle.manifest.dataset.simulated, notes)


def plan_of(
    asked: AskedVisits, economics: Economics, *, level: float = targeting.LEVEL, seed: int = 0
) -> TargetingPlan:
    """Return whom of the visits asked about to contact, and what to expect of it; see ``targeting.plan``.

    Raises:
        GoalError, SamplesError, InputError: as ``targeting.plan``.
    """
    plan = targeting.plan(asked.visits, economics, goal=asked.goal, known=asked.known, level=level, seed=seed)
    return replace(plan, notes=plan.notes + asked.notes, simulated=asked.simulated)


def carts_at_risk(
    bundle: Bundle,
    source: Loaded | pa.Table,
    *,
    now: str | None = None,
    horizon: str = "7d",
    reasons: int = 0,
    folded: Folded | None = None,
    progress: Progress | None = None,
) -> Carts:
    """Return the carts as they stand at ``now``; see ``decisions.carts``.

    Args:
        bundle: trained on purchases.
        source: what was read, or its table.
        now: the moment of asking, UTC; the latest event if unset.
        horizon: how long a left cart has to come back, with its unit.
        reasons: say of that many carts, those most at risk, what moves their score (slower); and of as many
            of the recent ones (``carts.RECENT``), which a message still reaches.
        folded: the source's events as they were folded for an earlier question.

    Raises:
        GoalError: the bundle's score is of a proxy, so nothing says what is bought.
        SamplesError: the source has no carts or no clock.
    """
    targeting.refuse_proxy(bundle.goal)
    step = progress or (lambda share, text: None)
    table = source.table if isinstance(source, Loaded) else source
    moment = moment_of(table, now)
    step(0.1, "folding events")
    known = folded_until(bundle, table, moment, folded)
    events = known.events
    last = known.layout.session_starts[1:] - 1
    step(0.4, "scoring visits")
    arguments: dict[str, Any] = {
        "pieces": known.feature("cart_items"),
        "value": known.feature("cart_value"),
        "probability": known.scores(last)["probability"].to_numpy(),
        "now": moment,
        "horizon": horizon,
        "session_gap": bundle.session_gap,
        "currency": bundle.goal.currency,
    }
    found = replace(carts.carts(events, **arguments), simulated=bundle.manifest.dataset.simulated)
    if not reasons or not len(found.open):
        return found
    step(0.6, "finding reasons")
    ids = events.column("session_id").take(pa.array(last)).to_pandas()
    row_of = dict(zip(ids, last, strict=True))
    groups = (found, found.narrowed(idle=carts.RECENT))
    listed = dict.fromkeys(one for group in groups for one in group.open["session_id"].head(reasons))
    X = known.features(np.array([row_of[one] for one in listed], dtype=np.int64))
    said = {
        one: "; ".join(r.sentence for r in scoring.reasons_for(bundle, row))
        for one, row in zip(listed, X, strict=True)
    }
    return replace(found, open=found.open.assign(reasons=found.open["session_id"].map(said).fillna("")))


def hold_out(
    bundle: Bundle,
    plan: TargetingPlan,
    *,
    campaign: str,
    share: float = 0.2,
    seed: int = 0,
    created: datetime | None = None,
) -> CampaignList:
    """Return a plan's list with a share of its visitors set aside; see ``decisions.holdout``.

    Raises:
        InputError: share or name are unfit, or the list is so short that a group is empty.
    """
    return holdout.set_aside(
        plan.visits_listed,
        campaign=campaign,
        share=share,
        seed=seed,
        goal=plan.goal,
        economics=plan.economics,
        expected_profit=(plan.profit, plan.low, plan.high),
        bundle_version=bundle.version,
        simulated=bundle.manifest.dataset.simulated,
        created=created,
    )


def visits_after_click(
    bundle: Bundle, table: pa.Table, click: int, *, unseen: bool = False, folded: Folded | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return every visit right after its k-th click, with what it did later, and what was left out.

    Left out are visits whose outcome is not known yet, and those the model has learned from: on them its
    scores look better than they are.

    Raises:
        SamplesError: no visit is left.
    """
    known = folded_for(bundle, table, folded)
    visits = _asked(bundle, known, asking.after_click(known.events, click))
    learned = np.zeros(len(visits), dtype=bool) if unseen else _learned(bundle, visits)
    open_still = ~visits["outcome_known"].to_numpy(dtype=bool) & ~learned
    notes: tuple[str, ...] = ()
    if learned.any():
        notes += (f"Left out: visits the model may have learned from, {int(learned.sum()):,}.",)
    if open_still.any():
        notes += (f"Left out: visits that are not over yet, {int(open_still.sum()):,}.",)
    kept = visits[~learned & ~open_still]
    if not len(kept):
        raise SamplesError(
            f"no visit with {click} clicks is left to judge: of {len(visits):,}, {int(learned.sum()):,} may "
            f"have been learned from and {int(open_still.sum()):,} are not over",
            todo="bring visits newer than the training data, or ask for the visits under way",
        )
    return kept, notes


def visits_under_way(
    bundle: Bundle,
    table: pa.Table,
    *,
    now: str | None = None,
    unseen: bool = False,
    folded: Folded | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the visits under way at ``now``, and those under way earlier whose outcome is known by now.

    Nothing later than ``now`` is read. With a goal that looks beyond the session, a visit can be asked
    about for as long as the horizon, and not only for the session gap.

    Raises:
        SamplesError: there is no clock, or nothing before ``now``.
    """
    moment = moment_of(table, now)
    until = folded_until(bundle, table, moment, folded)
    events = until.events
    gap = bundle.session_gap
    pause = gap if bundle.goal.horizon == "session" else bundle.goal.horizon
    visits = _asked(bundle, until, asking.under_way(events, np.array([moment]), pause))
    earlier = _earlier_moments(events, moment, duration_us(pause, "pause"), _learned_until(bundle, unseen))
    known = _asked(bundle, until, asking.under_way(events, earlier, pause))
    return visits.drop(columns=["outcome_known", "bought", "spent"]), known


def moment_of(table: pa.Table, now: str | None) -> np.datetime64:
    """Return ``now`` (UTC), or the latest event's time.

    Raises:
        InputError: ``now`` is no moment.
        SamplesError: the events have no times.
    """
    if now is not None:
        try:
            moment = pd.Timestamp(now)
        except ValueError as error:
            raise InputError(f"'{now}' is no moment", allowed="UTC, such as 2025-03-30 18:00") from error
        moment = moment.tz_convert("UTC").tz_localize(None) if moment.tzinfo else moment
        return moment.to_datetime64().astype("datetime64[us]")
    latest = pc.max(table.column("event_time")).as_py() if "event_time" in table.column_names else None
    if latest is None:
        raise SamplesError("these events have no times", todo="ask after a number of clicks instead")
    return pd.Timestamp(latest).tz_convert("UTC").tz_localize(None).to_datetime64().astype("datetime64[us]")


def _asked(bundle: Bundle, folded: Folded, asked: asking.Asked) -> pd.DataFrame:
    scores = folded.scores(asked.rows)
    return asking.asked_visits(folded.events, asked, scores, bundle.goal, bundle.session_gap)


def _learned(bundle: Bundle, visits: pd.DataFrame) -> npt.NDArray[np.bool_]:
    cut = _learned_until(bundle, False)
    at = visits["asked_at"].to_numpy()
    return np.isnat(at) | (at < cut)


def _learned_until(bundle: Bundle, unseen: bool) -> np.datetime64:
    """Return from when on the model has learned from no visit: the test slice's start, or all data's end."""
    if unseen:
        return np.datetime64("0001-01-01", "us")
    said = bundle.manifest.test_from or bundle.manifest.dataset.end
    if said is None:
        return np.datetime64("9999-12-31", "us")
    moment = pd.Timestamp(said)
    moment = moment.tz_convert("UTC").tz_localize(None) if moment.tzinfo else moment
    return moment.to_datetime64().astype("datetime64[us]")


def _earlier_moments(
    events: pa.Table, moment: np.datetime64, pause: int, since: np.datetime64
) -> npt.NDArray[np.datetime64]:
    """Return moments a pause apart, from ``since`` until all visits asked then are over by ``moment``."""
    first = max(int(sessions.times(events).min()), int(since.astype(np.int64)))
    last = int(moment.astype(np.int64)) - _MARGIN_GAPS * pause
    return np.arange(last, first, -pause, dtype=np.int64)[::-1].astype("datetime64[us]")
