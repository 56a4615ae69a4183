"""How many requests a client may make: a token bucket for each address, bounded in number."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_CLIENTS = 10_000


class RateLimit:
    """Lets each client make ``count`` requests in ``seconds``, all of them at once if it likes.

    >>> limit = RateLimit(2.0, clock=lambda: 0.0)
    >>> [limit.wait_s("a"), limit.wait_s("a"), limit.wait_s("a"), limit.wait_s("b")]
    [0.0, 0.0, 0.5, 0.0]
    """

    def __init__(
        self, count: float, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = count / seconds
        self._most = max(1.0, count)
        self._clock = clock
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """Count a request of ``client``; returns 0, or the seconds to wait where it had too many."""
        now = self._clock()
        left, since = self._clients.get(client, (self._most, now))
        left = min(self._most, left + (now - since) * self._rate)
        allowed = left >= 1
        self._clients[client] = (left - 1 if allowed else left, now)
        self._clients.move_to_end(client)
        if len(self._clients) > MOST_CLIENTS:
            self._clients.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate
