"""One connection, bounded: how long and how large the head of a request may be, and how it ends.

uvicorn bounds neither: a client that connects and says nothing, or never ends its headers, is waited for as
long as it likes. When told to stop it closes every connection without a request under way at once, and loses
what is on the wire at that moment. It writes the head and the body of an answer one after the other, each of
which wakes whoever waits.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from buysignal.serve.quick import WHOLE, problem

HEAD_S = 10.0
"""Seconds from the start of a connection, or of a request, to the end of its headers."""

MOST_HEAD = 64_000
"""Bytes of a request's first line and headers."""

LAST_CALL_S = 0.5
"""Seconds that a connection without a request under way stays open once the server is told to stop."""

_REASONS = {
    400: b"Bad Request",
    408: b"Request Timeout",
    431: b"Headers Too Large",
    503: b"Service Unavailable",
}


class Connection(HttpToolsProtocol):
    """uvicorn's connection with these bounds.

    Args:
        most: connections at once; one more is answered with 503 and closed.
        options: as uvicorn gives them.
    """

    def __init__(self, *, most: int, **options: Any) -> None:
        super().__init__(**options)
        self._most = most
        self._in_head = False
        self._head = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._last_call = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._most:
            self._refuse(503, "Too many connections are open. What to do: try again soon.")
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_has_come()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._bound_head(len(data))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_has_come()
        super().on_headers_complete()
        if self.scope["method"] != "HEAD":  # whose answer is a head that nothing follows
            self.cycle.transport = AtOnce(self.transport)  # type: ignore[assignment]
        if self._last_call:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        self.scope[WHOLE] = True  # type: ignore[literal-required]
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "This is no request of HTTP.")

    def shutdown(self) -> None:
        """Answer one more request, should it be on the wire, and close."""
        self._last_call = True
        if self._is_idle():
            self.loop.call_later(LAST_CALL_S, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close_if_idle(self) -> None:
        if self._is_idle() and not self.transport.is_closing():
            self.transport.close()

    def _bound_head(self, came: int) -> None:
        if self.transport.is_closing():
            return
        self._head += came
        if self._head > MOST_HEAD:
            self._refuse(
                431, f"The headers are too large. Allowed: {MOST_HEAD:,} bytes. What to do: send fewer."
            )
        elif self._head_timer is None:
            self._wait_for_head()

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def _head_has_come(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.transport.is_closing():
            return
        if not self._is_idle():
            self._wait_for_head()
        elif self._in_head:
            self._refuse(408, f"The request did not arrive within {HEAD_S:g} s. What to do: send it at once.")
        else:
            self.transport.close()

    def _refuse(self, status: int, sentence: str) -> None:
        content = problem(sentence)
        head = (
            b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n" % (status, _REASONS[status], len(content))
        )
        self.transport.write(head + content)
        self.transport.close()


class AtOnce:
    """The transport of one answer: its head waits for what follows, so that a small answer is one write.

    Args:
        transport: the connection's.
    """

    __slots__ = ("_head", "_past", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._past = False

    def write(self, data: bytes) -> None:
        """Write, or keep the head until there is more."""
        if self._past or data.startswith(b"HTTP/1.1 100 "):
            self._transport.write(data)
        elif self._head:
            self._past = True
            self._transport.write(self._head + data)
        else:
            self._head = data

    def close(self) -> None:
        """Write what waits, and close."""
        if self._head and not self._past:
            self._past = True
            self._transport.write(self._head)
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()
