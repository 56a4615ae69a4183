"""A shop of eight items whose visits are few enough to count by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from buysignal.models.next_item.markov import Markov
from buysignal.recommender import Recommender
from buysignal.sequences import Catalog, Sequences

NAMES = ("coat", "hat", "scarf", "lamp", "vase", "rug", "pen", "ink")
CATALOG = Catalog(
    NAMES,
    {"category": np.array([0, 0, 0, 1, 1, 1, 2, 2], np.int32)},
    {"category": ("clothes", "home", "desk")},
    np.array([90, 20, 20, 40, 30, 80, 5, np.nan], np.float32),
)
VISITS = [
    *[["coat", "hat"]] * 6,
    *[["coat", "hat", "scarf"]] * 4,
    *[["coat", "scarf"]] * 3,
    *[["lamp", "vase", "rug"]] * 5,
    *[["vase", "lamp"]] * 2,
    *[["pen", "ink"]] * 3,
    ["hat", "pen", "hat"],
]


def sequences(visits: Sequence[Sequence[str]], catalog: Catalog = CATALOG) -> Sequences:
    """Return visits, one a day."""
    codes = [[catalog.names.index(n) if n in catalog.names else -1 for n in visit] for visit in visits]
    return Sequences(
        np.concatenate([np.array(visit, np.int32) for visit in codes]),
        np.cumsum([0, *map(len, codes)]),
        np.arange(len(codes), dtype=float),
        catalog,
    )


def recommender(catalog: Catalog = CATALOG) -> Recommender:
    """Return a Markov chain's suggestions for this shop."""
    train = sequences(VISITS, catalog)
    return Recommender.of(Markov().fit(train), train)
