"""What every request passes: key, rate, size and time of its body; and what is counted and logged of it."""

from __future__ import annotations

import asyncio
import hmac
import math
import time
from collections.abc import Mapping
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from buysignal.serve.limits import RateLimit
from buysignal.serve.logs import Log
from buysignal.serve.metrics import Metrics
from buysignal.serve.quick import BODY, WHOLE, QuickRoute, problem, respond
from buysignal.serve.settings import Settings, bytes_of, rate_of

OPEN = ("/healthz", "/readyz")
"""Paths that a load balancer asks, without a key or a limit."""

_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
_CLOSE = (b"connection", b"close")

Headers = list[tuple[bytes, bytes]]


class RefusedError(Exception):
    """A request that is not let in: the status, a sentence, and headers that go with it."""

    def __init__(self, status: int, sentence: str, headers: Headers | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers or []


class Guard:
    """ASGI middleware around all routes.

    Args:
        quick: routes that are asked thousands of times a second, by their path; they are gone to at once.
        settings: limits and keys.
        metrics, log: where requests are counted and told.
    """

    def __init__(
        self, quick: Mapping[str, QuickRoute], settings: Settings, metrics: Metrics, log: Log
    ) -> None:
        self._app: ASGIApp | None = None
        self._quick = quick
        self._metrics = metrics
        self._log = log
        self._settings = settings
        self._keys = [key.encode() for key in settings.api_keys]
        self._most = bytes_of(settings.max_body, "max_body")
        self._limit = None if settings.rate_limit is None else RateLimit(*rate_of(settings.rate_limit))

    def around(self, app: ASGIApp) -> Guard:
        """Guard these routes; to be handed to ``add_middleware``."""
        self._app = app
        return self

    def is_quick(self, scope: Scope) -> bool:
        """Return whether a request goes to one of the quick routes."""
        return scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._quick

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._others(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 0

        async def telling(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            self._let_in(scope)
            if scope["method"] in _WITH_BODY:
                scope[BODY] = body = await self._body(scope, receive)
                receive = _replayed(body, receive)
            route = self._quick.get(scope["path"]) if scope["method"] == "POST" else None
            if route is None:
                await self._others(scope, receive, telling)
            else:
                scope["route"] = route
                await route.app(scope, receive, telling)
        except RefusedError as refused:
            await respond(telling, refused.status, problem(str(refused)), refused.headers)
        except _GoneError:
            status = 499
        except Exception as error:
            await self._failed(error, telling, started=status != 0)
            status = 500
        self._told(scope, status, time.perf_counter() - begin)

    async def _others(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._app is not None
        await self._app(scope, receive, send)

    def _let_in(self, scope: Scope) -> None:
        """Check the key, the rate and the size that is announced.

        Raises:
            RefusedError: one of them does not do.
        """
        if scope["path"] in OPEN:
            return
        headers = dict(scope["headers"])
        if self._keys and not self._has_key(headers):
            raise RefusedError(
                401,
                "The API key is missing or wrong. What to do: send it as the header X-API-Key.",
                [(b"www-authenticate", b"ApiKey")],
            )
        if self._limit is not None:
            client = scope.get("client") or ("unknown", 0)
            wait = self._limit.wait_s(client[0])
            if wait > 0:
                raise RefusedError(
                    429,
                    f"Too many requests. Allowed: {self._settings.rate_limit}. What to do: wait.",
                    [(b"retry-after", b"%d" % math.ceil(wait))],
                )
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most:
            raise self._too_large()

    def _has_key(self, headers: dict[bytes, bytes]) -> bool:
        given = headers.get(b"x-api-key", b"")
        if not given:
            given = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        # Every key is compared, and each in constant time: how long it takes tells nothing.
        matches = [hmac.compare_digest(given, key) for key in self._keys]
        return any(matches)

    def _too_large(self, headers: Headers | None = None) -> RefusedError:
        return RefusedError(
            413,
            f"The body is too large. Allowed: {self._settings.max_body}. What to do: send it in parts.",
            headers,
        )

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Return the body, at most as large and as slow as allowed.

        Raises:
            RefusedError: it is larger or slower.
        """
        try:
            # A clock for what is here already would cost more than reading it.
            message = await receive() if WHOLE in scope else None
            if message is None or message.get("more_body", False):
                async with asyncio.timeout(self._settings.body_timeout_s):
                    return await self._in_pieces(message or await receive(), receive)
            if message["type"] == "http.disconnect":
                raise _GoneError
            body: bytes = message.get("body", b"")
            if len(body) > self._most:
                raise self._too_large()
            return body
        except TimeoutError:
            raise RefusedError(
                408,
                f"The body did not arrive within {self._settings.body_timeout_s:g} s.",
                [_CLOSE],
            ) from None

    async def _in_pieces(self, message: Message, receive: Receive) -> bytes:
        pieces, size = [], 0
        while True:
            if message["type"] == "http.disconnect":
                raise _GoneError
            piece = message.get("body", b"")
            pieces.append(piece)
            size += len(piece)
            more = message.get("more_body", False)
            if size > self._most:
                # How much is still to come is not known.
                raise self._too_large([_CLOSE] if more else None)
            if not more:
                return b"".join(pieces)
            message = await receive()

    async def _failed(self, error: Exception, send: Send, *, started: bool) -> None:
        number = uuid4().hex[:12]
        trace, place = error.__traceback__, "unknown"
        while trace is not None:
            place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
            trace = trace.tb_next
        self._log.error("unexpected", number=number, kind=type(error).__name__, place=place)
        if not started:
            await respond(send, 500, problem(f"Something unexpected happened; the log knows it as {number}."))

    def _told(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        path = getattr(route, "path", "other")
        self._metrics.answered(path, status, seconds)
        if status >= 400 or self._settings.log_requests:
            tell = self._log.warning if status >= 400 else self._log.info
            tell("request", route=path, method=scope["method"], status=status, ms=round(seconds * 1e3, 3))


class _GoneError(Exception):
    """The client went away before its request was whole."""


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that hands out the body that was read already."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
