"""What the server answers where its bundle reads session rows: rows in, scores out, nothing kept."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model

from buysignal import pseudonyms
from buysignal.errors import InputError
from buysignal.serve import schemas
from buysignal.serve.answers import Answer, NotFoundError, segments_of
from buysignal.serve.in_use import BundleInUse
from buysignal.serve.quick import QuickRoute
from buysignal.serve.schemas import Asked, Text
from buysignal.serve.session_rows import SessionRowScorer
from buysignal.sources.profile import ColumnType

MOST_ROWS = 1_000
MOST_WITH_REASONS = 20

PATH = "/v1/score/rows"

OF_EVENTS = (
    ("POST", "/v1/score"), ("POST", "/v1/score/batch"), ("POST", "/v1/events"),
    ("POST", "/v1/recommendations"), ("GET", "/v1/sessions/{session_id}"),
    ("DELETE", "/v1/visitors/{visitor_id:path}"),
)  # fmt: skip
"""What is asked of a bundle that reads events."""

_TYPES: dict[ColumnType, Any] = {
    "text": Text | float | None,
    "number": float | None,
    "integer": float | None,
    "boolean": bool | None,
    "time": AwareDatetime | None,
    "date": AwareDatetime | None,
}


class RowsAsked(Asked):
    """Session rows by column name."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"reasons": {"const": True}}, "required": ["reasons"]},
            "then": {"properties": {"rows": {"maxItems": MOST_WITH_REASONS}}},
        }
    )

    rows: list[Any]
    reasons: bool = Field(
        default=False, description=f"say what moves each score, of {MOST_WITH_REASONS} rows at most"
    )


class RowAnswers:
    """Everything the routes call.

    Args:
        in_use: the bundle.

    Raises:
        InputError: the key to hash ids with cannot be used.
    """

    def __init__(self, in_use: BundleInUse[SessionRowScorer]) -> None:
        self._ids = pseudonyms.from_environment()
        self._in_use = in_use

    async def score(self, asked: RowsAsked) -> Answer:
        """Return the scores of rows, in their order."""
        if asked.reasons and len(asked.rows) > MOST_WITH_REASONS:
            raise InputError(
                f"reasons are asked for {len(asked.rows)} rows", allowed=f"{MOST_WITH_REASONS} at once"
            )
        rows = [row.model_dump(by_alias=True) for row in asked.rows]
        # Batch's own path takes milliseconds, in which other requests are answered.
        scores = await asyncio.to_thread(self._in_use.scorer.scores, rows, reasons=asked.reasons)
        if self._ids is not None:
            for one in scores:
                if one.get("session_id") is not None:
                    one["session_id"] = self._ids(str(one["session_id"]))
        return {"scores": scores}

    def segments(self) -> Answer:
        """Return the kinds of visits that the bundle knows, with their evidence."""
        return segments_of(self._in_use.scorer.bundle)


def add_row_routes(app: FastAPI, in_use: BundleInUse[SessionRowScorer]) -> None:
    """Add what a bundle that reads session rows is asked; the rest is answered with a sentence."""
    answers = RowAnswers(in_use)

    async def rows(asked: Any) -> Answer:
        """Score session rows; nothing is kept.

        Every column that the bundle reads must be there, null where nothing is known of it. The other
        columns of such a table may come along and are not read.
        """
        return await answers.score(asked)

    # The page describes the bundle's own columns.
    rows.__annotations__["asked"] = rows_asked(in_use.scorer)
    app.router.add_api_route(
        PATH, rows, methods=["POST"], response_model=schemas.RowScores, responses=schemas.PROBLEMS,
        summary="Score session rows", tags=["scores"], route_class_override=QuickRoute,
    )  # fmt: skip

    @app.get(
        "/v1/segments", response_model=schemas.Segments, responses=schemas.PROBLEMS, tags=["scores"],
        summary="The kinds of visits",
    )  # fmt: skip
    async def segments() -> Any:
        return answers.segments()

    for method, path in OF_EVENTS:
        refuse(app, method, path, f"This bundle reads session rows. What to do: send them to {PATH}.")


def refuse(app: FastAPI, method: str, path: str, sentence: str) -> None:
    """Answer what this bundle cannot be asked with a sentence; the page of the interface leaves it out."""

    async def refused() -> None:
        raise NotFoundError(sentence)

    app.add_api_route(path, refused, methods=[method], include_in_schema=False)


def rows_asked(scorer: SessionRowScorer) -> type[RowsAsked]:
    """Return the model of a request: the bundle's columns, each with its type, and an example."""
    read: dict[str, Any] = {
        f"column_{at}": (_TYPES[kind], Field(alias=name, description=_described(scorer, name)))
        for at, (name, kind) in enumerate(scorer.columns.items())
    }
    known = [name for name in scorer.bundle.profile.columns if name not in scorer.columns]
    unread: dict[str, Any] = {
        f"unread_{at}": (Any, Field(default=None, alias=name, exclude=True, description="not read"))
        for at, name in enumerate(known)
    }
    row: type[BaseModel] = create_model(
        "SessionRow", __base__=Asked, __doc__="One visit, by column name.", **read, **unread
    )
    field = Field(min_length=1, max_length=MOST_ROWS, examples=[[scorer.example()]])
    return create_model(
        "RowsRequest",
        __base__=RowsAsked,
        __doc__=RowsAsked.__doc__,
        rows=(list[row], field),
    )


def _described(scorer: SessionRowScorer, name: str) -> str:
    if name == scorer.bundle.profile.roles.session:
        return "comes back with the score"
    if name == scorer.bundle.profile.roles.time:
        return "start of the visit, with its offset"
    when = scorer.bundle.profile.known.get(name, "end")
    return {"start": "known at the start of the visit", "during": "grows during the visit"}.get(when, "")
