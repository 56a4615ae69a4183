"""The fold for one visitor, click by click: the state is the visit's own events and a short past."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
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
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Visit:
    """The events of one session in arrays that have room for ``SESSION_CAP`` of them.

    Attributes:
        session_id: None where the source gave none.
        size: events so far; rows from there on in ``arrays`` are empty.
        items, categories: each name and the small integer that stands for it in ``arrays``.
        arrays: the events, in order of time.
        known: the visitor's other sessions, as they stood when this one began.
    """

    def __init__(self, session_id: str | None, known: npt.NDArray[np.float64]) -> None:
        self.session_id = session_id
        self.known = known
        self.size = 0
        self.items: dict[str, int] = {}
        self.categories: dict[str, int] = {}
        self.arrays = _allocate(16)
        self.read = _to_read(self.arrays)
        self.said: list[tuple[str | None, ...]] = []

    def open_place(self, time: int) -> int:
        """Make room for one more event where its time belongs, and return the place."""
        room = len(self.arrays.code)
        if self.size == room:
            grown = _allocate(min(2 * room, SESSION_CAP))
            for name in kernel.EventArrays._fields:
                getattr(grown, name)[:room] = getattr(self.arrays, name)
            self.arrays = grown
            self.read = _to_read(grown)
        at = self.size
        while at > 0 and self.arrays.time[at - 1] > time:
            at -= 1
        if at < self.size:
            for name in OF_EVENTS:
                values = getattr(self.arrays, name)
                values[at + 1 : self.size + 1] = values[at : self.size]
        self.size += 1
        return at


OF_EVENTS = ("code", "time", "day", "item", "category", "price", "quantity", "page", "context")
"""The arrays with a row an event; the others have one an item or category."""


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


def _absorb(past: npt.NDArray[np.float64], visit: Visit, until: int) -> None:
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

    The rows are the ones ``fold`` gives for the same events. An event that comes late is put where its time
    belongs in its session; rows that were given before stay as they were.

    Args:
        reader: the vocabulary.
        session_gap: longest pause within a session, used for events without a ``session_id``.
    """

    def __init__(self, reader: Reader, session_gap: str = "30m") -> None:
        self.reader = reader
        self._gap = duration_us(session_gap, "session_gap")
        self._past = kernel.empty_past()
        self._visits: list[Visit] = []

    @property
    def visits(self) -> tuple[Visit, ...]:
        """The sessions that can still go on, in the order they began."""
        return tuple(self._visits)

    def observe(self, event: Mapping[str, Any]) -> npt.NDArray[np.float32]:
        """Return the features after ``event``, shape (f,) float32.

        Args:
            event: the columns of the events table that are known, by name.
        """
        return self.row(self.note(event))

    def note(self, event: Mapping[str, Any]) -> Visit:
        """Take in an event, and return the visit it belongs to."""
        time, day = moment_of(event)
        visit = self._visit(event.get("session_id"), time, day)
        if visit.size < SESSION_CAP:
            self._write(visit, event, visit.open_place(time), time, day)
        return visit

    def row(self, visit: Visit) -> npt.NDArray[np.float32]:
        """Return the features of a visit as it stands, shape (f,) float32."""
        return self.rows(visit)[-1]

    def rows(self, visit: Visit) -> npt.NDArray[np.float32]:
        """Return the features after each event of a visit, shape (size, f) float32."""
        arrays = visit.read
        rows = np.empty((visit.size, len(NAMES)), np.float32)
        # The walk starts over with each click: a few microseconds, and nothing to keep in step.
        kernel.fold_session(
            arrays,
            0,
            visit.size,
            visit.known,
            self.reader.item_priors,
            self.reader.category_priors,
            0,
            kernel.make_scratch(len(arrays.item_row), len(arrays.category_row)),
            0,
            kernel.EVERYTHING,
            rows,
        )
        return rows

    def reread(self, reader: Reader) -> None:
        """Read the same events with another vocabulary, as if it had been there from the start."""
        self.reader = reader
        for visit in self._visits:
            for item in visit.items:
                self._write_item(visit, item)
            for category in visit.categories:
                self._write_category(visit, category)
            for at, said in enumerate(visit.said):
                self._write_context(visit, at, said)

    def _visit(self, session_id: str | None, time: int, day: int) -> Visit:
        for visit in reversed(self._visits):
            if session_id is not None:
                if visit.session_id == session_id:
                    return visit
            elif visit.session_id is None and not self._is_over(visit, time, day):
                return visit
        return self._open(session_id, time)

    def _is_over(self, visit: Visit, time: int, day: int) -> bool:
        last = visit.arrays.time[visit.size - 1]
        if time == NO_TIME or last == NO_TIME:
            return bool(visit.arrays.day[visit.size - 1] != day)
        return bool(time - last > self._gap)

    def _open(self, session_id: str | None, time: int) -> Visit:
        """Start a visit, and note how the visitor's others stand at this moment."""
        if len(self._visits) == OPEN_VISITS:
            oldest = self._visits.pop(0)
            _absorb(self._past, oldest, oldest.size)
        known = self._past.copy()
        for other in self._visits:
            until = kernel.rows_before(other.read.time, 0, other.size, time)
            if until > 0:
                _absorb(known, other, until)
        visit = Visit(session_id, known)
        self._visits.append(visit)
        return visit

    def _write(self, visit: Visit, event: Mapping[str, Any], at: int, time: int, day: int) -> None:
        arrays = visit.arrays
        arrays.code[at] = EVENT_CODES.get(str(event["event_name"]), OTHER_CODE)
        arrays.time[at] = time
        arrays.day[at] = day
        arrays.price[at] = np.nan if event.get("price") is None else event["price"]
        arrays.quantity[at] = 1.0 if event.get("quantity") is None else event["quantity"]
        arrays.page[at] = page_number(event.get("page"))
        said = (event.get("channel"), event.get("device"), event.get("country"))
        if visit.said and visit.said[-1] == said:
            said = visit.said[-1]
        visit.said.insert(at, said)
        self._write_context(visit, at, said)
        item, category = event.get("item_id"), event.get("category")
        arrays.item[at] = self._identify(visit.items, item)
        if item is not None and arrays.item[at] == len(visit.items) - 1:
            self._write_item(visit, item)
        arrays.category[at] = self._identify(visit.categories, category)
        if category is not None and arrays.category[at] == len(visit.categories) - 1:
            self._write_category(visit, category)

    def _write_context(self, visit: Visit, at: int, said: tuple[str | None, ...]) -> None:
        context = visit.arrays.context
        for column, level in enumerate(said):
            context[at, column] = self.reader.levels[CONTEXT_COLUMNS[column]].get(level or "", -1)

    def _write_item(self, visit: Visit, item: str) -> None:
        row = self.reader.items.get(item, len(self.reader.items))
        visit.arrays.item_row[visit.items[item]] = row

    def _write_category(self, visit: Visit, category: str) -> None:
        which = visit.categories[category]
        row = self.reader.categories.get(category, len(self.reader.categories))
        visit.arrays.category_row[which] = row
        visit.arrays.category_level[which] = self.reader.levels["category"].get(category, -1)

    @staticmethod
    def _identify(seen: dict[str, int], value: str | None) -> int:
        return -1 if value is None else seen.setdefault(value, len(seen))


def moment_of(event: Mapping[str, Any]) -> tuple[int, int]:
    """Return (microseconds, days) since 1970 UTC, ``NO_TIME`` where unknown."""
    time = event.get("event_time")
    if time is not None:
        if type(time) is datetime:
            aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
            moment = (aware - _START) // _MICROSECOND
        else:
            if isinstance(time, datetime) and time.tzinfo is not None:
                time = time.astimezone(UTC).replace(tzinfo=None)
            moment = int(np.datetime64(time, "us").astype(np.int64))
        return moment, moment // US_PER_DAY
    day = event.get("event_date")
    return int(NO_TIME), int(NO_TIME) if day is None else (day - _EPOCH).days
