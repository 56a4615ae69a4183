"""Rows of like length together, so that little padding is computed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from buysignal.models.networks.steps import Steps, lengths

MOST_CELLS = 40_000_000
"""Scores of items held at once while training."""


def batches(
    steps: Steps, batch_steps: int, *, items: int = 0, random: np.random.Generator | None = None
) -> list[npt.NDArray[np.int64]]:
    """Return rows in batches of up to ``batch_steps`` steps, padding to the longest row included.

    Args:
        items: how many items are scored at each step; there are fewer steps where they are many.
        random: which rows of like length meet, and the order of the batches; by length alone where None.
    """
    most = max(1, min(batch_steps, MOST_CELLS // max(items, 1)))
    length = lengths(steps.X)
    chance = np.zeros(len(length)) if random is None else random.random(len(length))
    order = np.lexsort((chance, length))
    order = order[length[order] > 0]
    found = list(_cut(order, length[order], most))
    if random is not None:
        random.shuffle(found)
    return found


def _cut(
    order: npt.NDArray[np.int64], length: npt.NDArray[np.int64], most: int
) -> Iterator[npt.NDArray[np.int64]]:
    start = 0
    while start < len(order):
        # Rows ascend in length: the last row of a batch decides how much room each takes.
        room = (np.arange(len(order) - start) + 1) * length[start:]
        size = max(1, int(np.searchsorted(room, most, side="right")))
        yield order[start : start + size]
        start += size


def trimmed(steps: Steps) -> Steps:
    """Return ``steps``, all padding behind, without the places that no row reaches."""
    return steps.first(int(lengths(steps.X).max(initial=1)))
