"""Segments of sessions as a table of the report: methods compared, the best one described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError
from buysignal.metrics import SEGMENTS
from buysignal.models import segments
from buysignal.models.fitting import Progress
from buysignal.models.segmentation import OUTSIDE, Floats, Segmentation
from buysignal.models.segments import Clustered
from buysignal.report import Curve, GoalNote, Pictures, Point, Row, SegmentProfile, Table
from buysignal.samples import Samples

MAP_POINTS = 800
_SILHOUETTE_POINTS = 60
_PICTURE_ROWS = 3_000

ENGAGEMENT = ("n_events", "clicks", "page_views", "ProductRelated")
"""Columns that count clicks; the first that there is makes the engagement view."""


STEPS = ("n_search", "n_add_to_wishlist", "n_add_to_cart", "n_checkout_steps")
"""Steps of which it is told in how many visits they were taken; a mean would count one visit often."""


@dataclass(frozen=True, eq=False)
class Segmented:
    """A finished table with the segmentation behind it.

    Attributes:
        table: for the report.
        segmentation: puts new sessions into segments.
        labels: (n,) segment of every row of the samples.
        methods: each method's best.
    """

    table: Table
    segmentation: Segmentation
    labels: npt.NDArray[np.int64]
    methods: dict[str, Clustered]


def evaluate_segments(
    samples: Samples,
    *,
    name: str,
    columns: Sequence[str] | None = None,
    methods: Sequence[Any] = segments.METHODS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Segmented:
    """Cluster sessions, one row each, by ``columns`` (all numeric ones where None).

    Clustering has no target to overfit, so all rows are used and stability takes the place of a test
    slice.

    Raises:
        SamplesError: too few rows, or nothing that varies.
    """
    if progress is not None:
        progress("finding segments")
    used = _only(samples, columns)
    best, found = segments.fit_segments(
        used.X, used.names, categories=used.categories, methods=methods, seed=seed
    )
    champion = next(method for method, one in found.items() if one is best)
    table = _table(used, name, best)
    table.rows = [_row(method, one, one is best) for method, one in found.items()]
    for method in methods:
        if method not in found:
            table.rows.append(Row(model=method, undefined="finds one crowd only, and no parts in it"))
    table.champion = champion
    table.notes += [_slivers_note(method) for method, one in found.items() if not one.useful]
    return Segmented(table, best.segmentation, best.labels, found)


def evaluate_engagement(
    samples: Samples, *, name: str, columns: Sequence[str] | None = None, seed: int = 0
) -> Segmented:
    """Part sessions into high and low engagement by 2-means on raw click counts.

    ``columns`` None takes the first of `ENGAGEMENT` that there is.

    Raises:
        SamplesError: there is no such column, or too few rows.
    """
    chosen = columns or [column for column in ENGAGEMENT if column in samples.names][:1]
    if not chosen:
        raise SamplesError("no column counts clicks", allowed=", ".join(ENGAGEMENT), todo="name one")
    used = _only(samples, chosen)
    found = segments.engagement_view(used.X, used.names, chosen, seed=seed)
    table = _table(used, name, found)
    table.rows = [_row("kmeans", found, True)]
    table.champion = "kmeans"
    return Segmented(table, found.segmentation, found.labels, {"kmeans": found})


def _only(samples: Samples, columns: Sequence[str] | None) -> Samples:
    if columns is None:
        return samples
    return samples.drop([name for name in samples.names if name not in columns])


def _row(method: str, one: Clustered, champion: bool) -> Row:
    metrics: dict[str, float | None] = {metric: one.metrics[metric] for metric in SEGMENTS}
    params: dict[str, Any] = {"segments": one.segmentation.n_segments, "useful": one.useful}
    if one.metrics["outside"]:
        params["outside"] = round(one.metrics["outside"], 4)
    if np.isfinite(one.segmentation.reach):
        params["eps"] = round(one.segmentation.reach, 4)
    return Row(model=method, metrics=metrics, params=params, champion=champion, n_fitted=len(one.labels))


def _table(samples: Samples, name: str, best: Clustered) -> Table:
    return Table(
        name=name,
        unit=samples.unit,
        task="segments",
        split="all sessions; stability under resampling stands in for a test slice",
        n_train=len(samples),
        n_test=len(samples),
        base_rate=None if samples.y is None else float(samples.y.mean()),
        goal=GoalNote.of(samples.goal),
        segments=_profiles(samples, best),
        pictures=_pictures(samples, best),
        notes=[
            f"Distances are measured over {', '.join(best.segmentation.space.names)}; the silhouette is "
            f"taken on at most {segments.SILHOUETTE_ROWS:,} sessions drawn at random."
        ],
    )


def _profiles(samples: Samples, best: Clustered) -> list[SegmentProfile]:
    return [
        _profile(samples, best, int(label), best.labels == label)
        for label in (*range(best.segmentation.n_segments), OUTSIDE)
        if (best.labels == label).any()
    ]


def _profile(samples: Samples, best: Clustered, label: int, rows: npt.NDArray[np.bool_]) -> SegmentProfile:
    numeric = [i for i, name in enumerate(samples.names) if name not in samples.categories]
    means = {samples.names[i]: _mean(samples.X[rows, i]) for i in numeric}
    return SegmentProfile(
        segment=label,
        name=best.segmentation.title(label),
        n=int(rows.sum()),
        share=float(rows.mean()),
        rate=None if samples.y is None else float(samples.y[rows].mean()),
        revenue=None if samples.revenue is None else float(samples.revenue[rows].mean()),
        means=dict(means),
        shares={
            name: float((samples.X[rows, samples.names.index(name)] > 0).mean())
            for name in STEPS
            if name in samples.names
        },
        stability=best.stability.get(label),
    )


def _mean(values: npt.NDArray[np.float32]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean(dtype=np.float64)) if len(known) else None


def _pictures(samples: Samples, best: Clustered) -> Pictures:
    space = best.segmentation.space
    standard = space.standard(samples.X, samples.names)
    rows, values = segments.silhouette_values(standard @ space.axes, best.labels, rows=_PICTURE_ROWS, seed=0)
    drawn = Pictures()
    for label in range(best.segmentation.n_segments):
        inside = np.sort(values[best.labels[rows] == label])[::-1]
        if len(inside):
            picked = np.unique(np.linspace(0, len(inside) - 1, _SILHOUETTE_POINTS).round().astype(int))
            shares = (picked / max(len(inside) - 1, 1)).tolist()
            drawn.silhouette[best.segmentation.title(label)] = Curve(x=shares, y=inside[picked].tolist())
    drawn.segment_map, drawn.map_axes = _map(standard, space.names, best.labels)
    return drawn


def _map(
    standard: Floats, names: Sequence[str], labels: npt.NDArray[np.int64]
) -> tuple[list[Point], tuple[str, str]]:
    """The sessions on their first two principal axes, named by the column that weighs most in each.

    An axis may point either way; each is turned so that it rises with the column it is named by.
    """
    picked = np.arange(len(standard))
    if len(picked) > MAP_POINTS:
        picked = np.random.default_rng(0).choice(picked, MAP_POINTS, replace=False)
    if standard.shape[1] == 1:
        flat = np.zeros(len(picked))
        places, axes = np.column_stack([standard[picked, 0], flat]), (names[0], "")
    else:
        variance, turned = np.linalg.eigh(np.cov(standard, rowvar=False))
        loadings = turned[:, np.argsort(-variance)[:2]]
        leading = np.abs(loadings).argmax(axis=0)
        places = standard[picked] @ (loadings * np.sign(loadings[leading, [0, 1]]))
        axes = (f"mostly {names[leading[0]]}", f"mostly {names[leading[1]]}")
    points = [
        Point(x=float(x), y=float(y), segment=int(label))
        for (x, y), label in zip(places, labels[picked], strict=True)
    ]
    return points, axes


def _slivers_note(method: str) -> str:
    return f"{method} splits off slivers, or leaves one crowd or many outside: shown, but not chosen."
