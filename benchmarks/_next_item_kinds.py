"""The next category and the next price band, from the chances of items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from _next_item_figures import Positions, ask, hits
from _next_item_lineup import Tested
from _next_item_shops import BANDS, Shop, Slices, by_level, price_bands
from _results import Row
from buysignal.models.next_item.base import Scores
from buysignal.models.next_item.markov import Markov
from buysignal.models.next_item.popularity import Popularity
from buysignal.sequences import Sequences


class Summed:
    """A recommender's chances of items, summed over each kind of item.

    Args:
        visits: the test's visits with their items; they are asked in place of those of kinds.
        level: (m,) the kind of each item, -1 where it is not known.
    """

    def __init__(self, fitted: Any, visits: Sequences, level: npt.NDArray[np.int32], kinds: int) -> None:
        self.fitted = fitted
        self.visits = visits
        self.belongs = (level[:, None] == np.arange(kinds)).astype(np.float32)

    def scores(self, visits: Sequences, questions: Positions) -> Scores:
        """Return (questions, kinds)."""
        return np.asarray(self.fitted.probabilities(self.visits, questions) @ self.belongs)


def rows(shop: Shop, slices: Slices, best: Tested, markov: Tested) -> Iterator[Row]:
    """Yield the figures of the next category and price band, where the shop has such."""
    catalog = slices.train.catalog
    if shop.category in catalog.attributes:
        names = catalog.levels[shop.category]
        yield from _rows(
            f"{shop.name}, next category", slices, catalog.attributes[shop.category], names, best, markov
        )
    if not np.isnan(catalog.price).all():
        bands = tuple(f"band {n + 1}" for n in range(BANDS))
        yield from _rows(
            f"{shop.name}, next price band", slices, price_bands(slices.train), bands, best, markov
        )


def _rows(
    what: str,
    slices: Slices,
    level: npt.NDArray[np.int32],
    names: tuple[str, ...],
    best: Tested,
    markov: Tested,
) -> Iterator[Row]:
    train, test = by_level(slices.train, level, names), by_level(slices.test, level, names)
    questions = np.intersect1d(slices.test.questions(), test.questions())
    kind = what.rsplit("next ", 1)[1]
    asked = {
        "the most frequent": Popularity().fit(train),
        f"Markov chain of what {kind} follows what": Markov().fit(train),
        "Markov chain of items, summed": Summed(markov.fitted, slices.test, level, len(names)),
    }
    if best is not markov:
        asked[f"champion ({best.name}), summed"] = Summed(best.fitted, slices.test, level, len(names))
    for name, scorer in asked.items():
        for metric, found in hits(ask(scorer, test, questions)).items():
            yield Row(
                benchmark="next_item", metric=metric, value=found.value, n=len(questions),
                case=f"{what}: {name}", low=found.low, high=found.high,
            )  # fmt: skip
