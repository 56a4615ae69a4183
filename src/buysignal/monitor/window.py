"""The window of new data, read as the model's test slice was: visits as they stood before the goal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import prefixes, tables
from buysignal.bundle import Bundle
from buysignal.errors import SamplesError
from buysignal.folded import Folded, known_by
from buysignal.reference import Reference
from buysignal.samples import Samples
from buysignal.sources.read import Loaded
from buysignal.units import duration_us

Moment = np.datetime64
Mask = npt.NDArray[np.bool_]

_DAY = np.timedelta64(1, "D")
_SHORT_PAST = 0.5
"""A window with less history before it than this share of the reference's says little of visitors' pasts."""


@dataclass(frozen=True, eq=False)
class Window:
    """Rows of the visits that began in the window and were over at its end.

    Attributes:
        samples: n rows; ``y`` is None where the data does not hold the outcome.
        p: (n,) scores.
        answered: (n,) the outcome is known by the end of the window.
        since, until: NaT where the data has no time.
        short_past: there is too little before the window to know the visitors' past as the model did.
        loaded: the source.
    """

    samples: Samples
    p: npt.NDArray[np.float64]
    answered: Mask
    since: Moment
    until: Moment
    short_past: bool
    loaded: Loaded


def open_window(
    bundle: Bundle, reference: Reference, loaded: Loaded, since: str | None, until: str | None
) -> Window:
    """Return the window; what lies before it is the visitors' past, as long as the model's was.

    Args:
        since, until: UTC, such as "2025-03-24"; the whole of the data where None.

    Raises:
        SamplesError: there is no visit in the window.
    """
    if not bundle.reads_events:
        return _of_rows(bundle, loaded, since, until)
    table = _consenting(loaded.table)
    time = table.column("event_time")
    if since is None and until is None and time.null_count == len(time):
        return _of_events(bundle, loaded, Folded(bundle, table), np.datetime64("NaT"), np.datetime64("NaT"))
    first, last = (_moment(pc.min(time)), _moment(pc.max(time)))
    begin = first if since is None else np.datetime64(since, "us")
    end = last if until is None else np.datetime64(until, "us")
    back = begin - np.timedelta64(round(reference.lead_days * 86_400), "s")
    table = known_by(table.filter(pc.fill_null(pc.greater_equal(time, _scalar(back)), False)), end)
    short = bool((begin - max(first, back)) / _DAY < _SHORT_PAST * reference.lead_days)
    return _of_events(bundle, loaded, Folded(bundle, table), begin, end, short)


def _of_events(
    bundle: Bundle, loaded: Loaded, folded: Folded, since: Moment, until: Moment, short_past: bool = False
) -> Window:
    assert bundle.vocabulary is not None
    events, where = folded.events, folded.layout
    every = folded.features(np.arange(events.num_rows))
    samples = prefixes.prefix_samples(events, bundle.features_of(every), bundle.vocabulary, bundle.goal)
    begun, over = _in_window(folded, since, until, bundle.session_gap)
    inside = (begun & over)[where.session_of_row()[samples.source_row]]
    if not inside.any():
        raise _empty(since, until)
    samples = samples.subset(np.flatnonzero(inside))
    answered = np.ones(len(samples), dtype=bool)
    if bundle.goal.horizon != "session" and not np.isnat(until):
        answered = samples.time + np.timedelta64(duration_us(bundle.goal.horizon, "horizon"), "us") <= until
    p = bundle.probability(every[samples.source_row])
    return Window(samples, p, answered, since, until, short_past, loaded)


def _in_window(folded: Folded, since: Moment, until: Moment, gap: str) -> tuple[Mask, Mask]:
    """Return which sessions began in the window, and which were over at its end, both (sessions,)."""
    starts = folded.layout.session_starts
    if np.isnat(since):
        every = np.ones(folded.layout.sessions, dtype=bool)
        return every, every
    moment = prefixes.moments(folded.events)
    over = moment[starts[1:] - 1] <= until - np.timedelta64(duration_us(gap, "session_gap"), "us")
    return moment[starts[:-1]] >= since, over


def _of_rows(bundle: Bundle, loaded: Loaded, since: str | None, until: str | None) -> Window:
    goal, time = bundle.goal, bundle.profile.roles.time
    derived = ("hour", "weekday") if time is not None else ()
    samples = tables.table_samples(
        loaded.table, goal, features=[name for name in bundle.names if name not in derived], time=time,
        levels=bundle.categories, targets=goal.attribute in loaded.table.column_names,
    )  # fmt: skip
    inside = np.ones(len(samples), dtype=bool)
    if since is not None:
        inside &= samples.time >= np.datetime64(since, "us")
    if until is not None:
        inside &= samples.time <= np.datetime64(until, "us")
    if not inside.any():
        raise _empty(np.datetime64(since or "NaT"), np.datetime64(until or "NaT"))
    samples = samples.subset(np.flatnonzero(inside))
    known = samples.time[~np.isnat(samples.time)]
    first, last = (known.min(), known.max()) if len(known) else (np.datetime64("NaT"), np.datetime64("NaT"))
    p, answered = bundle.probability(samples.X), np.ones(len(samples), dtype=bool)
    return Window(samples, p, answered, first, last, short_past=False, loaded=loaded)


def _consenting(events: pa.Table) -> pa.Table:
    return events.filter(pc.fill_null(events.column("consent"), True))


def _moment(scalar: pa.Scalar) -> Moment:
    return np.datetime64(scalar.cast(pa.timestamp("us")).value, "us")


def _scalar(moment: Moment) -> pa.Scalar:
    return pa.scalar(int(moment.astype("datetime64[us]").astype(np.int64)), pa.timestamp("us")).cast(
        pa.timestamp("us", tz="UTC")
    )


def _empty(since: Moment, until: Moment) -> SamplesError:
    return SamplesError(
        f"no visit began and ended between {since} and {until}",
        todo="give a longer window, or files that reach into it",
    )
