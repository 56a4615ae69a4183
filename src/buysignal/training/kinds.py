"""Which kinds of visit there are: whole sessions with what came of them, made into segments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal import events as ev
from buysignal import features, prefixes, sessions
from buysignal.errors import SamplesError
from buysignal.goals import Goal
from buysignal.models.segmentation import Segmentation
from buysignal.report import Table
from buysignal.samples import Samples
from buysignal.segment_table import evaluate_engagement, evaluate_segments
from buysignal.training.options import Options, Stage
from buysignal.training.visits import TEST, FoldedVisits

BEHAVIOUR = (
    "n_events", "n_search", "n_view_item", "n_view_item_list", "n_add_to_wishlist", "n_add_to_cart",
    "n_checkout_steps", "price_mean", "price_std", "seconds_since_start", "gap_log_mean", "distinct_items",
    "distinct_categories", "revisit_share", "page_max", "past_sessions",
)  # fmt: skip
"""What a visitor does, not what comes of it: purchases would make a segment of buyers by definition."""


def segments_of_visits(
    visits: FoldedVisits, goal: Goal, options: Options, stage: Stage
) -> tuple[Segmentation | None, list[Table]]:
    """Return segments of the sessions before the test slice, with two tables: segments, engagement."""
    samples = whole_sessions(visits, goal)
    segmentation, tables = segments_of_table(samples, options, stage, columns=BEHAVIOUR)
    if segmentation is None:
        return None, []
    stage("high and low engagement")
    tables.append(evaluate_engagement(samples, name="engagement", seed=options.seed).table)
    for table in tables:
        table.split = table.split.replace("all sessions", "sessions before the test slice")
    # Stored so that it takes the rows the fold gives.
    return replace(segmentation, input_names=features.NAMES), tables


def segments_of_table(
    samples: Samples, options: Options, stage: Stage, *, columns: tuple[str, ...] | None = None
) -> tuple[Segmentation | None, list[Table]]:
    """Return segments of the rows of a session table, and their table.

    Too few sessions give no segments, which is no reason to give no scores.
    """
    stage("segments by K-means, DBSCAN and hierarchical clustering")
    try:
        found = evaluate_segments(samples, name="segments", columns=columns, seed=options.seed)
    except SamplesError:
        return None, []
    return replace(found.segmentation, input_names=samples.names), [found.table]


def whole_sessions(visits: FoldedVisits, goal: Goal) -> Samples:
    """Return one sample per session before the test slice, at its end, with what came of it.

    Segments describe what has been, so here the row and its outcome are of the same session.
    """
    events = visits.events
    where = sessions.layout(events)
    ends = where.session_starts[1:] - 1
    ends = ends[~sessions.bots(events)[ends] & (visits.slice_of_row[ends] != TEST)]
    session = where.session_of_row()
    reached, amount = _outcomes(events, session, goal)
    return Samples(
        X=visits.X[ends],
        names=features.NAMES,
        y=None if reached is None else reached[session[ends]],
        revenue=None if amount is None else amount[session[ends]],
        time=prefixes.moments(events)[ends],
        session=session[ends],
        visitor=where.visitor_of_session()[session[ends]],
        k=np.ones(len(ends), np.int32),
        unit="session",
        goal=goal,
        source_row=ends,
        categories=prefixes.categories_of(visits.vocabulary),
    )


def _outcomes(
    events: pa.Table, session: npt.NDArray[np.int64], goal: Goal
) -> tuple[npt.NDArray[np.int8] | None, npt.NDArray[np.float64] | None]:
    """Return per session whether the goal's event came, and what was bought (or viewed)."""
    code = ev.codes_of_names(events)
    reached = None
    if goal.event is not None:
        happened = np.bincount(session, weights=code == ev.EVENT_CODES.get(goal.event, -1))
        reached = (happened > 0).astype(np.int8)
    if goal.value is None:
        return reached, None
    counted = code == ev.EVENT_CODES["purchase"]
    if goal.value == "viewed_value":
        counted = np.isin(code, prefixes.VIEW_CODES)
    value = np.where(counted, ev.line_values(events), 0.0)
    return reached, np.bincount(session, weights=value).astype(float)
