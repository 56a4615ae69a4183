"""A thin client of the REST door: plain Python, one connection, the server's sentences as errors.

It needs nothing but the standard library, so a shop's own program can use it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

from buysignal.errors import BuysignalError

Json = dict[str, Any]


class ServerError(BuysignalError):
    """What the server refused, or why it could not be asked.

    Attributes:
        status: of HTTP; 0 where there was no answer.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Client:
    """Asks one server; used by one thread at a time.

    Args:
        url: such as ``http://127.0.0.1:8000``.
        api_key: where the server wants one.
        timeout_s: seconds that an answer may take.
    """

    def __init__(self, url: str, *, api_key: str | None = None, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
        self._base = parts.path.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if api_key is not None:
            self._headers["X-API-Key"] = api_key

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        self._connection.close()

    def click(self, event: Mapping[str, Any], *, reasons: bool = False) -> Json:
        """Send the next event of a visit that the server keeps; returns the visit's scores.

        Args:
            event: columns of the events table; ``event_time`` as ISO 8601 with its offset.
            reasons: say what moves the score.

        Raises:
            ServerError: the event is not what is allowed, or the server cannot be reached.
        """
        return self._ask("POST", "/v1/score", {"event": dict(event), "reasons": reasons})

    def visit(self, events: Sequence[Mapping[str, Any]], *, reasons: bool = False) -> Json:
        """Return the scores of a visit, all of whose events are sent; the server keeps nothing."""
        return self._ask("POST", "/v1/score", {"events": [dict(e) for e in events], "reasons": reasons})

    def visits(self, visits: Sequence[Sequence[Mapping[str, Any]]]) -> list[Json]:
        """Return the scores of many visits, in their order."""
        asked = {"visits": [{"events": [dict(e) for e in events]} for events in visits]}
        found: list[Json] = self._ask("POST", "/v1/score/batch", asked)["scores"]
        return found

    def rows(self, rows: Sequence[Mapping[str, Any]], *, reasons: bool = False) -> list[Json]:
        """Return the scores of session rows, in their order, where the server's bundle reads such rows.

        Args:
            rows: values by column name, None where nothing is known; times as ISO 8601 with their offset.
            reasons: say what moves each score.
        """
        asked = {"rows": [dict(row) for row in rows], "reasons": reasons}
        found: list[Json] = self._ask("POST", "/v1/score/rows", asked)["scores"]
        return found

    def keep(self, events: Sequence[Mapping[str, Any]]) -> Json:
        """Send events to be kept and not scored; returns what became of them."""
        return self._ask("POST", "/v1/events", {"events": [dict(e) for e in events]})

    def session(self, session_id: str, *, reasons: bool = False) -> Json:
        """Return the scores of a visit that the server keeps."""
        query = "?reasons=true" if reasons else ""
        return self._ask("GET", f"/v1/sessions/{quote(session_id, safe='')}{query}")

    def segments(self) -> list[Json]:
        """Return the kinds of visits that the bundle knows."""
        found: list[Json] = self._ask("GET", "/v1/segments")["segments"]
        return found

    def recommend(
        self, items: Sequence[str] | None = None, *, session_id: str | None = None, **wishes: Any
    ) -> list[Json]:
        """Return what to show next, after ``items`` or to a visit that the server keeps.

        Args:
            wishes: ``count``, ``leave_out``, ``only``, ``categories``, ``price_low``, ``price_high``,
                ``diversity``, ``again``, as in ``recommender.Wishes``.
        """
        asked = {"items": None if items is None else list(items), "session_id": session_id, **wishes}
        found: list[Json] = self._ask("POST", "/v1/recommendations", asked)["recommendations"]
        return found

    def forget(self, visitor_id: str) -> bool:
        """Let the server forget a visitor; returns whether it knew one."""
        found: bool = self._ask("DELETE", f"/v1/visitors/{quote(visitor_id, safe='')}")["forgotten"]
        return found

    def ready(self) -> Json:
        """Return which bundle is in use, and whether something is wrong."""
        return self._ask("GET", "/readyz")

    def _ask(self, method: str, path: str, asked: Json | None = None) -> Json:
        body = None if asked is None else json.dumps(asked, allow_nan=False).encode()
        response, content = self._answered(method, self._base + path, body)
        try:
            found: Json = json.loads(content)
        except ValueError:
            raise ServerError(response.status, f"the answer of {path} is no JSON") from None
        if response.status >= 400:
            raise ServerError(response.status, str(found.get("error", f"status {response.status}")))
        return found

    def _answered(self, method: str, path: str, body: bytes | None) -> tuple[HTTPResponse, bytes]:
        fresh = self._connection.sock is None
        try:
            return self._once(method, path, body)
        except (OSError, HTTPException) as error:
            self.close()
            # A connection that was idle may have been closed; only what changes nothing is asked again.
            if fresh or method != "GET":
                raise _unreachable(error) from error
        try:
            return self._once(method, path, body)
        except (OSError, HTTPException) as error:
            self.close()
            raise _unreachable(error) from error

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[HTTPResponse, bytes]:
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        return response, response.read()


def _unreachable(error: Exception) -> ServerError:
    return ServerError(0, f"the server gave no answer: {error or type(error).__name__}")
