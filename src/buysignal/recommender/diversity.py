"""Lists that are not ten times the same: maximal marginal relevance.

J. Carbonell, J. Goldstein: The use of MMR, diversity-based reranking for reordering documents and
producing summaries (SIGIR 1998).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from buysignal.recommender.together import LookedLater
from buysignal.sequences import Catalog

POOL = 5
"""Times as many candidates as suggestions take part, the likeliest ones."""

LEAST_POOL = 50

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


def marginal_order(relevance: Floats, alike: Floats, diversity: float, count: int) -> list[int]:
    """Return ``count`` places of the candidates, each the best given those before it.

    Args:
        relevance: (p,) from 0 to 1, highest first.
        alike: (p, p) from 0 to 1, how like each other candidates are.
        diversity: weight of being unlike what is chosen already.

    >>> twins = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], np.float32)
    >>> marginal_order(np.array([1.0, 0.9, 0.5], np.float32), twins, 0.5, 2)
    [0, 2]
    """
    chosen: list[int] = []
    nearest = np.zeros(len(relevance), np.float32)
    free = np.ones(len(relevance), bool)
    for _ in range(min(count, len(relevance))):
        gain = (1 - diversity) * relevance - diversity * nearest
        best = int(np.argmax(np.where(free, gain, -np.inf)))
        chosen.append(best)
        free[best] = False
        nearest = np.maximum(nearest, alike[best])
    return chosen


def likeness(catalog: Catalog, later: LookedLater, items: Codes) -> Floats:
    """Return how like each other ``items`` (p,) are, (p, p) from 0 to 1.

    The mean over what is known of them: whether an attribute is the same, and how near their prices are.
    Where nothing is known of any item, how often the same visits looked at both.
    """
    parts = [_same(codes[items]) for codes in catalog.attributes.values()]
    if np.isfinite(catalog.price[items]).any():
        parts.append(_near_prices(catalog.price[items]))
    if not parts:
        return _seen_together(later, items)
    return np.asarray(np.mean(parts, axis=0), np.float32)


def _same(codes: Codes) -> Floats:
    known = codes >= 0
    return ((codes[:, None] == codes) & known[:, None] & known).astype(np.float32)


def _near_prices(price: Floats) -> Floats:
    """1 for the same price, a half where one is twice the other; 0 where one is unknown."""
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = np.minimum(price[:, None], price), np.maximum(price[:, None], price)
        return np.nan_to_num(np.where(high > 0, low / high, 1.0)).astype(np.float32)


def _seen_together(later: LookedLater, items: Codes) -> Floats:
    times = np.stack([later.after(int(item), items) for item in items]).astype(np.float32)
    size = np.maximum(later.looked[items].astype(np.float32), 1)
    return np.minimum((times + times.T) / np.sqrt(size[:, None] * size), 1.0).astype(np.float32)
