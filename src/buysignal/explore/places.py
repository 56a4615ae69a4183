"""Where a visitor is at each event: the page, else the category, else what is done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from buysignal.explore import words
from buysignal.explore.columns import Coded
from buysignal.explore.prepared import Prepared

LEAST_KNOWN = 0.5
"""Share of the events that must name a page or category for it to be where the visitor is."""

SAME_AS_EVENT = 0.9
"""Share of the events whose page follows from what is done; paths by page would then say nothing new."""


@dataclass(frozen=True, eq=False)
class Place:
    """A column that says where each event is, and the word for one of its values."""

    noun: str
    column: Coded

    def folded(self, most: int) -> Coded:
        """Return the column with at most ``most`` named values, none of them empty."""
        return fold_rare(self.column, most, unknown=f"no {self.noun}")


def places(data: Prepared) -> Place:
    """Return the first of page, category and event that most events name."""
    for name in ("page", "category"):
        column = data.coded.get(name)
        if column is not None and column.missing <= (1 - LEAST_KNOWN) * data.rows:
            return Place(name, column)
    return Place("event", events(data))


def path_places(data: Prepared, most: int) -> list[Place]:
    """Return what paths are told by, at most two: events of different kinds, pages, categories.

    Each has at most ``most`` values, the rare ones together, and no empty cell.
    """
    found = [Place("event", events(data))]
    page, category = data.coded.get("page"), data.coded.get("category")
    if page is not None and not _follows(data.coded["event_name"], page):
        found.append(Place("page", page))
    if category is not None and category.missing <= (1 - LEAST_KNOWN) * data.rows:
        found.append(Place("category", category))
    told = [place for place in found if (place.column.counts() > 0).sum() > 1]
    return [Place(place.noun, place.folded(most)) for place in told[:2]]


def _follows(event: Coded, page: Coded) -> bool:
    """Whether the page is nearly always the one that this kind of event has."""
    if len(event.names) * len(page.names) > 1_000_000:
        return False
    known = (event.codes >= 0) & (page.codes >= 0)
    if not known.any():
        return True
    pairs = event.codes[known].astype(np.int64) * len(page.names) + page.codes[known]
    table = np.bincount(pairs, minlength=len(event.names) * len(page.names))
    usual = table.reshape(len(event.names), len(page.names)).max(axis=1).sum()
    several = (event.counts() > 0).sum() > 1
    return bool(several and usual >= SAME_AS_EVENT * known.sum())


def events(data: Prepared) -> Coded:
    """Return what is done at each event, in words."""
    column = data.coded["event_name"]
    return Coded(column.codes, tuple(words.event(name) for name in column.names))


def fold_rare(column: Coded, most: int, *, other: str = "other", unknown: str = "not known") -> Coded:
    """Return the column with its ``most`` frequent values, all others as ``other``, empty as ``unknown``.

    Values are ordered by frequency; ``other`` and ``unknown`` come last, where there are any. A value
    of the data that is called like one of these keeps its name and gets theirs told apart.
    """
    counts = column.counts()
    order = [i for i in np.argsort(-counts, kind="stable") if counts[i]]
    kept, rest = (order, []) if len(order) <= most else (order[: most - 1], order[most - 1 :])
    names = [column.names[i] for i in kept]
    target = np.full(len(column.names) + 1, -1, dtype=np.int32)
    target[kept] = np.arange(len(kept))
    if rest:
        target[rest] = len(names)
        names.append(f"{len(rest):,} {other}s" if len(rest) > 1 else other)
    if column.missing:
        target[-1] = len(names)
        names.append(unknown)
    return Coded(target[column.codes], tuple(names))
