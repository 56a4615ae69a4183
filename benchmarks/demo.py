"""How fast the demo shop is simulated and written, in how much memory, and where its ceiling lies.

Run: ``python benchmarks/demo.py [visitors]``.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from _results import Row, write_results
from buysignal import events as ev
from buysignal.sources.demo import Demo, simulate, write_demo

VISITORS = 600_000
REPEATS = 3
CASES: dict[str, dict[str, Any]] = {
    "Parquet, clean": {"dirty": False},
    "Parquet, dirty": {"dirty": True},
    "Parquet, dirty, with truth": {"dirty": True, "truth": True},
}


def main(visitors: int = VISITORS) -> None:
    simulate(visitors=100)  # compiles
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case, options in CASES.items():
            n, seconds = _written(Path(folder), visitors, options)
            print(f"{case}: {n:,} events in {seconds:.2f} s, {n / seconds / 1e6:.2f} million events/s")
            rows.append(Row(benchmark="demo", metric="events_per_s", value=n / seconds, n=n, case=case))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MB")
    rows.append(Row(benchmark="demo", metric="peak_rss_mb", value=peak, n=visitors, case="visitors, written"))
    auc, n = _ceiling(simulate(visitors=100_000))
    print(f"ceiling over {n:,} prefixes before a purchase: ROC-AUC {auc:.4f}")
    rows.append(Row(benchmark="demo", metric="roc_auc", value=auc, n=n, case="ceiling, all prefixes"))
    write_results("demo", rows)


def _written(folder: Path, visitors: int, options: dict[str, Any]) -> tuple[int, float]:
    """Return events and the median of the seconds."""
    seconds, n = [], 0
    for _ in range(REPEATS):
        begun = time.perf_counter()
        n = write_demo(folder, visitors, 28, 0, **options).rows
        seconds.append(time.perf_counter() - begun)
    return n, statistics.median(seconds)


def _ceiling(demo: Demo) -> tuple[float, int]:
    """Return the ROC-AUC of the exact chance against what happened, and the number of prefixes."""
    session = demo.events.column("session_id").combine_chunks().dictionary_encode().indices.to_numpy()
    purchase = ev.codes_of_names(demo.events) == ev.EVENT_CODES["purchase"]
    chance = demo.truth.column("p_buy").to_numpy()
    bought = np.bincount(session, weights=purchase) > 0
    before = chance > 0.0
    return float(roc_auc_score(bought[session][before], chance[before])), int(before.sum())


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
