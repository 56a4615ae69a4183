"""The fold for one visitor, click by click: the state is the visit's own events and a short past."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.events import EVENT_CODES, OTHER_CODE
from buysignal.features import kernel
from buysignal.features.catalogue import NAMES
from buysignal.features.encode import CONTEXT_COLUMNS, page_number
from buysignal.features.frozen import frozen
from buysignal.features.vocabulary import Vocabulary
from buysignal.sessions import NO_TIME, SESSION_CAP, US_PER_DAY
from buysignal.units import duration_us

OPEN_VISITS = 8
"""Sessions of one visitor that can still go on; an older one is summed up and cannot be resumed."""

_EPOCH = date(1970, 1, 1)


class _Visit:
    """The events of one session in arrays that have room for ``SESSION_CAP`` of them."""

    def __init__(self, session_id: str | None) -> None:
        self.session_id = session_id
        self.size = 0
        self.items: dict[str, int] = {}
        self.categories: dict[str, int] = {}
        self.arrays = _allocate(16)
        self.read = _to_read(self.arrays)
        self.rows = np.empty((16, len(NAMES)), np.float32)

    def reserve(self) -> None:
        """Make room for one more event, doubling up to the cap."""
        room = len(self.rows)
        if self.size < room:
            return
        grown = _allocate(min(2 * room, SESSION_CAP))
        for name in kernel.EventArrays._fields:
            getattr(grown, name)[:room] = getattr(self.arrays, name)
        self.arrays = grown
        self.read = _to_read(grown)
        self.rows = np.concatenate([self.rows, np.empty_like(self.rows)])[: len(grown.code)]


def _allocate(room: int) -> kernel.EventArrays:
    return kernel.EventArrays(
        code=np.zeros(room, np.int8),
        time=np.full(room, NO_TIME, np.int64),
        day=np.full(room, NO_TIME, np.int64),
        item=np.full(room, -1, np.int32),
        category=np.full(room, -1, np.int32),
        price=np.full(room, np.nan, np.float64),
        quantity=np.ones(room, np.float64),
        page=np.full(room, np.nan, np.float32),
        context=np.full((room, len(CONTEXT_COLUMNS)), -1, np.int32),
        item_row=np.zeros(room, np.int32),
        category_row=np.zeros(room, np.int32),
        category_level=np.zeros(room, np.int32),
    )


def _absorb(past: npt.NDArray[np.float64], visit: _Visit, until: int) -> None:
    """Add the first ``until`` events of a visit to ``past``."""
    arrays = visit.read
    kernel.absorb(past, arrays.code, arrays.time, arrays.price, arrays.quantity, 0, until)


def _to_read(arrays: kernel.EventArrays) -> kernel.EventArrays:
    return kernel.EventArrays(*map(frozen, arrays))


class Reader:
    """A vocabulary with its look-up tables, shared by all live visitors of a scorer."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.item_priors = frozen(vocabulary.item_priors[None])
        self.category_priors = frozen(vocabulary.category_priors[None])
        self.items = {item: row for row, item in enumerate(vocabulary.items)}
        self.categories = {name: row for row, name in enumerate(vocabulary.categories)}
        self.levels = {
            column: {level: code for code, level in enumerate(levels)}
            for column, levels in vocabulary.levels.items()
        }


class LiveVisitor:
    """One visitor's state; ``observe`` takes the next event and returns its row of features.

    Events must come in time order. The rows are the ones ``fold`` gives for the same events.

    Args:
        reader: the vocabulary.
        session_gap: longest pause within a session, used for events without a ``session_id``.
    """

    def __init__(self, reader: Reader, session_gap: str = "30m") -> None:
        self.reader = reader
        self._gap = duration_us(session_gap, "session_gap")
        self._past = kernel.empty_past()
        self._visits: list[_Visit] = []
        self._known: dict[int, npt.NDArray[np.float64]] = {}

    def observe(self, event: Mapping[str, Any]) -> npt.NDArray[np.float32]:
        """Return the features after ``event``, shape (f,) float32.

        Args:
            event: the columns of the events table that are known, by name.
        """
        time, day = _moment(event)
        visit = self._visit(event.get("session_id"), time, day)
        if visit.size < SESSION_CAP:
            visit.reserve()
            self._write(visit, event, time, day)
            visit.size += 1
            arrays = visit.read
            # The walk starts over with each click: a few microseconds, and nothing to keep in step.
            kernel.fold_session(
                arrays,
                0,
                visit.size,
                self._known[id(visit)],
                self.reader.item_priors,
                self.reader.category_priors,
                0,
                kernel.make_scratch(len(arrays.item_row), len(arrays.category_row)),
                0,
                kernel.EVERYTHING,
                visit.rows,
            )
        return visit.rows[visit.size - 1].copy()

    def _visit(self, session_id: str | None, time: int, day: int) -> _Visit:
        for visit in reversed(self._visits):
            if session_id is not None:
                if visit.session_id == session_id:
                    return visit
            elif visit.session_id is None and not self._is_over(visit, time, day):
                return visit
        return self._open(session_id, time)

    def _is_over(self, visit: _Visit, time: int, day: int) -> bool:
        last = visit.arrays.time[visit.size - 1]
        if time == NO_TIME or last == NO_TIME:
            return bool(visit.arrays.day[visit.size - 1] != day)
        return bool(time - last > self._gap)

    def _open(self, session_id: str | None, time: int) -> _Visit:
        """Start a visit, and note how the visitor's others stand at this moment."""
        if len(self._visits) == OPEN_VISITS:
            oldest = self._visits.pop(0)
            _absorb(self._past, oldest, oldest.size)
            self._known.pop(id(oldest))
        known = self._past.copy()
        for other in self._visits:
            until = kernel.rows_before(other.read.time, 0, other.size, time)
            if until > 0:
                _absorb(known, other, until)
        visit = _Visit(session_id)
        self._visits.append(visit)
        self._known[id(visit)] = known
        return visit

    def _write(self, visit: _Visit, event: Mapping[str, Any], time: int, day: int) -> None:
        arrays, i = visit.arrays, visit.size
        arrays.code[i] = EVENT_CODES.get(str(event["event_name"]), OTHER_CODE)
        arrays.time[i] = time
        arrays.day[i] = day
        arrays.price[i] = np.nan if event.get("price") is None else event["price"]
        arrays.quantity[i] = 1.0 if event.get("quantity") is None else event["quantity"]
        arrays.page[i] = page_number(event.get("page"))
        for column, name in enumerate(CONTEXT_COLUMNS):
            arrays.context[i, column] = self.reader.levels[name].get(event.get(name) or "", -1)
        arrays.item[i] = self._identify(visit.items, event.get("item_id"))
        if arrays.item[i] >= 0:
            row = self.reader.items.get(event["item_id"], len(self.reader.items))
            arrays.item_row[arrays.item[i]] = row
        arrays.category[i] = self._identify(visit.categories, event.get("category"))
        if arrays.category[i] >= 0:
            row = self.reader.categories.get(event["category"], len(self.reader.categories))
            arrays.category_row[arrays.category[i]] = row
            level = self.reader.levels["category"].get(event["category"], -1)
            arrays.category_level[arrays.category[i]] = level

    @staticmethod
    def _identify(seen: dict[str, int], value: str | None) -> int:
        return -1 if value is None else seen.setdefault(value, len(seen))


def _moment(event: Mapping[str, Any]) -> tuple[int, int]:
    """Return (microseconds, days) since 1970 UTC, ``NO_TIME`` where unknown."""
    time = event.get("event_time")
    if time is not None:
        if isinstance(time, datetime) and time.tzinfo is not None:
            time = time.astimezone(UTC).replace(tzinfo=None)
        moment = int(np.datetime64(time, "us").astype(np.int64))
        return moment, moment // US_PER_DAY
    day = event.get("event_date")
    return int(NO_TIME), int(NO_TIME) if day is None else (day - _EPOCH).days
