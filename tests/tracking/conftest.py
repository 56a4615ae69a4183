"""Trainings to be tracked, small enough that a server of one process takes them quickly."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from buysignal.manifest import MANIFEST
from buysignal.report import Report
from shop import Shop

Made = Callable[..., Path]

OF_TRACKING = ("MLFLOW_", "DAGSHUB_", "BUYSIGNAL_TRACK_AS", "BUYSIGNAL_PENDING")


def as_sent(events: pa.Table) -> pd.DataFrame:
    """Return events as JSON brings them: texts, and times as text."""
    sent = pd.DataFrame(events.to_pylist())[[
        "visitor_id", "session_id", "event_time", "event_seq", "event_name", "item_id", "category", "price",
        "quantity", "country", "device", "channel", "page", "consent",
    ]].copy()  # fmt: skip
    sent["event_time"] = [time.isoformat() for time in sent["event_time"]]
    return sent


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Servers that the user of this machine has set take no test's runs."""
    for name in os.environ:
        if name.startswith(OF_TRACKING):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def training_of_shop(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Makes folders like those of a training on the shop, each with a report of its own.

    ``rows`` candidates a table are kept, and the tables of ``tasks``; ``version`` makes it another model.
    """
    root = tmp_path_factory.mktemp("trainings")

    def make(
        name: str, *, rows: int = 1, tasks: tuple[str, ...] = ("conversion",), version: str | None = None,
        of: Path = shop.folder,
    ) -> Path:  # fmt: skip
        folder = root / name
        shutil.copytree(of, folder)
        report = Report.load(folder / "report.json")
        for table in report.tables:
            table.rows = sorted(table.rows, key=lambda row: not row.champion)[:rows]
        kept = [table for table in report.tables if table.task in tasks]
        report.model_copy(update={"tables": kept, "notes": [name]}).save(folder / "report.json")
        if version is not None:
            manifest = json.loads((folder / MANIFEST).read_text())
            (folder / MANIFEST).write_text(json.dumps(manifest | {"version": version}))
        return folder

    yield make
    shutil.rmtree(root)
