"""Rates of two groups: published examples, symmetry, and sample sizes with the power asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal.decisions import proportions
from buysignal.errors import InputError


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
