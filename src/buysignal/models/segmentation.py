"""A finished segmentation: plain arrays that say to which segment a session belongs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError
from buysignal.models.blocks import in_blocks

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Method = Literal["kmeans", "dbscan", "hierarchical"]

OUTSIDE = -1
"""Label of a session that is like none of the others (DBSCAN's noise)."""

_CHUNK = 4_000_000


@dataclass(frozen=True, eq=False)
class Space:
    """The space distances are measured in: chosen columns, imputed, long tails logged, scaled, turned.

    Attributes:
        names: the c columns that are used, found by name in what is assigned.
        fill: (c,) values for missing cells.
        logged: (c,) bool, log1p is taken.
        mean, scale: (c,) of the filled and logged columns.
        axes: (c, d) principal axes.
    """

    names: tuple[str, ...]
    fill: Floats
    logged: npt.NDArray[np.bool_]
    mean: Floats
    scale: Floats
    axes: Floats

    def standard(self, X: npt.ArrayLike, names: Sequence[str]) -> Floats:
        """Return the chosen columns of X (n, f) in standard deviations, shape (n, c).

        Raises:
            SamplesError: a column is missing.
        """
        place = {name: position for position, name in enumerate(names)}
        missing = [name for name in self.names if name not in place]
        if missing:
            raise SamplesError(
                f"the column '{missing[0]}' is missing", allowed="the columns the segments were made from"
            )
        columns = np.take(X, [place[name] for name in self.names], axis=1).astype(np.float64)
        columns = np.where(np.isnan(columns), self.fill, columns)
        logged = np.flatnonzero(self.logged)
        columns[:, logged] = np.log1p(np.maximum(columns[:, logged], 0))
        columns -= self.mean
        columns /= self.scale
        return columns

    def place(self, X: npt.ArrayLike, names: Sequence[str]) -> Floats:
        """Return the position of each row of X (n, f), shape (n, d)."""
        return self.standard(X, names) @ self.axes


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Segments of sessions, and the rule that puts a new session into one.

    Attributes:
        method: how the segments were found.
        space: where distances are measured.
        anchors: (m, d) centroids (one per segment) or DBSCAN's core samples.
        anchor_labels: (m,) segment of each anchor.
        reach: further from every anchor than this is `OUTSIDE`; infinite for centroids.
        titles: words for each segment, by its number.
        input_names: the f columns of the X that `assign` takes.
    """

    method: Method
    space: Space
    anchors: Floats
    anchor_labels: Labels
    reach: float
    titles: dict[int, str]
    input_names: tuple[str, ...]

    @property
    def n_segments(self) -> int:
        """How many segments there are, `OUTSIDE` not counted."""
        return len(np.unique(self.anchor_labels))

    def assign(self, X: npt.ArrayLike) -> Labels:
        """Return the segment of each row of X (n, f), columns as in ``input_names``; shape (n,)."""
        return in_blocks(
            lambda block: self.assign_places(self.space.place(block, self.input_names)), np.asarray(X)
        )

    def assign_places(self, places: Floats) -> Labels:
        """Return the segment of each position (n, d): that of the nearest anchor within reach."""
        labels = np.empty(len(places), dtype=np.int64)
        step = max(1, _CHUNK // max(len(self.anchors), 1))
        norms = (self.anchors**2).sum(1)
        for start in range(0, len(places), step):
            part = places[start : start + step]
            distance = (part**2).sum(1)[:, None] - 2 * part @ self.anchors.T + norms
            nearest = distance.argmin(1)
            found = self.anchor_labels[nearest]
            if np.isfinite(self.reach):
                far = distance[np.arange(len(part)), nearest] > self.reach**2 * (1 + 1e-9)
                found = np.where(far, OUTSIDE, found)
            labels[start : start + step] = found
        return labels

    def title(self, label: int) -> str:
        """Return the words for a segment."""
        return self.titles.get(int(label), "unlike any segment")

    def members(self, X: npt.ArrayLike, label: int) -> Labels:
        """Return the row positions of X (n, f) that belong to the segment ``label``."""
        return np.flatnonzero(self.assign(X) == label)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all of it as arrays without objects, for `numpy.savez`."""
        texts = {
            "method": self.method,
            "names": self.space.names,
            "input_names": self.input_names,
            "titles": {str(label): title for label, title in self.titles.items()},
        }
        return {
            "fill": self.space.fill,
            "logged": self.space.logged,
            "mean": self.space.mean,
            "scale": self.space.scale,
            "axes": self.space.axes,
            "anchors": self.anchors,
            "anchor_labels": self.anchor_labels,
            "reach": np.array([self.reach]),
            "texts": np.frombuffer(json.dumps(texts).encode(), dtype=np.uint8).copy(),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Segmentation:
        """Read back what `to_arrays` gave."""
        texts = json.loads(arrays["texts"].tobytes().decode())
        parts = (arrays[name] for name in ("fill", "logged", "mean", "scale", "axes"))
        return cls(
            texts["method"],
            Space(tuple(texts["names"]), *parts),
            arrays["anchors"],
            arrays["anchor_labels"],
            float(arrays["reach"][0]),
            {int(label): title for label, title in texts["titles"].items()},
            tuple(texts["input_names"]),
        )
