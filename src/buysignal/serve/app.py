"""The REST door: every route, declared once."""

from __future__ import annotations

import asyncio
import inspect
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from buysignal import __version__
from buysignal.errors import InputError
from buysignal.serve import schemas
from buysignal.serve.answers import Answers, NotFoundError
from buysignal.serve.guard import Guard, RefusedError
from buysignal.serve.logs import Log
from buysignal.serve.metrics import CONTENT_TYPE, Metrics
from buysignal.serve.quick import QuickRoute, problem
from buysignal.serve.readiness import Readiness
from buysignal.serve.row_answers import PATH as ROWS
from buysignal.serve.row_answers import add_row_routes, refuse
from buysignal.serve.settings import Settings
from buysignal.serve.state import MemoryState
from buysignal.serve.stores import answers_of, bundle_in_use, store_of

_ABOUT = """Scores of visits while they go on: will this visitor buy, how much, which kind of visit is it, and
what to show next. A score is called conversion only where `proxy` is false; where `simulated` is true the
model has learned from a simulated shop."""

Id = Annotated[str, InPath(min_length=1, max_length=200)]


class Application(FastAPI):
    """FastAPI, with a way past its own middleware for what is asked thousands of times a second.

    Attributes:
        first: whom quick requests go to at once; None where other middleware has to see them.
    """

    first: Guard | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.first is not None and self.first.is_quick(scope):
            await self.first(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def make_app(bundle: str | Path, settings: Settings | None = None, *, log: Log | None = None) -> FastAPI:
    """Return the application that serves a bundle.

    Args:
        bundle: the folder of a bundle.
        settings: limits, keys and bounds; the defaults where None.
        log: where it writes; standard error where None.

    Raises:
        BundleError: there is no such bundle.
        InputError: what is set cannot be used.
    """
    settings = settings or Settings()
    log = log or Log()
    in_use = bundle_in_use(Path(bundle), log)
    of_events = in_use.scorer.bundle.reads_events
    state = store_of(settings, log) if of_events else None
    metrics = Metrics(lambda: 0 if state is None else len(state))
    metrics.uses(in_use.scorer.bundle.version)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        log.info("serving", bundle=in_use.scorer.bundle.version, buysignal=__version__)
        tasks: list[asyncio.Task[Any]] = []
        if settings.watch:
            tasks.append(asyncio.create_task(in_use.watch(metrics)))
        link = None if state is None or isinstance(state, MemoryState) else state.link
        if link is not None:
            tasks.append(asyncio.create_task(link.watch()))
        with _on_hangup(lambda: tasks.append(asyncio.create_task(in_use.reload(metrics)))):
            yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if link is not None:
            await link.close()
        log.info("stopped")

    app = Application(title="buysignal", version=__version__, description=_ABOUT, lifespan=lifespan)
    # The last one added is the outermost: nothing passes the guard's limits but what a browser asks of CORS.
    quick: dict[str, QuickRoute] = {}
    guard = Guard(quick, settings, metrics, log)
    app.add_middleware(guard.around)
    app.first = None if settings.cors else guard
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "POST"],
            allow_headers=["content-type", "x-api-key", "authorization"],
        )
    if state is None:
        add_row_routes(app, in_use)
    else:
        answers = answers_of(in_use, state, metrics)
        _live_routes(app, answers)
        _other_routes(app, answers)
        refuse(app, "POST", ROWS, "This bundle reads events. What to do: send a visit's events to /v1/score.")
    _health_routes(app, Readiness(in_use, state, metrics.registry), metrics)
    _problems(app)
    quick.update({route.path: route for route in app.routes if isinstance(route, QuickRoute)})
    app.state.in_use, app.state.metrics, app.state.visits = in_use, metrics, state
    return app


@contextmanager
def _on_hangup(work: Callable[[], object]) -> Iterator[None]:
    """Call ``work`` whenever the process is sent SIGHUP, where there is such a signal."""
    loop = asyncio.get_running_loop()
    heard = False
    # Not on Windows, and only in the main thread.
    with suppress(NotImplementedError, RuntimeError, ValueError, AttributeError):
        loop.add_signal_handler(signal.SIGHUP, work)
        heard = True
    try:
        yield
    finally:
        if heard:
            loop.remove_signal_handler(signal.SIGHUP)


def _live_routes(app: FastAPI, answers: Answers) -> None:
    def quick(path: str, endpoint: Any, model: Any, summary: str, tag: str) -> None:
        app.router.add_api_route(
            path, endpoint, methods=["POST"], response_model=model, responses=schemas.PROBLEMS,
            summary=summary, tags=[tag], route_class_override=QuickRoute,
        )  # fmt: skip

    quick("/v1/score", answers.score, schemas.Score, "Score a visit", "scores")
    quick(
        "/v1/recommendations", answers.recommend, schemas.Recommendations, "Suggest what to show next",
        "recommendations",
    )  # fmt: skip
    quick("/v1/events", answers.keep, schemas.Kept, "Take in events", "visits")
    quick("/v1/score/batch", answers.batch, schemas.Scores, "Score many visits", "scores")


def _other_routes(app: FastAPI, answers: Answers) -> None:
    @app.get(
        "/v1/sessions/{session_id}", response_model=schemas.Score, responses=schemas.PROBLEMS,
        summary="Score a visit that the server keeps", tags=["visits"], response_model_exclude_unset=True,
    )  # fmt: skip
    async def session(
        session_id: Id,
        visitor_id: Annotated[str | None, Query(max_length=200)] = None,
        reasons: bool = False,
    ) -> Any:
        found = answers.session(session_id, visitor_id, reasons)
        return await found if inspect.isawaitable(found) else found

    @app.delete(
        "/v1/visitors/{visitor_id:path}", response_model=schemas.Forgotten, responses=schemas.PROBLEMS,
        summary="Forget a visitor", tags=["visits"],
    )  # fmt: skip
    async def visitor(visitor_id: Id) -> Any:
        done = answers.forget(visitor_id)
        return await done if inspect.isawaitable(done) else done

    @app.get(
        "/v1/segments", response_model=schemas.Segments, responses=schemas.PROBLEMS, tags=["scores"],
        summary="The kinds of visits",
    )  # fmt: skip
    async def segments() -> Any:
        return answers.segments()


def _health_routes(app: FastAPI, readiness: Readiness, metrics: Metrics) -> None:
    @app.get("/healthz", tags=["health"], summary="Whether the process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", tags=["health"], summary="Whether it can score, and with what")
    async def readyz() -> dict[str, Any]:
        return readiness.told()

    @app.get("/metrics", tags=["health"], summary="Figures for Prometheus", response_class=Response)
    async def figures() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)


def _problems(app: FastAPI) -> None:
    """Answer every problem with one sentence, whoever finds it."""

    def answer(status: int, sentence: str, headers: Any = None) -> Response:
        return Response(problem(sentence), status, headers, "application/json")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        known = {
            404: "There is no such page. Allowed: those of /docs.",
            405: "This page is not asked that way.",
        }
        return answer(error.status_code, known.get(error.status_code, str(error.detail)), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return answer(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")

    @app.exception_handler(NotFoundError)
    async def missing(request: Request, error: NotFoundError) -> Response:
        return answer(404, str(error))

    @app.exception_handler(RefusedError)
    async def away(request: Request, error: RefusedError) -> Response:
        headers = {name.decode(): value.decode() for name, value in error.headers}
        return answer(error.status, str(error), headers)

    @app.exception_handler(InputError)
    async def unusable(request: Request, error: InputError) -> Response:
        return answer(422, str(error))
