"""Whom to target: the arithmetic of a contact, who is never on the list, budgets, refusals."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal import acting, scoring
from buysignal.decisions import judging, pricing, resample, targeting
from buysignal.decisions.economics import Economics
from buysignal.errors import GoalError, InputError, SamplesError
from buysignal.folded import known_by
from buysignal.goals import PURCHASE, Goal
from buysignal.sources.read import load
from shop import Shop

PLAIN = Economics(margin=0.3, contact_cost=0.1, effect=0.2)
PROXY = Goal(name="add_to_cart_later", sentence="something is put into the cart", proxy=True)


def visits(n: int = 400, *, seed: int = 0, outcomes: bool = True, promise: float = 1.0) -> pd.DataFrame:
    """Visits whose chance is known, with scores that promise ``promise`` times as much."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 8, n)
    y = rng.random(n) < p
    amount = rng.lognormal(3.5, 0.5, n)
    frame = pd.DataFrame(
        {
            "visitor_id": [f"v{i}" for i in rng.integers(0, n // 2, n)],
            "session_id": [f"s{i}" for i in range(n)],
            "probability": np.minimum(p * promise, 1.0),
            "expected_revenue": p * promise * np.exp(3.5 + 0.125),
            "already_bought": rng.random(n) < 0.05,
            "suspected_bot": rng.random(n) < 0.05,
            "refused_consent": rng.random(n) < 0.05,
        }
    )
    return frame.assign(outcome_known=True, bought=y, spent=np.where(y, amount, 0.0)) if outcomes else frame


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"margin": 0.0}, "margin is 0"), ({"margin": 1.1}, "margin is 1.1"), ({"margin": -0.3}, "margin"),
        ({"margin": float("nan")}, "margin is nan"), ({"contact_cost": -1.0}, "contact cost is -1"),
        ({"incentive": -0.1}, "incentive"), ({"budget": -5.0}, "budget is -5"), ({"effect": 0.0}, "effect"),
        ({"effect": -0.1}, "effect"), ({"effect": float("inf")}, "effect"),
        ({"order_value": -1.0}, "order value"),
        ({"contact_cost": float("nan")}, "contact cost is nan"), ({"effect_on": "mood"}, "chance or odds"),
    ],
)  # fmt: skip
def test_figures_out_of_range_are_refused(given: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Economics(**({"margin": 0.3, "contact_cost": 0.1} | given))  # type: ignore[arg-type]


def test_the_profit_of_a_contact_is_the_formula() -> None:
    economics = Economics(margin=0.4, contact_cost=0.05, incentive=2.0, effect=0.25)
    p, value = np.array([0.2]), 50.0
    (profit,) = economics.profit(economics.gained(p), p, p * value)
    assert profit == pytest.approx(0.2 * (0.25 * 0.4 * 50 - 1.25 * 2.0) - 0.05)


@given(st.floats(0.0, 1.0), st.floats(0.01, 10.0), st.sampled_from(["chance", "odds"]))
def test_no_contact_brings_a_chance_over_1(p: float, effect: float, on: str) -> None:
    economics = Economics(margin=0.3, contact_cost=0.1, effect=effect, effect_on=on)  # type: ignore[arg-type]
    (gained,) = economics.gained(np.array([p]))
    assert 0 <= gained <= effect
    assert p * (1 + gained) <= 1 + 1e-9


def test_from_the_break_even_chance_on_a_contact_pays() -> None:
    economics = Economics(margin=0.3, contact_cost=0.1, incentive=0.5, effect=0.2)
    threshold = economics.break_even(60.0)
    assert threshold == pytest.approx(0.1 / (0.2 * 0.3 * 60 - 1.2 * 0.5), rel=1e-3)
    for p, pays in ((threshold * 1.01, True), (threshold * 0.99, False)):  # type: ignore[operator]
        at = np.array([p])
        assert (economics.profit(economics.gained(at), at, at * 60.0)[0] > 0) == pays


def test_where_the_incentive_eats_the_margin_no_chance_is_high_enough() -> None:
    assert Economics(margin=0.1, contact_cost=0.1, incentive=50.0).break_even(60.0) is None
    greedy = Economics(margin=0.1, contact_cost=0.1, incentive=50.0)
    plan = targeting.plan(visits(), greedy, goal=PURCHASE)
    assert (plan.visits, plan.profit, plan.low, plan.high) == (0, 0.0, 0.0, 0.0)
    assert plan.sentence.startswith("Contact nobody: no visit is worth a contact")


@pytest.mark.parametrize("column", targeting.WHY_OUT)
@pytest.mark.parametrize("outcomes", [True, False])
def test_who_must_not_be_contacted_is_never_on_the_list(column: str, outcomes: bool) -> None:
    frame = visits(outcomes=outcomes)
    plan = targeting.plan(frame, PLAIN, goal=PURCHASE)
    barred = set(frame.loc[frame[column], "session_id"])
    assert barred
    assert not barred & set(plan.visits_listed["session_id"])
    assert plan.considered + sum(plan.excluded.values()) == len(frame)


def test_the_estimate_by_outcomes_is_the_sum_of_what_the_list_did() -> None:
    frame = visits()
    plan = targeting.plan(frame, PLAIN, goal=PURCHASE)
    did = frame.set_index("session_id").loc[plan.visits_listed["session_id"]]
    a = PLAIN.gained(plan.visits_listed["chance"].to_numpy())
    by_hand = (a * 0.3 * did["spent"].to_numpy() - 0.1).sum()
    assert plan.basis == "outcomes"
    assert plan.profit == pytest.approx(by_hand)
    assert plan.low < plan.profit < plan.high
    assert plan.buyers == did["bought"].sum()


def test_no_visit_is_put_on_the_list_by_its_own_outcome() -> None:
    """Turning one visit's outcome around may move others, never itself."""
    frame = visits()
    first = targeting.plan(frame, PLAIN, goal=PURCHASE).visits_listed.set_index("session_id")
    for session in frame["session_id"][:8]:
        turned = frame.copy()
        mine = turned["session_id"] == session
        turned.loc[mine, ["bought", "spent"]] = [True, 1e4]
        other = targeting.plan(turned, PLAIN, goal=PURCHASE).visits_listed.set_index("session_id")
        assert (session in first.index) == (session in other.index)
        if session in first.index:
            assert first.loc[session, "expected_profit"] == other.loc[session, "expected_profit"]


def test_a_budget_ends_the_list_and_is_kept() -> None:
    free = targeting.plan(visits(), PLAIN, goal=PURCHASE)
    assert not free.budget_binds
    tight = Economics(margin=0.3, contact_cost=0.1, effect=0.2, incentive=0.05, budget=3.0)
    plan = targeting.plan(visits(), tight, goal=PURCHASE)
    assert plan.budget_binds
    assert plan.visits < plan.worthwhile
    assert plan.contact_cost + plan.incentive_cost <= 3.0
    assert plan.contact_cost + plan.incentive_cost > 2.8
    assert "The budget ends the list." in plan.sentence
    nothing = targeting.plan(visits(), Economics(margin=0.3, contact_cost=0.1, budget=0.0), goal=PURCHASE)
    assert nothing.sentence.startswith("Contact nobody: the budget is too small")


def test_the_curve_runs_from_nobody_to_everybody_through_the_list() -> None:
    plan = targeting.plan(visits(), PLAIN, goal=PURCHASE)
    curve = plan.curve
    assert curve["visits"].iloc[[0, -1]].tolist() == [0, plan.considered]
    assert curve.iloc[0][["cost", "profit", "low", "high"]].tolist() == [0, 0, 0, 0]
    at = curve.set_index("visits").loc[plan.visits]
    assert at[["profit", "low", "high"]].tolist() == [plan.profit, plan.low, plan.high]
    assert at["predicted"] == pytest.approx(curve["predicted"].max())
    assert (curve["low"] <= curve["high"]).all()


def test_scores_that_promise_too_much_are_put_right_before_they_choose() -> None:
    honest = targeting.plan(visits(4000, seed=1), PLAIN, goal=PURCHASE)
    boasting = targeting.plan(visits(4000, seed=1, promise=3.0), PLAIN, goal=PURCHASE)
    assert boasting.promised["revenue"] > 2
    assert abs(boasting.visits - honest.visits) < 0.1 * honest.visits
    assert any("put right" in note for note in boasting.notes)


def test_open_visits_are_judged_by_earlier_ones_and_without_those_at_their_word() -> None:
    still_open = visits(300, seed=2, outcomes=False, promise=3.0)
    known = visits(4000, seed=3, promise=3.0)
    word = targeting.plan(still_open, PLAIN, goal=PURCHASE)
    corrected = targeting.plan(still_open, PLAIN, goal=PURCHASE, known=known)
    assert (word.basis, corrected.basis) == ("probabilities", "corrected")
    assert corrected.profit < word.profit / 2
    assert word.buyers is None
    assert any("at their word" in note for note in word.notes)
    too_few = targeting.plan(still_open, PLAIN, goal=PURCHASE, known=known.head(judging.LIKE - 1))
    assert too_few.basis == "probabilities"


def test_a_long_list_is_judged_as_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """From some length on luck is taken as normal; the ends hardly move."""
    still_open, known = visits(1500, seed=4, outcomes=False), visits(4000, seed=5)
    drawn = [targeting.plan(still_open, PLAIN, goal=PURCHASE, known=k) for k in (known, None)]
    monkeypatch.setattr(judging, "MOST_DRAWN", 100)
    normal = [targeting.plan(still_open, PLAIN, goal=PURCHASE, known=k) for k in (known, None)]
    for one, other in zip(drawn, normal, strict=True):
        assert (other.high - other.low) == pytest.approx(one.high - one.low, rel=0.1)


def test_a_bootstrap_draws_visitors_and_not_visits() -> None:
    """Ten visits that are one visitor's tell no more than one."""
    alone = visits(300, seed=6)
    alone["visitor_id"] = [f"v{i}" for i in range(300)]
    tenfold = pd.concat([alone] * 10, ignore_index=True)
    one, ten = (targeting.plan(frame, PLAIN, goal=PURCHASE) for frame in (alone, tenfold))
    width = (ten.high - ten.low) / ten.visits / ((one.high - one.low) / one.visits)
    assert 0.7 < width < 1.4


def test_groups_of_visitors_give_the_interval_of_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = visits(6000, seed=7)
    fine = targeting.plan(frame, PLAIN, goal=PURCHASE)
    monkeypatch.setattr(resample, "MOST_GROUPS", 300)
    coarse = targeting.plan(frame, PLAIN, goal=PURCHASE)
    assert coarse.profit == fine.profit
    assert (coarse.high - coarse.low) == pytest.approx(fine.high - fine.low, rel=0.25)


def test_a_proxy_has_no_profit() -> None:
    with pytest.raises(GoalError, match=r"proxy 'add_to_cart_later'.*no purchase"):
        targeting.plan(visits(), PLAIN, goal=PROXY)


def test_without_amounts_the_worth_of_an_order_is_asked_for() -> None:
    frame = visits().drop(columns="expected_revenue")
    with pytest.raises(GoalError, match="order_value"):
        targeting.plan(frame, PLAIN, goal=PURCHASE)
    told = Economics(margin=0.3, contact_cost=0.1, effect=0.2, order_value=40.0)
    plan = targeting.plan(frame, told, goal=PURCHASE)
    assert plan.order_value == pytest.approx(40.0)


def test_nobody_to_choose_from_is_one_sentence() -> None:
    with pytest.raises(SamplesError, match="400 already bought in this visit"):
        targeting.plan(visits().assign(already_bought=True), PLAIN, goal=PURCHASE)
    with pytest.raises(InputError, match="level is 1"):
        targeting.plan(visits(), PLAIN, goal=PURCHASE, level=1.0)


def test_the_sentence_says_where_the_effect_comes_from() -> None:
    assert "that is an assumption until a holdout has measured it" in PLAIN.sentence
    measured = Economics(margin=0.3, contact_cost=0.1, effect=0.07, measured=True)
    assert measured.sentence == "A holdout measured that contacted visits buy 7 % more often."


def test_corrections_of_nothing_leave_scores_alone() -> None:
    score = np.array([0.0, 0.1, 0.9])
    assert pricing.Correction().of(score).tolist() == score.tolist()
    steep = pricing.Correction(level=np.log(0.5), slope=-0.5, typical=0.1).of(score)
    assert steep == pytest.approx([0.0, 0.05, 0.9 * 0.5 * 9**-0.5])


def test_a_plan_of_a_shop_says_what_it_left_out_and_travels_as_json(shop: Shop) -> None:
    loaded = load(shop.events, profile=shop.bundle.profile)
    plan = acting.target(shop.bundle, loaded, Economics(margin=0.3, contact_cost=0.05), click=2)
    assert plan.basis == "outcomes"
    assert any("may have learned from" in note for note in plan.notes)
    said = json.loads(json.dumps(plan.as_json()))
    assert (said["simulated"], said["proxy"], said["currency"]) == (True, False, "EUR")
    assert plan.export()[["proxy", "simulated"]].drop_duplicates().to_numpy().tolist() == [[False, True]]
    cut = shop.bundle.manifest.test_from
    assert cut is not None
    assert (plan.visits_listed["asked_at"].dt.tz_localize("UTC") >= cut).all()


def test_a_bundle_that_names_no_cut_may_have_learned_from_all_its_data(shop: Shop) -> None:
    table = load(shop.events, profile=shop.bundle.profile).table
    manifest = shop.bundle.manifest.model_copy(update={"test_from": None})
    older = replace(shop.bundle, manifest=manifest)
    visits, _ = acting.visits_after_click(shop.bundle, table, 2)
    cut = pd.Timestamp(str(manifest.dataset.end))
    assert (visits["asked_at"].dt.tz_localize("UTC") < cut).any()
    with pytest.raises(SamplesError, match="may have been learned from"):
        acting.visits_after_click(older, table, 2)


def test_what_happens_after_now_changes_nothing(shop: Shop) -> None:
    bundle, table = shop.bundle, load(shop.events, profile=shop.bundle.profile).table
    economics, now = Economics(margin=0.3, contact_cost=0.001, effect=0.5), "2025-03-29 18:00"
    full = acting.target(bundle, table, economics, now=now)
    known = known_by(table, acting.moment_of(table, now))
    assert known.num_rows < table.num_rows
    alone = acting.target(bundle, known, economics, now=now)
    assert full.as_json() == alone.as_json()
    pd.testing.assert_frame_equal(full.visits_listed, alone.visits_listed)
    assert (full.visits_listed["last_seen"] >= np.datetime64("2025-03-29T17:30")).all()


def test_visits_asked_once_are_planned_with_as_often_as_wanted(shop: Shop) -> None:
    bundle, loaded = shop.bundle, load(shop.events, profile=shop.bundle.profile)
    asked = acting.ask(bundle, loaded, click=2)
    for cost in (0.05, 1.0):
        economics = Economics(margin=0.3, contact_cost=cost)
        again = acting.plan_of(asked, economics)
        assert again.as_json() == acting.target(bundle, loaded, economics, click=2).as_json()
        assert again.simulated
        assert again.export()["simulated"].all()


def test_visits_under_way_are_scored_as_the_scorer_does(shop: Shop) -> None:
    bundle, table = shop.bundle, load(shop.events, profile=shop.bundle.profile).table
    visits_now, known = acting.visits_under_way(bundle, table, now="2025-03-29 18:00")
    until = known_by(table, acting.moment_of(table, "2025-03-29 18:00"))
    scored = scoring.score(bundle, until).table.set_index("session_id")
    mine = scored.loc[visits_now["session_id"], "probability"].to_numpy()
    assert len(visits_now) > 3
    assert visits_now["probability"].to_numpy() == pytest.approx(mine)
    assert known["outcome_known"].mean() > 0.9


def test_moments_and_clicks_that_do_not_fit_are_refused(shop: Shop) -> None:
    table = load(shop.events, profile=shop.bundle.profile).table
    with pytest.raises(InputError, match="'yesterday-ish' is no moment"):
        acting.target(shop.bundle, table, PLAIN, now="yesterday-ish")
    with pytest.raises(InputError, match="both a number of clicks and a moment"):
        acting.target(shop.bundle, table, PLAIN, now="2025-03-29", click=2)
    with pytest.raises(SamplesError, match="no event up to"):
        acting.target(shop.bundle, table, PLAIN, now="2001-01-01")
