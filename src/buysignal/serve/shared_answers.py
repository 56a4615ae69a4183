"""What the server answers where visitors lie in a store that servers share: the same, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from buysignal.features.live import Visit
from buysignal.pseudonyms import possible
from buysignal.recommender.live_looks import visit_so_far
from buysignal.serve import schemas
from buysignal.serve.answers import Answer, Answers, found
from buysignal.serve.in_use import BundleInUse
from buysignal.serve.live_scores import LiveScorer, Standing, standing_after, standing_of
from buysignal.serve.metrics import Metrics
from buysignal.serve.redis_state import RedisState
from buysignal.serve.state import MemoryState
from buysignal.serve.visitor import ServedVisitor

AT_ONCE = 200
"""Events of different visitors that are on their way to Redis together."""


class SharedAnswers(Answers):
    """Everything the routes call.

    Args:
        in_use: the bundle.
        shared: what is remembered of visitors.
        metrics: where events are counted.
    """

    def __init__(self, in_use: BundleInUse[LiveScorer], shared: RedisState, metrics: Metrics) -> None:
        # Nothing is kept in this memory: whatever would be is overridden here.
        super().__init__(in_use, MemoryState(), metrics)
        self._shared = shared

    async def score(self, asked: schemas.ScoreRequest) -> Answer:
        """Score one visit as it stands at its last event.

        With `event` the server keeps the visit: each event is taken in and scored with all before it. With
        `events` nothing is kept, and the last event's visit is scored.
        """
        if asked.event is None:
            return self.whole(asked)
        scorer = self._in_use.scorer
        self._agreed([asked.event])
        standing = await self._taken_in(scorer, self._timed(asked.event))
        self._count(asked.event, repeated=standing.repeated)
        return scorer.scores(standing, reasons=asked.reasons)

    async def keep(self, asked: schemas.EventsRequest) -> Answer:
        """Take in events without scoring them, so that later scores know of them."""
        scorer = self._in_use.scorer
        counts = {"kept": 0, "repeated": 0, "refused_consent": 0}
        taken: list[schemas.Event] = []
        for event in asked.events:
            if event.consent is False:
                self._metrics.event("refused")
                counts["refused_consent"] += 1
            else:
                taken.append(event)
        for begin in range(0, len(taken), AT_ONCE):
            some = taken[begin : begin + AT_ONCE]
            # They gather into few trips; those of one visitor wait for one another, in their order.
            notes = [
                self._shared.note(self._timed(event), scorer.reader, scorer.session_gap) for event in some
            ]
            for event, (_, visit) in zip(some, await asyncio.gather(*notes), strict=True):
                self._count(event, repeated=visit is None)
                counts["kept" if visit is not None else "repeated"] += 1
        return counts

    async def session(self, session_id: str, visitor_id: str | None = None, reasons: bool = False) -> Answer:
        """Return the scores of a visit that the server keeps, as it stands."""
        scorer = self._in_use.scorer
        known = await self._looked_up(scorer, session_id, visitor_id)
        return scorer.scores(standing_of(*found(known)), reasons=reasons)

    async def forget(self, visitor_id: str) -> Answer:
        """Forget a visitor at once."""
        scorer = self._in_use.scorer
        names = possible(self._ids, visitor_id)
        known = [await self._shared.forget(one, scorer.reader, scorer.session_gap) for one in names]
        return {"forgotten": any(known)}

    async def recommend(self, asked: schemas.RecommendRequest) -> Answer:
        """Suggest items that the visit is likely to look at next; no forecast of a purchase."""
        scorer = self._in_use.scorer
        if asked.session_id is None:
            return self.suggested(asked, scorer, None)
        known = await self._looked_up(scorer, asked.session_id, asked.visitor_id)
        return self.suggested(asked, scorer, visit_so_far(found(known)[1]))

    async def _looked_up(
        self, scorer: LiveScorer, session_id: str, visitor_id: str | None
    ) -> tuple[ServedVisitor, Visit] | None:
        for session, visitor in self._named(session_id, visitor_id):
            known = await self._shared.find(session, scorer.reader, visitor, scorer.session_gap)
            if known is not None:
                return known
        return None

    async def _taken_in(self, scorer: LiveScorer, event: Mapping[str, Any]) -> Standing:
        visitor, visit = await self._shared.note(event, scorer.reader, scorer.session_gap)
        # Nothing is awaited between the two: the next click of this visitor changes it.
        return standing_after(event, visitor, visit)
