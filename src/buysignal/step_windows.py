"""The last events of a visit as codes in their order: what a sequence model reads beside the features.

A window ends with the row it belongs to and reads nothing after it. Batch and live share every function but
the one that gathers the events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal import sessions
from buysignal.events import OTHER_CODE
from buysignal.features.vocabulary import POPULARITY, Vocabulary
from buysignal.samples import StepLayout

if TYPE_CHECKING:
    from buysignal.features.kernel import EventArrays
    from buysignal.features.live import Visit

Codes = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Steps = npt.NDArray[np.float32]

COLUMNS = ("event", "item", "category", "price_band", "gap")
"""What is known of each event; all are codes but the last."""

LENGTH = 20
"""Events of a window; nine visits in ten have no more."""

PADDING, UNKNOWN, NOTHING = range(3)
"""Codes that mean: before the visit began; a value never seen in training; no value (a page has no item)."""

FIRST_LEVEL = 3

LEAST_SESSIONS = 5
"""An item or category seen in fewer training sessions is unknown: there is too little to learn of it."""

MOST_ITEMS = 20_000

BANDS = 10

_LONGEST_GAP_S = 1_800.0


@dataclass(frozen=True, eq=False)
class StepCodes:
    """How an event becomes numbers; learned on the training period.

    Attributes:
        items: (items + 1,) code of each row of the vocabulary's items; the last is for items never seen.
        categories: (categories + 1,) likewise.
        bands: (b,) rising limits of the price bands, in the events' currency.
        length: events of a window.
    """

    items: Codes
    categories: Codes
    bands: npt.NDArray[np.float64]
    length: int = LENGTH

    @property
    def layout(self) -> StepLayout:
        kinds = (OTHER_CODE + 1, _levels(self.items), _levels(self.categories), len(self.bands) + 1)
        return StepLayout(COLUMNS, (*(FIRST_LEVEL + kind for kind in kinds), 0), self.length)

    def to_dict(self) -> dict[str, Any]:
        """Return what is needed beside the vocabulary, as JSON holds it."""
        return {"length": self.length, "bands": [float(limit) for limit in self.bands]}

    @classmethod
    def of(cls, vocabulary: Vocabulary, stored: Mapping[str, Any]) -> StepCodes:
        """Return the codes of a vocabulary and of what ``to_dict`` gave."""
        sessions_of_item = np.expm1(vocabulary.item_priors[:-1, POPULARITY].astype(np.float64))
        return cls(
            _codes_of(sessions_of_item >= LEAST_SESSIONS - 0.5, sessions_of_item),
            _codes_of(np.ones(len(vocabulary.categories), bool), np.zeros(len(vocabulary.categories))),
            np.asarray(stored["bands"], np.float64),
            int(stored["length"]),
        )


def _levels(codes: Codes) -> int:
    return max(int(codes.max(initial=0)) - FIRST_LEVEL + 1, 0)


def _codes_of(known: npt.NDArray[np.bool_], often: npt.NDArray[np.float64]) -> Codes:
    """Return the codes of the known rows, the ``MOST_ITEMS`` most frequent, and of what was never seen."""
    codes = np.full(len(known) + 1, UNKNOWN, np.int32)
    rows = np.flatnonzero(known)
    kept = np.sort(rows[np.argsort(-often[rows], kind="stable")][:MOST_ITEMS])
    codes[kept] = FIRST_LEVEL + np.arange(len(kept))
    return codes


def fit_step_codes(
    events: pa.Table, training: npt.NDArray[np.bool_], vocabulary: Vocabulary, *, length: int = LENGTH
) -> StepCodes:
    """Learn the price bands on the training rows, ten of about as many priced events each.

    Args:
        events: n events as ``sessions.assign`` leaves them.
        training: (n,) which are of the training period.
        vocabulary: learned on the same period.
        length: events of a window.
    """
    price = events.column("price").to_numpy()[training]
    known = price[np.isfinite(price)]
    limits = np.quantile(known, np.arange(1, BANDS) / BANDS) if len(known) else np.zeros(0)
    return StepCodes.of(vocabulary, {"length": length, "bands": np.unique(limits)})


class StepWindows:
    """Every event of a table as codes, from which windows are cut when they are asked for.

    Args:
        events: n events as ``sessions.assign`` leaves them.
        vocabulary: that of ``codes``.
    """

    def __init__(self, events: pa.Table, vocabulary: Vocabulary, codes: StepCodes) -> None:
        from buysignal.features.encode import encode

        self.codes = codes
        self.layout = codes.layout
        starts = sessions.layout(events).session_starts if events.num_rows else np.zeros(1, np.int64)
        self._start = np.repeat(starts[:-1], np.diff(starts))
        self._events = _coded(encode(events, vocabulary), codes, self._start)

    def at(self, rows: Rows) -> Steps:
        """Return the windows that end with the events ``rows`` (m,), shape (m, length * 5) float32."""
        # What follows the cap changes no feature any more, and no window.
        last = np.minimum(rows, self._start[rows] + sessions.SESSION_CAP - 1)
        return _windows(self._events, self._start[rows], last, self.layout.length)


def live_windows(visit: Visit, codes: StepCodes) -> Steps:
    """Return the windows that end with each event of a live visit, shape (events, length * 5) float32."""
    size = visit.size
    arrays = visit.arrays._replace(
        **{name: getattr(visit.arrays, name)[:size] for name in ("code", "time", "item", "category", "price")}
    )
    start = np.zeros(size, np.int64)
    return _windows(_coded(arrays, codes, start), start, np.arange(size), codes.length)


def live_steps(visit: Visit, codes: StepCodes) -> Steps:
    """Return the window that ends with the last event of a live visit, shape (length * 5,) float32."""
    return live_windows(visit, codes)[-1]


def _coded(arrays: EventArrays, codes: StepCodes, start: Rows) -> Steps:
    """Return each event's ``COLUMNS``, shape (n, 5)."""
    coded = np.empty((len(arrays.code), len(COLUMNS)), np.float32)
    coded[:, 0] = FIRST_LEVEL + arrays.code
    coded[:, 1] = _of_identity(arrays.item, arrays.item_row, codes.items)
    coded[:, 2] = _of_identity(arrays.category, arrays.category_row, codes.categories)
    priced = np.isfinite(arrays.price)
    band = FIRST_LEVEL + np.searchsorted(codes.bands, arrays.price, side="left")
    coded[:, 3] = np.where(priced, band, NOTHING)
    coded[:, 4] = _gaps(arrays.time, start)
    return coded


def _of_identity(identity: Codes, row: Codes, codes: Codes) -> Codes:
    # Identity -1 (none) reads the appended last entry.
    return np.append(codes[row], np.int32(NOTHING)).take(identity, mode="wrap").astype(np.int32)


def _gaps(time: npt.NDArray[np.int64], start: Rows) -> Steps:
    """Return the logarithm of the pause before each event, 1 for half an hour, 0 where there is none."""
    gap = np.zeros(len(time), np.float32)
    known = (time[1:] != sessions.NO_TIME) & (time[:-1] != sessions.NO_TIME)
    known &= np.arange(1, len(time)) != start[1:]
    pause = (time[1:][known] - time[:-1][known]) / sessions.US_PER_SECOND
    gap[1:][known] = np.log1p(np.maximum(pause, 0)) / np.log1p(_LONGEST_GAP_S)
    return gap


def _windows(coded: Steps, start: Rows, last: Rows, length: int) -> Steps:
    places = last[:, None] - np.arange(length - 1, -1, -1)
    there = places >= start[:, None]
    found = coded[np.maximum(places, 0)]
    found[~there] = PADDING
    return found.reshape(len(last), length * len(COLUMNS))
