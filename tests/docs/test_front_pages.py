"""The commands and programs of the pages that a newcomer reads first, run as they stand there."""

from __future__ import annotations

from pathlib import Path

import pytest
from doc_shell import run_page

from shop import Shop

PAGES = ("README.md", "docs/start.md", "docs/your-data.md", "docs/data.md")

SHOWN = {"README.md": {"scored": "table"}, "docs/your-data.md": {"found": "can_predict"}}
"""What the Python of a page leaves behind, and which part of it must not be empty."""


@pytest.mark.parametrize("page", PAGES)
def test_a_page_for_newcomers_works(page: str, shop: Shop, tmp_path: Path) -> None:
    names = run_page(page, shop, tmp_path)
    for name, part in SHOWN.get(page, {}).items():
        assert len(getattr(names[name], part)) > 0
