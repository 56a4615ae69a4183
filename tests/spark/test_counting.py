"""Counts taken apart into rows that Spark adds up, and put together again."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from buysignal import sessions
from buysignal.features.counts import Counts, count, merged
from buysignal.history.learn import FOLDS
from buysignal.sources.demo import simulate
from buysignal.spark.counting import KEYS, NUMBERS, counts_of, rows_of


def counted(seed: int) -> Counts:
    events = sessions.assign(simulate(visitors=60, days=14, seed=seed).events)
    return count(events, np.ones(sessions.layout(events).sessions, dtype=bool), FOLDS)


def added(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Spark does: sums by the keys."""
    sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * len(NUMBERS))
    for row in rows:
        key = tuple(row[k] for k in KEYS)
        sums[key] = [a + row[n] for a, n in zip(sums[key], NUMBERS, strict=True)]
    names = (*KEYS, *NUMBERS)
    return [dict(zip(names, (*key, *numbers), strict=True)) for key, numbers in sums.items()]


def test_sums_of_the_rows_are_the_merged_counts() -> None:
    parts = [counted(seed) for seed in (1, 2)]
    found = counts_of(added([row for part in parts for row in rows_of(part)]))
    wanted = merged(parts)
    assert found.levels == wanted.levels
    assert (found.has_cart, found.has_purchase) == (wanted.has_cart, wanted.has_purchase)
    np.testing.assert_array_equal(found.prices, wanted.prices)
    for ours, theirs in ((found.items, wanted.items), (found.categories, wanted.categories)):
        assert ours.names == theirs.names
        np.testing.assert_array_equal(ours.sessions, theirs.sessions)
