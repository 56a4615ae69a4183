from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from buysignal.metrics import (
    CONVERSION,
    REVENUE,
    best_threshold,
    bootstrap_intervals,
    conversion_metrics,
    revenue_metrics,
    undefined_reason,
    weighted_conversion,
    weighted_revenue,
)


def scored(seed: int, n: int, digits: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    y[:2] = [0, 1]
    return y, np.clip(np.round(0.3 * y + 0.6 * rng.random(n), digits), 0.01, 0.99)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(5, 400), digits=st.integers(1, 6))
def test_conversion_metrics_equal_scikit_learn_ties_included(seed: int, n: int, digits: int) -> None:
    y, p = scored(seed, n, digits)
    ours = conversion_metrics(y, p, threshold=0.4)
    said = p >= 0.4
    theirs = {
        "accuracy": reference.accuracy_score(y, said),
        "precision": reference.precision_score(y, said, zero_division=0),
        "recall": reference.recall_score(y, said),
        "f1": reference.f1_score(y, said),
        "roc_auc": reference.roc_auc_score(y, p),
        "average_precision": reference.average_precision_score(y, p),
        "log_loss": reference.log_loss(y, p),
        "brier": reference.brier_score_loss(y, p),
    }
    assert set(ours) == set(CONVERSION)
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, abs=1e-9), name


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_weight_is_a_repetition(seed: int) -> None:
    y, p = scored(seed, 80, 2)
    times = np.random.default_rng(seed).integers(0, 4, 80)
    times[:2] = 1
    repeated = conversion_metrics(np.repeat(y, times), np.repeat(p, times))
    weighted = weighted_conversion(y.astype(float), p, weights=times[None].astype(float))
    for name in set(CONVERSION) - {"ece"}:
        assert weighted[name][0] == pytest.approx(repeated[name]), name


def test_lift_of_a_perfect_order_is_one_over_the_base_rate() -> None:
    y = np.zeros(1000, int)
    y[:100] = 1
    found = conversion_metrics(y, np.linspace(0.9, 0.1, 1000))
    assert found["lift_at_10pct"] == pytest.approx(10)
    assert conversion_metrics(y, np.full(1000, 0.1))["lift_at_5pct"] == pytest.approx(1)


def test_ece_sees_a_wrong_level() -> None:
    y = np.tile([0, 0, 0, 1], 250)
    assert conversion_metrics(y, np.full(1000, 0.25))["ece"] == pytest.approx(0)
    assert conversion_metrics(y, np.full(1000, 0.65))["ece"] == pytest.approx(0.4)


def test_one_class_gives_nan_and_a_reason() -> None:
    found = conversion_metrics(np.zeros(30), np.linspace(0, 1, 30))
    assert np.isnan(found["roc_auc"])
    assert np.isnan(found["average_precision"])
    assert np.isfinite(found["log_loss"])
    assert "0 of 30" in str(undefined_reason(np.zeros(30)))
    assert undefined_reason([0, 1]) is None


def test_revenue_metrics_equal_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    r, pred = rng.exponential(20, 500), rng.exponential(20, 500)
    found = revenue_metrics(r, pred)
    assert set(found) == set(REVENUE)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(r, pred))
    assert found["r2"] == pytest.approx(reference.r2_score(r, pred))
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(r, pred))
    assert found["rmse_log1p"] == pytest.approx(
        reference.root_mean_squared_error(np.log1p(r), np.log1p(pred))
    )
    assert np.isnan(revenue_metrics(np.zeros(5), np.ones(5))["total_error_pct"])


def test_intervals_by_group_are_wider_and_seeded() -> None:
    rng = np.random.default_rng(0)
    level = np.repeat(rng.normal(20, 5, 60), 20)
    arrays = (level, np.full(1200, 20.0), np.full(1200, 3.0))
    alone = bootstrap_intervals(weighted_revenue, *arrays, groups=np.arange(1200))["mae"]
    together = bootstrap_intervals(weighted_revenue, *arrays, groups=np.arange(1200) // 20)["mae"]
    again = bootstrap_intervals(weighted_revenue, *arrays, groups=np.arange(1200) // 20)["mae"]
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])
    assert together == again


def test_intervals_cover_the_truth() -> None:
    inside = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = rng.random(400) < 0.3
        p = np.full(400, 0.3)
        low, high = bootstrap_intervals(
            weighted_conversion, y.astype(float), p, groups=np.arange(400), seed=seed
        )["brier"]
        inside += low <= 0.21 <= high
    assert inside >= 33


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_best_threshold_is_the_best_of_all(seed: int) -> None:
    y, p = scored(seed, 60, 2)
    best = conversion_metrics(y, p, threshold=best_threshold(y, p))["f1"]
    assert best == pytest.approx(max(reference.f1_score(y, p >= t) for t in np.unique(p)))
    assert best_threshold(np.zeros(5), np.ones(5)) == 0.5
