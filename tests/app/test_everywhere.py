"""What holds on every page of the app, whichever pages there are: two widths, two themes, keyboard, names.

The pages are taken from ``PAGES``, so a new page is held to all of it without a word here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from app.conftest import opened, started, texts
from app.test_browser import CHROMIUM, FLAGS, PHONE, WIDE, upload, visitor
from buysignal.app.main import PAGES
from shop import Shop

expect.set_options(timeout=60_000)

TITLES = {name: title for section in PAGES.values() for name, title, _ in section}
OWN_FILE = "own-1.parquet"

# The page is there: its heading, the server at rest, every chart drawn.
SHOWN = """name => {
    const app = document.querySelector('[data-testid="stApp"]');
    const charts = [...document.querySelectorAll('[data-testid="stPlotlyChart"]')];
    return location.pathname.replace(/^\\//, '') === (name === 'data' ? '' : name)
        && document.querySelector('[data-testid="stMain"] h1')
        && app.getAttribute('data-test-script-state') === 'notRunning'
        && !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')
        && charts.every(chart => chart.querySelector('.main-svg'));
}"""

# What sticks out sideways, in words; charts and tables may scroll inside themselves, the page may not.
TOO_WIDE = """() => {
    const main = document.querySelector('[data-testid="stMain"]');
    const wide = [...document.querySelectorAll('.js-plotly-plot, h1, h2, h3')]
        .filter(part => part.getBoundingClientRect().right > innerWidth + 1)
        .map(part => `${part.tagName} ${part.className} ${(part.innerText || '').slice(0, 40)}`);
    if (main.scrollWidth > main.clientWidth + 1) wide.push(`main: ${main.scrollWidth} > ${main.clientWidth}`);
    if (document.documentElement.scrollWidth > innerWidth + 1) wide.push('the document');
    return wide;
}"""

# Axes that are drawn with ticks and have no title. An axis whose ticks are words (the names of segments, of
# columns) says what it is by them; one with numbers or days never does.
UNTITLED_AXES = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => {
    const layout = plot._fullLayout;
    if (!layout._has('cartesian')) return [];
    const used = new Set(plot._fullData.flatMap(trace => [trace.xaxis, trace.yaxis]));
    return Object.keys(layout).filter(key => /^[xy]axis\\d*$/.test(key))
        .filter(key => used.has(key.replace('axis', '')))
        .filter(key => layout[key].visible !== false && layout[key].showticklabels !== false)
        .filter(key => layout[key].type !== 'category' || layout[key]._categories.some(word => !isNaN(word)))
        .filter(key => !layout[key].title || /^(|Click to enter.*)$/.test(layout[key].title.text || ''))
        .map(key => `${key} of ${plot.textContent.slice(0, 80)}`);
})"""

# Axis titles, ticks and heading that are too faint on what lies behind them (WCAG 2.2: 4.5 for small text).
CONTRAST = """() => {
    const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
    const light = colour => colour.slice(0, 3)
        .map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = part => {
        for (let at = part; at; at = at.parentElement) {
            const colour = rgb(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] > 0.5) return colour;
        }
        return [255, 255, 255];
    };
    const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const read = '.xtitle, .ytitle, .xtick text, .ytick text, [data-testid="stMain"] h1';
    return [...document.querySelectorAll(read)]
        .map(part => [part.textContent, ratio(
            light(rgb(part.closest('svg') ? getComputedStyle(part).fill : getComputedStyle(part).color)),
            light(behind(part.closest('.js-plotly-plot') || part)))])
        .filter(([, found]) => found < 4.5);
}"""

UNNAMED = re.compile(
    r"^\s*- (?:textbox|combobox|slider|checkbox|radio|button|spinbutton|switch|tab|link|searchbox|listbox)"
    r"(?: \[[^\]]*\])*:?$",
    re.MULTILINE,
)
"""A line of Playwright's accessibility snapshot that has a role and no name."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def first(
    browser: Browser, address: str, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """A visitor who has uploaded a file of their own."""
    own = tmp_path_factory.mktemp("own") / OWN_FILE
    shutil.copyfile(shop.events, own)
    with visitor(browser, address, WIDE) as page:
        upload(page, own)
        expect(page.get_by_text("What this data can answer")).to_be_visible()
        expect(page.get_by_test_id("stSidebar").get_by_text(OWN_FILE)).to_be_visible()
        yield page


def go(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=TITLES[name], exact=True).click()
    page.wait_for_function(SHOWN, arg=name)


def faults(page: Page) -> list[str]:
    """Return what looks like a fault in the page."""
    said = page.inner_text("body")
    found = [word for word in ("Traceback", "Something went wrong") if word in said]
    return found + ["an exception box"] * page.get_by_test_id("stException").count()


def left(page: Page, search: str) -> list[Any]:
    """Return what the search finds once the page has come to rest; it may still be moving."""
    for _ in range(15):
        found: list[Any] = page.evaluate(search)
        if not found:
            break
        page.wait_for_timeout(200)
    return found


@pytest.mark.parametrize("name", TITLES)
@pytest.mark.parametrize("scheme", ["light", "dark"])  # below, so that all pages are looked at in light first
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: browser tests are skipped")
def test_a_page_holds_at_both_widths(first: Page, name: str, scheme: Literal["light", "dark"]) -> None:
    first.emulate_media(color_scheme=scheme)
    go(first, name)
    found: dict[str, Any] = {}
    for size in (WIDE, PHONE):
        first.set_viewport_size(size)  # type: ignore[arg-type]
        first.wait_for_timeout(350)
        first.wait_for_function(SHOWN, arg=name)
        where = f"{size['width']} px"
        found |= {f"too wide, {where}": left(first, TOO_WIDE), f"faint, {where}": left(first, CONTRAST)}
        found[f"faults, {where}"] = faults(first)
    first.set_viewport_size(WIDE)  # type: ignore[arg-type]
    if scheme == "light":
        found["axes without a title"] = first.evaluate(UNTITLED_AXES)
        found["inputs without a name"] = UNNAMED.findall(first.locator("body").aria_snapshot())
    assert {what: value for what, value in found.items() if value} == {}


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: browser tests are skipped")
def test_the_keyboard_alone_opens_the_shop_and_another_page(browser: Browser, address: str) -> None:
    with visitor(browser, address, WIDE) as page:
        page.wait_for_function(SHOWN, arg="data")
        press_on(page, "Open the demo shop")
        expect(page.get_by_text("What this data can answer")).to_be_visible()
        page.wait_for_function(SHOWN, arg="data")
        press_on(page, TITLES["segments"])
        page.wait_for_function(SHOWN, arg="segments")
        expect(page.get_by_role("heading", level=1)).not_to_have_text("Upload CSV or manual input")


def press_on(page: Page, label: str, most: int = 80) -> None:
    """Walk by Tab to what is called ``label`` and press Enter there."""
    seen = []
    for _ in range(most):
        page.keyboard.press("Tab")
        here = page.evaluate("() => (document.activeElement.innerText || '').trim()")
        seen.append(here)
        if here.endswith(label):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"{label} is not reached by {most} times Tab; on the way: {[s for s in seen if s]}")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: browser tests are skipped")
def test_a_second_visitor_sees_nothing_of_the_first(browser: Browser, address: str, first: Page) -> None:
    with visitor(browser, address, WIDE) as second:
        for name in TITLES:
            go(second, name)
            assert faults(second) == []
            assert OWN_FILE not in second.inner_text("body")
        expect(second.get_by_test_id("stSidebar").get_by_text("None yet")).to_be_visible()
    go(first, "data")
    expect(first.get_by_test_id("stSidebar").get_by_text(OWN_FILE)).to_be_visible()


@pytest.mark.usefixtures("no_models")
def test_no_page_is_empty_where_there_is_nothing_yet() -> None:
    app = started()
    for name in TITLES:
        app = opened(app, name)
        assert app.title, f"{name} has no title"
        assert len(texts(app)) > 100, f"{name} says nothing"
        assert app.button or app.get("page_link"), f"{name} does not say what to do next"


def test_the_search_for_nameless_inputs_finds_them() -> None:
    assert UNNAMED.findall('- textbox\n  - button "Go"\n  - slider [disabled]:\n- link "x":\n') == [
        "- textbox", "  - slider [disabled]:",
    ]  # fmt: skip
    assert not UNNAMED.findall('- heading "Textbox" [level=1]\n- combobox "Goal"')


def test_every_page_has_a_file_and_a_name_of_its_own() -> None:
    views = Path(__file__).parents[2] / "src" / "buysignal" / "app" / "views"
    assert {path.stem for path in views.glob("[!_]*.py")} == set(TITLES)
    assert len(set(TITLES.values())) == len(TITLES)
