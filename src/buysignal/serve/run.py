"""Starting the server: one process, its socket, its end."""

from __future__ import annotations

import gc
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from buysignal.errors import DependencyError, InputError
from buysignal.serve.settings import Settings

GRACE_S = 10
"""Seconds that requests under way have, once the server is told to stop."""

IDLE_S = 30
"""Seconds after which a connection that asks nothing is closed."""

MOST_CONNECTIONS = 20_000
"""At once; fewer where the system allows the process fewer files."""

OWN_FILES = 200
"""Files that are left for the process itself, so that it can read a new bundle whoever connects."""

_PACKAGES = ("fastapi", "uvicorn", "orjson", "prometheus_client")


def serve(bundle: Path, settings: Settings, *, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve a bundle until the process is told to stop; requests under way are answered first.

    Raises:
        BundleError: there is no such bundle, or it does not read events.
        DependencyError: the extra ``api`` is not installed.
        InputError: the address cannot be used.
    """
    require_api()
    import uvicorn

    from buysignal.serve.app import make_app
    from buysignal.serve.logs import Log, take_over

    log = Log()
    take_over(log, "uvicorn", "asyncio")
    app = make_app(bundle, settings, log=log)
    most = min(MOST_CONNECTIONS, _many_files() - OWN_FILES)
    _few_collections()
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, server_header=False, date_header=False,
        timeout_keep_alive=IDLE_S, timeout_graceful_shutdown=GRACE_S, backlog=4_096,
        limit_concurrency=most + 1, ws="none", loop="uvloop" if find_spec("uvloop") else "asyncio",
        http=_protocol(most),
    )  # fmt: skip
    try:
        bound = config.bind_socket()
    except (OSError, SystemExit) as error:
        raise InputError(
            f"{host}:{port} cannot be listened to",
            allowed="a free port of this machine",
            todo="choose another",
        ) from error
    uvicorn.Server(config).run(sockets=[bound])


def require_api() -> None:
    """Say so where the extra is missing.

    Raises:
        DependencyError: it is.
    """
    for package in _PACKAGES:
        if find_spec(package) is None:
            raise DependencyError(package.replace("_", "-"), "api")


def _protocol(most: int) -> Any:
    """Return the connections that bound what a client may do; plain ones where the parser in C is missing."""
    if find_spec("httptools") is None:
        return "h11"
    from buysignal.serve.connection import Connection

    return partial(Connection, most=most)


def _many_files() -> int:
    """Allow as many open files as the system lets this process have; returns how many that are."""
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return MOST_CONNECTIONS + OWN_FILES
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else MOST_CONNECTIONS + OWN_FILES


def _few_collections() -> None:
    """Keep the collector of reference cycles from walking through all visitors again and again.

    What a visit is made of holds no cycles and is freed at once when it is forgotten.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 1_000)
