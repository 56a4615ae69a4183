"""What networks add to trees on the fold: on the demo shop, whose ceiling is known, and on the REES46 sample.

Trees on the fold's features (XGBoost) beside a network on the same features, a GRU and a small transformer
on the last events alone, trees that see the GRU's log odds, too, and the vote of trees and network. All are
fitted on the same training rows and scored once on the same test rows, every prefix. The interval of a
difference comes from drawing whole sessions, both models on the same draws. Needs the extra ``deep``; the
REES46 sample is read from the folder in BUYSIGNAL_DATA and left out where it is unset.
Run: ``python benchmarks/deep.py [visitors]``.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from _results import Row, skip, write_results
from buysignal import sessions
from buysignal.errors import DependencyError
from buysignal.evaluation import evaluate_conversion, key
from buysignal.goals import PURCHASE
from buysignal.metrics import bootstrap_intervals, conversion_metrics, weighted_conversion
from buysignal.models.conversion import NETWORK, SEQUENCE_MODELS, scores
from buysignal.models.deep_told import require_deep
from buysignal.models.fitting import Plan
from buysignal.prefixes import prefix_samples
from buysignal.samples import Samples
from buysignal.sources.demo import simulate
from buysignal.sources.read import load
from buysignal.training import Options
from buysignal.training.visits import fold_visits

VISITORS = 30_000
SEED = 7
"""The networks' settings were chosen on the shop of seed 0; here is another one."""

MODELS = ("xgboost", NETWORK, *SEQUENCE_MODELS)
PEER = "xgboost"
SHOWN = ("roc_auc", "average_precision", "log_loss")
DRAWS = 400

Floats = npt.NDArray[np.float64]


def main(visitors: int = VISITORS) -> None:
    try:
        require_deep()
    except DependencyError as error:
        skip(str(error))
    begun = time.perf_counter()
    demo = simulate(visitors=visitors, days=28, seed=SEED)
    case = f"demo shop (simulated), {visitors:,} visitors"
    rows = compared(case, demo.events, demo.truth.column("p_buy").to_numpy())
    folder = os.environ.get("BUYSIGNAL_DATA")
    if folder:
        rows += compared("REES46 sample", load(Path(folder) / "rees46").table)
    else:
        print("BUYSIGNAL_DATA is not set: the REES46 sample is left out")
    seconds = time.perf_counter() - begun
    print(f"{seconds:.0f} s in all")
    rows.append(Row(benchmark="deep", metric="seconds", value=seconds, n=visitors, case="everything"))
    write_results("deep", rows)


def compared(shop: str, events: pa.Table, truth: Floats | None = None) -> list[Row]:
    """Return the rows of one shop: every model beside XGBoost, and the ceiling where it is known."""
    visits = fold_visits(sessions.assign(events), PURCHASE, Options())
    samples = prefix_samples(visits.events, visits.X, visits.vocabulary, PURCHASE)
    samples = replace(samples, steps=visits.steps())
    split = visits.split(samples)
    done = evaluate_conversion(
        samples, split, name="prefix: purchase", plan=Plan(models=MODELS), pictures=False, progress=_say
    )
    test = split.test
    p = {key(one): scores(one.model, one.estimator, samples, test) for one in done.fitted}
    print(f"{shop}: {len(split.train):,} rows to learn from, {len(test):,} to test, by validation: "
          f"{done.table.champion}")  # fmt: skip
    rows = []
    for one in done.fitted:
        name = key(one)
        chosen = ", chosen on validation" if name == done.table.champion else ""
        print(f"  {name}{chosen}: fitted on {one.n_fitted:,} rows in {one.seconds:.0f} s")
        rows += _rows(f"{shop}: {name}{chosen}", samples, test, p[name], None if name == PEER else p[PEER])
    if truth is not None:
        known = truth[samples.source_row[test]]
        rows += _rows(f"{shop}: ceiling, the exact chance", samples, test, known, p[PEER])
    return rows


def _rows(
    case: str, samples: Samples, test: npt.NDArray[np.int64], p: Floats, peer: Floats | None
) -> list[Row]:
    assert samples.y is not None
    y = samples.y[test].astype(np.float64)
    ours = conversion_metrics(y, p)
    theirs = None if peer is None else conversion_metrics(y, peer)
    spans = {} if peer is None else differences(y, p, peer, samples.session[test])
    rows = []
    for metric in SHOWN:
        text = case
        if theirs is not None:
            low, high = spans[metric]
            text += f" ({ours[metric] - theirs[metric]:+.4f}, 95% from {low:+.4f} to {high:+.4f})"
        print(f"    {metric} {ours[metric]:.4f} {text.removeprefix(case)}")
        rows.append(
            Row(
                benchmark="deep",
                metric=metric,
                value=ours[metric],
                n=len(test),
                case=text,
                peer=None if theirs is None else PEER,
                peer_value=None if theirs is None else theirs[metric],
            )
        )
    return rows


def differences(
    y: Floats, p: Floats, peer: Floats, session: npt.NDArray[np.int64]
) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals of each metric's difference, drawing sessions, both on the same draws."""

    def difference(y: Floats, p: Floats, peer: Floats, *, weights: Floats) -> dict[str, Floats]:
        ours, theirs = (weighted_conversion(y, q, threshold=0.5, weights=weights) for q in (p, peer))
        return {metric: ours[metric] - theirs[metric] for metric in SHOWN}

    return bootstrap_intervals(difference, y, p, peer, groups=session, n=DRAWS)


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
