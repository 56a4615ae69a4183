"""A small simulated shop and bundles trained on it, made once for all tests that need them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from buysignal import bundle as bundles
from buysignal.bundle import Bundle
from buysignal.report import Report
from buysignal.sources.demo import write_demo
from buysignal.training import Options, train

VISITORS = 2_500


@dataclass(frozen=True)
class Shop:
    """Where the events lie, and what was trained on them."""

    events: Path
    folder: Path
    report: Report

    @property
    def bundle(self) -> Bundle:
        return bundles.load(self.folder)


def make_shop(folder: Path) -> Shop:
    """Simulate, train quickly, and return where everything is."""
    files = write_demo(folder / "demo", VISITORS, 28, seed=3)
    trained = train(files.events, out=folder / "bundle", options=Options(fast=True, imbalance="none", seed=1))
    return Shop(files.events, trained.path, trained.report)


def make_proxied(shop: Shop, folder: Path) -> None:
    """Write the shop's events without their purchases, and a bundle for the proxy these offer."""
    table = pq.read_table(shop.events)
    kept = table.filter(pc.not_equal(table.column("event_name").cast("string"), "purchase"))
    pq.write_table(kept, folder / "events.parquet")
    train(folder / "events.parquet", out=folder / "bundle", options=Options(fast=True, imbalance="none"))


def make_session_rows(folder: Path) -> None:
    """Write a table of a row per visit, and a bundle that reads such rows."""
    rows = pd.DataFrame(
        {
            "Administrative": [i % 5 for i in range(300)],
            "Administrative_Duration": [float(i % 7) for i in range(300)],
            "Informational": [0] * 300,
            "Informational_Duration": [0.0] * 300,
            "ProductRelated": [i % 11 for i in range(300)],
            "ProductRelated_Duration": [float(i % 13) for i in range(300)],
            "BounceRates": [0.01 * (i % 3) for i in range(300)],
            "ExitRates": [0.02 * (i % 4) for i in range(300)],
            "PageValues": [float(i % 2) for i in range(300)],
            "SpecialDay": [0.0] * 300,
            "Month": [("May", "Nov", "Mar")[i % 3] for i in range(300)],
            "OperatingSystems": [1 + i % 3 for i in range(300)],
            "Browser": [1 + i % 4 for i in range(300)],
            "Region": [1 + i % 9 for i in range(300)],
            "TrafficType": [1 + i % 6 for i in range(300)],
            "VisitorType": [("Returning_Visitor", "New_Visitor")[i % 2] for i in range(300)],
            "Weekend": [bool(i % 2) for i in range(300)],
            "Revenue": [(i % 11) > 7 for i in range(300)],
        }
    )
    file = folder / "online_shoppers_intention.csv"
    rows.to_csv(file, index=False)
    train(file, out=folder / "bundle", options=Options(fast=True, imbalance="none"))
