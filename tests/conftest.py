"""Shared fixtures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from buysignal.report import Report
from shop import Shop, make_proxied, make_session_rows, make_shop

LONGEST_FIRST = (
    "tests/doors/", "tests/real/", "tests/test_lifecycle.py", "tests/docs/", "tests/notebooks/",
    "tests/decisions/", "tests/tracking/", "tests/app/",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that the processes finish together."""
    rank = {folder: position for position, folder in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: min((rank[f] for f in rank if item.nodeid.startswith(f)), default=len(rank)))


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


@pytest.fixture(scope="session", autouse=True)
def no_kept_profiles(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Profiles that the user of this machine keeps decide no test."""
    os.environ["BUYSIGNAL_PROFILES"] = str(tmp_path_factory.mktemp("profiles"))


def made_once(
    name: str, make: Callable[[Path], object], tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Path:
    """Return the folder that ``make`` fills; made once, also where tests run in several processes."""
    root = tmp_path_factory.getbasetemp()
    shared = root if worker_id == "master" else root.parent
    folder = shared / name
    with FileLock(shared / f"{name}.lock"):
        if not (folder / "bundle" / "report.json").is_file():
            folder.mkdir(exist_ok=True)
            make(folder)
    return folder


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Shop:
    """A simulated shop with a bundle."""
    folder = made_once("shop", make_shop, tmp_path_factory, worker_id)
    report = Report.load(folder / "bundle" / "report.json")
    return Shop(folder / "demo" / "events.parquet", folder / "bundle", report)


@pytest.fixture(scope="session")
def proxied(shop: Shop, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with the shop's events.parquet without purchases, and a bundle for the proxy they offer."""
    return made_once("proxied", lambda folder: make_proxied(shop, folder), tmp_path_factory, worker_id)


@pytest.fixture(scope="session")
def session_rows(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with online_shoppers_intention.csv, a row per visit, and a bundle that reads such rows."""
    return made_once("session-rows", make_session_rows, tmp_path_factory, worker_id)
