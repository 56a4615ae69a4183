"""Uplift: planted effects are found within their interval, nothing is found where nothing is."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from buysignal.decisions import holdout, uplift
from buysignal.sources.demo import simulate
from decisions.campaigns import IDS, drawn, orders, sides


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


def test_the_profit_is_margin_less_contacts_and_incentives() -> None:
    campaign = drawn(IDS)
    contact, held = sides(campaign)
    found = uplift.measure(campaign, orders([contact[0], held[0]], [10, 10], [50.0, 20.0]))
    n, m = len(contact), len(held)
    by_hand = n * (0.3 * 50 / n - 0.5 / n - 0.05 - 0.3 * 20 / m)
    assert found.profit is not None
    assert found.profit.value == pytest.approx(by_hand)


def test_the_sentence_says_what_is_known_and_what_it_would_take() -> None:
    small = trial(0, 0.1, base=0.5)
    assert not small.absolute.tells
    assert "not yet told apart from nothing" in small.sentence
    assert "To find 25 % more buyers, about" in small.sentence
    big = trial(0, 0.9)
    assert "told apart from nothing, there were more" in big.sentence
    said = json.loads(json.dumps(big.as_json()))
    assert said["groups"][0]["group"] == "contact"
