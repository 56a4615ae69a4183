"""What is remembered of visitors, in a Redis that several servers share.

A visitor is one value: a stamp and the bytes of ``ServedVisitor``. A change replaces the value only where its
stamp is still the one the change was made from; else Redis hands out what stands there now, and the change is
made again from that. So two servers never lose an event of each other, and no lock is held anywhere.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from typing import Any
from weakref import WeakValueDictionary

from buysignal.features import kept
from buysignal.features import visitor as visitors
from buysignal.features.live import Reader, Visit
from buysignal.serve.redis_link import RedisLink, StateAwayError
from buysignal.serve.state import Bounds
from buysignal.serve.visitor import Event, ServedVisitor

PREFIX = f"buysignal:{visitors.VERSION}.{kept.VERSION}"
"""Every key begins with it, whichever bundle is served: the next bundle goes on with the same visitors. A
version of buysignal that writes them otherwise does so beside them."""

LARGEST = 900_000
"""Bytes of a visitor; no shopper's are so many, and a program that makes up ids begins anew."""

AT_HAND = 10_000
"""Visitors that this process holds taken apart, so that most clicks are one trip."""

MOST_TRIES = 50
"""How often a change is made again because other servers were faster."""

_STAMP = 16

# KEYS: the visitor, its open visits, the visits that are open no more. What was written by an earlier try of
# the same change, whose answer was lost, bears the new stamp and counts as done.
_REPLACE = """
local there = redis.call('GETRANGE', KEYS[1], 0, 15)
local now = string.sub(ARGV[2], 1, 16)
if there ~= ARGV[1] and there ~= now then return redis.call('GET', KEYS[1]) or '' end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
local open = tonumber(ARGV[5])
for at = 2, #KEYS do
  if at <= open + 1 then redis.call('SET', KEYS[at], ARGV[4], 'PX', ARGV[3])
  elseif redis.call('GET', KEYS[at]) == ARGV[4] then redis.call('DEL', KEYS[at]) end
end
return 1
"""


class RedisState:
    """Visitors in Redis; of one event loop.

    Events of one visitor are taken in one after the other, in the order they came.

    Args:
        link: the way to Redis.
        bounds: ``forget_after`` counts; how many visitors there may be, Redis is told by its own settings.
    """

    name = "redis"

    def __init__(self, link: RedisLink, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self.link = link
        self._keep_ms = max(round(self.bounds.keep_s() * 1e3), 1)
        self._at_hand: OrderedDict[str, tuple[bytes, ServedVisitor]] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def failure(self) -> str | None:
        """Why Redis does not do what it should, in words; None where it does."""
        return self.link.failure

    def __len__(self) -> int:
        """Return how many visitors this process holds; Redis knows more."""
        return len(self._at_hand)

    async def note(
        self, event: Event, reader: Reader, session_gap: str
    ) -> tuple[ServedVisitor, Visit | None]:
        """Take in an event; returns its visitor, and its visit as ``ServedVisitor.note_once`` does.

        What is returned may change as soon as the caller waits for anything.

        Args:
            event: columns of the events table by name, ``visitor_id`` and ``event_name`` at least.
            reader: of the bundle in use; a visitor that another one read is read anew.
            session_gap: of the same bundle.

        Raises:
            StateAwayError: Redis does not do what it should; whether the event was taken in is not known.
        """
        visitor_id = event["visitor_id"]
        turn = self._turns.setdefault(visitor_id, asyncio.Lock())
        async with turn:
            stamp, known = self._at_hand.pop(visitor_id, (b"", None))
            for _ in range(MOST_TRIES):
                visitor = known or ServedVisitor(visitor_id, reader, session_gap)
                visitor.read_with(reader)
                before = visitor.live.visits
                visit = visitor.note_once(event)
                there = await self._replace(visitor, before, stamp)
                if there is None:
                    return visitor, visit
                stamp = there[:_STAMP]
                known = _taken_apart(visitor_id, there, reader, session_gap)
        raise StateAwayError("too many servers changed this visitor at once")

    async def find(
        self, session_id: str, reader: Reader, visitor_id: str | None = None, session_gap: str = "30m"
    ) -> tuple[ServedVisitor, Visit] | None:
        """Return an open visit and its visitor, a copy; None where there is none (any more).

        Raises:
            StateAwayError: Redis does not do what it should.
        """
        if visitor_id is None:
            found = await self.link.ask("GET", _visit_key(session_id))
            visitor_id = "" if found is None else found.decode()
        visitor = await self._read(visitor_id, reader, session_gap)
        visit = None if visitor is None else visitor.visit(session_id)
        return None if visitor is None or visit is None else (visitor, visit)

    async def forget(self, visitor_id: str, reader: Reader, session_gap: str = "30m") -> bool:
        """Forget a visitor at once; returns whether there was one.

        Raises:
            StateAwayError: Redis does not do what it should.
        """
        turn = self._turns.setdefault(visitor_id, asyncio.Lock())
        async with turn:
            self._at_hand.pop(visitor_id, None)
            visitor = await self._read(visitor_id, reader, session_gap)
            if visitor is None:
                return False
            visits = [_visit_key(str(visit.session_id)) for visit in visitor.live.visits]
            await self.link.ask("DEL", _visitor_key(visitor_id), *visits)
            return True

    async def _read(self, visitor_id: str, reader: Reader, session_gap: str) -> ServedVisitor | None:
        content = await self.link.ask("GET", _visitor_key(visitor_id))
        return None if content is None else _taken_apart(visitor_id, content, reader, session_gap)

    async def _replace(self, visitor: ServedVisitor, before: tuple[Visit, ...], stamp: bytes) -> bytes | None:
        """Write a visitor where the value still has ``stamp``; returns None, or the value that is there."""
        changed, content = os.urandom(_STAMP), visitor.to_bytes()
        now = visitor.live.visits
        if len(content) > LARGEST:
            now, content = (), ServedVisitor(visitor.visitor_id, visitor.live.reader, "30m").to_bytes()
        gone = [visit for visit in before if visit not in now]
        keys = [_visit_key(str(visit.session_id)) for visit in (*now, *gone)]
        there: Any = await self.link.ask(
            "EVAL", _REPLACE, 1 + len(keys), _visitor_key(visitor.visitor_id), *keys,
            stamp, changed + content, self._keep_ms, visitor.visitor_id, len(now),
        )  # fmt: skip
        if there != 1:
            return bytes(there)
        if now:
            self._hold(changed, visitor)
        return None

    def _hold(self, stamp: bytes, visitor: ServedVisitor) -> None:
        self._at_hand[visitor.visitor_id] = stamp, visitor
        if len(self._at_hand) > AT_HAND:
            self._at_hand.popitem(last=False)


def _taken_apart(visitor_id: str, content: bytes, reader: Reader, session_gap: str) -> ServedVisitor | None:
    if not content:
        return None
    visitor = ServedVisitor(visitor_id, reader, session_gap)
    visitor.restore(content[_STAMP:])
    return visitor


def _visitor_key(visitor_id: str) -> str:
    return f"{PREFIX}:visitor:{visitor_id}"


def _visit_key(session_id: str) -> str:
    return f"{PREFIX}:visit:{session_id}"
