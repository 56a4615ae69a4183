"""Shared fixtures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets, which are not part of the project."""
    folder = os.environ.get("BUYSIGNAL_DATA")
    if not folder:
        pytest.skip("BUYSIGNAL_DATA is not set: tests on the real data sets are skipped")
    path = Path(folder).resolve()
    if not path.is_dir():
        pytest.fail(f"BUYSIGNAL_DATA is {folder!r}, which is no folder")
    return path
