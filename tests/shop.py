"""A small simulated shop and a bundle trained on it, made once for all tests that need one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
