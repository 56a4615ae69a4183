"""Uplift: planted effects are found within their interval, nothing is found where nothing is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal import events as ev
from buysignal.decisions import holdout, proportions, uplift
from buysignal.decisions.economics import Economics
from buysignal.errors import InputError, SamplesError
from buysignal.goals import PURCHASE
from buysignal.sources.demo import simulate

NOW = datetime(2025, 3, 17, tzinfo=UTC)
START = np.datetime64(NOW.replace(tzinfo=None), "us")
ECONOMICS = Economics(margin=0.3, contact_cost=0.05, incentive=0.5, effect=0.25)


def drawn(
    ids: list[str], probability: float | np.ndarray = 0.1, campaign: str = "spring"
) -> holdout.CampaignList:
    listed = pd.DataFrame({"visitor_id": ids, "asked_at": START, "probability": probability})
    return holdout.set_aside(
        listed, campaign=campaign, share=0.4, goal=PURCHASE, economics=ECONOMICS, created=NOW
    )


def orders(ids: list[str], minutes: list[float], price: list[float]) -> pa.Table:
    """Return purchases, and page views of nobody on the list long before and long after."""
    every = ["x", *ids, "x"]
    moments = [
        NOW - timedelta(days=30),
        *(NOW + timedelta(minutes=m) for m in minutes),
        NOW + timedelta(days=30),
    ]
    n = len(every)
    return ev.conform(
        pa.table(
            {
                "visitor_id": every,
                "event_time": pa.array(moments, pa.timestamp("us", tz="UTC")),
                "event_seq": pa.array(range(n), pa.int64()),
                "event_name": ["page_view", *["purchase"] * (n - 2), "page_view"],
                "price": pa.array([None, *price, None], pa.float64()),
            }
        )
    )


@cache
def shop_visitors() -> tuple[list[str], np.ndarray]:
    """Return visitors of the demo shop, and the chance of each to buy in its first visit, as known then."""
    demo = simulate(visitors=2_000, days=14, seed=5)
    truth = demo.truth.to_pandas().drop_duplicates("visitor_id")
    return truth["visitor_id"].tolist(), truth["p_buy"].to_numpy()


def trial(seed: int, effect: float, base: float = 2.0) -> uplift.Uplift:
    """Let the demo shop's visitors buy by chance, the contacted ``effect`` more often, and measure it."""
    ids, p = shop_visitors()
    campaign = drawn(ids, p, f"campaign {seed}")
    rng = np.random.default_rng(seed)
    contacted = (campaign.table["group"] == holdout.CONTACT).to_numpy()
    chance = np.minimum(base * p, 0.6) * np.where(contacted, 1 + effect, 1.0)
    bought = rng.random(len(ids)) < chance
    later = orders(
        [one for one, buys in zip(ids, bought, strict=True) if buys],
        rng.uniform(1, 6 * 1440, int(bought.sum())).tolist(),
        rng.lognormal(3.5, 0.6, int(bought.sum())).tolist(),
    )
    return uplift.measure(campaign, later)


def planted(effect: float, base: float = 2.0) -> float:
    return float(np.minimum(base * shop_visitors()[1], 0.6).mean() * effect)


MEAN_ORDER = float(np.exp(3.5 + 0.18))


@pytest.fixture(scope="module", params=[0.6, 0.0, -0.5], ids=["more", "nothing", "fewer"])
def trials(request: pytest.FixtureRequest) -> tuple[float, list[uplift.Uplift]]:
    return request.param, [trial(seed, request.param) for seed in range(100)]


def test_intervals_hold_the_planted_effect_in_nine_of_ten_seeds(
    trials: tuple[float, list[uplift.Uplift]],
) -> None:
    effect, found = trials
    share = planted(effect)

    def held(which: str, truth: float) -> int:
        return sum(getattr(one, which).low <= truth <= getattr(one, which).high for one in found)

    assert held("absolute", share) >= 90
    assert held("adjusted", share) >= 90
    assert held("relative", effect) >= 90
    assert held("revenue", share * MEAN_ORDER) >= 90
    buying = planted(1.0) * (1 + effect)
    per_contact = 0.3 * share * MEAN_ORDER - 0.5 * buying - 0.05
    truths = [one.contact.visitors * per_contact for one in found]
    assert sum(one.profit.low <= t <= one.profit.high for one, t in zip(found, truths, strict=True)) >= 90  # type: ignore[union-attr]


def test_nothing_is_told_apart_where_nothing_is_and_something_where_it_is(
    trials: tuple[float, list[uplift.Uplift]],
) -> None:
    effect, found = trials
    told = sum(one.absolute.tells for one in found)
    assert told <= 10 if effect == 0 else told >= 50


def test_the_scores_narrow_the_interval(trials: tuple[float, list[uplift.Uplift]]) -> None:
    _, found = trials
    plain, helped = (
        np.mean([getattr(one, name).high - getattr(one, name).low for one in found])
        for name in ("absolute", "adjusted")
    )
    assert helped < plain


IDS = [f"v{i}" for i in range(60)]


def sides(campaign: holdout.CampaignList) -> tuple[list[str], list[str]]:
    table = campaign.table
    contact, held = (table.loc[table["group"] == g, "visitor_id"].tolist() for g in holdout.GROUPS)
    return contact, held


def test_only_purchases_within_the_horizon_count_and_each_visitor_once() -> None:
    campaign = drawn(IDS)
    contact, held = sides(campaign)
    later = orders(
        [contact[0], contact[0], contact[1], contact[2], held[0]],
        [10, 20, -10, 8 * 1440, 30],
        [10.0, 5.0, 99.0, 99.0, 7.0],
    )
    found = uplift.measure(campaign, later)
    assert (found.contact.buyers, found.holdout.buyers) == (1, 1)
    assert (found.contact.revenue, found.holdout.revenue) == (15.0, 7.0)
    assert found.contact.rate == pytest.approx(1 / len(contact))
    assert found.absolute.value == pytest.approx(1 / len(contact) - 1 / len(held))
    longer = uplift.measure(campaign, later, horizon="9d")
    assert longer.contact.buyers == 2
    early = uplift.measure(campaign, later, contacted_at=START - np.timedelta64(1, "h"))
    assert early.contact.buyers == 2


def test_the_profit_is_margin_less_contacts_and_incentives() -> None:
    campaign = drawn(IDS)
    contact, held = sides(campaign)
    found = uplift.measure(campaign, orders([contact[0], held[0]], [10, 10], [50.0, 20.0]))
    n, m = len(contact), len(held)
    by_hand = n * (0.3 * 50 / n - 0.5 / n - 0.05 - 0.3 * 20 / m)
    assert found.profit is not None
    assert found.profit.value == pytest.approx(by_hand)


def test_sides_that_changed_and_groups_that_are_missing() -> None:
    campaign, later = drawn(IDS), orders([IDS[5]], [10], [5.0])
    torn = campaign.table.copy()
    torn = pd.concat([torn, torn.head(1).assign(group="contact"), torn.head(1).assign(group="holdout")])
    found = uplift.measure(holdout.CampaignList(campaign.campaign, torn), later)
    assert found.contact.visitors + found.holdout.visitors == len(IDS) - 1
    assert any("stands in both groups" in warning for warning in found.warnings)
    for group, says in (("contact", "nobody in the group holdout"), ("gold", "the group gold")):
        changed = holdout.CampaignList(campaign.campaign, campaign.table.assign(group=group))
        with pytest.raises(InputError, match=says):
            uplift.measure(changed, later)


def test_ids_that_do_not_match_are_said() -> None:
    campaign = drawn([f"00{i}" for i in range(60)])
    with pytest.raises(SamplesError, match=r"none of the 60 visitors.*leading zeros"):
        uplift.measure(campaign, orders([str(i) for i in range(60)], [5.0] * 60, [5.0] * 60))
    some = uplift.measure(campaign, orders(["000", "001"], [5.0] * 2, [5.0] * 2))
    assert any("58 of 60 visitors do not appear" in warning for warning in some.warnings)


def test_data_that_ends_too_early_is_refused_or_leaves_out_the_late() -> None:
    campaign, later = drawn(IDS), orders([IDS[0]], [10], [5.0])
    with pytest.raises(SamplesError, match=r"ends on 2025-04-16 00:00 UTC, before 60 days after .*2025-05-16"):
        uplift.measure(campaign, later, horizon="60d")
    table = campaign.table.copy()
    table.loc[table.index[-5:], "asked_at"] = START + np.timedelta64(25, "D")
    found = uplift.measure(holdout.CampaignList(campaign.campaign, table), later)
    assert found.contact.visitors + found.holdout.visitors == len(IDS) - 5
    assert any("5 visitors are left out" in warning for warning in found.warnings)


def test_a_table_of_visits_or_events_without_purchase_are_said() -> None:
    campaign = drawn(IDS)
    with pytest.raises(SamplesError, match="table of visits"):
        uplift.measure(campaign, pa.table({"row": [1]}))
    views = orders([IDS[0]], [10], [5.0])
    position = views.column_names.index("event_name")
    no_orders = pa.array(["page_view"] * len(views)).dictionary_encode()
    found = uplift.measure(campaign, views.set_column(position, "event_name", no_orders))
    assert any("no purchase at all" in warning for warning in found.warnings)
    assert found.needed is None
    assert found.relative is None
    assert "nothing says how many are needed" in found.sentence


def test_the_sentence_says_what_is_known_and_what_it_would_take() -> None:
    small = trial(0, 0.1, base=0.5)
    assert not small.absolute.tells
    assert "not yet told apart from nothing" in small.sentence
    assert "To find 25 % more buyers, about" in small.sentence
    big = trial(0, 0.9)
    assert "told apart from nothing, there were more" in big.sentence
    said = json.loads(json.dumps(big.as_json()))
    assert said["groups"][0]["group"] == "contact"


def test_newcombes_own_examples() -> None:
    """Table II of Newcombe (1998), method 10, cases (a), (c) and (h)."""
    for counts, low, high in (
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ):
        assert proportions.difference(*counts) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 40), st.integers(1, 40), st.integers(0, 40), st.integers(1, 40))
def test_intervals_of_two_rates_hold_them_and_turn_around_with_the_groups(
    hits: int, more: int, hits_0: int, more_0: int
) -> None:
    n, n_0 = hits + more, hits_0 + more_0
    value = hits / n - hits_0 / n_0
    low, high = proportions.difference(hits, n, hits_0, n_0)
    assert -1 <= low <= value <= high <= 1
    turned = proportions.difference(hits_0, n_0, hits, n)
    assert turned == pytest.approx((-high, -low))
    if hits_0:
        low, high = proportions.ratio(hits, n, hits_0, n_0)
        assert low - 1e-9 <= (hits / n) / (hits_0 / n_0) <= high + 1e-9


@given(st.floats(0.01, 0.3), st.floats(0.05, 0.3), st.floats(0.2, 0.8))
def test_the_sample_size_gives_the_power_asked_for(rate: float, effect: float, share: float) -> None:
    contacted, held = proportions.visitors_needed(rate, effect, share=share)
    assert held / (contacted + held) == pytest.approx(share, abs=0.02 + 1 / held)
    from scipy import stats

    rate_1 = rate * (1 + effect)
    error = np.sqrt(rate * (1 - rate) / held + rate_1 * (1 - rate_1) / contacted)
    power = stats.norm.sf(1.96 - (rate_1 - rate) / error)
    assert power == pytest.approx(0.8, abs=0.06)


def test_an_effect_that_no_rate_can_have_is_refused() -> None:
    with pytest.raises(InputError, match="leaves the rate between 0 and 1"):
        proportions.visitors_needed(0.6, 1.0)
    with pytest.raises(InputError, match="share is 1"):
        proportions.visitors_needed(0.1, 0.1, share=1.0)
