"""Where a visitor is at each event: the page, else the category, else what is done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from buysignal.explore import words
from buysignal.explore.columns import Coded
from buysignal.explore.prepared import Prepared

LEAST_KNOWN = 0.5
"""Share of the events that must name a page or category for it to be where the visitor is."""


@dataclass(frozen=True, eq=False)
class Place:
    """A column that says where each event is, and the word for one of its values."""

    noun: str
    column: Coded


def places(data: Prepared) -> Place:
    """Return the first of page, category and event that most events name."""
    for name in ("page", "category"):
        column = data.coded.get(name)
        if column is not None and column.missing <= (1 - LEAST_KNOWN) * data.rows:
            return Place(name, column)
    return Place("event", events(data))


def events(data: Prepared) -> Coded:
    """Return what is done at each event, in words."""
    column = data.coded["event_name"]
    return Coded(column.codes, tuple(words.event(name) for name in column.names))


def fold_rare(column: Coded, most: int, *, other: str = "other", unknown: str = "not known") -> Coded:
    """Return the column with its ``most`` frequent values, all others as ``other``, empty as ``unknown``.

    Values are ordered by frequency; ``other`` and ``unknown`` come last, where there are any.
    """
    counts = column.counts()
    order = [i for i in np.argsort(-counts, kind="stable") if counts[i]]
    kept, rest = (order, []) if len(order) <= most else (order[: most - 1], order[most - 1 :])
    names = [column.names[i] for i in kept]
    target = np.full(len(column.names) + 1, -1, dtype=np.int32)
    target[kept] = np.arange(len(kept))
    if rest:
        target[rest] = len(names)
        names.append(f"{other} ({len(rest):,})")
    if column.missing:
        target[-1] = len(names)
        names.append(unknown)
    return Coded(target[column.codes], tuple(names))
