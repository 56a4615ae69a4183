"""The page says what the report says, escapes it, needs nothing else, and fits a telephone."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from shutil import which

import pytest

from buysignal.report import Report
from buysignal.report_html import render_report_html, write_report_html
from report_sample import EVIL, report


class Page(HTMLParser):
    """Reads tags, addresses and visible words; notes tags that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in {"meta", "link", "br", "img"}:
            self.open.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "xlink:href"}:
                self.addresses.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in {"meta", "link", "br", "img"}:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def html() -> str:
    return render_report_html(report())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_is_well_formed_and_stands_alone(page: Page, html: str) -> None:
    assert page.open == []
    assert "script" not in page.tags
    assert all(address.startswith("#") for address in page.addresses)
    assert "@import" not in html
    assert len(page.ids) == len(set(page.ids))
    assert {a[1:] for a in page.addresses} <= set(page.ids)


def test_everything_from_the_report_is_escaped(page: Page, html: str) -> None:
    assert "<script" not in html
    assert page.text.count("alert('x')") >= 3
    assert "a dear product <b>&</b> so on" in page.text
    assert re.sub(r"\s+", " ", EVIL) in page.text


def test_the_proxy_stands_above_all_figures(page: Page) -> None:
    text = page.text
    assert text.index("No purchases in this data: nothing here is conversion.") < text.index("ROC-AUC")
    assert text.index("proxy: dear_click") < text.index("Per click")
    assert "Who will buy: cannot be answered" in text


def test_conversion_is_called_so_only_with_purchases() -> None:
    one = report()
    goal = one.goal.model_copy(update={"proxy": False, "name": "purchase"})
    data = one.dataset.model_copy(update={"purchases": 1_908, "simulated": True})
    tables = [table.model_copy(update={"goal": goal}) for table in one.tables]
    text = Page(render_report_html(Report(dataset=data, goal=goal, tables=tables))).text
    assert "This data holds purchases: scores are conversion." in text
    assert "can be answered, from 1,908 purchases" in text
    assert "simulated data" in text
    assert "proxy:" not in text


def test_a_proxy_on_data_with_purchases_does_not_deny_them() -> None:
    one = report()
    data = one.dataset.model_copy(update={"purchases": 12})
    text = Page(render_report_html(one.model_copy(update={"dataset": data}))).text
    assert "These figures are a proxy: nothing here is conversion." in text
    assert "No purchases" not in text


def test_verdicts_stand_beside_the_figures_in_words(page: Page, html: str) -> None:
    section = html[html.index('id="table-1"') : html.index('id="table-2"')]
    headline = section[section.index('class="headline"') : section.index('class="finding')]
    assert "by Random forest" in headline
    assert ">tautology</span>" in headline
    assert ">tautology</span>" in html[: html.index('id="table-1"')]
    assert section.index("alone fixes") < section.index("<table>")
    assert section.count('class="chip tautology"') == 2 + 8
    assert "1 further check found nothing" in page.text


def test_figures_come_with_intervals_and_the_chosen_model_first(page: Page) -> None:
    one = report().tables[0].row("random_forest")
    low, high = one.intervals["roc_auc"]
    assert f"ROC-AUC {one.metrics['roc_auc']:.3f} ({low:.3f} to {high:.3f}) by Random forest" in page.text
    assert page.text.index("Random forest chosen") < page.text.index("Logistic regression 1.000")


def test_slices_totals_segments_and_notes_are_there(page: Page) -> None:
    for words in (
        "10 clicks", "Total of the test rows: forecast", "(90 % interval 20,000 USD to 23,000 USD); it was",
        "Kind 2", "3.46", "Small sample: read the intervals.", "What the figures mean", "rows rejected 10",
    ):  # fmt: skip
        assert words in page.text


def test_every_picture_has_its_caption_and_its_name_for_readers(html: str) -> None:
    assert html.count("<figure>") == html.count('role="img"') == html.count("<figcaption>") == 14
    assert html.count("split: sessions before 2024-01-20 / after") == 8
    assert "var(--ink)" in html


def test_a_report_without_tables_or_pictures_is_still_a_page() -> None:
    one = report()
    bare = one.model_copy(update={"tables": []})
    assert Page(render_report_html(bare)).open == []


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write_report_html(report(), tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_the_screen_and_text_can_be_read(tmp_path: Path, width: int, scheme: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = which("chromium") or which("chromium-browser") or which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed: the page is not looked at")
    write_report_html(report(), tmp_path / "report.html")
    options = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
               "--disable-background-networking", "--disable-component-update")  # fmt: skip
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=list(options))
        view = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        errors: list[str] = []
        view.on("requestfailed", lambda request: errors.append(request.url))
        view.goto((tmp_path / "report.html").as_uri())
        assert view.evaluate("document.documentElement.scrollWidth") <= width
        widths = "[...document.querySelectorAll('figure svg')].map(s => s.getBoundingClientRect().width)"
        assert max(view.evaluate(widths)) <= width
        colours = view.evaluate(
            "['body', '.finding.tautology', '.chip.tautology'].map(q => {const s = getComputedStyle("
            "document.querySelector(q)); return [s.color, s.backgroundColor]})"
        )
        browser.close()
    assert not errors
    assert all(_contrast(*pair) >= 4.5 for pair in colours)


def _contrast(text: str, ground: str) -> float:
    """Contrast of two CSS colours (WCAG 2.2, 1.4.3)."""
    light, dark = sorted((_luminance(text), _luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(v) / 255 for v in re.findall(r"\d+", colour)[:3]]
    linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
