"""Revenue and price what-if in a real browser, as a person would use them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from shop import Shop

from .test_browser import PHONE, WIDE, browser, go, pytestmark, upload, visitor
from .test_revenue import constant_prices

__all__ = ["browser", "pytestmark"]


@pytest.fixture(scope="module")
def demo_page(browser: Browser, address: str) -> Iterator[Page]:
    """A visitor who opened the demo shop from the Revenue page."""
    with visitor(browser, address, WIDE) as page:
        go(page, "Revenue", "Revenue estimation")
        page.get_by_role("button", name="Open the demo shop").click()
        expect(page.get_by_text("Expected revenue").first).to_be_visible(timeout=120_000)
        yield page


def test_the_demo_shop_has_a_forecast_and_its_past(demo_page: Page) -> None:
    page = demo_page
    go(page, "Revenue", "Revenue estimation")
    expect(page.get_by_text("Visits to come").first).to_be_visible(timeout=120_000)
    expect(page.get_by_role("heading", name="Predicted against actual")).to_be_visible(timeout=120_000)
    expect(page.locator(".js-plotly-plot").nth(1)).to_be_visible(timeout=120_000)
    assert page.get_by_test_id("stException").count() == 0
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the forecast").click()
    text = Path(waiting.value.path()).read_text()
    assert text.splitlines()[0].replace('"', "").startswith("day,expected,low,high")
    assert len(text.splitlines()) == 8


def test_moving_the_price_changes_the_sentence(demo_page: Page) -> None:
    page = demo_page
    go(page, "Price what-if", "Price what-if")
    sentence = page.locator("strong").filter(has_text="of looks put item").first
    expect(sentence).to_be_visible(timeout=120_000)
    before = sentence.inner_text()
    thumb = page.get_by_role("slider").first
    thumb.focus()
    key = (
        "ArrowLeft"
        if thumb.get_attribute("aria-valuenow") == thumb.get_attribute("aria-valuemax")
        else "ArrowRight"
    )
    for _ in range(20):
        page.keyboard.press(key)
    expect(sentence).not_to_have_text(before, timeout=60_000)
    expect(page.get_by_text("association, not cause").first).to_be_visible()


def test_constant_prices_are_refused_in_sight(
    browser: Browser,
    address: str,
    shop: Shop,
    tmp_path: Path,
) -> None:
    with visitor(browser, address, PHONE) as page:
        upload(page, constant_prices(shop, tmp_path))
        expect(page.get_by_text("What this data can answer")).to_be_visible(timeout=60_000)
        go(page, "Price what-if", "Price what-if")
        expect(page.get_by_text("No price changed in this data")).to_be_visible(timeout=60_000)
        main = page.get_by_test_id("stMain")
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
