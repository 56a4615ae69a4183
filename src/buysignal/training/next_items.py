"""What is looked at next: visits to sequences, the table of recommenders, and the one that is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import item_views, sessions
from buysignal.next_item import NextItemPlan, evaluate_next_item
from buysignal.recommender import Recommender
from buysignal.recommender.suggest import VisitSoFar
from buysignal.report import Table
from buysignal.samples import Samples
from buysignal.sequences import Catalog, Sequences
from buysignal.training.options import Options, Stage
from buysignal.training.visits import TEST, TRAIN, VALIDATE, FoldedVisits

LEAST_ITEMS = 5
LEAST_QUESTIONS = {"training": 200, "validation": 30, "test": 30}
"""Looks after the first of a visit, per slice, below which nothing is suggested."""

CHECKED = 200
"""Real visits on which the stored recommender is held against the trained one."""

_NEEDED = ("visitor_id", "session_id", "event_time", "event_date", "event_seq", "event_name", "item_id",
           "category", "page", "price")  # fmt: skip


@dataclass(frozen=True, eq=False)
class NextItems:
    """What a run knows of the next look.

    Attributes:
        recommender: None where there are too few looks.
        tables: the table of recommenders, or none.
        notes: why there is none.
        check_visits: visits of the test slice to try the stored recommender on.
    """

    recommender: Recommender | None = None
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    check_visits: tuple[VisitSoFar, ...] = ()


def next_items_of(
    visits: FoldedVisits, options: Options, stage: Stage, samples: Samples | None = None
) -> NextItems:
    """Return the recommender of these events and its table, on the slices of everything else.

    Args:
        samples: of the yes/no question on the same events; networks learn its answer beside the next look.
    """
    stage("next item: who looked at what")
    events = visits.events.select([c for c in visits.events.column_names if _needed(c)])
    part = visits.slice_of_row
    catalog = item_views.catalog_of(events.filter(pa.array((part == TRAIN) | (part == VALIDATE))))
    if len(catalog.names) < LEAST_ITEMS:
        return NextItems(notes=[_no_items(catalog)])
    goal = _goal_of_row(len(part), samples)
    train, validate, test = (
        item_views.looked_at(events.filter(pa.array(part == which)), catalog, goal=goal[part == which])
        for which in (TRAIN, VALIDATE, TEST)
    )
    lacking = _lacking(train, validate, test)
    if lacking:
        return NextItems(notes=[lacking])
    found = evaluate_next_item(train, validate, test, _plan(options), stage, split=visits.sentence)
    found.table.notes += _left_out(events, part, catalog)
    return NextItems(
        Recommender.of(found.champion, found.learned),
        [found.table],
        check_visits=_some_visits(test, options.seed),
    )


def _goal_of_row(rows: int, samples: Samples | None) -> npt.NDArray[np.int8]:
    """Return the goal's answer after each event (rows,); -1 where it is settled or not asked."""
    goal = np.full(rows, -1, np.int8)
    if samples is not None and samples.y is not None:
        goal[samples.source_row] = samples.y
    return goal


def _plan(options: Options) -> NextItemPlan:
    if options.fast:
        return NextItemPlan.quick(deep=options.deep, seed=options.seed)
    return NextItemPlan(deep=options.deep, seed=options.seed)


def _needed(column: str) -> bool:
    return column in _NEEDED or column.startswith(ev.ATTRIBUTE_PREFIX)


def _no_items(catalog: Catalog) -> str:
    return (
        f"No recommendations: {len(catalog.names)} items were looked at {item_views.LEAST_VIEWS} times or "
        f"more before the test slice, and {LEAST_ITEMS} are needed. Looks are view_item and select_item "
        f"events with an item_id."
    )


def _lacking(*slices: Sequences) -> str | None:
    """Return why no recommender can be judged on these slices; None where it can."""
    for (name, least), visits in zip(LEAST_QUESTIONS.items(), slices, strict=True):
        there = len(visits.questions())
        if there < least:
            return (
                f"No recommendations: the {name} slice has {there:,} looks at known items after the first of "
                f"a visit, and {least:,} are needed."
            )
    return None


def _left_out(events: pa.Table, part: npt.NDArray[np.int8], catalog: Catalog) -> list[str]:
    """Return what of the looks could not be used, with counts."""
    where = sessions.layout(events)
    rows = item_views.looks(events, where)
    rows = rows[part[rows] >= 0]
    looks = np.bincount(where.session_of_row()[rows], minlength=where.sessions)
    learned = events.column("item_id").cast(pa.string()).take(pa.array(rows[part[rows] != TEST]))
    rare = pc.count_distinct(learned).as_py() - len(catalog.names)
    found = []
    if one := int((looks == 1).sum()):
        found.append(
            f"{one:,} visits with a single look ask nothing and are left out, of {int((looks > 0).sum()):,} "
            f"with any."
        )
    if rare:
        found.append(
            f"{rare:,} items looked at fewer than {item_views.LEAST_VIEWS} times before the test slice "
            f"cannot be suggested; {len(catalog.names):,} can."
        )
    return found


def _some_visits(visits: Sequences, seed: int) -> tuple[VisitSoFar, ...]:
    drawn = np.random.default_rng(seed).choice(visits.visits, min(visits.visits, CHECKED), replace=False)
    names = np.array([*visits.catalog.names, ""], dtype=object)
    return tuple(
        VisitSoFar(tuple(names[visits.items[visits.starts[i] : visits.starts[i + 1]]])) for i in drawn
    )
