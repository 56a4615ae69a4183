"""Scores from features: a bundle beside the same fitted model called as in a notebook.

On a small demo shop two champions are trained quickly: the one that the validation slice chooses, and a
single XGBoost. Both sides score the same visits from the same 72 features: ours from the array, through the
bundle's ONNX graphs; the peer is the fitted scikit-learn estimator itself, its calibration included, asked by
``predict_proba`` on a pandas DataFrame, as it lies in a notebook. *All scores* adds what a bundle says beside
the probability (percentile, expected revenue and its interval, segment) and has no peer; its parts stand
beneath it. Trees are what costs: ONNX Runtime takes about 5 ns for every node a row passes. *Processor time*
counts both cores, and changes less than seconds do where a machine has other work as well. Of one row the
time of a call is measured.

Run: ``python benchmarks/score.py [--rows 1000000] [--full]`` (``--full``: trained with the search, slower).
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from _process import CORES
from _results import Row, write_results
from buysignal import __version__, bundle
from buysignal.bundle import Bundle
from buysignal.report import Report
from buysignal.row_scores import score_rows
from buysignal.sources.demo import write_demo
from buysignal.sources.read import load
from buysignal.training import Options
from buysignal.training.dataset import dataset_of
from buysignal.training.runs import run_events

VISITORS = 4_000
REPEATS = 3
ONE_ROW_CALLS = 300
LARGEST_DIFFERENCE = 1e-5
"""Between a stored model and the trained one; `bundle.save` holds the same."""

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Champion:
    """A bundle, and the fitted estimator that it was made from."""

    name: str
    bundle: Bundle
    estimator: Any
    X: Rows


def main(rows: int, full: bool) -> None:
    """Train, assert equal answers, measure, write the results."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    warnings.filterwarnings("ignore", message="X has feature names")
    results: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="buysignal-score-") as folder:
        for champion in trained(Path(folder), full):
            drawn = np.random.default_rng(0).integers(0, len(champion.X), rows)
            X = champion.X[drawn]
            assert_equal(champion, X[:100_000])
            results += [probability(champion, X[:n]) for n in (1, 1_000, rows)]
            results += all_scores(champion, X)
    write_results("score", results)


def trained(folder: Path, full: bool) -> list[Champion]:
    """Return the champion that was chosen, and a single XGBoost, with the visits of the demo shop."""
    source = load(write_demo(folder / "shop", VISITORS, 28, seed=0).events)
    found = []
    for wanted in (None, "xgboost"):
        print(f"training: {wanted or 'the champion of the validation slice'}", flush=True)
        options = Options(fast=not full, imbalance="none", champion=wanted)
        outcome = run_events(source, None, options, None)
        report = Report(
            dataset=dataset_of(source, None),
            goal=outcome.goal_note(),
            tables=outcome.tables,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            version=__version__,
        )
        path = bundle.save(outcome.bundle(report), folder / (wanted or "chosen"))
        chosen = next(row.model for row in outcome.conversion.table.rows if row.champion)
        name = f"one {wanted}" if wanted else f"the champion ({chosen})"
        found.append(Champion(name, bundle.load(path), outcome.conversion.champion, outcome.samples.X))
    return found


def assert_equal(champion: Champion, X: Rows) -> None:
    """Refuse a comparison of different answers."""
    ours, theirs = champion.bundle.probability(X), notebook(champion, X)()
    difference = np.abs(ours - theirs).max()
    if not difference <= LARGEST_DIFFERENCE:
        raise AssertionError(f"{champion.name}: probabilities differ by {difference:.2g}")


def notebook(champion: Champion, X: Rows) -> Callable[[], npt.NDArray[np.float64]]:
    """Return the peer's call; its DataFrame is there already."""
    frame = pd.DataFrame(X, columns=list(champion.bundle.names))
    return lambda: np.asarray(champion.estimator.predict_proba(frame))[:, 1]


def probability(champion: Champion, X: Rows) -> Row:
    """Return how quickly both sides give the probabilities of X."""
    one = len(X) == 1
    ours, theirs = side_by_side(
        lambda: champion.bundle.probability(X), notebook(champion, X), ONE_ROW_CALLS if one else REPEATS
    )
    if one:
        return told(champion, "probability", "p50_us", ours * 1e6, 1, theirs * 1e6)
    return told(champion, "probability", "rows_per_s", len(X) / ours, len(X), len(X) / theirs)


def all_scores(champion: Champion, X: Rows) -> list[Row]:
    """Return how quickly a bundle says all that it knows of X, and what each part takes."""
    used, n = champion.bundle, len(X)
    p, amount = used.probability(X), used.expected_revenue(X) if used.has_revenue else None
    parts: dict[str, Callable[[], object]] = {
        "all scores": lambda: score_rows(used, X),
        "all scores: probability": lambda: used.probability(X),
        "all scores: percentile": lambda: used.percentile(p),
    }
    if amount is not None:
        parts["all scores: expected revenue"] = lambda: used.expected_revenue(X)
        parts["all scores: interval"] = lambda: used.revenue_interval(amount)
    segmentation = used.segmentation
    if segmentation is not None:
        parts["all scores: segment"] = lambda: segmentation.assign(X)
    found = []
    for what, work in parts.items():
        seconds, processor = timed(work)
        found.append(told(champion, what, "rows_per_s", n / seconds, n))
        found.append(told(champion, what, "cpu_seconds", processor, n))
    return [*found, told(champion, "all scores", "p50_us", one_row(used, X[:1]), 1)]


def one_row(used: Bundle, X: Rows) -> float:
    """Return the microseconds of a call for one row, its table included."""
    calls = [_seconds(lambda: score_rows(used, X)) for _ in range(ONE_ROW_CALLS)]
    return statistics.median(calls) * 1e6


def side_by_side(ours: Callable[[], object], theirs: Callable[[], object], times: int) -> tuple[float, float]:
    """Return the median seconds of both, taken in turns after a warm-up."""
    ours(), theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(times)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the median seconds, and seconds of processor time on all cores."""
    work()
    found = []
    for _ in range(REPEATS):
        processor = time.process_time()
        seconds = _seconds(work)
        found.append((seconds, time.process_time() - processor))
    return statistics.median(a for a, _ in found), statistics.median(b for _, b in found)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def told(
    champion: Champion, what: str, metric: str, value: float, n: int, theirs: float | None = None
) -> Row:
    """Return one figure, said on the screen as well."""
    beside = "" if theirs is None else f"   scikit-learn {theirs:14,.1f}"
    print(f"  {champion.name:32}{what:32}{metric:12}{value:14,.1f}{beside}   n {n:,}", flush=True)
    return Row(
        benchmark="score", metric=metric, value=value, n=n, case=f"{champion.name}: {what}",
        peer=None if theirs is None else "sklearn-pipeline", peer_value=theirs,
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--full", action="store_true", help="train with the search, as train does")
    asked = parser.parse_args()
    main(asked.rows, asked.full)
