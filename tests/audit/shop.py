"""A clean shop to plant mistakes in: seeded samples with nothing to find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from buysignal.goals import Goal
from buysignal.samples import Samples

BOUGHT = Goal(
    name="bought",
    sentence="the visit ends with a purchase",
    proxy=False,
    kind="column",
    attribute="bought",
    equals=1,
    value="column",
    value_column="spent",
)
CATEGORIES = ("trousers", "skirts", "blouses", "sale")
START = np.datetime64("2024-03-01T00:00:00", "us")


def clean(seed: int, rows: int = 4_000) -> Samples:
    """Visits in time order, three a visitor: numbers, whole numbers, categories, honest answers."""
    rng = np.random.default_rng(seed)
    visitor = np.repeat(np.arange(rows // 3 + 1), 3)[:rows]
    category = rng.choice(4, rows, p=(0.4, 0.3, 0.2, 0.1))
    channel = rng.choice(8, rows)
    item = category * 50 + rng.integers(0, 50, rows)
    price = np.round(20 + 10 * category + rng.gamma(3, 8, rows))
    clicks = 1 + rng.poisson(4, rows)
    seconds = clicks * rng.gamma(2, 20, rows)
    scroll = rng.random(rows)
    recency = rng.gamma(1, 30, rows)
    recency[rng.random(rows) < 0.3] = np.nan
    logit = -3 + 0.3 * clicks + 0.002 * seconds + 0.5 * (category == 3) + 1.5 * scroll
    y = rng.random(rows) < 1 / (1 + np.exp(-logit))
    spent = np.where(y, np.round(price * rng.gamma(4, 0.3, rows), 2), 0.0)
    columns = {
        "category": category,
        "channel": channel,
        "item": item,
        "price": price,
        "clicks": clicks,
        "seconds": seconds,
        "scroll": scroll,
        "days_since": recency,
    }
    return Samples(
        X=np.column_stack(list(columns.values())).astype(np.float32),
        names=tuple(columns),
        y=y.astype(np.int8),
        revenue=spent,
        time=START + np.sort(rng.integers(0, 90 * 86_400, rows)).astype("timedelta64[s]"),
        session=np.arange(rows, dtype=np.int64) + 1_000,
        visitor=visitor.astype(np.int64),
        k=np.ones(rows, dtype=np.int32),
        unit="session",
        goal=BOUGHT,
        source_row=np.arange(rows, dtype=np.int64),
        categories={
            "category": CATEGORIES,
            "channel": tuple(f"channel {i}" for i in range(8)),
            "item": tuple(f"item {i}" for i in range(200)),
        },
    )


def parted(samples: Samples, share: float = 0.75) -> tuple[Samples, Samples]:
    """Train and test by time, no visitor on both sides."""
    cut = samples.visitor[int(share * len(samples))]
    return samples.subset(samples.visitor < cut), samples.subset(samples.visitor >= cut)


def shuffled(samples: Samples, seed: int) -> tuple[Samples, Samples]:
    """Train and test by a random draw of rows."""
    test = np.random.default_rng(seed).random(len(samples)) < 0.25
    return samples.subset(~test), samples.subset(test)


def with_column(samples: Samples, name: str, values: np.ndarray) -> Samples:
    """Add a numeric column."""
    X = np.column_stack([samples.X, values.astype(np.float32)])
    return replace(samples, X=X, names=(*samples.names, name))
