"""Most viewed next: which item visitors looked at next after an item. A count, no model.

It says the same to everyone who looks at the item, so it is no personal recommendation, and it is the
plain rule that a recommender has to beat.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import sessions

NAME = "Most viewed next"
EXPLAINED = "a count over all visits of this data, not a personal recommendation"

_NEEDED = ("visitor_id", "session_id", "event_time", "event_date", "event_seq", "event_name", "item_id",
           "consent")  # fmt: skip


@dataclass(frozen=True, eq=False)
class NextViews:
    """How often each item was looked at right after another, most often first.

    Attributes:
        items: (n,) item ids, sorted.
        starts: (n + 1,) where each item's followers begin in ``followers``.
        followers: (pairs,) position in ``items`` of the item looked at next.
        times: (pairs,) how often that happened.
    """

    items: tuple[str, ...]
    starts: npt.NDArray[np.int64]
    followers: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]

    def after(self, item: str | None, *, leave_out: Collection[str] = (), count: int = 4) -> pd.DataFrame:
        """Return what was looked at next after ``item``: ``item``, ``times``, ``of``; most often first.

        Args:
            item: an item id; an unknown one has no followers.
            leave_out: items not to name, such as those already in the visit.
            count: at most so many rows.

        ``of`` is how often any other item was looked at next. Equal counts are in the order of the ids.
        """
        position = bisect_left(self.items, item) if item is not None else len(self.items)
        if position == len(self.items) or self.items[position] != item:
            return pd.DataFrame({"item": pd.Series(dtype=str), "times": [], "of": []})
        here = slice(self.starts[position], self.starts[position + 1])
        names = [self.items[follower] for follower in self.followers[here]]
        table = pd.DataFrame({"item": names, "times": self.times[here], "of": self.times[here].sum()})
        return table[~table["item"].isin(set(leave_out))].head(count).reset_index(drop=True)


def count_next_views(events: pa.Table, session_gap: str = "30m") -> NextViews:
    """Count, for every item, which different item was looked at next within the same session.

    An item looked at several times in a row counts once. Suspected bots and visitors who refused consent
    are left out, as they are in training.

    Args:
        events: canonical events, in any order.
        session_gap: longest pause within a session where the source names none, with its unit.

    Raises:
        EventsError: these are no canonical events.
    """
    present = [name for name in _NEEDED if name in events.column_names]
    assigned = sessions.assign(ev.sort(ev.conform(events.select(present))), session_gap)
    looked = (ev.codes_of_names(assigned) == ev.EVENT_CODES["view_item"]) & ~sessions.bots(assigned)
    looked &= pc.fill_null(assigned.column("consent"), True).to_numpy(zero_copy_only=False)
    looked &= assigned.column("item_id").is_valid().to_numpy(zero_copy_only=False)
    views = assigned.filter(pa.array(looked))
    names, items = np.unique(views.column("item_id").cast(pa.string()).to_numpy(), return_inverse=True)
    return _counted(tuple(map(str, names)), items, sessions.codes(views.column("session_id")))


def _counted(
    names: tuple[str, ...], items: npt.NDArray[np.int64], session: npt.NDArray[np.int64]
) -> NextViews:
    n = len(names)
    moved = (session[1:] == session[:-1]) & (items[1:] != items[:-1])
    pairs, times = np.unique(items[:-1][moved] * n + items[1:][moved], return_counts=True)
    before, after = pairs // max(n, 1), pairs % max(n, 1)
    order = np.lexsort((after, -times, before))
    starts = np.searchsorted(before, np.arange(n + 1))
    return NextViews(names, starts, after[order], times[order])
