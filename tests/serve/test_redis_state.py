"""Visitors in a real Redis: the same answers as from memory, shared by servers, lost by none."""

from __future__ import annotations

import asyncio
import inspect
import io
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal.bundle import Bundle
from buysignal.errors import InputError
from buysignal.features.live import OPEN_VISITS
from buysignal.features.visitor import RECENT
from buysignal.serve.live_scores import LiveScorer, Standing, standing_after, standing_of
from buysignal.serve.logs import Log
from buysignal.serve.settings import Settings
from buysignal.serve.state import Bounds, MemoryState
from buysignal.serve.visitor import ServedVisitor
from shop import Shop

from .redis_server import RedisServer, running_redis

pytest.importorskip("redis", reason="the extra 'api' is not installed")

from buysignal.serve import redis_state
from buysignal.serve.redis_link import RedisLink, StateAwayError
from buysignal.serve.redis_state import RedisState

State = MemoryState | RedisState


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def used(shop: Shop) -> Bundle:
    return shop.bundle


@pytest.fixture(params=["memory", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "redis":
        request.getfixturevalue("redis")
    return str(request.param)


@asynccontextmanager
async def in_redis(server: RedisServer, bounds: Bounds | None = None) -> AsyncIterator[RedisState]:
    """Yield a state as a server process has it."""
    link = RedisLink(server.url, Log(io.StringIO()), timeout_s=5.0)
    try:
        yield RedisState(link, bounds)
    finally:
        await link.close()


@asynccontextmanager
async def opened(
    kind: str, request: pytest.FixtureRequest, bounds: Bounds | None = None
) -> AsyncIterator[State]:
    """Yield a state that knows nobody."""
    if kind == "memory":
        yield MemoryState(bounds)
        return
    async with in_redis(request.getfixturevalue("redis"), bounds) as state:
        await state.link.ask("FLUSHALL")
        yield state


async def said(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer


async def click(scorer: LiveScorer, state: State, event: dict[str, Any]) -> Standing:
    return standing_after(event, *await said(state.note(event, scorer.reader, scorer.session_gap)))


async def look_up(
    scorer: LiveScorer, state: State, session: str, visitor: str | None = None
) -> Standing | None:
    known = await said(state.find(session, scorer.reader, visitor))
    return None if known is None else standing_of(*known)


async def forget(scorer: LiveScorer, state: State, visitor: str) -> bool:
    more = () if isinstance(state, MemoryState) else (scorer.reader,)
    return bool(await said(state.forget(visitor, *more)))


def view(visitor: str, session: str | None = "s", **more: Any) -> dict[str, Any]:
    return {"visitor_id": visitor, "session_id": session, "event_name": "view_item", "item_id": "i", **more}


def test_the_answers_are_those_of_memory_and_visits_are_looked_up(
    kind: str, request: pytest.FixtureRequest, used: Bundle, events: pa.Table
) -> None:
    async def run() -> None:
        scorer, steady = LiveScorer(used), MemoryState()
        last = {}
        async with opened(kind, request) as state:
            for event in events.slice(0, 600).to_pylist():
                told, found = scorer.click(steady, event), await click(scorer, state, event)
                assert scorer.scores(found) == scorer.scores(told)
                last[told.session_id, told.visitor_id] = told
            for (session, visitor), told in last.items():
                for whose in (None, visitor):
                    found_again = await look_up(scorer, state, session, whose)
                    assert found_again is not None
                    np.testing.assert_array_equal(found_again.row, told.row)
            assert await look_up(scorer, state, "nobody's") is None
            assert await look_up(scorer, state, session, "somebody else") is None

    asyncio.run(run())


def test_an_id_that_comes_twice_counts_once(kind: str, request: pytest.FixtureRequest, used: Bundle) -> None:
    async def run() -> None:
        scorer = LiveScorer(used)
        async with opened(kind, request) as state:
            first = await click(scorer, state, view("a", event_id="e1"))
            again = await click(scorer, state, view("a", event_id="e1"))
            other = await click(scorer, state, view("a", event_id="e2"))
            assert (first.repeated, again.repeated, other.repeated) == (False, True, False)
            assert (first.clicks, again.clicks, other.clicks) == (1, 1, 2)
            for number in range(RECENT):
                await click(scorer, state, view("a", event_id=f"n{number}"))
            assert not (await click(scorer, state, view("a", event_id="e1"))).repeated

    asyncio.run(run())


def test_who_is_away_too_long_is_a_new_visitor(
    kind: str, request: pytest.FixtureRequest, used: Bundle
) -> None:
    async def run() -> None:
        scorer = LiveScorer(used)
        async with opened(kind, request, Bounds(forget_after="0.3s")) as state:
            assert (await click(scorer, state, view("a"))).clicks == 1
            assert await look_up(scorer, state, "s") is not None
            await asyncio.sleep(0.5)
            assert await look_up(scorer, state, "s") is None
            assert await look_up(scorer, state, "s", "a") is None
            assert (await click(scorer, state, view("a"))).clicks == 1

    asyncio.run(run())


def test_a_visitor_can_be_forgotten_at_once(kind: str, request: pytest.FixtureRequest, used: Bundle) -> None:
    async def run() -> None:
        scorer = LiveScorer(used)
        async with opened(kind, request) as state:
            await click(scorer, state, view("a"))
            assert await forget(scorer, state, "a")
            assert not await forget(scorer, state, "a")
            assert await look_up(scorer, state, "s") is None
            assert (await click(scorer, state, view("a"))).clicks == 1

    asyncio.run(run())


def test_a_visit_that_was_summed_up_is_not_found_any_more(
    kind: str, request: pytest.FixtureRequest, used: Bundle
) -> None:
    async def run() -> None:
        scorer = LiveScorer(used)
        async with opened(kind, request) as state:
            for number in range(OPEN_VISITS + 1):
                await click(scorer, state, view("a", f"s{number}"))
            assert await look_up(scorer, state, "s0") is None
            for number in range(1, OPEN_VISITS + 1):
                assert await look_up(scorer, state, f"s{number}") is not None

    asyncio.run(run())


def test_a_bundle_with_other_words_goes_on_with_the_same_visitors(
    kind: str, request: pytest.FixtureRequest, used: Bundle, events: pa.Table
) -> None:
    words = used.vocabulary
    assert words is not None
    turned = replace(
        words,
        items=words.items[::-1],
        categories=words.categories[::-1],
        levels={name: levels[::-1] for name, levels in words.levels.items()},
    )

    async def run() -> None:
        own, other = LiveScorer(used), LiveScorer(replace(used, vocabulary=turned))
        steady = MemoryState()
        async with opened(kind, request) as swapped:
            for number, event in enumerate(events.slice(0, 200).to_pylist()):
                await click(other if number % 2 else own, swapped, event)
                told = own.click(steady, event)
                found = await look_up(own, swapped, told.session_id, told.visitor_id)
                assert found is not None
                np.testing.assert_array_equal(found.row, told.row)

    asyncio.run(run())


def test_two_servers_that_change_the_same_visitors_at_once_lose_no_event(
    redis: RedisServer, used: Bundle
) -> None:
    """Three servers, each with clicks of five visitors under way together; every visit has them all."""

    async def run() -> None:
        scorer = LiveScorer(used)
        async with in_redis(redis) as one, in_redis(redis) as two, in_redis(redis) as three:
            await one.link.ask("FLUSHALL")
            sent = [view(f"v{number % 5}", f"s{number % 5}", price=float(number)) for number in range(300)]
            servers = (one, two, three)
            answers = await asyncio.gather(
                *(click(scorer, servers[number % 3], event) for number, event in enumerate(sent))
            )
            # Each click was answered with a different length of its visit: none overwrote another.
            lengths = Counter((answer.visitor_id, answer.clicks) for answer in answers)
            assert lengths == {(f"v{v}", clicks): 1 for v in range(5) for clicks in range(1, 61)}
            found = await look_up(scorer, two, "s0")
            assert found is not None
            assert found.clicks == 60

    asyncio.run(run())


def test_clicks_of_one_visitor_under_way_together_stay_in_order(redis: RedisServer, used: Bundle) -> None:
    async def run() -> None:
        scorer = LiveScorer(used)
        async with in_redis(redis) as state:
            await state.link.ask("FLUSHALL")
            names = [f"i{number}" for number in range(40)]
            answers = await asyncio.gather(*(click(scorer, state, view("a", item_id=name)) for name in names))
            assert [answer.clicks for answer in answers] == list(range(1, 41))
            found = await look_up(scorer, state, "s")
            assert found is not None
            from buysignal.recommender.live_looks import visit_so_far

            assert list(visit_so_far(found.visit).looked_at) == names

    asyncio.run(run())


def test_a_change_whose_answer_was_lost_is_made_once(redis: RedisServer, used: Bundle) -> None:
    """The same command given twice, as after a broken connection, changes once and says it is done."""

    async def run() -> None:
        async with in_redis(redis) as state:
            await state.link.ask("FLUSHALL")
            command = ("EVAL", redis_state._REPLACE, 2, "v", "s", b"", b"n" * 16 + b"text", 60_000, "v", 1)
            assert await state.link.ask(*command) == 1
            assert await state.link.ask(*command) == 1
            older = (*command[:5], b"o" * 16, b"m" * 16 + b"other", *command[7:])
            assert await state.link.ask(*older) == b"n" * 16 + b"text"
            assert await state.link.ask("GET", "v") == b"n" * 16 + b"text"

    asyncio.run(run())


def test_everything_is_kept_for_as_long_as_was_set_and_under_one_prefix(
    redis: RedisServer, used: Bundle
) -> None:
    async def run() -> None:
        scorer = LiveScorer(used)
        async with in_redis(redis, Bounds(forget_after="2h")) as state:
            await state.link.ask("FLUSHALL")
            await click(scorer, state, view("a"))
            keys = sorted(await state.link.ask("KEYS", "*"))
            prefix = redis_state.PREFIX
            assert keys == [f"{prefix}:visit:s".encode(), f"{prefix}:visitor:a".encode()]
            for key in keys:
                assert 7_000_000 < await state.link.ask("PTTL", key) <= 7_200_000

    asyncio.run(run())


def test_a_visitor_of_too_many_bytes_begins_anew(
    redis: RedisServer, used: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_state, "LARGEST", 2_000)

    async def run() -> list[int]:
        scorer = LiveScorer(used)
        async with in_redis(redis) as state:
            await state.link.ask("FLUSHALL")
            found = [(await click(scorer, state, view("a"))).clicks for _ in range(60)]
            key = f"{redis_state.PREFIX}:visitor:a"
            assert await state.link.ask("STRLEN", key) <= 2_016
            return found

    clicks = asyncio.run(run())
    assert clicks[:10] == list(range(1, 11))
    again = clicks.index(1, 1)
    assert clicks[again : again + 5] == [1, 2, 3, 4, 5]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "s1", "s2", "ß"]),
            st.integers(0, 10**10),
            st.sampled_from([None, "e1", "é"]),
        ),
        max_size=20,
    )
)
def test_a_visitor_as_bytes_goes_on_as_if_it_had_stayed(
    used: Bundle, steps: list[tuple[Any, int, Any]]
) -> None:
    import datetime

    reader = LiveScorer(used).reader
    stayed = ServedVisitor("v", reader, "30m")
    moved = ServedVisitor("v", reader, "30m")
    start = datetime.datetime(2025, 3, 20, tzinfo=datetime.UTC)
    for session, micros, event_id in steps:
        event = view(
            "v", session, event_id=event_id, event_time=start + datetime.timedelta(microseconds=micros)
        )
        told = stayed.note_once(event)
        content = moved.to_bytes()
        moved = ServedVisitor("v", reader, "30m")
        moved.restore(content)
        found = moved.note_once(event)
        assert (told is None) == (found is None)
        if told is not None and found is not None:
            assert told.session_id == found.session_id
            np.testing.assert_array_equal(stayed.live.row(told), moved.live.row(found))
    assert stayed.to_bytes() == moved.to_bytes()


def test_what_does_not_answer_is_told_in_words_without_the_address(used: Bundle, tmp_path: Path) -> None:
    async def run() -> None:
        link = RedisLink("redis://:secret@127.0.0.1:1/0", Log(io.StringIO()))
        with pytest.raises(StateAwayError, match="Redis does not answer") as caught:
            await RedisState(link).note(view("a"), LiveScorer(used).reader, "30m")
        assert caught.value.status == 503
        assert "secret" not in str(caught.value)
        assert "127.0.0.1" not in str(caught.value)
        assert link.failure == "Redis does not answer"
        await link.close()

    asyncio.run(run())


def test_an_address_may_say_how_long_redis_is_waited_for(redis: RedisServer, used: Bundle) -> None:
    async def run() -> None:
        link = RedisLink(f"{redis.url}?socket_timeout=0.05", Log(io.StringIO()))
        with redis.stalled(), pytest.raises(StateAwayError, match=r"no answer within 0\.05 s"):
            await link.ask("PING")
        await link.close()

    asyncio.run(run())


def test_the_password_of_the_address_is_used_and_a_wrong_one_is_told_in_words(
    redis: RedisServer, used: Bundle
) -> None:
    async def run() -> None:
        scorer = LiveScorer(used)
        async with in_redis(redis) as open_to_all:
            await open_to_all.link.ask("CONFIG", "SET", "requirepass", "sesame")
            try:
                for given in ("", ":wrong@"):
                    link = RedisLink(redis.url.replace("//", f"//{given}"), Log(io.StringIO()))
                    with pytest.raises(StateAwayError, match="refuses the password"):
                        await link.ask("PING")
                    await link.close()
                right = RedisLink(redis.url.replace("//", "//:sesame@"), Log(io.StringIO()))
                assert (await click(scorer, RedisState(right), view("secret"))).clicks == 1
                await right.close()
            finally:
                await open_to_all.link.ask("CONFIG", "SET", "requirepass", "")

    asyncio.run(run())


def test_a_full_redis_refuses_in_words(redis: RedisServer, used: Bundle) -> None:
    async def run() -> None:
        async with in_redis(redis) as state:
            await state.link.ask("CONFIG", "SET", "maxmemory", "1")
            try:
                with pytest.raises(StateAwayError, match="full and refuses to write"):
                    await click(LiveScorer(used), state, view("full"))
            finally:
                await state.link.ask("CONFIG", "SET", "maxmemory", "0")

    asyncio.run(run())


@pytest.mark.parametrize("place", ["redis", "localhost:6379", "http://host", "redis://host:port/0"])
def test_what_is_no_address_is_refused_without_being_repeated(place: str) -> None:
    with pytest.raises(InputError, match="redis://host:6379/0") as caught:
        RedisLink(Settings(store=place).store, Log())
    assert place not in str(caught.value).replace("redis://host:6379/0", "").split("Allowed")[0]
