"""Why an item is suggested: the item of the visit that speaks most for it, with its counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from buysignal.recommender.together import LookedLater
from buysignal.sequences import Catalog

LAST_ITEMS = 12
"""Different items of a visit that a reason may name, the last ones."""

DOUBT = 10
"""Visits added to each count, so that 2 of 3 visits say less than 40 of 90."""

Codes = npt.NDArray[np.int32]


def because_of(
    catalog: Catalog, later: LookedLater, history: Codes, chosen: Codes
) -> list[tuple[str | None, str]]:
    """Return for each chosen item the item of the visit that speaks most for it, and a sentence.

    Args:
        history: (h,) the visit's items, oldest first; -1 is unknown.
        chosen: (c,) the suggested ones.
    """
    items = list(dict.fromkeys(code for code in history[::-1].tolist() if code >= 0))[:LAST_ITEMS]
    if not items:
        return [(None, often(later, code)) for code in chosen.tolist()]
    times = np.stack([later.after(item, chosen) for item in items])
    strongest = (times / (later.looked[items][:, None] + DOUBT)).argmax(axis=0)
    seen = frozenset(items)
    return [
        _reason(catalog, later, code, items[best], int(times[best, place]), seen)
        for place, (code, best) in enumerate(zip(chosen.tolist(), strongest.tolist(), strict=True))
    ]


def _reason(
    catalog: Catalog, later: LookedLater, code: int, item: int, times: int, seen: frozenset[int]
) -> tuple[str | None, str]:
    if code in seen:
        return catalog.names[code], "You looked at this earlier in the visit."
    if not times:
        return None, often(later, code)
    name, visits = catalog.names[item], int(later.looked[item])
    told = f"of {visits:,} visits that looked at {name}, {times:,} looked at this later"
    return name, f"Because you looked at {name}: {told}."


def often(later: LookedLater, code: int) -> str:
    """Return how often an item is looked at."""
    return f"Looked at in {int(later.looked[code]):,} of {later.visits:,} visits."
