"""How good the scores are: on the demo shop against its ceiling, and on the real data sets.

The demo shop's rules are known, so the best possible score is too. The real files are read from the
folder in BUYSIGNAL_DATA and left out where it is unset. Every figure is the champion's on the test slice,
which was scored once. Run: ``python benchmarks/conversion.py [visitors]``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from _results import Row, write_results
from buysignal import sessions
from buysignal.evaluation import Evaluated
from buysignal.goals import PURCHASE
from buysignal.metrics import conversion_metrics
from buysignal.report import Report, Table
from buysignal.sources.demo import simulate
from buysignal.training import Options, train
from buysignal.training.options import Stage
from buysignal.training.visits import conversion_of, fold_visits

VISITORS = 100_000
SHOWN = ("roc_auc", "average_precision", "ece")


def main(visitors: int = VISITORS) -> None:
    rows = demo_rows(visitors)
    folder = os.environ.get("BUYSIGNAL_DATA")
    if folder:
        rows += real_rows(Path(folder))
    else:
        print("BUYSIGNAL_DATA is not set: the real data sets are left out")
    write_results("conversion", rows)


def demo_rows(visitors: int) -> list[Row]:
    demo = simulate(visitors=visitors, days=28, seed=0)
    visits = fold_visits(sessions.assign(demo.events), PURCHASE, Options())
    done = conversion_of(visits, PURCHASE, Options(), Stage(_say, 0.0, 1.0, 20))
    ceiling = _ceiling(done, demo.truth.column("p_buy").to_numpy())
    ours = done.tested.metrics()
    share = (ours["roc_auc"] - 0.5) / (ceiling["roc_auc"] - 0.5)
    print(f"{done.table.champion}: {share:.1%} of the ceiling's distance from 0.5, ECE {ours['ece']:.4f}")
    case = f"demo shop (simulated), {visitors:,} visitors, every prefix, {done.table.champion}"
    n = len(done.tested.rows)
    return [
        *(_row(metric, ours[metric], n, case, ceiling[metric]) for metric in SHOWN[:2]),
        _row("ece", ours["ece"], n, case),
    ]


def _ceiling(done: Evaluated, truth: np.ndarray) -> dict[str, float]:
    samples, rows = done.tested.samples, done.tested.rows
    return conversion_metrics(samples.y[rows], truth[samples.source_row[rows]])


def real_rows(data: Path) -> list[Row]:
    eshop = data / "uci_eshop"
    runs = {
        "UCI shoppers": (data / "uci_shoppers", None, Options(imbalance="none")),
        "Google store": (data / "gstore", None, Options(cut="2017-06-24", imbalance="none")),
        "UCI e-shop": (eshop / "train_data.csv.gz", eshop / "test_data.csv.gz", Options(imbalance="none")),
        "REES46 sample": (data / "rees46", None, Options(fast=True, imbalance="none")),
    }
    rows = []
    for name, (paths, test, options) in runs.items():
        with tempfile.TemporaryDirectory() as out:
            print(f"== {name}")
            report = train(paths, test=test, out=Path(out) / "bundle", options=options, progress=_say).report
        rows += [row for table in _tables(report) for row in _rows_of(name, table)]
    return rows


def _tables(report: Report) -> list[Table]:
    return [table for table in report.tables if table.task == "conversion"]


def _rows_of(name: str, table: Table) -> list[Row]:
    champion = next(row for row in table.rows if row.champion)
    verdicts = sorted({line.verdict for line in table.audit} - {"ok"})
    proxy = "proxy, " if table.goal is not None and table.goal.proxy else ""
    case = f"{name}: {proxy}{table.name}" + (f" [{', '.join(verdicts)}]" if verdicts else "")
    print(f"{case}: " + ", ".join(f"{m} {champion.metrics[m]}" for m in SHOWN))
    return [
        _row(m, champion.metrics[m], table.n_test, case) for m in SHOWN if champion.metrics[m] is not None
    ]


def _row(metric: str, value: float, n: int, case: str, ceiling: float | None = None) -> Row:
    peer = None if ceiling is None else "ceiling"
    return Row(
        benchmark="conversion", metric=metric, value=value, n=n, case=case, peer=peer, peer_value=ceiling
    )


def _say(share: float, text: str) -> None:
    print(f"  {share:4.0%} {text}", flush=True)


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
