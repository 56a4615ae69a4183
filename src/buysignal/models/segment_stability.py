"""Stability of segments under resampling: as a whole, and of each one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from buysignal.models.segmentation import OUTSIDE, Floats, Labels, Segmentation

Fit = Callable[[Floats, int], Segmentation | None]
"""Finds segments again in other places (n, d) with another seed; None where it finds fewer than two."""

RESAMPLED_ROWS = 4_000


@dataclass(frozen=True)
class Stability:
    """How alike segments are when they are found again in bootstrap samples.

    Attributes:
        overall: mean adjusted Rand index between the labels and those of the refits, at most 1.
        each: segment → mean Jaccard coefficient with the segment most like it in each refit, 0 to 1.
    """

    overall: float
    each: dict[int, float]


def stability(
    fit: Fit, found: Segmentation, places: Floats, judged: Floats, *, refits: int, seed: int = 0
) -> Stability:
    """Find segments again in ``refits`` bootstrap samples of ``places`` (n, d), and compare on ``judged``.

    Both answers are compared on the same positions ``judged`` (m, d), so that every visit counts once
    (Hennig 2007, "Cluster-wise assessment of cluster stability"). A refit that finds nothing counts as 0.
    """
    from sklearn.metrics import adjusted_rand_score

    labels = found.assign_places(judged)
    present = [int(label) for label in np.unique(labels) if label != OUTSIDE]
    rng = np.random.default_rng(seed)
    agreement, likeness = np.zeros(refits), np.zeros((refits, len(present)))
    for refit in range(refits):
        drawn = places[rng.integers(len(places), size=min(len(places), RESAMPLED_ROWS))]
        again = fit(drawn, seed + 100 + refit)
        if again is None:
            continue
        other = again.assign_places(judged)
        agreement[refit] = adjusted_rand_score(labels, other)
        likeness[refit] = [_best_jaccard(labels == label, other) for label in present]
    each = dict(zip(present, likeness.mean(0).tolist(), strict=True))
    return Stability(float(agreement.mean()), each)


def _best_jaccard(ours: npt.NDArray[np.bool_], labels: Labels) -> float:
    """Return the largest Jaccard coefficient of the rows ``ours`` (m,) with any segment of ``labels``."""
    inside = labels != OUTSIDE
    size = np.bincount(labels[inside])
    common = np.bincount(labels[inside & ours], minlength=len(size))
    union = ours.sum() + size - common
    return float((common / np.maximum(union, 1)).max(initial=0.0))


WORDS = ((0.85, "very stable"), (0.75, "stable"), (0.6, "doubtful"), (0.0, "unstable"))
"""Least mean Jaccard coefficient → what it is called, after Hennig's advice (0.75, 0.6)."""


def word(jaccard: float) -> str:
    """Return what a segment's mean Jaccard coefficient is called.

    >>> word(0.9), word(0.78), word(0.7), word(0.2)
    ('very stable', 'stable', 'doubtful', 'unstable')
    """
    return next(name for least, name in WORDS if jaccard >= least)
