"""The site of the documents: built strictly, from nothing but this repository, and read without a network."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
from doc_blocks import ROOT

LOADED = {"script": "src", "img": "src", "iframe": "src", "link": "href"}
FETCHED_LINKS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "modulepreload", "manifest"}


class Fetched(HTMLParser):
    """Collects what a browser fetches to show a page, links that a reader may click left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "link" and not FETCHED_LINKS & set((told.get("rel") or "").split()):
            return
        address = told.get(LOADED.get(tag, ""))
        if address is not None:
            self.found.add(address)


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning of any kind ends the building."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return out


def test_the_site_is_read_without_a_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        reader = Fetched()
        reader.feed(page.read_text(encoding="utf-8"))
        outside = {address for address in reader.found if re.match(r"(https?:)?//", address)}
        assert not outside, page


def test_every_module_has_a_page_with_its_contracts(site: Path) -> None:
    reference = script("docs_reference")
    for name in reference.modules():
        page = (site / "reference" / name / "index.html").read_text(encoding="utf-8")
        for part in reference.parts(name):
            assert f'id="buysignal.{part}"' in page, part


def test_what_pages_link_outside_of_docs_comes_along(site: Path) -> None:
    assert "repository/src/buysignal/stream/schemas/event.avsc" in (site / "streaming/index.html").read_text()
    assert (site / "repository/src/buysignal/stream/schemas/event.avsc").read_bytes() == (
        ROOT / "src/buysignal/stream/schemas/event.avsc"
    ).read_bytes()
    assert 'src="../images/live.png"' in (site / "repository/index.html").read_text(encoding="utf-8")


def test_docstrings_are_read_as_they_are_written() -> None:
    rewritten = script("docs_docstrings").rewritten
    assert rewritten("Args:\n    low, high: its\n        ends.\n    other: one.") == (
        "Args:\n    low: its\n        ends.\n    high: its\n        ends.\n    other: one."
    )
    assert rewritten("Said.\n\n>>> [1]\n[1]\n\nMore.") == "Said.\n\nExamples:\n    >>> [1]\n    [1]\n\nMore."
