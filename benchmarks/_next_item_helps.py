"""What helps: the same recommender without, and with, what is known of items and of time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

from _next_item_figures import ask, figures
from _next_item_shops import Shop, Slices, without
from _results import Row
from buysignal.models.next_item.ranked import Ranked
from buysignal.models.next_item.registry import KINDS
from buysignal.sequences import Sequences

SHOWN = ("recall_at_20", "mrr_at_20", "ndcg_at_20")
QUESTIONS, ROUNDS = 30_000, 150
"""Of ``Ranked`` here: less than it learns from otherwise, the same in all lines."""

TREES = {
    "items alone": {}, "items, price": {"price": True}, "items, attributes": {"attributes": True},
    "items, attributes, price": {"attributes": True, "price": True},
}  # fmt: skip
GRU = {
    "items alone": ("item",), "items, time": ("item", "time"), "items, price": ("item", "price"),
    "items, attributes": ("item", "attributes"),
    "items, attributes, price, time": ("item", "attributes", "price", "time"),
}  # fmt: skip


def rows(shop: Shop, slices: Slices, *, networks: bool) -> Iterator[Row]:
    """Yield figures of the test; nothing is chosen by them."""
    for name, kept in TREES.items():
        model = Ranked(questions=QUESTIONS, rounds=ROUNDS)
        train, test = without(slices.train, **kept), without(slices.test, **kept)
        yield from _rows(shop, f"Ranked, {name}", model, train, test)
    # Without a clock there is no time to leave out; what attributes add is told by the lineup.
    if networks and _has_clock(slices.train) and find_spec("keras"):
        for name, inputs in GRU.items():
            model = KINDS["gru"]()(inputs=inputs, refit=False)
            yield from _rows(shop, f"GRU, {name}", model, slices.train, slices.test)


def _has_clock(visits: Sequences) -> bool:
    return visits.gap is not None and not np.isnan(visits.gap).all()


def _rows(shop: Shop, name: str, model: Any, train: Sequences, test: Sequences) -> Iterator[Row]:
    began = time.perf_counter()
    found = figures(ask(model.fit(train), test), train)
    print(f"  what helps: {name:40} learned and asked in {time.perf_counter() - began:.1f} s", flush=True)
    for metric in SHOWN:
        yield Row(
            benchmark="next_item", metric=metric, value=found[metric].value, n=len(test.questions()),
            case=f"{shop.name}, what helps: {name}", low=found[metric].low, high=found[metric].high,
        )  # fmt: skip
