"""The page Live in a real browser: it moves by itself, and nothing around it is drawn anew."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from shop import Shop

from .test_browser import CHROMIUM, PHONE, WIDE, browser, go, upload, visitor

__all__ = ["browser"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: browser tests are skipped"),
]


def test_a_replay_moves_without_a_rerun_of_the_page_and_ends_when_stopped(
    browser: Browser, address: str, shop: Shop
) -> None:
    with visitor(browser, address, WIDE) as page:
        upload(page, shop.events)
        expect(page.get_by_text("What this data can answer")).to_be_visible()
        go(page, "Live", "Live")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_text("Visits open", exact=True)).to_be_visible()
        expect(page.locator(".js-plotly-plot")).to_have_count(2)
        page.get_by_role("heading", level=1).evaluate("element => { element.drawnOnce = true }")
        time = page.get_by_text("The shop's time:")
        before = time.inner_text()
        expect(time).not_to_have_text(before)
        assert page.get_by_role("heading", level=1).evaluate("element => element.drawnOnce === true")
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        main = page.get_by_test_id("stMain")
        page.wait_for_timeout(500)
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
        main.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_text("Stopped.", exact=False)).to_be_visible()
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
        assert page.get_by_test_id("stException").count() == 0
