"""Figures of ranked lists, as plain functions of where the wanted item stood.

Full ranking: every item of the catalog is ranked, none is sampled (Krichene & Rendle 2020, "On sampled
metrics for item recommendation").
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NEXT_ITEM = ("recall_at_5", "recall_at_10", "recall_at_20", "mrr_at_20", "ndcg_at_20")
"""What every question gives; coverage and popularity bias belong to all lists together."""

LIST = 20

Floats = npt.NDArray[np.float64]


def ranks(scores: npt.NDArray[np.float32], wanted: npt.NDArray[np.int32]) -> Floats:
    """Return where the wanted item stands, (q,), from 1; among equal scores, in their middle.

    Args:
        scores: (q, m), the higher, the sooner suggested.
        wanted: (q,) item codes.

    >>> ranks(np.array([[0.1, 0.9, 0.5], [0.5, 0.5, 0.5]], np.float32), np.array([2, 0], np.int32))
    array([2., 2.])
    """
    own = np.take_along_axis(scores, wanted.astype(np.int64)[:, None], axis=1)
    above = (scores > own).sum(axis=1)
    level = (scores == own).sum(axis=1) - 1
    return np.asarray(1.0 + above + 0.5 * level)


def ranking_metrics(rank: Floats, weights: Floats | None = None) -> dict[str, Floats]:
    """Return each of ``NEXT_ITEM`` as (b,), one value per row of ``weights`` (b, q).

    Args:
        rank: (q,) from 1, infinite where the item was not in the list.
        weights: how often each question counts; one row of ones where None.

    >>> found = ranking_metrics(np.array([1.0, 4.0, 50.0, np.inf]))
    >>> float(found["recall_at_5"][0]), float(found["mrr_at_20"][0])
    (0.5, 0.3125)
    """
    w = np.ones((1, len(rank))) if weights is None else weights
    total = w.sum(axis=1)
    inside = rank <= LIST
    value = {f"recall_at_{k}": (rank <= k).astype(float) for k in (5, 10, 20)}
    value["mrr_at_20"] = np.where(inside, 1.0 / rank, 0.0)
    value["ndcg_at_20"] = np.where(inside, 1.0 / np.log2(rank + 1.0), 0.0)
    with np.errstate(invalid="ignore"):
        return {name: (w @ value[name]) / total for name in NEXT_ITEM}


def coverage(lists: npt.NDArray[np.int32], items: int) -> float:
    """Return the share of ``items`` that stands in any of the lists (q, n); codes below 0 are none.

    >>> coverage(np.array([[0, 1], [1, 2]], np.int32), 4)
    0.75
    """
    return len(np.unique(lists[lists >= 0])) / items if items else float("nan")


def popularity_bias(lists: npt.NDArray[np.int32], seen: npt.NDArray[np.float64]) -> float:
    """Return the mean popularity of what is suggested: 0 for the rarest item, 1 for the most seen.

    The percentile of an item's views in training, averaged over all places of all lists (q, n), as in
    Jannach et al. (2015), "What recommenders recommend"; above 0.5 it favours what is popular anyway.

    Args:
        seen: (m,) views of each item in training.

    >>> popularity_bias(np.array([[2, 1]], np.int32), np.array([1.0, 5.0, 9.0]))
    0.75
    """
    if len(seen) < 2:
        return float("nan")
    order = np.argsort(np.argsort(seen, kind="stable"), kind="stable")
    shown = lists[lists >= 0]
    return float((order[shown] / (len(seen) - 1)).mean()) if len(shown) else float("nan")
