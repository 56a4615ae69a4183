"""The segment of one row, compiled: ``Segmentation.assign`` without its arrays in between."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from buysignal.features.frozen import frozen
from buysignal.models.segmentation import OUTSIDE, Segmentation

Floats = npt.NDArray[np.float64]


class NearestSegment:
    """A segmentation asked for one row at a time, by title.

    Args:
        segmentation: its columns are found by their names in ``input_names``.
    """

    def __init__(self, segmentation: Segmentation) -> None:
        space = segmentation.space
        place = {name: position for position, name in enumerate(segmentation.input_names)}
        columns = np.array([place[name] for name in space.names], np.int64)
        self._columns = frozen(columns)
        self._rules = frozen(
            np.stack([space.fill, space.logged.astype(np.float64), space.mean, space.scale], axis=1)
        )
        self._axes = frozen(space.axes.astype(np.float64))
        self._anchors = frozen(segmentation.anchors.astype(np.float64))
        self._reach = float(segmentation.reach)
        self._titles = [segmentation.title(label) for label in segmentation.anchor_labels]
        self._outside = segmentation.title(OUTSIDE)

    def __call__(self, row: npt.NDArray[np.float32]) -> str:
        """Return the title of the segment that the row (f,) belongs to."""
        at = nearest(row, self._columns, self._rules, self._axes, self._anchors, self._reach)
        return self._titles[at] if at >= 0 else self._outside


@njit(cache=True, nogil=True, error_model="numpy")
def nearest(
    row: npt.NDArray[np.float32],
    columns: npt.NDArray[np.int64],
    rules: Floats,
    axes: Floats,
    anchors: Floats,
    reach: float,
) -> int:
    """Return the nearest anchor of a row, -1 where none is within reach.

    Args:
        row: (f,) features.
        columns: (c,) which of them count.
        rules: (c, 4) of each: what stands for a missing cell, whether log1p is taken, mean, scale.
        axes: (c, d).
        anchors: (m, d).
        reach: infinite where every row belongs somewhere.
    """
    place = np.zeros(axes.shape[1])
    for c in range(len(columns)):
        value = float(row[columns[c]])
        if math.isnan(value):
            value = rules[c, 0]
        if rules[c, 1] > 0:
            value = math.log1p(max(value, 0.0))
        value = (value - rules[c, 2]) / rules[c, 3]
        for d in range(len(place)):
            place[d] += value * axes[c, d]
    best = -1
    shortest = math.inf
    for m in range(len(anchors)):
        distance = 0.0
        for d in range(len(place)):
            apart = place[d] - anchors[m, d]
            distance += apart * apart
        if distance < shortest:
            shortest = distance
            best = m
    if not math.isinf(reach) and shortest > reach * reach * (1 + 1e-9):
        return -1
    return best
