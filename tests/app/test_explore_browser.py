"""The Explore page in a real browser: a filter moves what is seen, a download is the library's, a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from buysignal import explore
from buysignal.explore import Filters
from buysignal.explore.export import chart_csv
from buysignal.sources import load
from shop import Shop

from .test_browser import CHROMIUM, PHONE, WIDE, browser, go, upload, visitor

__all__ = ["browser"]

TITLE = "Explore: Interactive charts and insights"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: browser tests are skipped"),
]


def with_data(page: Page, shop: Shop) -> None:
    """Open the page on the shop's events."""
    upload(page, shop.events)
    expect(page.get_by_text("What this data can answer")).to_be_visible()
    go(page, "Explore", TITLE)
    expect(page.get_by_role("heading", name="What stands out")).to_be_visible()
    if page.viewport_size == PHONE:
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()


def section(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()


def test_a_filter_moves_the_count_and_the_charts_and_the_download_is_the_librarys(
    browser: Browser, address: str, shop: Shop, tmp_path: Path
) -> None:
    loaded = load(shop.events)
    filtered = explore.explore(loaded, filters=Filters(devices=("tablet",)))
    with visitor(browser, address, WIDE) as page:
        with_data(page, shop)
        section(page, "Visits")
        chart = page.locator(".js-plotly-plot").first
        before = chart.inner_html()
        page.get_by_role("combobox", name="Device").click()
        page.get_by_role("option", name="tablet").click()
        page.keyboard.press("Escape")
        counted = f"{filtered.facts.visits:,} of {filtered.facts.visits_of:,} visits"
        expect(page.get_by_text(counted)).to_be_visible()
        page.wait_for_function(
            "before => document.querySelector('.js-plotly-plot').innerHTML !== before", arg=before
        )
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Data (CSV)").first.click()
        waiting.value.save_as(tmp_path / "chart.csv")
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Picture (PNG)").first.click()
        waiting.value.save_as(tmp_path / "chart.png")
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Download the report (HTML)").click()
        waiting.value.save_as(tmp_path / "report.html")
    first = filtered.section("visits").charts[0]
    assert (tmp_path / "chart.csv").read_bytes() == chart_csv(first)
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert first.sentence.split(";")[0] in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_chart_is_saved_as_a_picture_by_mouse_and_reached_by_keyboard(
    browser: Browser, address: str, shop: Shop
) -> None:
    with visitor(browser, address, WIDE) as page:
        with_data(page, shop)
        chart = page.locator(".js-plotly-plot").first
        button = chart.get_by_role("button", name="Download plot as a PNG")
        button.focus()
        expect(chart.locator(".modebar-group")).to_have_css("opacity", "1")
        with page.expect_download() as waiting:
            page.keyboard.press("Enter")
        assert waiting.value.suggested_filename == "explore-funnel-steps.png"


def test_a_phone_shows_every_section_without_scrolling_sideways(
    browser: Browser, address: str, shop: Shop
) -> None:
    found = explore.explore(load(shop.events))
    with visitor(browser, address, PHONE) as page:
        with_data(page, shop)
        for part in found.sections:
            section(page, part.title)
            expect(page.get_by_role("heading", name=part.charts[0].title, exact=True)).to_be_visible()
            main = page.get_by_test_id("stMain")
            assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1"), part.title
            wide = page.evaluate(
                "() => [...document.querySelectorAll('.js-plotly-plot')]"
                ".filter(plot => plot.getBoundingClientRect().right > window.innerWidth).length"
            )
            assert wide == 0, part.title


def test_the_demo_shop_opens_from_the_empty_page(browser: Browser, address: str) -> None:
    with visitor(browser, address, WIDE) as page:
        go(page, "Explore", TITLE)
        page.get_by_role("button", name="Open the demo shop").click()
        expect(page.get_by_text("no filter in use")).to_be_visible()
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
