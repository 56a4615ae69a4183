"""Forecast and price what-if on real data: what they answer, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from buysignal import tables
from buysignal.decisions.forecast import forecast
from buysignal.decisions.looks import first_looks
from buysignal.decisions.price import study
from buysignal.errors import SamplesError
from buysignal.sources import load


def test_the_eshops_prices_never_changed(real_data: Path) -> None:
    """Each of its items has one list price, so nothing can be said about another."""
    loaded = load(real_data / "uci_eshop" / "test_data.csv.gz")
    found = study(first_looks(loaded.table, currency=loaded.currency))
    assert found.refusal.startswith("No price changed in this data")
    assert (found.items["prices"] == 1).all()
    assert not found.items["allowed"].any()
    name = str(found.items.index[0])
    with pytest.raises(SamplesError, match=f"The price of item {name} never changed in this data"):
        found.what_if("item", name, 30.0)


def test_three_hours_are_no_history(real_data: Path) -> None:
    loaded = load(real_data / "rees46" / "2019-Oct_first17k.csv.gz")
    found = study(first_looks(loaded.table, currency=loaded.currency))
    assert found.refusal
    assert not found.items["allowed"].any()


def test_a_real_stores_weeks_lie_within_their_intervals(real_data: Path) -> None:
    """Ten weeks of the merchandise store, asked on every third day; its days vary a lot."""
    loaded = load(next((real_data / "gstore").glob("*.csv.gz")))
    start = loaded.table.column(loaded.profile.roles.time).cast(pa.timestamp("us")).to_numpy()
    amount = tables.column_amount(loaded.table, loaded.profile.goals[0])
    assert amount is not None
    week, covered = np.timedelta64(7, "D"), []
    for now in np.arange(start.min() + 3 * week, start.max() - week, np.timedelta64(3, "D")):
        known = start <= now
        found = forecast(start[known], amount[known], now, first=start.min())
        came = amount[(start > now) & (start <= now + week)].sum()
        assert found.to_come.low is not None
        assert found.to_come.high is not None
        covered.append(found.to_come.low <= came <= found.to_come.high)
    assert len(covered) >= 12
    assert np.mean(covered) >= 0.75
