"""Segments and models in a real browser: rename and see it, export, compare, take the card along."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from buysignal import scoring
from buysignal.model_card import model_card
from buysignal.report import Report
from buysignal.report_html.cards import render_markdown
from buysignal.scoring import membership, write_scores
from buysignal.sources import load
from shop import Shop

from .conftest import served
from .test_browser import PHONE, WIDE, browser, go, pytestmark, upload, visitor

__all__ = ["browser", "pytestmark"]

NEW_NAME = "Window shoppers"


@pytest.fixture(scope="module")
def address(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has the shop's bundle, and beside it one chosen by hand."""
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(shop.folder, models / "demo")
    shutil.copytree(shop.folder, models / "rival")
    report = Report.load(models / "rival" / "report.json")
    report.table("prefix: purchase").validation_choice = "xgboost"
    report.save(models / "rival" / "report.json")
    with served(models) as url:
        yield url


def with_events(page: Page, shop: Shop) -> None:
    upload(page, shop.events)
    expect(page.get_by_text("What this data can answer")).to_be_visible()


def saved(page: Page, name: str, path: Path) -> bytes:
    button = page.get_by_role("button", name=name)
    expect(button).to_be_visible()
    with page.expect_download() as waiting:
        button.click()
    waiting.value.save_as(path)
    return path.read_bytes()


def test_members_are_the_librarys_and_a_new_name_is_seen_on_the_visits_page(
    browser: Browser, address: str, shop: Shop, tmp_path: Path
) -> None:
    scores = scoring.score_loaded(shop.bundle, load(shop.events)).table
    write_scores(membership(scores), tmp_path / "library.csv")
    found = shop.bundle.segment_profiles[0].name
    with visitor(browser, address, WIDE) as page:
        with_events(page, shop)
        go(page, "Segments", "Customer segmentation visualization")
        content = saved(page, f"Download {len(scores):,} members", tmp_path / "all.csv")
        assert content == (tmp_path / "library.csv").read_bytes()

        field = page.get_by_label(f"Name of “{found}”")
        field.fill(NEW_NAME)
        page.get_by_role("button", name="Use these names").click()
        expect(page.get_by_text(f"Found as: {found}")).to_be_visible()
        members = scores["segment"] == found
        saved(page, f"Download {len(scores):,} members", tmp_path / "renamed.csv")
        renamed = pd.read_csv(tmp_path / "renamed.csv")
        assert ((renamed["segment"] == NEW_NAME).to_numpy() == members.to_numpy()).all()

        go(page, "Visits", "Real-time conversion prediction")
        page.get_by_label("Segments").first.click()
        expect(page.get_by_role("option", name=NEW_NAME)).to_be_visible()
        assert page.get_by_role("option", name=found).count() == 0


def test_two_runs_are_compared_and_the_card_is_the_librarys(
    browser: Browser, address: str, shop: Shop, tmp_path: Path
) -> None:
    with visitor(browser, address, WIDE) as page:
        go(page, "Models", "Models")
        card = saved(page, "Model card (Markdown)", tmp_path / "card.md").decode()
        assert card == render_markdown(model_card(shop.bundle.manifest, shop.report, "demo"))
        assert saved(page, "Model card (HTML)", tmp_path / "card.html").startswith(b"<!doctype html>")

        page.get_by_text("Compare", exact=True).click()
        expect(page.get_by_text("Both have the same log loss.")).to_be_visible()
        expect(page.get_by_text("The champion of B was chosen by a person")).to_be_visible()
        expect(page.locator(".js-plotly-plot").first).to_be_visible()


def test_the_comparison_fits_on_a_phone(browser: Browser, address: str) -> None:
    with visitor(browser, address, PHONE) as page:
        page.goto(f"{address}/models")
        page.get_by_text("Compare", exact=True).click()
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
        main = page.get_by_test_id("stMain")
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
