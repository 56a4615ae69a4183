"""The vocabulary learned on a cluster: workers count whole visitors, Spark adds up, the driver reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from buysignal import sessions
from buysignal.features.counts import LEVEL_COLUMNS, Counts, Touched, count, merged
from buysignal.features.vocabulary import Vocabulary, vocabulary_of
from buysignal.spark.visitors import Batches, Work, events_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NUMBERS = ("seen", "carted", "bought", "price", "priced")
SUMS = pa.schema([("what", pa.string()), ("name", pa.string()), *((n, pa.int64()) for n in NUMBERS)])
_FLAGS = ("has_cart", "has_purchase")


def learn(sorted_rows: DataFrame, session_gap: str) -> Vocabulary:
    """Return the vocabulary of all events; starts a Spark job.

    Whole numbers are added, so that neither the order nor the number of partitions matters.
    """
    from pyspark.sql import functions as sf

    columns = ", ".join(["what string", "name string", *(f"{n} bigint" for n in NUMBERS)])
    counted = sorted_rows.mapInArrow(counting(session_gap), columns)
    summed = counted.groupBy("what", "name").agg(*(sf.sum(n).alias(n) for n in NUMBERS))
    return vocabulary_of(counts_of(summed.toArrow().to_pylist()))


def counting(session_gap: str) -> Work:
    """Return the work that counts pieces of whole visitors."""

    def work(batches: Batches) -> Batches:
        found = [_all_of(events) for events in events_of(batches, session_gap)]
        if found:
            yield from pa.Table.from_pylist(list(rows_of(merged(found))), schema=SUMS).to_batches()

    return work


def _all_of(events: pa.Table) -> Counts:
    return count(events, np.ones(sessions.layout(events).sessions, dtype=bool), 1)


def rows_of(counts: Counts) -> Iterator[dict[str, Any]]:
    """Yield counts (of one fold) as rows of ``SUMS``."""
    nothing = dict.fromkeys(NUMBERS, 0)
    for column, found in counts.levels.items():
        for level, n in found.items():
            yield {**nothing, "what": f"level:{column}", "name": level, "seen": n}
    for what, touched in (("item", counts.items), ("category", counts.categories)):
        prices = counts.prices if what == "category" else np.zeros((len(touched.names), 2))
        for name, happened, price in zip(touched.names, touched.sessions[0], prices, strict=True):
            numbers = (*happened.tolist(), int(price[0]), int(price[1]))
            yield {"what": what, "name": name, **dict(zip(NUMBERS, numbers, strict=True))}
    for flag in _FLAGS:
        yield {**nothing, "what": "flag", "name": flag, "seen": int(getattr(counts, flag))}


def counts_of(rows: Iterable[dict[str, Any]]) -> Counts:
    """Return the counts that rows of ``SUMS``, added up, stand for."""
    by: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        by.setdefault(row["what"], {})[row["name"]] = row
    categories = by.get("category", {})
    prices = [(categories[name]["price"], categories[name]["priced"]) for name in sorted(categories)]
    flags = by.get("flag", {})
    return Counts(
        levels={
            c: Counter({level: row["seen"] for level, row in by.get(f"level:{c}", {}).items()})
            for c in LEVEL_COLUMNS
        },
        items=_touched(by.get("item", {})),
        categories=_touched(categories),
        prices=np.array(prices, dtype=np.float64).reshape(len(prices), 2),
        **{flag: bool(flags.get(flag, {}).get("seen")) for flag in _FLAGS},
    )


def _touched(rows: dict[str, dict[str, Any]]) -> Touched:
    names = tuple(sorted(rows))
    happened = [[rows[name][n] for n in ("seen", "carted", "bought")] for name in names]
    return Touched(names, np.array(happened, dtype=np.int64).reshape(1, len(names), 3))
