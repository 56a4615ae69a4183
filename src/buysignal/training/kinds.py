"""Which kinds of visit there are: segments, compared by method, named, with their evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from buysignal import events as ev
from buysignal import features, prefixes, sessions
from buysignal.errors import SamplesError
from buysignal.goals import Goal
from buysignal.models.segmentation import OUTSIDE, Segmentation
from buysignal.models.segments import Clustered, engagement_view, fit_segments, silhouette_values
from buysignal.report import Curve, GoalNote, Pictures, Point, Row, SegmentProfile, Table
from buysignal.samples import Samples
from buysignal.training.options import Options, Stage
from buysignal.training.visits import TEST, FoldedVisits, ends_of_sessions

BEHAVIOUR = (
    "n_events", "n_search", "n_view_item", "n_view_item_list", "n_add_to_wishlist", "n_add_to_cart",
    "n_checkout_steps", "price_mean", "price_std", "seconds_since_start", "gap_log_mean", "distinct_items",
    "distinct_categories", "revisit_share", "page_max", "past_sessions",
)  # fmt: skip
"""What a visitor does, not what comes of it: purchases would make a segment of buyers by definition."""

ENGAGEMENT = ("n_events", "distinct_items")
SILHOUETTE_ROWS = 2_000
MAP_POINTS = 1_500


def segments_of_visits(
    visits: FoldedVisits, goal: Goal, options: Options, stage: Stage
) -> tuple[Segmentation | None, list[Table]]:
    """Return segments of whole sessions before the test slice, with two tables: segments, engagement."""
    ends = ends_of_sessions(visits)
    learned = ends[visits.slice_of_row[ends] != TEST]
    columns = [features.NAMES.index(name) for name in BEHAVIOUR]
    X = visits.X[learned][:, columns]
    reached, amount = _outcomes(visits, goal, learned)
    stage("segments by K-means, DBSCAN and hierarchical clustering")
    found = _fit(X, BEHAVIOUR, options)
    if found is None:
        return None, []
    best, all_found = found
    split = "whole sessions before the test slice; clustering has no target to leak"
    table = _table("segments", best, all_found, X, split, len(learned), goal, reached, amount)
    stage("high and low engagement")
    engaged = engagement_view(X, BEHAVIOUR, ENGAGEMENT, seed=options.seed)
    view = _table("engagement", engaged, {"kmeans": engaged}, X, split, len(learned), goal, reached, amount)
    return replace(best.segmentation, input_names=features.NAMES), [table, view]


def segments_of_table(
    samples: Samples, options: Options, stage: Stage
) -> tuple[Segmentation | None, list[Table]]:
    """Return segments of the rows of a session table, and their table."""
    stage("segments by K-means, DBSCAN and hierarchical clustering")
    found = _fit(samples.X, samples.names, options, samples.categories)
    if found is None:
        return None, []
    best, all_found = found
    reached = None if samples.y is None else samples.y.astype(float)
    split = "all sessions; clustering has no target to leak"
    table = _table(
        "segments", best, all_found, samples.X, split, len(samples), samples.goal, reached, samples.revenue
    )
    return best.segmentation, [table]


def _fit(
    X: npt.NDArray[np.float32],
    names: Sequence[str],
    options: Options,
    categories: dict[str, tuple[str, ...]] | None = None,
) -> tuple[Clustered, dict[str, Clustered]] | None:
    """Too few sessions give no segments, and that is no reason to give no scores."""
    try:
        return fit_segments(X, names, categories=categories, seed=options.seed)
    except SamplesError:
        return None


def _outcomes(
    visits: FoldedVisits, goal: Goal, ends: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64] | None, npt.NDArray[np.float64] | None]:
    """Return whether each session reached the goal's event, and what it spent or viewed."""
    where = sessions.layout(visits.events)
    code = ev.codes_of_names(visits.events)
    session = where.session_of_row()
    reached: npt.NDArray[np.float64] | None = None
    if goal.event is not None:
        happened = np.bincount(session, weights=code == ev.EVENT_CODES.get(goal.event, -1))
        reached = (happened[session[ends]] > 0).astype(float)
    value = ev.line_values(visits.events)
    counted = code == ev.EVENT_CODES["purchase"]
    if goal.value == "viewed_value":
        counted = np.isin(code, prefixes.VIEW_CODES)
    amount: npt.NDArray[np.float64] | None = None
    if goal.value is not None:
        amount = np.bincount(session, weights=np.where(counted, value, 0.0))[session[ends]].astype(float)
    return reached, amount


def _table(
    name: str,
    best: Clustered,
    found: dict[str, Clustered],
    X: npt.NDArray[np.float32],
    split: str,
    n: int,
    goal: Goal,
    reached: npt.NDArray[np.float64] | None,
    amount: npt.NDArray[np.float64] | None,
) -> Table:
    rows = [
        Row(
            model=method,
            metrics=dict(one.metrics),
            champion=one is best,
            params={"segments": one.segmentation.n_segments},
        )
        for method, one in found.items()
    ]
    return Table(
        name=name,
        unit="session",
        task="segments",
        split=split,
        n_train=n,
        n_test=n,
        goal=GoalNote.of(goal),
        rows=rows,
        champion=best.segmentation.method,
        segments=_profiles(best, X, reached, amount),
        pictures=_pictures(best, X),
    )


def _profiles(
    best: Clustered,
    X: npt.NDArray[np.float32],
    reached: npt.NDArray[np.float64] | None,
    amount: npt.NDArray[np.float64] | None,
) -> list[SegmentProfile]:
    names = best.segmentation.input_names
    profiles = []
    for label, count in zip(*np.unique(best.labels, return_counts=True), strict=True):
        rows = best.labels == label
        known = np.isfinite(X[rows])
        means = np.where(known, X[rows], 0).sum(0) / np.maximum(known.sum(0), 1)
        profiles.append(
            SegmentProfile(
                segment=int(label),
                name=best.segmentation.title(label),
                n=int(count),
                share=float(rows.mean()),
                rate=None if reached is None else float(reached[rows].mean()),
                revenue=None if amount is None else float(amount[rows].mean()),
                means={name: float(m) for name, m, k in zip(names, means, known.any(0), strict=True) if k},
            )
        )
    return sorted(profiles, key=lambda profile: (profile.segment == OUTSIDE, -profile.n))


def _pictures(best: Clustered, X: npt.NDArray[np.float32]) -> Pictures:
    segmentation = best.segmentation
    places = segmentation.space.place(X, segmentation.input_names)
    picked, values = silhouette_values(places, best.labels, rows=SILHOUETTE_ROWS, seed=0)
    drawn = Pictures()
    for label in np.unique(best.labels[picked]) if len(picked) else []:
        ordered = np.sort(values[best.labels[picked] == label])[::-1]
        drawn.silhouette[segmentation.title(label)] = Curve(
            x=[float(v) for v in range(len(ordered))], y=[float(v) for v in ordered]
        )
    shown = np.random.default_rng(0).permutation(len(places))[:MAP_POINTS]
    flat = np.column_stack([places, np.zeros(len(places))])[:, :2]
    drawn.segment_map = [
        Point(x=float(flat[i, 0]), y=float(flat[i, 1]), segment=int(best.labels[i])) for i in np.sort(shown)
    ]
    return drawn
