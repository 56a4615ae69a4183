"""A route for what is asked thousands of times a second: declared as any other, answered with less around it.

FastAPI resolves dependencies, validates and serialises in Python around each call, which takes several times
what a score does. Here the same declared model reads the body (pydantic's own JSON reader), the endpoint is
called, and orjson writes the answer. The OpenAPI page is made from the declaration as always.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, get_type_hints

import orjson
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from buysignal.errors import InputError
from buysignal.serve.answers import NotFoundError

BODY = "buysignal.body"
"""Where the guard leaves the body in the scope."""

WHOLE = "buysignal.whole"
"""In the scope where a connection knows that all of the body has come."""

_JSON = (b"content-type", b"application/json")

Headers = list[tuple[bytes, bytes]]


class QuickRoute(APIRoute):
    """A POST route whose endpoint takes one pydantic model, its body, and returns plain values."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        asked = [hint for name, hint in get_type_hints(endpoint).items() if name != "return"]
        self.app = _Quick(endpoint, asked[0])


class _Quick:
    def __init__(
        self, endpoint: Callable[[Any], dict[str, Any] | Awaitable[dict[str, Any]]], model: type[BaseModel]
    ) -> None:
        self._endpoint = endpoint
        self._read = model.model_validate_json

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = self._endpoint(self._read(scope[BODY]))
            if not isinstance(answer, dict):
                answer = await answer
            status, content = 200, orjson.dumps(answer)
        except ValidationError as error:
            status, content = problem_of(error)
        except InputError as error:
            status, content = 422, problem(str(error))
        except NotFoundError as error:
            status, content = 404, problem(str(error))
        await respond(send, status, content)


async def respond(send: Send, status: int, content: bytes, more: Headers | None = None) -> None:
    """Send JSON as one answer."""
    headers = [_JSON, (b"content-length", b"%d" % len(content)), *(more or ())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def problem(sentence: str) -> bytes:
    """Return what is wrong as JSON."""
    return orjson.dumps({"error": sentence})


def problem_of(error: ValidationError) -> tuple[int, bytes]:
    """Return the status and the sentence for a body that is not what is allowed.

    What came is not repeated: it may be personal.
    """
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "json_invalid":
        return 400, problem(f"The body is no JSON: {said.removeprefix('Invalid JSON: ')}.")
    if first["type"] == "extra_forbidden":
        said = "there is no such key. Allowed: those of the page /docs"
    more = error.error_count() - 1
    rest = f" And {more} more." if more else ""
    return 422, problem(f"{f'{place}: ' if place else ''}{said}.{rest}")
