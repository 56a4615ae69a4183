"""The whole way in a real browser, as the person walks it whom the app is made for."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from buysignal import bundle as bundles
from buysignal import scoring

from .conftest import served
from .test_browser import CHROMIUM, WIDE, browser, go, upload, visitor

__all__ = ["browser"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: browser tests are skipped"),
]

ROWS = 12_000
"""The first rows of the usual file: enough to train on, quick enough for a test."""

TRAINED_WITHIN_MS = 400_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has no bundle yet."""
    with served(tmp_path_factory.mktemp("models")) as url:
        yield url


def saved(page: Page, button: str, path: Path) -> Path:
    """Press a download button and keep what it gives."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).first.click()
    waiting.value.save_as(path)
    return path


def test_the_usual_file_from_upload_to_scores_equal_to_the_librarys(
    browser: Browser, address: str, real_data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "train_data.csv"
    with gzip.open(real_data / "uci_eshop" / "train_data.csv.gz", "rb") as packed, path.open("wb") as out:
        out.writelines(islice(packed, ROWS + 1))
    with visitor(browser, address, WIDE) as page:
        upload(page, path)
        expect(page.get_by_text("There is no purchase in this file.", exact=False)).to_be_visible()
        page.get_by_role("button", name="Train a model on this data").click()
        page.get_by_role("button", name="Train", exact=True).click()
        expect(page.get_by_text("The model is trained and in use on all pages.")).to_be_visible(
            timeout=TRAINED_WITHIN_MS
        )
        go(page, "Models", "Models")
        packed_bundle = saved(page, "Bundle (zip)", tmp_path / "bundle.zip")
        # Without purchases the page may not speak of conversion, and names the proxy.
        go(page, "Visits", "Real-time prediction")
        expect(page.get_by_text("proxy:", exact=False).first).to_be_visible()
        downloaded = saved(page, "Download all", tmp_path / "downloaded.csv")
    with zipfile.ZipFile(packed_bundle) as archive:
        archive.extractall(tmp_path / "bundle")
    scored = scoring.score_paths(bundles.load(tmp_path / "bundle"), [path])
    scoring.write_scores(scored.table, tmp_path / "library.csv")
    assert downloaded.read_bytes() == (tmp_path / "library.csv").read_bytes()
