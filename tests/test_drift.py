"""Shifts of one column: against known answers, and no more alarms than chance is allowed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from buysignal import drift


def test_ks_is_that_of_scipy_where_there_are_few_values() -> None:
    rng = np.random.default_rng(0)
    before, now = rng.poisson(3, 4_000).astype(float), rng.poisson(3.5, 3_000).astype(float)
    one = drift.histogram(before)
    found = drift.shift("n", one, one.again(now), independent=(4_000, 3_000), alpha=0.01)
    assert found.ks == pytest.approx(stats.ks_2samp(before, now).statistic, abs=1e-12)


def test_psi_by_hand() -> None:
    one = drift.histogram(np.repeat([0.0, 1.0], [80, 20]), levels=2)
    found = drift.shift(
        "code", one, one.again(np.repeat([0.0, 1.0], [50, 50])), independent=(100, 100), alpha=0.01
    )
    p, q = np.array([80.5, 20.5]) / 101, np.array([50.5, 50.5]) / 101
    assert found.psi == pytest.approx(((q - p) * np.log(q / p)).sum())
    assert found.ks is None
    assert found.drifted


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=300))
def test_the_same_values_have_not_shifted(values: list[float]) -> None:
    one = drift.histogram(np.array(values))
    found = drift.shift("x", one, one.again(np.array(values)), independent=(300, 300), alpha=0.01)
    assert found.psi == pytest.approx(0, abs=1e-12)
    assert found.ks == 0
    assert not found.drifted
    assert one.counts.sum() == len(values)


@pytest.mark.parametrize("size", [60, 400, 5_000])
def test_chance_alone_seldom_passes_a_limit(size: int) -> None:
    rng = np.random.default_rng(size)
    alarms = 0
    for _ in range(400):
        one = drift.histogram(rng.lognormal(size=size))
        now = one.again(rng.lognormal(size=size))
        alarms += drift.shift("x", one, now, independent=(size, size), alpha=0.005).drifted
    assert alarms <= 10


def test_small_samples_need_larger_shifts() -> None:
    few, many = (
        drift.shift("x", one := drift.histogram(np.arange(100.0)), one, independent=(size, size), alpha=0.001)
        for size in (50, 50_000)
    )
    assert few.psi_limit > many.psi_limit == drift.LEAST_PSI
    assert few.ks_limit > many.ks_limit == drift.LEAST_KS


def test_missing_values_are_a_bin_of_their_own() -> None:
    one = drift.histogram(np.arange(1_000.0))
    gone = np.where(np.arange(1_000) % 2, np.nan, np.arange(1_000.0))
    found = drift.shift("x", one, one.again(gone), independent=(1_000, 1_000), alpha=0.01)
    assert (found.missing_before, found.missing_now) == (0, 0.5)
    assert found.drifted
    assert found.ks == pytest.approx(0, abs=0.01)
