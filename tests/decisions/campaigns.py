"""Campaigns drawn from made visitors, and what these ordered later, for the tests of uplift."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from buysignal import events as ev
from buysignal.decisions import holdout
from buysignal.decisions.economics import Economics
from buysignal.goals import PURCHASE

NOW = datetime(2025, 3, 17, tzinfo=UTC)
START = np.datetime64(NOW.replace(tzinfo=None), "us")
ECONOMICS = Economics(margin=0.3, contact_cost=0.05, incentive=0.5, effect=0.25)


def drawn(
    ids: list[str], probability: float | np.ndarray = 0.1, campaign: str = "spring"
) -> holdout.CampaignList:
    listed = pd.DataFrame({"visitor_id": ids, "asked_at": START, "probability": probability})
    return holdout.set_aside(
        listed, campaign=campaign, share=0.4, goal=PURCHASE, economics=ECONOMICS, created=NOW
    )


def orders(ids: list[str], minutes: list[float], price: list[float]) -> pa.Table:
    """Return purchases, and page views of nobody on the list long before and long after."""
    every = ["x", *ids, "x"]
    moments = [
        NOW - timedelta(days=30),
        *(NOW + timedelta(minutes=m) for m in minutes),
        NOW + timedelta(days=30),
    ]
    n = len(every)
    return ev.conform(
        pa.table(
            {
                "visitor_id": every,
                "event_time": pa.array(moments, pa.timestamp("us", tz="UTC")),
                "event_seq": pa.array(range(n), pa.int64()),
                "event_name": ["page_view", *["purchase"] * (n - 2), "page_view"],
                "price": pa.array([None, *price, None], pa.float64()),
            }
        )
    )


IDS = [f"v{i}" for i in range(60)]


def sides(campaign: holdout.CampaignList) -> tuple[list[str], list[str]]:
    table = campaign.table
    contact, held = (table.loc[table["group"] == g, "visitor_id"].tolist() for g in holdout.GROUPS)
    return contact, held
