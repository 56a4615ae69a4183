"""The commands target, carts and uplift: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from buysignal import acting
from buysignal.cli import app
from buysignal.decisions.economics import Economics
from buysignal.errors import BuysignalError
from buysignal.sources.read import load
from shop import Shop

MONEY = ["--margin", "0.3", "--contact-cost", "0.05"]


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_target_writes_the_librarys_list(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    shown = run("target", shop.folder, shop.events, *MONEY, "--after-click", 2, "--out", out)
    assert "Simulated" in shown
    assert "an assumption" in " ".join(shown.split())
    assert "EUR" in shown
    loaded = load(shop.events, profile=shop.bundle.profile)
    plan = acting.target(shop.bundle, loaded, Economics(margin=0.3, contact_cost=0.05), click=2)
    written = pd.read_csv(out)
    assert written["session_id"].tolist() == plan.visits_listed["session_id"].tolist()
    assert written["expected_profit"].to_numpy() == pytest.approx(plan.visits_listed["expected_profit"])
    assert written[["goal", "proxy", "simulated"]].drop_duplicates().to_numpy().tolist() == [
        ["purchase", False, True]
    ]


def test_target_of_visits_under_way_as_json(shop: Shop) -> None:
    said = json.loads(run("target", shop.folder, shop.events, *MONEY, "--now", "2025-03-29 18:00", "--json"))
    assert said["basis"] in ("corrected", "probabilities")
    assert said["economics"]["margin"] == 0.3
    assert said["considered"] > 0


def test_a_campaign_goes_out_and_its_outcome_comes_back(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "spring.csv"
    command = ("target", shop.folder, shop.events, *MONEY, "--after-click", 1, "--unseen")
    shown = run(*command, "--campaign", "spring", "--holdout", 0.4, "--out", out)
    assert "leave" in shown
    assert out.with_suffix(".json").is_file()
    assert pd.read_csv(out)["simulated"].all()
    told = run("uplift", out, shop.events, "--horizon", "3d")
    assert "Campaign spring: The contact brought between" in " ".join(told.split())
    said = json.loads(run("uplift", out, shop.events, "--horizon", "3d", "--json"))
    assert [group["group"] for group in said["groups"]] == ["contact", "holdout"]
    assert said["campaign"]["simulated"] is True


def test_carts_as_a_table_and_as_json(shop: Shop, tmp_path: Path) -> None:
    out, back = tmp_path / "carts.csv", tmp_path / "back.csv"
    shown = run("carts", shop.folder, shop.events, "--out", out, "--recovered", back, "--reasons", 1)
    assert "open carts worth" in " ".join(shown.split())
    said = json.loads(run("carts", shop.folder, shop.events, "--json"))
    written = pd.read_csv(out)
    assert len(said["open"]) == len(written)
    assert written["at_risk"].is_monotonic_decreasing
    assert written["simulated"].all()
    assert "were bought within 7 days" in said["sentence"]
    assert len(pd.read_csv(back)) == len(said["recovered"])
    assert pd.read_csv(back)["simulated"].all()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--margin", "30", "--contact-cost", "1"], "write 30 % as 0.3"),
        ([*MONEY, "--budget", "-1"], "budget is -1"),
        ([*MONEY, "--campaign", "spring"], "a campaign needs a place"),
        ([*MONEY, "--now", "soon"], "'soon' is no moment"),
    ],
)
def test_what_does_not_fit_is_one_sentence(shop: Shop, more: list[str], says: str) -> None:
    with pytest.raises(BuysignalError, match=says):
        run("target", shop.folder, shop.events, *more)
