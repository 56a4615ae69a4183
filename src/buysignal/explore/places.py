"""Where a visitor is at each event: the page, else the category, else what is done."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from buysignal.explore import words
from buysignal.explore.columns import Coded
from buysignal.explore.prepared import Prepared

START, EXIT = "START", "EXIT"
"""What stands for the beginning and the end of a visit; no value of the data is called so."""

LEAST_KNOWN = 0.5
"""Share of the events that must name a page or category for it to be where the visitor is."""

SAME_AS_EVENT = 0.9
"""Share of the events whose page follows from what is done; paths by page would then say nothing new."""


@dataclass(frozen=True, eq=False)
class Place:
    """A column that says where each event is, and the word for one of its values."""

    noun: str
    column: Coded
    named: int = 0
    """How many of the names, from the first on, are values of the data and not gathered ones."""

    def folded(self, most: int) -> Place:
        """Return the place with at most ``most`` named values, none empty or called like a visit's ends."""
        folded = fold_rare(self.column, most, unknown=f"no {self.noun}")
        different = int((self.column.counts() > 0).sum())
        names = tuple(told_apart(name, (START, EXIT)) for name in folded.names)
        named = different if different <= most else most - 1
        return Place(self.noun, Coded(folded.codes, names), named)


def places(data: Prepared) -> Place:
    """Return the first of page, category and event that most events name."""
    for name in ("page", "category"):
        column = data.coded.get(name)
        if column is not None and column.missing <= (1 - LEAST_KNOWN) * data.rows:
            return Place(name, with_noun(column, name))
    return Place("event", events(data))


def path_places(data: Prepared) -> list[Place]:
    """Return what paths are told by, at most two: events of different kinds, pages, categories."""
    found = [Place("event", events(data))]
    page, category = data.coded.get("page"), data.coded.get("category")
    if page is not None and not _follows(data.coded["event_name"], page):
        found.append(Place("page", with_noun(page, "page")))
    if category is not None and category.missing <= (1 - LEAST_KNOWN) * data.rows:
        found.append(Place("category", with_noun(category, "category")))
    return [place for place in found if (place.column.counts() > 0).sum() > 1][:2]


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
    names: list[str] = []
    for name in column.names:
        names.append(told_apart(words.event(name), names))
    return Coded(column.codes, tuple(names))


def with_noun(column: Coded, noun: str) -> Coded:
    """Return the column with "page" before pages that are mere numbers."""
    mere = {name: f"{noun} {name}" for name in column.names if name.isdigit() and len(name) < 4}
    if not mere:
        return column
    taken = set(column.names) - set(mere)
    return Coded(
        column.codes, tuple(told_apart(mere.get(n, n), taken if n in mere else ()) for n in column.names)
    )


def fold_rare(column: Coded, most: int, *, other: str = "other", unknown: str = "not known") -> Coded:
    """Return the column with its ``most`` frequent values, all others as ``other``, empty as ``unknown``.

    Values are ordered by frequency; ``other`` and ``unknown`` come last, where there are any. All names
    differ.
    """
    counts = column.counts()
    order = [i for i in np.argsort(-counts, kind="stable") if counts[i]]
    kept, rest = (order, []) if len(order) <= most else (order[: most - 1], order[most - 1 :])
    names = [column.names[i] for i in kept]
    target = np.full(len(column.names) + 1, -1, dtype=np.int32)
    target[kept] = np.arange(len(kept))
    if rest:
        target[rest] = len(names)
        names.append(told_apart(f"{len(rest):,} {other}s" if len(rest) > 1 else other, names))
    if column.missing:
        target[-1] = len(names)
        names.append(told_apart(unknown, names))
    return Coded(target[column.codes], tuple(names))


def told_apart(name: str, taken: Collection[str]) -> str:
    """Return the name, with a mark where another one is called the same.

    >>> told_apart("other", ["a", "other"])
    'other *'
    """
    while name in taken:
        name = f"{name} *"
    return name
