"""How good the revenue forecasts are: on the demo shop against its ceiling, and on the Google store.

On the demo shop the expected revenue after every click is known exactly; nothing can forecast better on
average. The store is read from the folder in BUYSIGNAL_DATA and left out where it is unset.
Run: ``python benchmarks/revenue.py [visitors]``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from _results import Row, write_results
from buysignal import sessions
from buysignal.goals import PURCHASE
from buysignal.metrics import revenue_metrics
from buysignal.sources.demo import simulate
from buysignal.training import Options, train
from buysignal.training.options import Stage
from buysignal.training.visits import fold_visits, revenue_of

VISITORS = 100_000


def main(visitors: int = VISITORS) -> None:
    rows = demo_rows(visitors)
    folder = os.environ.get("BUYSIGNAL_DATA")
    if folder:
        rows += store_rows(Path(folder))
    else:
        print("BUYSIGNAL_DATA is not set: the Google store is left out")
    write_results("revenue", rows)


def demo_rows(visitors: int) -> list[Row]:
    demo = simulate(visitors=visitors, days=28, seed=0)
    visits = fold_visits(sessions.assign(demo.events), PURCHASE, Options())
    done = revenue_of(visits, PURCHASE, Options(), Stage(_say, 0.0, 1.0, 12))
    assert done is not None
    tested = done.tested
    truth = demo.truth.column("expected_revenue").to_numpy()[tested.samples.source_row[tested.rows]]
    # The truth gives expected amounts, not expected logarithms, so rmse_log1p has no ceiling here.
    ceiling, ours = revenue_metrics(tested.actual, truth, np.log1p(truth)), tested.metrics()
    case = f"demo shop (simulated), {visitors:,} visitors, every prefix, {done.table.champion}"
    n = len(tested.rows)
    print(f"{done.table.champion}: RMSE {ours['rmse']:.3f} against {ceiling['rmse']:.3f} at best")
    return [
        Row(
            benchmark="revenue", metric=metric, value=ours[metric], n=n, case=case,
            peer="ceiling", peer_value=ceiling[metric],
        )
        for metric in ("rmse", "r2")
    ]  # fmt: skip


def store_rows(data: Path) -> list[Row]:
    with tempfile.TemporaryDirectory() as out:
        options = Options(cut="2017-06-24", imbalance="none")
        report = train(data / "gstore", out=Path(out) / "bundle", options=options, progress=_say).report
    table = report.table("session: revenue")
    best, mean = next(row for row in table.rows if row.champion), table.row("mean")
    case = f"Google store: {table.name}, known at the start"
    print(f"{best.model}: RMSE log1p {best.metrics['rmse_log1p']}, for the mean {mean.metrics['rmse_log1p']}")
    return [
        Row(
            benchmark="revenue", metric="rmse_log1p", value=row.metrics["rmse_log1p"], n=table.n_test,
            case=f"{case}, {row.model}",
        )
        for row in (best, mean)
    ]  # fmt: skip


def _say(share: float, text: str) -> None:
    print(f"  {share:4.0%} {text}", flush=True)


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
