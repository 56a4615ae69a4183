"""Make the pictures of the app that stand in the README: ``python scripts/screenshots.py``.

Starts the app on this machine, walks through it in a headless Chromium as a person would, and writes
docs/images/*.png. Needs a trained bundle (``make demo``) and a chromium on the path.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from buysignal.app.bundles import MODELS
from buysignal.app.launch import command

ROOT = Path(__file__).parents[1]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip
WIDE = (1280, 900)
PHONE = (390, 844)
MOST_BYTES = 300_000
CLICKS = ("Look", "Add to cart", "Look at the cart", "Checkout")

PAGES = {
    "data": ("Data", 1180),
    "explore": ("Explore", 1520),
    "models": ("Models", 1500),
    "visits": ("Visits", 1420),
    "live": ("Live visit", 1280),
    "watch": ("Live", 1640),
    "revenue": ("Revenue", 1080),
    "price": ("Price what-if", 1400),
    "segments": ("Segments", 1320),
    "target": ("Whom to target", 1620),
    "carts": ("Carts at risk", 1340),
    "monitoring": ("Monitoring", 1680),
}
"""Page -> its name in the navigation, and the height of its picture in pixels."""

IN_DARK = ("live", "watch")
EVENING = re.compile(r"The shop's time: \S+ (?:19|2[0-3]):")
"""When the demo shop is full, and the picture of a replay is taken."""


def main() -> None:
    """Write all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    chosen = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("There is no chromium on the path.")
    if not (chosen.models / "demo" / "manifest.json").is_file():
        sys.exit(f"There is no bundle in {chosen.models / 'demo'}. What to do: make demo")
    chosen.out.mkdir(parents=True, exist_ok=True)
    with served(chosen.models) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        for scheme in ("light", "dark"):
            wide_pictures(browser, address, chosen.out, scheme)
        phone_picture(browser, address, chosen.out)
        browser.close()


@contextmanager
def served(models: Path) -> Iterator[str]:
    """Serve the app on a free port while the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {**os.environ, MODELS: str(models.resolve())}
    server = subprocess.Popen(
        [*command(port), "--server.address", "127.0.0.1"],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.25)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def wide_pictures(browser: Browser, address: str, out: Path, scheme: str) -> None:
    """Write every page in light, and those that move in dark."""
    page = opened(browser, address, WIDE, scheme)
    page.get_by_role("button", name="Open the demo shop").click()
    page.get_by_text("What this data can answer").wait_for()
    for name, (title, height) in PAGES.items():
        if scheme == "dark" and name not in IN_DARK:
            continue
        if name == "monitoring":
            bring_a_changed_week(page)
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
        settle(page)
        if name == "live":
            click_through(page)
        if name == "watch":
            play(page)
        write(page, out / f"{name}{'-dark' if scheme == 'dark' else ''}.png", WIDE[0], height)
    page.context.close()


def bring_a_changed_week(page: Page) -> None:
    """Upload what the demo model was trained on, its last week changed as in examples/lifecycle.sh."""
    sys.path.insert(0, str(ROOT / "examples"))
    from lifecycle_shop import dearer, fewer_buy, other_visitors

    table = pq.read_table(ROOT / "demo" / "events.parquet")
    time = table.column("event_time")
    late = pc.greater_equal(time, pa.scalar(pc.max(time).as_py() - timedelta(days=7), time.type))
    changed = fewer_buy(other_visitors(dearer(table.filter(late))))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "events.parquet"
        pq.write_table(pa.concat_tables([table.filter(pc.invert(late)), changed]), file)
        page.get_by_test_id("stSidebarNav").get_by_role("link", name="Data", exact=True).click()
        settle(page)
        page.get_by_text("Your files").first.click()
        settle(page, 500)
        page.locator("input[type=file]").first.set_input_files(file)
        settle(page)
        page.get_by_role("button", name="Read the files").click()
        page.get_by_test_id("stSidebar").get_by_text("events.parquet").wait_for()
        settle(page)


def phone_picture(browser: Browser, address: str, out: Path) -> None:
    """Write the live visit, and a replay, as a phone shows them."""
    page = opened(browser, address, PHONE, "light", phone=True)
    page.goto(f"{address}/live")
    page.get_by_role("heading", name="Manual input").wait_for()
    settle(page)
    click_through(page)
    write(page, out / "live-phone.png", PHONE[0], 1200)
    page.goto(f"{address}/watch")
    page.get_by_role("button", name="Open the demo shop").click()
    page.get_by_role("button", name="Start", exact=True).wait_for()
    play(page)
    write(page, out / "watch-phone.png", PHONE[0], 1900)
    page.context.close()


def opened(
    browser: Browser, address: str, size: tuple[int, int], scheme: str, *, phone: bool = False
) -> Page:
    """Return the app's first page."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        is_mobile=phone,
        has_touch=phone,
    )
    page = context.new_page()
    page.set_default_timeout(90_000)
    page.goto(address)
    page.get_by_role("heading", name="Upload CSV or manual input").wait_for()
    settle(page)
    return page


def click_through(page: Page) -> None:
    """Click through the shop as a visitor would, so that the curve has something to tell."""
    for label in CLICKS:
        within = page.locator(".st-key-shelf") if label == CLICKS[0] else page
        within.get_by_role("button", name=label, exact=True).first.click()
        settle(page, 1200)


def play(page: Page) -> None:
    """Play the data in use until evening, so that the charts have something to tell."""
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text(EVENING).wait_for()


def settle(page: Page, pause_ms: int = 2500) -> None:
    """Wait until the app has answered and its charts are drawn."""
    page.wait_for_timeout(400)
    page.get_by_test_id("stStatusWidget").wait_for(state="hidden")
    page.wait_for_timeout(pause_ms)


def write(page: Page, path: Path, width: int, height: int) -> None:
    """Write the upper part of the page as a small PNG."""
    page.set_viewport_size({"width": width, "height": height})
    page.get_by_test_id("stMain").evaluate("element => element.scrollTo(0, 0)")
    page.mouse.move(width - 5, 60)
    page.wait_for_timeout(4000)
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(path, optimize=True)
    page.set_viewport_size({"width": width, "height": WIDE[1]})
    size = path.stat().st_size
    print(f"{path}: {size / 1000:,.0f} KB")
    if size > MOST_BYTES:
        sys.exit(f"{path.name} is larger than {MOST_BYTES / 1000:,.0f} KB")


if __name__ == "__main__":
    main()
