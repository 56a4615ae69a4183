"""The commands and programs of all other documents, run as they stand there."""

from __future__ import annotations

from pathlib import Path

import pytest
from doc_blocks import SHELL, blocks_of, pages
from doc_shell import run_page
from test_front_pages import PAGES

from shop import Shop

OTHERS = [
    page
    for page in pages()
    if page not in PAGES and any(b.runs_here and b.language in (*SHELL, "python") for b in blocks_of(page))
]


@pytest.mark.parametrize("page", OTHERS)
def test_a_page_works(page: str, shop: Shop, tmp_path: Path) -> None:
    run_page(page, shop, tmp_path)
