"""What the server answers: requests that hold what is allowed, to plain values."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import product
from typing import Any, TypeVar

import numpy as np
import orjson

from buysignal import pseudonyms
from buysignal.bundle import Bundle
from buysignal.errors import EventsError
from buysignal.events import EVENT_CODES
from buysignal.pseudonyms import hashed_in, possible
from buysignal.recommend import recommender_of
from buysignal.recommender import Wishes
from buysignal.recommender.live_looks import visit_so_far
from buysignal.recommender.suggest import VisitSoFar
from buysignal.scoring import segment_table
from buysignal.serve import schemas
from buysignal.serve.in_use import BundleInUse
from buysignal.serve.live_scores import LiveScorer
from buysignal.serve.metrics import Metrics
from buysignal.serve.state import MemoryState

Answer = dict[str, Any]

Reply = Answer | Awaitable[Answer]
"""At once where the visitors are in this process, awaited where they are elsewhere."""

AT_ONCE = 10
"""Visits of a batch that are scored before others get their turn."""


MOST_KEPT = 10_000
"""Lists of suggestions that are kept, because visits that begin alike ask the same."""

MOST_KEPT_ITEMS = 10
"""Longer visits are seldom alike; their suggestions are not kept."""

Known = TypeVar("Known")

Suggester = Callable[[tuple[str, ...], Wishes], orjson.Fragment]


class NotFoundError(Exception):
    """What was asked for is not there; the text is a sentence for whoever asked."""


class Answers:
    """Everything the routes call.

    Args:
        in_use: the bundle.
        state: what is remembered of visitors.
        metrics: where events are counted.

    Raises:
        InputError: the key to hash ids with cannot be used.
    """

    def __init__(self, in_use: BundleInUse[LiveScorer], state: MemoryState, metrics: Metrics) -> None:
        self._ids = pseudonyms.from_environment()
        self._in_use = in_use
        self._state = state
        self._metrics = metrics
        self._segments: tuple[LiveScorer, Answer] | None = None
        self._kept: tuple[LiveScorer, Suggester] | None = None

    def score(self, asked: schemas.ScoreRequest) -> Reply:
        """Score one visit as it stands at its last event.

        With `event` the server keeps the visit: each event is taken in and scored with all before it. With
        `events` nothing is kept, and the last event's visit is scored.
        """
        if asked.event is None:
            return self.whole(asked)
        scorer = self._in_use.scorer
        self._agreed([asked.event])
        standing = scorer.click(self._state, self._timed(asked.event))
        self._count(asked.event, repeated=standing.repeated)
        return scorer.scores(standing, reasons=asked.reasons)

    def whole(self, asked: schemas.ScoreRequest) -> Answer:
        """Score a visit all of whose events were sent; nothing is kept."""
        scorer = self._in_use.scorer
        events = asked.events or []
        self._agreed(events)
        standing = scorer.whole([self._columns(event) for event in events])
        return scorer.scores(standing, reasons=asked.reasons)

    async def batch(self, asked: schemas.BatchRequest) -> Answer:
        """Score many visits, each as it stands at its last event; nothing is kept."""
        scorer = self._in_use.scorer
        found = []
        for number, visit in enumerate(asked.visits):
            self._agreed(visit.events)
            found.append(scorer.scores(scorer.whole([self._columns(event) for event in visit.events])))
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
        return {"scores": found}

    async def keep(self, asked: schemas.EventsRequest) -> Answer:
        """Take in events without scoring them, so that later scores know of them."""
        scorer = self._in_use.scorer
        counts = {"kept": 0, "repeated": 0, "refused_consent": 0}
        for number, event in enumerate(asked.events):
            if event.consent is False:
                self._metrics.event("refused")
                counts["refused_consent"] += 1
                continue
            _, visit = self._state.note(self._timed(event), scorer.reader, scorer.session_gap)
            self._count(event, repeated=visit is None)
            counts["kept" if visit is not None else "repeated"] += 1
            if number % 100 == 99:
                await asyncio.sleep(0)
        return counts

    def session(self, session_id: str, visitor_id: str | None = None, reasons: bool = False) -> Reply:
        """Return the scores of a visit that the server keeps, as it stands."""
        scorer = self._in_use.scorer
        asked = self._named(session_id, visitor_id)
        standing = found(next(filter(None, (scorer.found(self._state, *names) for names in asked)), None))
        return scorer.scores(standing, reasons=reasons)

    def forget(self, visitor_id: str) -> Reply:
        """Forget a visitor at once."""
        known = [self._state.forget(name) for name in possible(self._ids, visitor_id)]
        return {"forgotten": any(known)}

    def segments(self) -> Answer:
        """Return the kinds of visits that the bundle knows, with their evidence."""
        scorer = self._in_use.scorer
        if self._segments is None or self._segments[0] is not scorer:
            self._segments = scorer, segments_of(scorer.bundle)
        return self._segments[1]

    def recommend(self, asked: schemas.RecommendRequest) -> Reply:
        """Suggest items that the visit is likely to look at next; no forecast of a purchase."""
        scorer = self._in_use.scorer
        return self.suggested(asked, scorer, self._visit(asked, scorer))

    def suggested(
        self, asked: schemas.RecommendRequest, scorer: LiveScorer, visit: VisitSoFar | None
    ) -> Answer:
        """Return suggestions to a visit that the server keeps; to the items that were sent where None."""
        bundle = scorer.bundle
        if bundle.recommender is None:
            raise NotFoundError(
                "This bundle suggests no items. What to do: train on events with more looks at items."
            )
        wishes = wishes_of(asked)
        items = tuple(asked.items or ())
        if visit is None and len(items) <= MOST_KEPT_ITEMS and asked.only is None:
            told = self._suggester(scorer)(items, wishes)
        else:
            told = _suggest(scorer, visit or VisitSoFar(items), wishes)
        return {
            "recommendations": told,
            "simulated": bundle.manifest.dataset.simulated,
            "bundle_version": bundle.version,
        }

    def _suggester(self, scorer: LiveScorer) -> Suggester:
        """Return what suggests with this bundle, and keeps its answers: visits begin with the same items."""
        if self._kept is None or self._kept[0] is not scorer:

            def suggest(items: tuple[str, ...], wishes: Wishes) -> orjson.Fragment:
                return _suggest(scorer, VisitSoFar(items), wishes)

            self._kept = scorer, lru_cache(maxsize=MOST_KEPT)(suggest)
        return self._kept[1]

    def _visit(self, asked: schemas.RecommendRequest, scorer: LiveScorer) -> VisitSoFar | None:
        if asked.session_id is None:
            return None
        with self._state.lock:
            names = self._named(asked.session_id, asked.visitor_id)
            known = (self._state.find(session, scorer.reader, visitor) for session, visitor in names)
            return visit_so_far(found(next(filter(None, known), None))[1])

    def _timed(self, event: schemas.Event) -> Answer:
        """Return the event's columns; one without a time happens now."""
        if event.event_time is None and event.event_date is None and self._has_clock():
            event.event_time = datetime.now(UTC)
        return self._columns(event)

    def _columns(self, event: schemas.Event) -> Answer:
        return event.__dict__ if self._ids is None else hashed_in(self._ids, event.__dict__)

    def _named(self, session_id: str, visitor_id: str | None) -> list[tuple[str, str | None]]:
        """Return what a visit may be kept as: by its own ids, or by those that answers told of it."""
        visitors = (None,) if visitor_id is None else possible(self._ids, visitor_id)
        return list(product(possible(self._ids, session_id), visitors))

    def _has_clock(self) -> bool:
        bundle = self._in_use.scorer.bundle
        return not np.isnan(bundle.typical[bundle.names.index("hour")])

    def _count(self, event: schemas.Event, *, repeated: bool) -> None:
        known = "known" if event.event_name in EVENT_CODES else "other"
        self._metrics.event("repeated" if repeated else known)

    def _agreed(self, events: Sequence[schemas.Event]) -> None:
        refused = sum(event.consent is False for event in events)
        if refused:
            self._metrics.event("refused")
            raise EventsError(
                f"{refused} of these events {'was' if refused == 1 else 'were'} sent without consent",
                allowed="events of visitors who did not refuse",
                todo="leave them out: nothing of them is kept or scored",
            )


def _suggest(scorer: LiveScorer, visit: VisitSoFar, wishes: Wishes) -> orjson.Fragment:
    """Return the suggestions as JSON: those that are kept are written once."""
    recommender = recommender_of(scorer.bundle)
    return orjson.Fragment(orjson.dumps(next(recommender.suggest_all([visit], wishes))))


def segments_of(bundle: Bundle) -> Answer:
    """Return the kinds of visits that a bundle knows, with their evidence.

    Raises:
        NotFoundError: it knows none.
    """
    if not bundle.segment_profiles:
        raise NotFoundError("This bundle has no segments. What to do: train on more sessions.")
    rows = segment_table(bundle).astype(object).to_dict(orient="records")
    return {"segments": [_without_missing(row) for row in rows]}


def wishes_of(asked: schemas.RecommendRequest) -> Wishes:
    """Return what the page wishes.

    Raises:
        InputError: the wishes contradict each other.
    """
    return Wishes(
        count=asked.count,
        leave_out=frozenset(asked.leave_out),
        only=None if asked.only is None else frozenset(asked.only),
        categories=tuple(asked.categories),
        price_low=asked.price_low,
        price_high=asked.price_high,
        diversity=asked.diversity,
        again=asked.again,
    )


def found(known: Known | None) -> Known:
    """Return a visit that was looked for.

    Raises:
        NotFoundError: there is none.
    """
    if known is None:
        raise NotFoundError(
            "The server knows no open visit of this id (any more). What to do: send its events to /v1/events."
        )
    return known


def _without_missing(row: dict[Any, Any]) -> Answer:
    return {str(name): None if value != value else value for name, value in row.items()}
