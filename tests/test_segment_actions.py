from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal.report import SegmentProfile
from buysignal.segment_actions import suggest
from buysignal.segment_table import STEPS
from shop import Shop


def profile(segment: int, rate: float | None = 0.02, n: int = 100, **values: float) -> SegmentProfile:
    """Values of steps are shares of visits, all others are means."""
    means = {name: value for name, value in values.items() if name not in STEPS}
    shares = {name: value for name, value in values.items() if name in STEPS}
    return SegmentProfile(
        segment=segment, name=f"s{segment}", n=n, share=0.5, rate=rate, means=means, shares=shares
    )


REST = {
    "n_events": 8.0, "n_add_to_cart": 0.1, "n_checkout_steps": 0.05, "price_mean": 40.0, "n_search": 0.2,
    "revisit_share": 0.1, "distinct_categories": 2.0, "past_sessions": 1.0, "SpecialDay": 0.1,
    "Weekend": 0.25, "Administrative": 2.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("means", "rate", "action"),
    [
        ({"n_add_to_cart": 0.6}, 0.2, "Remind of the cart"),
        ({"n_checkout_steps": 0.5}, 0.2, "Ease the checkout"),
        ({"n_add_to_cart": 0.9}, 0.8, "Do not discount"),
        ({"price_mean": 12.0}, 0.02, "Show offers"),
        ({"price_mean": 120.0}, 0.02, "Show quality"),
        ({"revisit_share": 0.5}, 0.02, "Help to decide"),
        ({"n_search": 0.7}, 0.02, "Better search results"),
        ({"past_sessions": 6.0}, 0.02, "Welcome back"),
        ({"n_events": 2.0}, 0.0, "Better landing pages"),
        ({"distinct_categories": 6.0}, 0.02, "Guide the choice"),
        ({"SpecialDay": 0.7}, 0.02, "Help with the gift"),
        ({"Weekend": 1.0}, 0.02, "Be there at the weekend"),
        ({"Administrative": 6.0}, 0.02, "Ease the account"),
        ({}, 0.02, "Treat like all visits"),
    ],
)
def test_what_stands_out_is_acted_on(means: dict[str, float], rate: float, action: str) -> None:
    one, rest = profile(0, rate, **{**REST, **means}), profile(1, 0.02, n=900, **REST)
    assert suggest([one, rest])[0].name == action


def test_the_reason_gives_both_figures() -> None:
    one, rest = profile(0, 0.2, **{**REST, "n_add_to_cart": 0.55}), profile(1, 0.02, n=900, **REST)
    reason = suggest([one, rest])[0].reason
    assert reason == "55 % put something into the cart, against 14 % of all visits, but only 20 % buy."


def test_a_proxys_rate_is_no_buying() -> None:
    """A proxy says nothing of carts left behind, nor of whom not to discount."""
    one, rest = profile(0, 0.2, **{**REST, "n_add_to_cart": 0.6}), profile(1, 0.02, n=900, **REST)
    action = suggest([one, rest], proxy=True)[0]
    assert "buy" not in action.reason
    assert action.name not in ("Remind of the cart", "Do not discount")


def test_visits_unlike_any_are_left_alone() -> None:
    one, rest = profile(-1, 0.2, **{**REST, "n_add_to_cart": 0.6}), profile(0, 0.02, n=900, **REST)
    assert suggest([one, rest])[-1].name == "Leave alone"


def test_data_without_these_columns_gets_no_made_up_action() -> None:
    found = suggest([profile(0, None, colour=3.0), profile(1, None, colour=1.0)])
    assert {action.name for action in found.values()} == {"Treat like all visits"}


def test_the_demo_shops_segments_have_an_action_each(shop: Shop) -> None:
    profiles = shop.bundle.segment_profiles
    actions = suggest(profiles)
    assert set(actions) == {one.segment for one in profiles}
    assert len({action.name for action in actions.values()}) > 1


CLAIMS = ("will increase", "will raise", "guarantee", "lifts", "% more")


@given(
    st.lists(
        st.dictionaries(st.sampled_from(list(REST)), st.floats(0, 1), max_size=8), min_size=1, max_size=5
    ),
    st.booleans(),
)
def test_any_evidence_gives_one_action_a_segment_and_none_claims_an_effect(
    every: list[dict[str, float]], proxy: bool
) -> None:
    found = suggest([profile(i, 0.1, **means) for i, means in enumerate(every)], proxy=proxy)
    assert set(found) == set(range(len(every)))
    for action in found.values():
        assert not any(claim in f"{action.sentence} {action.reason}" for claim in CLAIMS)
