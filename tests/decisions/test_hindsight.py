"""Predicted against actual: totals, groups, and intervals that mean what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from buysignal.decisions.hindsight import compare


def visits(n: int, seed: int, factor: float = 1.0) -> pd.DataFrame:
    """Return visits that buy for 50 by a known chance; ``factor`` makes the forecast wrong."""
    rng = np.random.default_rng(seed)
    chance = rng.uniform(0.01, 0.2, n)
    return pd.DataFrame(
        {
            "expected": factor * 50 * chance,
            "actual": np.where(rng.random(n) < chance, 50.0, 0.0),
            "visitor": np.arange(n) // 2,
            "channel": rng.choice(["a", "b", None], n),
            "day": rng.choice(["2025-03-03", "2025-03-04"], n),
        }
    )


@pytest.mark.parametrize("n", [400, 8_000])
def test_right_forecasts_lie_inside_nine_times_in_ten(n: int) -> None:
    inside = [bool(compare(visits(n, seed))["inside"].iloc[0]) for seed in range(100)]
    assert 80 <= sum(inside) <= 98


def test_wrong_forecasts_lie_outside() -> None:
    assert not compare(visits(4_000, 1, factor=1.5))["inside"].iloc[0]


def test_groups_add_up_to_the_whole() -> None:
    rows = visits(1_000, 2)
    whole = compare(rows).iloc[0]
    table = compare(rows, "channel")
    assert set(table["group"]) == {"a", "b", "unknown"}
    for column in ("visits", "predicted", "actual"):
        assert table[column].sum() == pytest.approx(whole[column])
    assert list(compare(rows, "day")["group"]) == ["2025-03-03", "2025-03-04"]


def test_the_smallest_groups_become_one() -> None:
    rows = visits(1_000, 3).assign(channel=[f"c{i % 30}" for i in range(1_000)])
    table = compare(rows, "channel", most=5)
    assert len(table) == 6
    assert table["group"].iloc[-1] == "all others"
    assert table["visits"].sum() == 1_000


def test_no_rows_no_groups() -> None:
    assert compare(visits(10, 0).iloc[:0], "channel").empty
