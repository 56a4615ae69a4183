"""The real files: figures that can be counted another way."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from buysignal.check import check_loaded
from buysignal.explore import Filters, choices, explore, prepare
from buysignal.sources import load


def test_eshop(real_data: Path) -> None:
    file = real_data / "uci_eshop" / "train_data.csv.gz"
    found = explore(load(file))
    lengths = found.chart("visits-length").data["visits"]
    single, visits = duckdb.sql(
        f"SELECT count(*) FILTER (n = 1), count(*) FROM "
        f"(SELECT count(*) AS n FROM read_csv('{file}') GROUP BY session_id)"
    ).fetchall()[0]
    assert (lengths[0], lengths.sum()) == (single, visits) == (single, 22_910)
    assert found.facts.visitors is None
    keys = {chart.key for chart in found.charts}
    assert {"time-hours", "visits-duration", "funnel-steps", "cohorts-weeks"} & keys == set()
    assert {"paths-page-transitions", "paths-category-flow", "items-categories", "items-price-bands"} <= keys


def test_shoppers(real_data: Path) -> None:
    found = explore(load(real_data / "uci_shoppers" / "online_shoppers_intention.csv.gz"))
    assert (found.facts.visits, found.facts.orders) == (12_330, 1_908)
    rates = found.chart("rates-month").data.set_index("month")
    assert rates["reached"].sum() == 1_908
    assert rates.loc["Nov", "share"] == pytest.approx(760 / 2998)
    assert "known only when the visit is over" in found.chart("rates-pagevalues").sentence
    assert "No cell is empty" in found.section("missing").missing[0]
    assert "no dates" in found.section("time").missing[0]
    assert found.chart("distributions-number-bouncerates").data["visits"].sum() <= 12_330


def test_shoppers_filtered_by_a_column_of_theirs(real_data: Path) -> None:
    data = prepare(load(real_data / "uci_shoppers" / "online_shoppers_intention.csv.gz"))
    assert choices(data).columns["Month"][0] == "May"
    found = explore(data, filters=Filters(columns=(("Month", ("Nov",)),)))
    assert (found.facts.visits, found.facts.orders) == (2_998, 760)


def test_gstore(real_data: Path) -> None:
    found = explore(load(real_data / "gstore"))
    assert (found.facts.visits, found.facts.orders) == (29_993, 1_170)
    assert found.facts.revenue == pytest.approx(193_928, abs=1)
    assert found.chart("time-visits").data["visits"].sum() == 29_993
    assert found.chart("time-revenue").data["revenue"].sum() == pytest.approx(193_928, abs=1)
    assert found.chart("rates-channel-grouping").data["visits"].sum() == 29_993


def test_rees46(real_data: Path) -> None:
    loaded = load(real_data / "rees46")
    found, checked = explore(loaded), check_loaded(loaded)
    assert (found.facts.visits, found.facts.orders) == (checked.sessions, checked.purchases)
    assert found.facts.revenue == pytest.approx(checked.revenue)
    moves = found.chart("paths-event-transitions").data
    assert moves.loc[moves["from"] == "START", "moves"].sum() == 5_066
    assert moves.loc[moves["to"] == "EXIT", "moves"].sum() == 5_066
    assert any("checkout begun" in m for m in found.section("funnel").missing)
