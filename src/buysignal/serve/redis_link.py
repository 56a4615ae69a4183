"""The way to Redis: one connection, on which everything that is asked meanwhile travels together.

A command costs a Python client several times what it costs Redis. While one trip is under way, commands
gather, and the next trip takes them all: a busy server makes few trips, and an idle one waits for nobody.
Whatever is asked must bear being asked twice, because a trip is made once more, on a fresh connection, before
it counts as failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

from buysignal.errors import InputError
from buysignal.serve.guard import RefusedError
from buysignal.serve.logs import Log

TIMEOUT_S = 1.0
"""How long Redis may take over a trip before it counts as away; ``?socket_timeout=`` of an address wins."""

LOOK_S = 0.5
"""Seconds between looks whether Redis is there and takes writes."""

MOST_TOGETHER = 500
"""Commands of one trip."""

_PROBE = ("SET", "buysignal:probe", b"", "PX", 60_000)

Command = Sequence[Any]

_WORDS: dict[type[Exception], str] = {
    BusyLoadingError: "Redis is still reading its data",
    AuthenticationError: "Redis refuses the password",
    NoPermissionError: "Redis does not allow this user to read and write",
    OutOfMemoryError: "Redis is full and refuses to write",
    ReadOnlyError: "this Redis is a replica and refuses to write",
    ResponseError: "Redis refuses the command",
}


class StateAwayError(RefusedError):
    """Redis does not do what it should: answered with 503, and when to try again."""

    def __init__(self, why: str) -> None:
        super().__init__(
            503,
            f"What is remembered of visitors cannot be reached: {why}. What to do: try again in a second, or "
            "send all events of the visit, which needs no memory.",
            [(b"retry-after", b"1")],
        )
        self.why = why


class RedisLink:
    """Asks one Redis, from one event loop.

    Args:
        url: such as ``redis://host:6379/0``, or ``rediss://:password@host:6380/0`` with TLS.
        log: where it is told that Redis was lost or found.
        timeout_s: how long a trip may take.

    Attributes:
        failure: in words why Redis does not do what it should; None where it does.

    Raises:
        InputError: the address is none.
    """

    def __init__(self, url: str, log: Log, timeout_s: float = TIMEOUT_S) -> None:
        self.failure: str | None = None
        self._log = log
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._travelling: asyncio.Task[None] | None = None
        self._redis = _client(url, timeout_s)
        self._timeout_s = float(self._redis.connection_pool.connection_kwargs["socket_timeout"])

    async def ask(self, *command: Any) -> Any:
        """Return what Redis answers to a command that may be given twice.

        Raises:
            StateAwayError: there was no answer in time, or it was a refusal.
        """
        if self.failure is not None:
            raise StateAwayError(self.failure)
        return await self._sent(command)

    async def watch(self) -> None:
        """Look again and again whether Redis takes writes, until cancelled."""
        while True:
            try:
                await self._sent(_PROBE)
            except StateAwayError as away:
                self._lost(away.why)
            else:
                self._found()
            await asyncio.sleep(LOOK_S)

    async def close(self) -> None:
        """Break off what is under way, and close the connection."""
        if self._travelling is not None:
            self._travelling.cancel()
            await asyncio.gather(self._travelling, return_exceptions=True)
        await self._redis.aclose()

    def _sent(self, command: Command) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((command, answer))
        if self._travelling is None:
            self._travelling = loop.create_task(self._travel())
        return answer

    async def _travel(self) -> None:
        """Make trips for as long as somebody waits."""
        try:
            while self._waiting:
                together, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
                try:
                    answers = await self._trip([command for command, _ in together])
                except (RedisError, OSError, TimeoutError) as error:
                    why = self._words(error)
                    self._lost(why)
                    # Who came meanwhile need not wait as long to hear the same.
                    together, self._waiting = together + self._waiting, []
                    answers = [error] * len(together)
                self._hand_out(together, answers)
        finally:
            self._travelling = None

    async def _trip(self, commands: list[Command]) -> list[Any]:
        try:
            async with asyncio.timeout(2 * self._timeout_s), self._redis.pipeline(transaction=False) as trip:
                for command in commands:
                    trip.execute_command(*command)
                found: list[Any] = await trip.execute(raise_on_error=False)
                return found
        except BaseException:
            # A connection on which answers are still to come must not be asked again.
            await self._redis.connection_pool.disconnect()
            raise

    def _hand_out(self, together: list[tuple[Command, asyncio.Future[Any]]], answers: list[Any]) -> None:
        for (_, waiting), answer in zip(together, answers, strict=True):
            if waiting.done():
                continue
            if isinstance(answer, Exception):
                waiting.set_exception(StateAwayError(self._words(answer)))
            else:
                waiting.set_result(answer)

    def _lost(self, why: str) -> None:
        if self.failure is None:
            self._log.error("state lost", why=why)
        self.failure = why

    def _found(self) -> None:
        if self.failure is not None:
            self._log.info("state found again")
        self.failure = None

    def _words(self, error: Exception) -> str:
        """Return what went wrong, without addresses and passwords, which the client's words hold."""
        if isinstance(error, RedisTimeoutError | TimeoutError):
            return f"Redis gave no answer within {self._timeout_s:g} s"
        return next(
            (words for kind, words in _WORDS.items() if isinstance(error, kind)), "Redis does not answer"
        )


def _client(url: str, timeout_s: float) -> Redis:
    try:
        return Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 1),
            retry_on_error=[],
            max_connections=1,
        )
    except ValueError as error:
        # The address may hold a password, so it is not repeated.
        raise InputError(
            "the address of the state cannot be read",
            allowed="memory, redis://host:6379/0, or rediss://:password@host:6380/0 for TLS",
        ) from error
