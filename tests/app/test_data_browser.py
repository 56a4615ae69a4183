"""The Data page in a real browser: foreign columns mapped and kept, rejected rows mended, rates typed."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from buysignal.sources.own import FOLDER

from .conftest import served
from .test_browser import CHROMIUM, PHONE, WIDE, browser, upload, visitor

__all__ = ["browser"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: browser tests are skipped"),
]

ROW = 35
"""Height of a row of an editable table, in pixels."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which this module's user keeps profiles."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def address(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has no bundle yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(kept))
        with served(tmp_path_factory.mktemp("models")) as url:
            yield url


def visits(n: int) -> str:
    """Events of ``n`` visitors of a shop with words of its own, some of them in dollars."""
    steps = ("view", "cart", "order")
    return "".join(
        f"k{i},2025-03-0{1 + i % 9}T10:0{j}:00Z,{word},i{i % 7},{5 + i % 5},{('EUR', 'USD')[i % 9 == 3]}\n"
        for i in range(n)
        for j, word in enumerate(steps[: 1 + i % 3])
    )


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    bad = "k1,2025-13-01T10:00:00Z,view,i1,5,EUR\nk2,2025-03-01T12:00:00Z,view,i1,cheap,EUR\n"
    path.write_text("klant,when,action,sku,amount,cur\n" + visits(60) + bad)
    return path


def type_into(page: Page, table: Locator, row: int, x: float, text: str) -> None:
    """Write ``text`` into a cell of an editable table, as a person with a keyboard does."""
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x, box["y"] + ROW * (row + 1.5))
    page.keyboard.press("Enter")
    page.wait_for_timeout(400)
    page.keyboard.press("Control+A")
    page.keyboard.type(text, delay=20)
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")
    page.wait_for_timeout(400)


def map_the_visitor(page: Page) -> None:
    expect(page.get_by_text("What do the columns of orders.csv mean?")).to_be_visible(timeout=60_000)
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("canvas").first).to_be_visible()
    page.wait_for_timeout(1000)
    type_into(page, table, 0, 260, "klant")
    page.get_by_role("button", name="Read the files by this table").click()


def test_foreign_columns_are_mapped_kept_and_offered_next_time(
    browser: Browser, address: str, foreign: Path, kept: Path
) -> None:
    with visitor(browser, address, WIDE) as page:
        upload(page, foreign)
        map_the_visitor(page)
        expect(page.get_by_text("What this data can answer")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("The data holds", exact=False).first).to_be_visible()
        page.get_by_text("Look at the table, change it").click()
        name = page.get_by_role("textbox", name="Name of this profile")
        name.fill("our-shop")
        name.press("Enter")
        page.get_by_role("button", name="Keep for next time").click()
        expect(page.get_by_text("Kept as 'our-shop'")).to_be_visible(timeout=60_000)
    assert (kept / "our-shop.toml").is_file()
    with visitor(browser, address, WIDE) as page:
        upload(page, foreign)
        expect(page.get_by_text("Read by your profile 'our-shop'")).to_be_visible(timeout=60_000)
    shutil.rmtree(kept)


def test_a_needed_column_that_is_not_said_is_one_sentence(
    browser: Browser, address: str, foreign: Path
) -> None:
    with visitor(browser, address, WIDE) as page:
        upload(page, foreign)
        expect(page.get_by_text("What do the columns of orders.csv mean?")).to_be_visible(timeout=60_000)
        page.get_by_role("button", name="Read the files by this table").click()
        alert = page.get_by_test_id("stAlert").filter(has_text="nothing feeds visitor_id")
        expect(alert.or_(page.get_by_test_id("stAlert").filter(has_text="Nothing feeds"))).to_be_visible()
        assert page.get_by_test_id("stException").count() == 0


def test_rejected_rows_are_converted_mended_and_fed_in_again(
    browser: Browser, address: str, foreign: Path
) -> None:
    with visitor(browser, address, WIDE) as page:
        upload(page, foreign)
        map_the_visitor(page)
        rows = page.get_by_text("rows in =", exact=False)
        expect(rows).to_contain_text("rejected", timeout=60_000)
        rate = page.get_by_label("1 USD = … EUR", exact=False)
        rate.fill("0.5")
        rate.press("Tab")
        page.get_by_role("button", name="Convert and read again").click()
        expect(page.get_by_text("Converted by 1 USD = 0.5 EUR")).to_be_visible(timeout=60_000)
        expect(rows).to_contain_text("2 rejected")
        page.get_by_text("Mend rows and feed them in again").click()
        table = page.get_by_test_id("stDataFrame").filter(has=page.locator("canvas")).last
        page.wait_for_timeout(1000)
        page.get_by_role("button", name="Read these rows again").scroll_into_view_if_needed()
        mend_the_first_row(page, table)
        page.get_by_role("button", name="Read these rows again").click()
        expect(page.get_by_text("1 of 1 row read again are good now.")).to_be_visible(timeout=60_000)
        expect(rows).to_contain_text("1 rejected")


def mend_the_first_row(page: Page, table: Locator) -> None:
    """Go by the arrow keys to the cell that is wrong, and write it anew."""
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 30, box["y"] + ROW * 1.5)
    heads = table.locator("[role=columnheader]").all_inner_texts()
    reason = table.locator("[role=gridcell]").all_inner_texts()
    wanted, text = ("amount", "9.50") if any("bad number" in cell for cell in reason) else ("when", GOOD_TIME)
    for _ in range(heads.index(wanted)):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.type(text, delay=20)
    page.keyboard.press("Enter")
    page.wait_for_timeout(400)


GOOD_TIME = "2025-03-01T10:30:00Z"


def test_the_usual_file_is_mapped_and_can_be_trained_on(
    browser: Browser, address: str, real_data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "train_data.csv"
    with gzip.open(real_data / "uci_eshop" / "train_data.csv.gz") as packed, path.open("wb") as out:
        shutil.copyfileobj(packed, out)
    with visitor(browser, address, WIDE) as page:
        upload(page, path)
        expect(page.get_by_text("What this data can answer")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("There is no purchase in this file.", exact=False)).to_be_visible()
        page.get_by_text("Look at the table, change it").click()
        table = page.get_by_test_id("stDataFrame").first
        expect(table.locator("canvas").first).to_be_visible()
        cell = page.locator("[role=gridcell]").filter(has_text="year + month + day")
        expect(cell.first).to_be_attached()
        page.get_by_role("button", name="Train a model on this data").click()
        expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible(timeout=60_000)


def test_a_phone_shows_the_data_page_without_scrolling_sideways(
    browser: Browser, address: str, foreign: Path
) -> None:
    with visitor(browser, address, PHONE) as page:
        upload(page, foreign)
        expect(page.get_by_text("What do the columns of orders.csv mean?")).to_be_visible(timeout=60_000)
        main = page.get_by_test_id("stMain")
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
