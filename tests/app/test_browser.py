"""The app in a real browser: upload, score, download; a live visit; two visitors; a phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from buysignal import scoring
from buysignal.scoring import write_scores
from buysignal.sources import load
from shop import Shop

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

# A server, a browser and the rest of the tests share two cores: the default of 5 s is no verdict there.
expect.set_options(timeout=60_000)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: browser tests are skipped"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@contextmanager
def visitor(browser: Browser, address: str, size: dict[str, int]) -> Iterator[Page]:
    """A page of its own, that is: a session of its own."""
    context = browser.new_context(viewport=size, accept_downloads=True)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(address)
    expect(page.get_by_role("heading", name="Upload CSV or manual input")).to_be_visible(timeout=60_000)
    yield page
    context.close()


def go(page: Page, name: str, title: str) -> None:
    """Open a page by the navigation; on a phone it is folded away."""
    if page.viewport_size == PHONE:
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=title)).to_be_visible(timeout=60_000)


def upload(page: Page, *files: Path) -> None:
    page.get_by_text("Your files", exact=True).click()
    chooser = page.locator("input[type=file]")
    chooser.set_input_files([str(file) for file in files])
    expect(page.get_by_text(files[-1].name[:6]).first).to_be_visible()
    page.get_by_role("button", name="Read the files").click()


def test_upload_score_and_download_what_the_library_writes(
    browser: Browser, address: str, shop: Shop, tmp_path: Path
) -> None:
    with visitor(browser, address, WIDE) as page:
        upload(page, shop.events)
        expect(page.get_by_text("What this data can answer")).to_be_visible(timeout=60_000)
        go(page, "Visits", "Real-time conversion prediction")
        button = page.get_by_role("button", name="Download all")
        expect(button).to_be_visible(timeout=60_000)
        with page.expect_download() as waiting:
            button.click()
        downloaded = tmp_path / "downloaded.csv"
        waiting.value.save_as(downloaded)
    write_scores(scoring.score_loaded(shop.bundle, load(shop.events)).table, tmp_path / "library.csv")
    assert downloaded.read_bytes() == (tmp_path / "library.csv").read_bytes()


def test_a_wrong_file_says_one_sentence_and_shows_no_trace(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("only,a,header\n")
    with visitor(browser, address, WIDE) as page:
        upload(page, wrong)
        alert = page.get_by_test_id("stAlert").filter(has_text="What to do")
        expect(alert).to_be_visible(timeout=60_000)
        assert page.get_by_test_id("stException").count() == 0
        assert "Traceback" not in page.inner_text("body")


def test_a_click_moves_the_live_visit(browser: Browser, address: str) -> None:
    with visitor(browser, address, WIDE) as page:
        go(page, "Live visit", "Manual input: one live visit")
        page.get_by_role("radio", name="Type clicks").click()
        value = page.get_by_test_id("stMetricValue").first
        expect(value).to_contain_text("%")
        before = value.inner_text()
        page.get_by_role("button", name="Begins the checkout").or_(
            page.get_by_role("radio", name="Begins the checkout")
        ).first.click()
        page.get_by_role("button", name="Add click").click()
        expect(page.get_by_text("The visit so far: 4 clicks")).to_be_visible()
        expect(value).not_to_have_text(before)
        assert page.locator(".js-plotly-plot").count() >= 3


def test_a_second_visitor_does_not_see_the_first_ones_data(
    browser: Browser, address: str, shop: Shop
) -> None:
    with visitor(browser, address, WIDE) as first:
        upload(first, shop.events)
        expect(first.get_by_text("What this data can answer")).to_be_visible(timeout=60_000)
        with visitor(browser, address, WIDE) as second:
            expect(second.get_by_test_id("stSidebar").get_by_text("None yet")).to_be_visible()
            assert second.get_by_text("What this data can answer").count() == 0


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Models", "Models"),
        ("Live visit", "Manual input: one live visit"),
        ("Segments", "Customer segmentation visualization"),
    ],
)
def test_a_phone_shows_all_without_scrolling_sideways(
    browser: Browser, address: str, name: str, title: str
) -> None:
    with visitor(browser, address, PHONE) as page:
        go(page, name, title)
        expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=60_000)
        main = page.get_by_test_id("stMain")
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
        wide = page.evaluate(
            "() => [...document.querySelectorAll('.js-plotly-plot')]"
            ".filter(plot => plot.getBoundingClientRect().width > window.innerWidth).length"
        )
        assert wide == 0
