"""One event, or the events of a visit, to the scores that batch gives for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.bundle import Bundle
from buysignal.errors import BundleError, EventsError
from buysignal.features.catalogue import positions
from buysignal.features.live import Reader, Visit, moment_of
from buysignal.features.live_money import live_money
from buysignal.row_scores import live_row
from buysignal.scoring import reasons_for
from buysignal.serve.one_row import RowScorer
from buysignal.serve.state import MemoryState
from buysignal.serve.visitor import ServedVisitor

Event = Mapping[str, Any]
Row = npt.NDArray[np.float32]

(_N_PURCHASE,) = positions("n_purchase")


@dataclass(frozen=True, eq=False)
class Standing:
    """A visit as it stands after an event.

    Attributes:
        visitor_id, session_id: whose.
        clicks: events of the visit so far, 500 at most.
        row: (f,) its features.
        repeated: the event was here before and changed nothing.
    """

    visitor_id: str
    session_id: str
    clicks: int
    visit: Visit
    row: Row
    repeated: bool = False


class LiveScorer:
    """A bundle as the live doors ask it; may be called from several threads.

    Args:
        bundle: one that reads events.

    Raises:
        BundleError: the bundle reads session rows, which no live visit is.
    """

    def __init__(self, bundle: Bundle) -> None:
        if bundle.vocabulary is None:
            raise BundleError(
                "this bundle reads session rows: it scores visits that are over",
                allowed="a bundle trained on events",
                todo="train on events, or score files with 'buysignal score'",
            )
        self.bundle = bundle
        self.reader = Reader(bundle.vocabulary)
        self._score_row = RowScorer(bundle)
        self._labels = {
            "goal": bundle.goal.name,
            "proxy": bundle.goal.proxy,
            "simulated": bundle.manifest.dataset.simulated,
            "bundle_version": bundle.version,
        }

    @property
    def session_gap(self) -> str:
        return self.bundle.session_gap

    def click(self, state: MemoryState, event: Event) -> Standing:
        """Take one event into the state; returns the event's visit as it stands now."""
        with state.lock:
            visitor, visit = state.note(event, self.reader, self.session_gap)
            return standing_after(event, visitor, visit)

    def found(self, state: MemoryState, session_id: str, visitor_id: str | None = None) -> Standing | None:
        """Return an open visit as it stands; None where the state knows none by this id."""
        with state.lock:
            known = state.find(session_id, self.reader, visitor_id)
            return None if known is None else standing_of(*known)

    def whole(self, events: Sequence[Event]) -> Standing:
        """Return the visit that the last event belongs to, from a visitor's events alone.

        Args:
            events: of one visitor, in any order; they are read in order of time.

        Raises:
            EventsError: there are none, or they are of several visitors.
        """
        visitors = {event["visitor_id"] for event in events}
        if len(visitors) != 1:
            raise EventsError(
                f"these events are of {len(visitors)} visitors",
                allowed="the events of one visitor",
                todo="send each visitor's events as a visit of their own",
            )
        visitor = ServedVisitor(visitors.pop(), self.reader, self.session_gap)
        visit = None
        for event in sorted(events, key=_order):
            visit = visitor.note_once(event) or visit
        assert visit is not None
        return standing_of(visitor, visit)

    def scores(self, standing: Standing, *, reasons: bool = False) -> dict[str, Any]:
        """Return what a reply says of a visit, by the names that batch uses."""
        row = live_row(self.bundle, standing.row, standing.visit)
        found: dict[str, Any] = {
            "visitor_id": standing.visitor_id,
            "session_id": standing.session_id,
            "clicks": standing.clicks,
            "already_bought": bool(standing.row[_N_PURCHASE] > 0),
            **live_money(standing.row, standing.visit),
            **self._score_row(row),
            **self._labels,
        }
        if standing.repeated:
            found["repeated"] = True
        if reasons:
            found["reasons"] = [asdict(reason) for reason in reasons_for(self.bundle, row)]
        return found


def standing_after(event: Event, visitor: ServedVisitor, visit: Visit | None) -> Standing:
    """Return how a visit stands after an event that was noted; None where the event was here before."""
    if visit is None:
        told = visitor.visit(str(event.get("session_id")))
        return standing_of(visitor, told or _latest(visitor), repeated=True)
    return standing_of(visitor, visit)


def standing_of(visitor: ServedVisitor, visit: Visit, *, repeated: bool = False) -> Standing:
    """Return how a visit stands after its last event."""
    row = visitor.live.row(visit)
    return Standing(visitor.visitor_id, str(visit.session_id), visit.size, visit, row, repeated)


def _latest(visitor: ServedVisitor) -> Visit:
    return max(visitor.live.visits, key=lambda visit: int(visit.arrays.time[visit.size - 1]))


def _order(event: Event) -> tuple[int, int, int]:
    time, day = moment_of(event)
    sequence = event.get("event_seq")
    return time, day, 0 if sequence is None else sequence
