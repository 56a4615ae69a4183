"""What a history in parts teaches: the moments that part it, and the vocabulary of its training period."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal import features, prefixes, sessions
from buysignal.errors import SamplesError
from buysignal.features.counts import Counts, count, merged
from buysignal.features.vocabulary import cross_fit_of, vocabulary_of
from buysignal.history.folder import read_part
from buysignal.history.workers import in_order
from buysignal.splits import TimeCuts, time_cuts

FOLDS = 5
SLICES = ("train", "validate", "test")
COUNTED = (
    "visitor_id", "session_id", "event_time", "event_date", "event_name", "item_id", "category", "price",
    "channel", "device", "country",
)  # fmt: skip
"""Columns that counting reads."""

Moments = npt.NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Learned:
    """What every part is folded with.

    Attributes:
        cuts: the moments that part training, validation and test sessions.
        counts: of the training sessions of all parts.
        vocabulary: what they say.
    """

    cuts: TimeCuts
    counts: Counts
    vocabulary: features.Vocabulary

    def fold_with(self, events: pa.Table) -> tuple[features.CrossFit, npt.NDArray[np.int8]]:
        """Return the prior tables that sessions of ``events`` may read, and each session's slice."""
        side = self.cuts.sides(*session_spans(events))
        return cross_fit_of(self.counts, events, side == 0), side


def session_spans(events: pa.Table) -> tuple[Moments, Moments]:
    """Return the first and last moment of each session, (sessions,) datetime64[us]; NaT where unknown.

    Args:
        events: as ``sessions.assign`` leaves them.
    """
    if not events.num_rows:
        return np.empty(0, "datetime64[us]"), np.empty(0, "datetime64[us]")
    starts = sessions.layout(events).session_starts[:-1]
    moment = prefixes.moments(events)
    return np.fmin.reduceat(moment, starts), np.fmax.reduceat(moment, starts)


def learn(
    places: Sequence[Path],
    spans: tuple[Moments, Moments],
    *,
    cut: str | None = None,
    gap: str = "0s",
    progress: Callable[[float, str], None] | None = None,
) -> Learned:
    """Part the sessions by time and count those of the training period.

    Args:
        places: parts of events as ``sessions.assign`` leaves them, no visitor in two of them.
        spans: first and last moment of all their sessions.
        cut: test on what starts at this date (UTC); None takes the last fifth.
        gap: time left empty before each moment.
        progress: called with the share done, 0 to 1, and what is being done.

    Raises:
        SamplesError: there are no times, or too few sessions before the cut.
    """
    known = ~np.isnat(spans[0])
    if not known.any():
        raise SamplesError(
            "no event has a time or date, so there is no earlier and later",
            todo="give a bundle with --bundle: its vocabulary is learned already",
        )
    cuts = time_cuts(spans[0][known], spans[1][known], cut=cut, gap=gap)

    def work(place: Path) -> Counts:
        events = read_part(place, COUNTED)
        return count(events, cuts.sides(*session_spans(events)) == 0, FOLDS)

    total: Counts | None = None
    for number, counts in enumerate(in_order(work, places), start=1):
        total = counts if total is None else merged([total, counts])
        if progress is not None:
            progress(number / len(places), f"counting what visitors did, part {number} of {len(places)}")
    assert total is not None
    return Learned(cuts, total, vocabulary_of(total))
