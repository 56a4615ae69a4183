"""Starting the server: one process, its socket, its end."""

from __future__ import annotations

import gc
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
    _many_files()
    _few_collections()
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, server_header=False, date_header=False,
        timeout_keep_alive=IDLE_S, timeout_graceful_shutdown=GRACE_S, backlog=4_096,
        limit_concurrency=MOST_CONNECTIONS, ws="none", **_quickest(),
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


def _quickest() -> dict[str, Any]:
    """Return the event loop and the parser written in C, where they are installed."""
    loop = "uvloop" if find_spec("uvloop") else "asyncio"
    return {"loop": loop, "http": "httptools" if find_spec("httptools") else "h11"}


def _many_files() -> None:
    """Allow as many open connections as the system lets this process have."""
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _few_collections() -> None:
    """Keep the collector of reference cycles from walking through all visitors again and again.

    What a visit is made of holds no cycles and is freed at once when it is forgotten.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 1_000)
