"""Reasons: exact where the answer is known, and always summing to the score's distance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal.explain import contributions, top_reasons
from buysignal.models.importance import permutation_importance
from buysignal.samples import ORDER


def test_of_a_sum_each_part_gets_its_own_share() -> None:
    weights = np.array([1.0, -2.0, 0.5])
    row, typical = np.array([3, 1, 4], np.float32), np.array([1, 1, 0], np.float32)
    found = contributions(lambda X: X @ weights, row, typical)
    np.testing.assert_allclose(found, weights * (row - typical))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-3, 3, width=32), min_size=3, max_size=3), st.integers(0, 9))
def test_contributions_sum_to_the_distance_from_the_typical_visit(values: list[float], seed: int) -> None:
    def predict(X: np.ndarray) -> np.ndarray:
        clean = np.nan_to_num(X, nan=-1.0).astype(float)
        return np.tanh(clean[:, 0] * clean[:, 1] + clean[:, 2])

    row, typical = np.array(values, np.float32), np.array([0.5, np.nan, 1.0], np.float32)
    found = contributions(predict, row, typical, seed=seed)
    np.testing.assert_allclose(found.sum(), (predict(row[None]) - predict(typical[None]))[0], atol=1e-12)


def test_reasons_are_in_words_and_the_largest_come_first() -> None:
    row, typical = np.array([2.0, 1.0], np.float32), np.array([0.0, 0.0], np.float32)
    reasons = top_reasons(
        np.array([0.1, -0.3]), row, typical, ["n_add_to_cart", "channel"], {"channel": ("email", "paid")}
    )
    assert [r.feature for r in reasons] == ["channel", "n_add_to_cart"]
    assert reasons[0].sentence == "channel the visitor came by: paid (typical: email) lowers it"
    assert reasons[1].sentence == "times something was put into the cart: 2 (typical: 0) raises it"


def test_columns_behind_are_one_reason() -> None:
    def predict(X: np.ndarray) -> np.ndarray:
        return X[:, 0] + X[:, 1] * X[:, 2] + X[:, 3].astype(np.float64)

    row, typical = np.array([2, 3, 4, 5], np.float32), np.zeros(4, np.float32)
    found = contributions(predict, row, typical, alone=2)
    assert found.shape == (3,)
    assert found.sum() == pytest.approx(predict(row[None])[0] - predict(typical[None])[0])
    assert found[0] == pytest.approx(2)
    assert found[2] == pytest.approx(5 + 12 / 2)
    told = top_reasons(found, row, typical, ("a", "b"), {}, count=3)
    assert [reason.feature for reason in told] == [ORDER, "b", "a"]


def test_columns_behind_are_shuffled_together() -> None:
    X = np.random.default_rng(0).integers(0, 2, (400, 3)).astype(np.float32)
    X[:, 2] = 1 - X[:, 1]
    y = X[:, 1]

    def score(rows: np.ndarray) -> np.ndarray:
        return (rows[:, 1] - rows[:, 2]).astype(np.float64)

    rises = permutation_importance(score, lambda p: float(((p > 0) != y).mean()), X, alone=1)
    assert rises.shape == (2,)
    assert rises[0] == 0
    assert 0.4 < rises[1] < 0.6
