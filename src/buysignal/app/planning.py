"""Planning a campaign: visits are scored once, and planned anew with every figure that changes."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from buysignal import acting
from buysignal.app import state
from buysignal.app.held import held
from buysignal.app.state import Model, Source
from buysignal.decisions.economics import Economics
from buysignal.decisions.holdout import CampaignList
from buysignal.decisions.targeting import TargetingPlan


@dataclass(frozen=True)
class Moment:
    """When visits are asked: after so many clicks, or at a moment (UTC); the latest event where neither.

    Attributes:
        unseen: the model has learned from none of these visits.
    """

    click: int | None = None
    now: str | None = None
    unseen: bool = False


def planned(used: Model, data: Source, moment: Moment, economics: Economics) -> TargetingPlan:
    """Return what ``acting.target`` returns, without scoring the visits again.

    Raises:
        GoalError, SamplesError, InputError: as ``acting.target``.
    """
    key = (data.token, used.bundle.version, moment)
    asked = held(
        "asked",
        key,
        lambda: acting.ask(
            used.bundle,
            data.loaded,
            click=moment.click,
            now=moment.now,
            unseen=moment.unseen,
            folded=state.folded(data, used),
        ),
        "Scoring the visits as they stood then",
    )
    return held("plan", (*key, economics), lambda: acting.plan_of(asked, economics))


def latest_campaign() -> CampaignList | None:
    """Return the campaign that was planned last in this session."""
    kept = st.session_state.get("held_campaign")
    return None if kept is None else kept[1]


def drawn(
    used: Model, data: Source, moment: Moment, plan: TargetingPlan, name: str, share: float
) -> CampaignList:
    """Return the plan's list dealt into contact and holdout.

    Raises:
        InputError: share or name are unfit, or a group is empty.
    """
    key = (data.token, used.bundle.version, moment, plan.economics, name, share)
    return held("campaign", key, lambda: acting.hold_out(used.bundle, plan, campaign=name, share=share))
