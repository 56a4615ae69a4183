"""Filters: which visits are looked at. A visit is kept or left out as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from buysignal.errors import SamplesError

if TYPE_CHECKING:
    from buysignal.explore.prepared import Prepared

Visitors = Literal["all", "new", "returning"]

MOST_CHOICES = 200
"""Values of a column that are offered; the most frequent ones."""

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Filters:
    """What is looked at; everything that is empty lets all visits pass.

    Attributes:
        start, end: first and last day a visit may begin on, both included (UTC).
        devices, channels, countries: of the visit: the first one its events name.
        categories: the visit touched one of them.
        segments: of the mapping that is given beside the filters.
        visitors: "new" keeps a visitor's first visit in the data, "returning" all later ones.
        events: the visit holds an event of one of these names.
        columns: session tables: column -> the values it may have.
    """

    start: date | None = None
    end: date | None = None
    devices: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    visitors: Visitors = "all"
    events: tuple[str, ...] = ()
    columns: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether all visits pass."""
        return self == Filters()

    def without_segments(self) -> Filters:
        """Return the filters for data whose segments are not known."""
        return replace(self, segments=())


@dataclass(frozen=True)
class Choices:
    """What can be chosen in some data; what is empty cannot be filtered by.

    Values are ordered by how many visits have them, most first.
    """

    start: date | None = None
    end: date | None = None
    devices: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    visitors: tuple[Visitors, ...] = ()
    events: tuple[str, ...] = ()
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)


_OF_VISIT = (("devices", "device"), ("channels", "channel"), ("countries", "country"))
_OF_EVENTS = (("categories", "category"), ("events", "event_name"))


def choices_of(data: Prepared, segments: pd.Series | None = None) -> Choices:
    """Return what ``data`` can be filtered by."""
    start, end = _span(data)
    offered = {plural: _frequent(data.visits.get(one)) for plural, one in _OF_VISIT}
    if data.level == "event":
        offered |= {plural: _frequent_names(data, one) for plural, one in _OF_EVENTS}
    return Choices(
        start=start,
        end=end,
        segments=_frequent(segments),
        visitors=("all", "new", "returning") if data.returning_known else (),
        columns={name: _frequent_names(data, name) for name in data.filter_columns},
        **offered,
    )


def _span(data: Prepared) -> tuple[date | None, date | None]:
    day = data.visits["day"].dropna()
    if day.empty:
        return None, None
    return day.min().date(), day.max().date()


def _frequent(values: pd.Series | None) -> tuple[str, ...]:
    """Return the values, most frequent first; nothing where there is no choice."""
    if values is None:
        return ()
    names = values.value_counts().loc[lambda n: n > 0].index[:MOST_CHOICES]
    return tuple(str(name) for name in names) if len(names) > 1 else ()


def _frequent_names(data: Prepared, name: str) -> tuple[str, ...]:
    column = data.coded.get(name)
    if column is None:
        return ()
    counts = column.counts()
    order = [i for i in np.argsort(-counts, kind="stable")[:MOST_CHOICES] if counts[i]]
    return tuple(column.names[i] for i in order) if len(order) > 1 else ()


def kept_visits(data: Prepared, filters: Filters, segments: pd.Series | None = None) -> npt.NDArray[np.bool_]:
    """Return, for each visit, whether the filters let it pass, shape (visits,).

    Args:
        segments: the segment of each visit, in the order of ``data.visits``.

    Raises:
        SamplesError: a filter asks for something this data does not hold.
    """
    kept = np.ones(len(data.visits), dtype=bool)
    kept &= _in_days(data, filters)
    for plural, one in _OF_VISIT:
        kept &= _among(data.visits.get(one), getattr(filters, plural), one)
    for plural, one in _OF_EVENTS:
        kept &= _touches(data, one, getattr(filters, plural))
    kept &= _among(segments, filters.segments, "segment")
    for name, values in filters.columns:
        kept &= _touches(data, name, values)
    if filters.visitors != "all":
        if not data.returning_known:
            raise _unknown("new or returning visitors", "visitor")
        kept &= data.visits["returning"].to_numpy() == (filters.visitors == "returning")
    return kept


def _in_days(data: Prepared, filters: Filters) -> npt.NDArray[np.bool_]:
    day, kept = data.visits["day"], np.ones(len(data.visits), dtype=bool)
    if (filters.start or filters.end) and day.isna().all():
        raise _unknown("dates", "date")
    if filters.start is not None:
        kept &= (day >= pd.Timestamp(filters.start)).to_numpy()
    if filters.end is not None:
        kept &= (day <= pd.Timestamp(filters.end)).to_numpy()
    return kept


def _among(values: pd.Series | None, allowed: tuple[str, ...], name: str) -> npt.NDArray[np.bool_] | bool:
    if not allowed:
        return True
    if values is None:
        raise _unknown(f"{name} {allowed[0]}", name)
    return values.isin(list(allowed)).to_numpy()


def _touches(data: Prepared, name: str, allowed: tuple[str, ...]) -> npt.NDArray[np.bool_] | bool:
    """Whether an event of the visit has one of the values."""
    if not allowed:
        return True
    column = data.coded.get(name)
    if column is None:
        raise _unknown(f"{name} {allowed[0]}", name)
    wanted = [column.code(value) for value in allowed]
    touched = np.zeros(len(data.visits), dtype=bool)
    touched[data.session[np.isin(column.codes, wanted)]] = True
    return touched


def _unknown(asked: str, column: str) -> SamplesError:
    return SamplesError(
        f"the filter asks for {asked}, and this data has no column '{column}'",
        allowed="filters by columns that the data holds",
        todo="leave this filter out",
    )
