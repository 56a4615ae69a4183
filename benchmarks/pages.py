"""How long a person waits for each page of the app, measured in a real browser.

A headless Chromium opens the app with a trained bundle, loads the demo shop as a person would, and clicks
through every page of ``buysignal.app.main.PAGES``. The clock runs from the click in the navigation until
the page's heading is there, the server has finished and every chart is drawn. *First* is the first visit
after the data was read, *again* the median of later visits. Targets: 1 s on the demo shop, 3 s on a million
events, again. Run: ``python benchmarks/pages.py [page ...]`` (names as in PAGES; all where none is named).
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
from screenshots import FLAGS, WIDE, served

from _results import Row, skip, write_results
from buysignal.app.main import PAGES
from buysignal.sources.demo import write_demo
from buysignal.training import Options, train

AGAIN = 3
DEMO_VISITORS, MILLION_VISITORS = 20_000, 112_000
PATIENCE_MS = 180_000
TITLES = {name: title for section in PAGES.values() for name, title, _ in section}

SHOWN = """([name, before]) => {
    const app = document.querySelector('[data-testid="stApp"]');
    const here = location.pathname.replace(/^\\//, '') || 'data';
    const heading = document.querySelector('[data-testid="stMain"] h1');
    const charts = [...document.querySelectorAll('[data-testid="stPlotlyChart"]')];
    return here === name && heading && heading.innerText !== before
        && app.getAttribute('data-test-script-state') === 'notRunning'
        && !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')
        && charts.every(chart => chart.querySelector('.main-svg'));
}"""


@dataclass(frozen=True)
class Shop:
    """What is opened; ``events`` None is the demo shop that the page offers."""

    name: str
    rows: int
    events: Path | None = None


def main(names: list[str]) -> None:
    """Measure the pages on both sizes of shop and write the results."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        skip("there is no chromium on the path")
    strangers = set(names) - set(TITLES)
    if strangers:
        sys.exit(f"There is no page {', '.join(sorted(strangers))}. There are: {', '.join(TITLES)}")
    with tempfile.TemporaryDirectory(prefix="buysignal-pages-") as scratch, sync_playwright() as driver:
        print("training a bundle, simulating a million events", flush=True)
        folder = Path(scratch)
        small = write_demo(folder / "small", 5_000, 28, seed=0)
        train(small.events, out=folder / "models" / "demo", options=Options(fast=True, imbalance="none"))
        demo = write_demo(folder / "demo", DEMO_VISITORS, 28, seed=0)
        million = write_demo(folder / "million", MILLION_VISITORS, 28, seed=1)
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        with served(folder / "models") as address:
            chosen = names or list(TITLES)
            own = Shop(f"demo shop, {DEMO_VISITORS:,} visitors", demo.rows)
            rows = measured(browser, address, own, chosen)
            rows += measured(browser, address, Shop("1 million events", million.rows, million.events), chosen)
        browser.close()
    if names:
        print("a part of the pages only: nothing is written")
    else:
        write_results("pages", rows)


def measured(browser: Browser, address: str, shop: Shop, names: list[str]) -> list[Row]:
    """Return the seconds of reading the shop and of every page."""
    page = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.get_by_role("heading", name="Upload CSV or manual input").wait_for()
    rows = [_row(shop, "Reading the data, first", seconds_to_read(page, shop), page)]
    # The reading ended on the first page, so that one is measured last: each step is a change of page.
    order = [*names[1:], names[0]] if names[0] == "data" else names
    rows += [_row(shop, f"{TITLES[name]}, first", seconds_to(page, name), page) for name in order]
    if len(order) > 1:
        rounds = [{name: seconds_to(page, name) for name in order} for _ in range(AGAIN)]
        for name in order:
            seconds = statistics.median(found[name] for found in rounds)
            rows.append(_row(shop, f"{TITLES[name]}, again", seconds, page))
    page.context.close()
    return rows


def seconds_to_read(page: Page, shop: Shop) -> float:
    """Return the seconds from the click on the button until the data's report is there."""
    button = page.get_by_role("button", name="Open the demo shop")
    if shop.events is not None:
        page.get_by_text("Your files", exact=True).click()
        page.get_by_text("CSV, Parquet or JSON lines").first.wait_for()
        page.locator("input[type=file]").first.set_input_files(str(shop.events))
        page.get_by_test_id("stFileChip").wait_for()
        page.get_by_test_id("stFileChipIconSpinner").wait_for(state="hidden")
        button = page.get_by_role("button", name="Read the files")
    start = time.perf_counter()
    button.click()
    page.get_by_text("What this data can answer").wait_for()
    return time.perf_counter() - start


def seconds_to(page: Page, name: str) -> float:
    """Return the seconds from the click in the navigation until the page is shown in full."""
    before = page.get_by_test_id("stMain").locator("h1").first.inner_text()
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=TITLES[name], exact=True)
    link.wait_for()
    start = time.perf_counter()
    link.click()
    try:
        page.wait_for_function(SHOWN, arg=[name, before])
    except Error as error:
        sys.exit(f"the page {name} did not come within {PATIENCE_MS / 1000:.0f} s: {error}")
    return time.perf_counter() - start


def _row(shop: Shop, what: str, seconds: float, page: Page) -> Row:
    failed = page.get_by_test_id("stException").count() + page.get_by_text("Something went wrong").count()
    print(f"  {shop.name}: {what:28} {seconds:7.2f} s", flush=True)
    if failed:
        sys.exit("a page with a fault is no page: nothing is written")
    return Row(benchmark="pages", metric="seconds", value=seconds, n=shop.rows, case=f"{shop.name}: {what}")


if __name__ == "__main__":
    main(sys.argv[1:])
