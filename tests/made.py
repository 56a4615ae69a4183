"""Samples made by a known rule, small and seeded, for the tests of splits, models and evaluation."""

from __future__ import annotations

import numpy as np

from buysignal.goals import PURCHASE
from buysignal.samples import Samples

NAMES = ("clicks", "price_mean", "channel", "noise")
CHANNELS = ("search", "mail", "direct")


def made_samples(
    n: int = 3000, *, seed: int = 0, gaps: float = 0.05, base: float = -2.0, per_session: int = 1
) -> Samples:
    """Rows whose log odds are base + clicks + 1.5 (by mail); buyers spend about exp(2 + price)."""
    rng = np.random.default_rng(seed)
    clicks = rng.exponential(1.0, n)
    price = rng.normal(0, 0.5, n)
    channel = rng.choice(3, size=n, p=[0.6, 0.3, 0.1])
    odds = base + clicks + 1.5 * (channel == 1)
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    revenue = np.where(y == 1, np.exp(2 + price + rng.normal(0, 0.3, n)), 0.0)
    X = np.column_stack([clicks, price, channel, rng.normal(size=n)]).astype(np.float32)
    X[rng.random(X.shape) < gaps] = np.nan
    session = np.arange(n) // per_session
    moment = np.datetime64("2026-01-01", "us") + (session * 3600 + np.arange(n) % per_session * 60).astype(
        "timedelta64[s]"
    )
    return Samples(
        X=X,
        names=NAMES,
        y=y,
        revenue=revenue,
        time=moment,
        session=session,
        visitor=session // 2,
        k=(np.arange(n) % per_session + 1).astype(np.int32),
        unit="prefix" if per_session > 1 else "session",
        goal=PURCHASE,
        source_row=np.arange(n),
        categories={"channel": CHANNELS},
        has_cart=rng.random(n) < 0.5,
    )
