"""Predicting and acting in a real browser: a walk through the shop, a list, carts, a campaign and back."""

# ruff: noqa: F811
from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from buysignal import acting
from buysignal.decisions.economics import Economics
from buysignal.decisions.uplift import measure
from buysignal.scoring import write_scores
from buysignal.sources import load
from shop import Shop

from .test_browser import (  # noqa: F401
    CHROMIUM,
    PHONE,
    WIDE,
    browser,
    go,
    upload,
    visitor,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: browser tests are skipped"),
]


def with_data(page: Page, shop: Shop) -> None:
    upload(page, shop.events)
    expect(page.get_by_text("What this data can answer")).to_be_visible(timeout=90_000)


def downloaded(page: Page, label: str, to: Path) -> bytes:
    """Press a download button and return what came."""
    button = page.get_by_role("button", name=label)
    expect(button).to_be_visible()
    with page.expect_download() as waiting:
        button.click()
    waiting.value.save_as(to)
    return to.read_bytes()


def answer(page: Page) -> str:
    """Return the sentence in the box of the answer."""
    box = page.get_by_test_id("stAlert").first
    expect(box).to_be_visible()
    return box.inner_text()


def test_a_walk_through_the_shop_moves_the_probability_and_suggests(
    browser: Browser,
    address: str,
    shop: Shop,
) -> None:
    with visitor(browser, address, WIDE) as page:
        with_data(page, shop)
        go(page, "Live visit", "Manual input: one live visit")
        expect(page.get_by_text("What to show next", exact=True)).to_be_visible()
        expect(page.get_by_text("not of being bought")).to_be_visible()
        value = page.get_by_test_id("stMetricValue").first
        before = value.inner_text()
        suggestion = page.locator("[class*=st-key-next_]").first.get_by_role("button")
        name = page.locator("[class*=st-key-suggestion_]").first.locator("strong").inner_text()
        suggestion.click()
        expect(page.get_by_text("The visit so far: 4 clicks")).to_be_visible()
        expect(page.locator(".st-key-on_screen").get_by_text(name, exact=True)).to_be_visible()
        page.locator(".st-key-on_screen").get_by_role("button", name="Add to cart").click()
        page.locator(".st-key-cart").get_by_role("button", name="Checkout").click()
        expect(page.get_by_text("The visit so far: 6 clicks")).to_be_visible()
        expect(value).not_to_have_text(before)
        assert page.get_by_test_id("stException").count() == 0


def test_targeting_from_figures_to_the_file_and_back_to_its_uplift(
    browser: Browser,
    address: str,
    shop: Shop,
    tmp_path: Path,
) -> None:
    loaded = load(shop.events)
    economics = Economics(margin=0.4, contact_cost=0.05, effect=0.1)
    plan = acting.target(shop.bundle, loaded, economics, click=3)
    drawn = acting.hold_out(shop.bundle, plan, campaign="spring", share=0.2)
    with visitor(browser, address, WIDE) as page:
        with_data(page, shop)
        go(page, "Whom to target", "Whom to target")
        margin = page.get_by_role("spinbutton", name="Margin (% of revenue)")
        margin.fill("40")
        margin.press("Enter")
        expect(page.get_by_test_id("stAlert").first).to_contain_text(plan.sentence)
        write_scores(plan.export(), tmp_path / "library.csv")
        content = downloaded(page, "Download the list", tmp_path / "list.csv")
        assert content == (tmp_path / "library.csv").read_bytes()
        downloaded(page, "Download the campaign file", tmp_path / "spring.zip")
        go(page, "Uplift", "Uplift")
        page.locator("input[type=file]").first.set_input_files(str(tmp_path / "spring.zip"))
        expected = measure(drawn, loaded.table, horizon="1d", wanted=0.1)
        expect(page.get_by_text("The answer", exact=True)).to_be_visible()
        expect(page.get_by_test_id("stAlert").first).to_contain_text(expected.sentence)


def test_carts_at_risk_and_their_list(
    browser: Browser,
    address: str,
    shop: Shop,
    tmp_path: Path,
) -> None:
    found = acting.carts_at_risk(shop.bundle, load(shop.events), reasons=25)
    with visitor(browser, address, WIDE) as page:
        with_data(page, shop)
        go(page, "Carts at risk", "Carts at risk")
        assert found.sentence in answer(page)
        recent = found.narrowed(idle="3d")
        write_scores(recent.export(), tmp_path / "library.csv")
        content = downloaded(page, f"Download {len(recent.open):,} open carts", tmp_path / "carts.csv")
        assert content == (tmp_path / "library.csv").read_bytes()


@pytest.mark.parametrize("name", ["Whom to target", "Carts at risk"])
def test_a_phone_shows_acting_without_scrolling_sideways(
    browser: Browser,
    address: str,
    shop: Shop,
    name: str,
) -> None:
    with visitor(browser, address, PHONE) as page:
        with_data(page, shop)
        go(page, name, name)
        expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=60_000)
        main = page.get_by_test_id("stMain")
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
