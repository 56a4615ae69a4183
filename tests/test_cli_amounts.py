"""The commands forecast and price as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from buysignal import outlook
from buysignal.decisions.looks import first_looks
from buysignal.decisions.price import study
from buysignal.sources import load
from shop import Shop
from test_cli import refused, run


def test_forecast_in_json_is_the_librarys_and_the_days_are_written(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "days.csv"
    done = run("forecast", shop.folder, shop.events, "--days", 5, "--json", "--out", out)
    found = json.loads(done.stdout)
    expected = outlook.look_ahead(shop.bundle, load(shop.events)).forecast(5)
    assert found["total"]["expected"] == pytest.approx(expected.total.expected)
    assert found["total"]["low"] == pytest.approx(expected.total.low)
    assert found["proxy"] is False
    assert found["simulated"] is True
    assert sum(row["chosen"] for row in found["backtest"]) == 1
    written = pd.read_csv(out)
    assert len(written) == 5
    assert written["expected"].sum() == pytest.approx(expected.to_come.expected)
    assert written["simulated"].all()


def test_forecast_refuses_a_short_history_in_one_sentence(shop: Shop) -> None:
    said = refused("forecast", shop.folder, shop.events, "--now", "2025-03-10")
    assert "at least 14 days" in said


def test_price_lists_what_can_be_asked_and_says_why_not(shop: Shop) -> None:
    found = json.loads(run("price", shop.events, "--json").stdout)
    loaded = load(shop.events)
    expected = study(first_looks(loaded.table, currency=loaded.currency))
    assert len(found["items"]) == len(expected.items)
    assert {i["item"] for i in found["items"] if i["allowed"]} == set(
        expected.items.index[expected.items["allowed"]]
    )
    assert all(item["why"] for item in found["items"] if not item["allowed"])


def test_price_refuses_a_price_that_never_changed(shop: Shop) -> None:
    items = study(first_looks(load(shop.events).table)).items
    constant = items.index[items["prices"] == 1][0]
    said = refused("price", shop.events, "--item", constant, "--to", 10)
    assert f"The price of item {constant} never changed in this data" in said


def test_price_wants_one_thing_and_a_new_price(shop: Shop) -> None:
    assert "no new price" in refused("price", shop.events, "--item", "KIT-011")
    assert "both an item and a category" in refused(
        "price", shop.events, "--item", "KIT-011", "--category", "books", "--to", 1
    )
