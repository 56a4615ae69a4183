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


DRAWN = "[data-testid='stVegaLiteChart'] :is(canvas, svg)"
KEPT = f"[...document.querySelectorAll(\"[data-testid='stMain'] h1, {DRAWN}\")]"
MARK = f"() => {KEPT}.forEach(element => {{ element.drawnOnce = true }})"
STILL_MARKED = f"() => {KEPT}.filter(element => element.drawnOnce).length"
"""Neither the heading nor a chart is put up anew while the figures move."""


def test_a_replay_moves_without_a_rerun_of_the_page_and_ends_when_stopped(
    browser: Browser, address: str, shop: Shop
) -> None:
    with visitor(browser, address, WIDE) as page:
        upload(page, shop.events)
        expect(page.get_by_text("What this data can answer")).to_be_visible()
        go(page, "Live", "Live")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_text("Visits open", exact=True)).to_be_visible()
        expect(page.locator(DRAWN)).to_have_count(3)
        page.evaluate(MARK)
        time = page.get_by_text("The shop's time:")
        before = time.inner_text()
        expect(time).not_to_have_text(before)
        assert page.evaluate(STILL_MARKED) == 4
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        main = page.get_by_test_id("stMain")
        page.wait_for_timeout(500)
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
        main.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_text("Stopped.", exact=False)).to_be_visible()
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
        assert page.get_by_test_id("stException").count() == 0
