"""The fold for one visitor, click by click: the state is the visit's own events and a short past."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.events import EVENT_CODES, OTHER_CODE
from buysignal.features import kernel, packed
from buysignal.features.encode import CONTEXT_COLUMNS, page_number
from buysignal.features.frozen import frozen
from buysignal.features.vocabulary import Vocabulary
from buysignal.sessions import NO_TIME, SESSION_CAP, US_PER_DAY
from buysignal.units import duration_us

OPEN_VISITS = 8
"""Sessions of one visitor that can still go on; an older one is summed up and cannot be resumed."""

Said = tuple[str | None, str | None, str | None]
"""Channel, device and country of an event."""

_EPOCH = date(1970, 1, 1)
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NO_TIME = int(NO_TIME)
_LARGEST_SINGLE = float(np.finfo(np.float32).max)


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

    def item(self, name: str) -> int:
        """Return the item's row in the priors."""
        return self.items.get(name, len(self.items))

    def category(self, name: str) -> tuple[int, int]:
        """Return the category's row in the priors, and its code as a feature."""
        row = self.categories.get(name, len(self.categories))
        return row, self.levels["category"].get(name, -1)

    def said(self, said: Said) -> tuple[int, ...]:
        """Return the codes of channel, device and country."""
        levels = self.levels
        return tuple(levels[c].get(level or "", -1) for c, level in zip(CONTEXT_COLUMNS, said, strict=True))


class Visit:
    """The events of one session as records, and the names that these stand for.

    Attributes:
        session_id: None where the source gave none.
        known: the visitor's other sessions, as they stood when this one began; a past, as bytes.
        records: the events in order of time, as ``features.packed`` has them; never changed, only replaced.
        items, categories, said: each name and the small integer that stands for it in the records.
        names: the same in the order in which they came, as ``features.packed`` writes names.
    """

    __slots__ = (
        "_categories_read", "_items_read", "_said_read", "categories", "items", "known", "names", "records",
        "said", "session_id",
    )  # fmt: skip

    def __init__(self, session_id: str | None, known: bytes) -> None:
        self.session_id = session_id
        self.known = known
        self.records = b""
        self.names = bytearray(packed.name_of(packed.SAYING, session_id))
        self.items: dict[str, int] = {}
        self.categories: dict[str, int] = {}
        self.said: dict[Said, int] = {}
        self._items_read = array("i")
        self._categories_read = array("i")
        self._said_read = array("i")

    @property
    def size(self) -> int:
        """Events so far."""
        return len(self.records) // packed.SIZE

    @property
    def began(self) -> int:
        """The time of the first event."""
        return packed.time_of(self.records, packed.SIZE)

    @property
    def arrays(self) -> kernel.EventArrays:
        """The events as the fold reads them."""
        events = packed.as_array(self.records)
        rows, levels = np.frombuffer(self._categories_read, np.int32).reshape(-1, 2).T.copy()
        said = np.array(self._said_read, np.int32).reshape(-1, packed.SAID)
        return kernel.EventArrays(
            **{name: frozen(events[name]) for name in _OF_EVENTS},
            context=frozen(said[events["said"]]),
            item_row=frozen(np.array(self._items_read, np.int32)),
            category_row=frozen(rows),
            category_level=frozen(levels),
        )

    def add(self, event: Mapping[str, Any], time: int, day: int, reader: Reader) -> None:
        """Put an event where its time belongs; the first ``SESSION_CAP`` in time are kept."""
        get = event.get
        price, quantity, item, category = get("price"), get("quantity"), get("item_id"), get("category")
        record = packed.pack(
            time,
            day,
            math.nan if price is None else price,
            1.0 if quantity is None else quantity,
            -1 if item is None else self._item(item, reader),
            -1 if category is None else self._category(category, reader),
            _page(get("page")),
            self._said((get("channel"), get("device"), get("country")), reader),
            EVENT_CODES.get(event["event_name"], OTHER_CODE),
        )
        self.records = packed.inserted(self.records, record, time)[: SESSION_CAP * packed.SIZE]

    def read_with(self, reader: Reader) -> None:
        """Read the names with another vocabulary."""
        self._items_read = array("i", map(reader.item, self.items))
        self._categories_read = array("i", chain.from_iterable(map(reader.category, self.categories)))
        self._said_read = array("i", chain.from_iterable(map(reader.said, self.said)))

    def tables(self) -> tuple[array[int], array[int], array[int]]:
        """Return what a vocabulary says of the names, as ``packed.fold_last`` takes it."""
        return self._items_read, self._categories_read, self._said_read

    def _item(self, name: str, reader: Reader) -> int:
        found = self.items.get(name)
        if found is None:
            found = self.items[name] = len(self.items)
            self.names += packed.name_of(packed.ITEM, name)
            self._items_read.append(reader.item(name))
        return found

    def _category(self, name: str, reader: Reader) -> int:
        found = self.categories.get(name)
        if found is None:
            found = self.categories[name] = len(self.categories)
            self.names += packed.name_of(packed.CATEGORY, name)
            self._categories_read.extend(reader.category(name))
        return found

    def _said(self, said: Said, reader: Reader) -> int:
        found = self.said.get(said)
        if found is None:
            found = self.said[said] = len(self.said)
            self.names += b"".join([packed.name_of(packed.SAYING, text) for text in said])
            self._said_read.extend(reader.said(said))
        return found


_BEGAN = attrgetter("began")

_OF_EVENTS = ("code", "time", "day", "item", "category", "price", "quantity", "page")


@lru_cache(maxsize=4_096)
def _page(name: str | None) -> float:
    """Return the page's number as single precision holds it."""
    number = page_number(name)
    return math.copysign(math.inf, number) if abs(number) > _LARGEST_SINGLE else number


@lru_cache(maxsize=8)
def gap_us(session_gap: str) -> int:
    """Return a session gap in microseconds."""
    return duration_us(session_gap, "session_gap")


def fold_visits(
    visits: Sequence[Visit],
    reader: Reader,
    records: Sequence[bytes] | None = None,
    known: Sequence[bytes] | None = None,
) -> npt.NDArray[np.float32]:
    """Return the features after the last event of each visit, shape (n, f) float32, in one compiled call.

    Args:
        visits: n visits that ``reader`` reads; the same may stand among them several times.
        records: of each visit the records up to which it is folded; all it has if None.
        known: of each what was known of the visitor's other sessions then; what is known now if None.
    """
    pasts = [visit.known for visit in visits] if known is None else known
    events = [visit.records for visit in visits] if records is None else records
    counts: list[int] = []
    tables: list[array[int]] = []
    for visit, held in zip(visits, events, strict=True):
        counts += (len(held) // packed.SIZE, len(visit.items), len(visit.categories), len(visit.said))
        tables += visit.tables()
    return packed.fold_last(
        np.frombuffer(b"".join(events), packed.RECORD),
        np.array(counts, np.int64).reshape(-1, 4),
        np.frombuffer(b"".join(tables), np.int32),
        np.frombuffer(b"".join(pasts)).reshape(len(visits), -1),
        reader.item_priors,
        reader.category_priors,
    )


class LiveVisitor:
    """One visitor's state; ``observe`` takes the next event and returns its row of features.

    The rows are the ones ``fold`` gives for the same events. An event that comes late is put where its time
    belongs in its session; rows that were given before stay as they were.

    Args:
        reader: the vocabulary.
        session_gap: longest pause within a session, used for events without a ``session_id``.
    """

    __slots__ = ("_gap", "_newest", "_past", "_visits", "reader")

    def __init__(self, reader: Reader, session_gap: str = "30m") -> None:
        self.reader = reader
        self._gap = gap_us(session_gap)
        self._past = kernel.empty_past()
        self._visits: list[Visit] = []
        # No open visit began later.
        self._newest = _NO_TIME

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
        return self.note_at(event, event.get("session_id"), *moment_of(event))

    def note_at(self, event: Mapping[str, Any], session_id: str | None, time: int, day: int) -> Visit:
        """Take in an event of a visit and a moment that are known, as ``note`` does."""
        visit = self._visit(session_id, time, day)
        if visit.size < SESSION_CAP or time < packed.time_of(visit.records, len(visit.records)):
            visit.add(event, time, day, self.reader)
            if time < self._newest and len(self._visits) > 1:
                self._tell_later_visits(visit, time)
        return visit

    def row(self, visit: Visit) -> npt.NDArray[np.float32]:
        """Return the features of a visit as it stands, shape (f,) float32."""
        # The walk starts over with each click: a few microseconds, and nothing to keep in step.
        return fold_visits((visit,), self.reader)[0]

    def rows(self, visit: Visit) -> npt.NDArray[np.float32]:
        """Return the features after each event of a visit, shape (size, f) float32."""
        ends = range(packed.SIZE, len(visit.records) + 1, packed.SIZE)
        return fold_visits([visit] * visit.size, self.reader, [visit.records[:end] for end in ends])

    def reread(self, reader: Reader) -> None:
        """Read the same events with another vocabulary, as if it had been there from the start."""
        self.reader = reader
        for visit in self._visits:
            visit.read_with(reader)

    def _visit(self, session_id: str | None, time: int, day: int) -> Visit:
        for visit in reversed(self._visits):
            if session_id is not None:
                if visit.session_id == session_id:
                    return visit
            elif visit.session_id is None and not self._is_over(visit, time, day):
                return visit
        return self._open(session_id, time)

    def _is_over(self, visit: Visit, time: int, day: int) -> bool:
        last = packed.time_of(visit.records, len(visit.records))
        if _NO_TIME in (time, last):
            return packed.day_of(visit.records, len(visit.records)) != day
        return time - last > self._gap

    def _open(self, session_id: str | None, time: int) -> Visit:
        """Start a visit, and note how the visitor's others stand at this moment."""
        if len(self._visits) == OPEN_VISITS:
            packed.absorb_before(self._past, packed.as_array(self._visits.pop(0).records), _NO_TIME)
        visit = Visit(session_id, self._known_before(time, self._visits))
        self.resume(visit, time)
        return visit

    def resume(self, visit: Visit, began: int) -> None:
        """Take in a visit that began at this moment and can go on."""
        self._visits.append(visit)
        self._newest = max(self._newest, began)

    def _tell_later_visits(self, visit: Visit, time: int) -> None:
        """Let visits that began after an event which came late know of it, as if it had come in time."""
        for later in self._visits:
            began = later.began
            # An event that came late may also be the first of its own visit.
            if began > time or (later is visit and began == time and visit.size > 1):
                others = [other for other in self._visits if other is not later]
                later.known = self._known_before(began, others)

    def _known_before(self, time: int, others: Sequence[Visit]) -> bytes:
        known = self._past.copy()
        for other in sorted(others, key=_BEGAN):
            packed.absorb_before(known, packed.as_array(other.records), time)
        return known.tobytes()


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
    return _NO_TIME, _NO_TIME if day is None else (day - _EPOCH).days
