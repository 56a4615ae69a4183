"""Counts on a cluster: workers count whole visitors, Spark adds up, the driver reads the sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from buysignal.features.counts import LEVEL_COLUMNS, Counts, Touched, count, merged
from buysignal.history.learn import FOLDS, session_spans
from buysignal.spark.visitors import Batches, Work, events_of
from buysignal.splits import TimeCuts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NUMBERS = ("seen", "carted", "bought", "price", "priced")
KEYS = ("what", "name", "fold")
SUMS = pa.schema(
    [("what", pa.string()), ("name", pa.string()), ("fold", pa.int64()), *((n, pa.int64()) for n in NUMBERS)]
)
SPARK_SUMS = "what string, name string, fold bigint, " + ", ".join(f"{n} bigint" for n in NUMBERS)
_FLAGS = ("has_cart", "has_purchase")


def count_all(rows: DataFrame, session_gap: str, cuts: TimeCuts) -> Counts:
    """Return the counts of all training sessions; starts a Spark job.

    Whole numbers are added, so that neither the order nor the number of partitions matters.
    """
    from pyspark.sql import functions as sf

    counted = rows.mapInArrow(counting(session_gap, cuts), SPARK_SUMS)
    summed = counted.groupBy(*KEYS).agg(*(sf.sum(n).alias(n) for n in NUMBERS))
    return counts_of(summed.toArrow().to_pylist())


def counting(session_gap: str, cuts: TimeCuts) -> Work:
    """Return the work that counts the training sessions of whole visitors."""

    def work(batches: Batches) -> Batches:
        found = [
            count(events, cuts.sides(*session_spans(events)) == 0, FOLDS)
            for events in events_of(batches, session_gap, consenting=True)
        ]
        if found:
            yield from pa.Table.from_pylist(list(rows_of(merged(found))), schema=SUMS).to_batches()

    return work


def rows_of(counts: Counts) -> Iterator[dict[str, Any]]:
    """Yield counts as rows of ``SUMS``."""
    nothing = {"fold": 0, **dict.fromkeys(NUMBERS, 0)}
    for column, found in counts.levels.items():
        for level, n in found.items():
            yield {**nothing, "what": f"level:{column}", "name": level, "seen": n}
    for what, touched in (("item", counts.items), ("category", counts.categories)):
        for fold, of_fold in enumerate(touched.sessions.tolist()):
            for name, (seen, carted, bought) in zip(touched.names, of_fold, strict=True):
                happened = {"seen": seen, "carted": carted, "bought": bought}
                yield {**nothing, "what": what, "name": name, "fold": fold, **happened}
    for name, (price, priced) in zip(counts.categories.names, counts.prices.tolist(), strict=True):
        yield {**nothing, "what": "price", "name": name, "price": int(price), "priced": int(priced)}
    for flag in _FLAGS:
        yield {**nothing, "what": "flag", "name": flag, "seen": int(getattr(counts, flag))}


def counts_of(rows: Iterable[dict[str, Any]]) -> Counts:
    """Return the counts that rows of ``SUMS``, added up, stand for."""
    by: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by.setdefault(row["what"], []).append(row)
    prices = sorted((row["name"], row["price"], row["priced"]) for row in by.get("price", []))
    flags = {row["name"]: bool(row["seen"]) for row in by.get("flag", [])}
    return Counts(
        levels={
            column: Counter({row["name"]: row["seen"] for row in by.get(f"level:{column}", [])})
            for column in LEVEL_COLUMNS
        },
        items=_touched(by.get("item", [])),
        categories=_touched(by.get("category", [])),
        prices=np.array([pair[1:] for pair in prices], dtype=np.float64).reshape(len(prices), 2),
        **{flag: flags.get(flag, False) for flag in _FLAGS},
    )


def _touched(rows: list[dict[str, Any]]) -> Touched:
    names = tuple(sorted({row["name"] for row in rows}))
    position = {name: i for i, name in enumerate(names)}
    happened = np.zeros((FOLDS, len(names), 3), dtype=np.int64)
    for row in rows:
        happened[row["fold"], position[row["name"]]] = row["seen"], row["carted"], row["bought"]
    return Touched(names, happened)
