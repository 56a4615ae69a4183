"""What a live visit has looked at, as the recommender is asked."""

from __future__ import annotations

import math
from itertools import pairwise

from buysignal.events import EVENT_CODES
from buysignal.features.live import Visit
from buysignal.recommender.suggest import VisitSoFar
from buysignal.sessions import NO_TIME, US_PER_SECOND

_SELECT, _VIEW, _PURCHASE = (EVENT_CODES[name] for name in ("select_item", "view_item", "purchase"))


def visit_so_far(visit: Visit) -> VisitSoFar:
    """Return the looks of an open visit, counted as ``item_views.looks`` counts them, bots or not.

    The ``view_item`` that a ``select_item`` of the same item leads to is the same look. What was bought is
    not to be suggested.
    """
    arrays, size = visit.arrays, visit.size
    codes, items = arrays.code[:size].tolist(), arrays.item[:size].tolist()
    looks: list[int] = []
    before = (-1, -1)
    for at, look in enumerate(zip(codes, items, strict=True)):
        code, item = look
        if item < 0 or code not in (_SELECT, _VIEW):
            continue
        if not (code == _VIEW and before == (_SELECT, item)):
            looks.append(at)
        before = look
    names = list(visit.items)
    bought = frozenset(names[i] for i, c in zip(items, codes, strict=True) if c == _PURCHASE and i >= 0)
    category = arrays.category[looks[-1]] if looks else -1
    return VisitSoFar(
        tuple(names[items[at]] for at in looks),
        list(visit.categories)[category] if category >= 0 else None,
        bought,
        _gaps([int(arrays.time[at]) for at in looks]),
    )


def _gaps(times: list[int]) -> tuple[float, ...]:
    """Return the seconds since the look before, NaN for the first and without a clock."""
    found = [math.nan]
    for before, here in pairwise(times):
        known = before != NO_TIME and here != NO_TIME
        found.append((here - before) / US_PER_SECOND if known else math.nan)
    return tuple(found[: len(times)])
