"""What charts of a look at new data are drawn from: then beside now, in few groups that have words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from buysignal.bundle import Bundle
from buysignal.drift import Histogram, groups
from buysignal.monitor.window import Window
from buysignal.reference import SCORE, Reference, daily_visits

Counts = npt.NDArray[np.int64]
Kind = Literal["range", "level", "rare", "missing"]

FIFTHS = 5


@dataclass(frozen=True)
class Group:
    """Some values of a column, and which share of the visits has them.

    Attributes:
        kind: a range of numbers, one level, all levels that are rare, or no value.
        low, high: ends of a range, ``low < value <= high``; None where it is open.
        level: of ``kind`` "level".
        then, now: shares of the visits, 0 to 1.
    """

    kind: Kind
    then: float
    now: float
    low: float | None = None
    high: float | None = None
    level: str = ""


@dataclass(frozen=True)
class Kept:
    """Did the chances come true: moments of about equal chance.

    Attributes:
        moments: how many there are.
        said, came: mean of the scores, and how often the goal came after, 0 to 1.
    """

    moments: int
    said: float
    came: float


@dataclass(frozen=True)
class Pictures:
    """Then and now.

    Attributes:
        columns: name of a feature -> its groups.
        scores: groups of the scores.
        daily_then, daily_now: visits on each whole day.
        first_day: of ``daily_now``; NaT where the data has no time.
        fifths: by rising chance; empty where outcomes are not known.
    """

    columns: dict[str, tuple[Group, ...]]
    scores: tuple[Group, ...]
    daily_then: Counts
    daily_now: Counts
    first_day: np.datetime64
    fifths: tuple[Kept, ...]


def pictures_of(
    bundle: Bundle, reference: Reference, window: Window, now: Mapping[str, Histogram]
) -> Pictures:
    """Return the pictures of a window.

    Args:
        now: histogram of each compared column in the window, and of the scores (``"probability"``).
    """
    found = {
        name: groups_of(before, now[name], bundle.categories.get(name, ()))
        for name, before in reference.columns.items()
        if name in now
    }
    known = window.samples.time[~np.isnat(window.samples.time)]
    # Days that the window may have cut are left out: the first and the last.
    first = known.min().astype("datetime64[D]") + 1 if len(known) else np.datetime64("NaT", "D")
    return Pictures(
        columns=found,
        scores=groups_of(reference.scores, now[SCORE], ()),
        daily_then=reference.daily_visits,
        daily_now=daily_visits(window.samples),
        first_day=first,
        fifths=_fifths(window),
    )


def groups_of(before: Histogram, now: Histogram, levels: tuple[str, ...]) -> tuple[Group, ...]:
    """Return the shares of both in the groups that their distance (PSI) is measured by.

    Args:
        levels: names of the codes, for a column of levels.
    """
    then, today = (one.counts / max(one.counts.sum(), 1) for one in (before, now))
    found = [
        _named(before, bins, levels, float(then[:-1][bins].sum()), float(today[:-1][bins].sum()))
        for bins in groups(before)
        if len(bins)
    ]
    found.append(Group("missing", float(then[-1]), float(today[-1])))
    return tuple(one for one in found if one.then or one.now)


def _named(before: Histogram, bins: Counts, levels: tuple[str, ...], then: float, now: float) -> Group:
    if before.levels:
        if len(bins) == 1 and bins[0] < len(levels):
            return Group("level", then, now, level=levels[int(bins[0])])
        return Group("rare", then, now)
    low = float(before.edges[bins[0] - 1]) if bins[0] > 0 else None
    high = float(before.edges[bins[-1]]) if bins[-1] < len(before.edges) else None
    return Group("range", then, now, low=low, high=high)


def _fifths(window: Window) -> tuple[Kept, ...]:
    if window.samples.y is None:
        return ()
    y, p = window.samples.y[window.answered], window.p[window.answered]
    ends = np.unique(np.quantile(p, np.arange(1, FIFTHS) / FIFTHS)) if len(p) else np.zeros(0)
    place = np.searchsorted(ends, p, side="left")
    parts = [place == number for number in range(len(ends) + 1)]
    return tuple(
        Kept(int(part.sum()), float(p[part].mean()), float((y[part] > 0).mean()))
        for part in parts
        if part.any()
    )
