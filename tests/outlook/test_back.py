"""Visits at fair moments: what was expected there is the scorer's, what came is what was paid later."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from buysignal import scoring
from buysignal.decisions.hindsight import compare
from buysignal.events import consenting
from buysignal.outlook import MOMENTS, look_back
from buysignal.sources import load
from shop import Shop


def test_expected_is_the_scorers_word_after_each_click(shop: Shop) -> None:
    loaded = load(shop.events)
    rows = look_back(shop.bundle, loaded)
    assert set(rows["moment"]) == set(MOMENTS)
    scored = scoring.score_loaded(shop.bundle, loaded, every_event=True).table
    first = scored[(scored["clicks"] == 3) & ~scored["already_bought"] & ~scored["suspected_bot"]]
    third = rows[rows["moment"] == "3"]
    assert len(third) == len(first)
    assert third["expected"].sum() == pytest.approx(first["expected_revenue"].sum(), rel=1e-9)


def test_after_the_first_click_all_revenue_is_still_to_come(shop: Shop) -> None:
    loaded = load(shop.events)
    rows = look_back(shop.bundle, loaded)
    frame = consenting(loaded.table)[0].select(["event_name", "price", "quantity"]).to_pandas()
    sold = frame[(frame["event_name"] == "purchase").to_numpy()]
    paid = float((sold["price"] * sold["quantity"].fillna(1)).sum())
    actual = rows.loc[rows["moment"] == "1", "actual"].sum()
    assert actual == pytest.approx(paid, rel=1e-6)
    groups = compare(rows[rows["moment"] == "1"], "channel")
    assert groups["actual"].sum() == pytest.approx(actual)


def test_a_cart_is_asked_about_when_it_is_first_filled(shop: Shop) -> None:
    loaded = load(shop.events)
    rows = look_back(shop.bundle, loaded)
    agreed, _ = consenting(loaded.table)
    names = agreed.column("event_name").cast(pa.string()).to_pandas()
    sessions = agreed.column("session_id").to_pandas()
    with_cart = sessions[(names == "add_to_cart").to_numpy()].nunique()
    carts = rows[rows["moment"] == "cart"]
    # Bots fill carts too, and are left out.
    assert with_cart - 5 <= len(carts) <= with_cart
    assert carts["expected"].mean() > rows.loc[rows["moment"] == "1", "expected"].mean()
    assert np.isin(carts["learned"], ["yes", "no"]).all()
