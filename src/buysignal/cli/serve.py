"""The command that serves a bundle over HTTP."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from buysignal.cli.options import BundlePath
from buysignal.cli.root import app


@app.command()
def serve(
    bundle: BundlePath,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 is every network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.", min=0, max=65535)] = 8000,
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable with the API key (several: commas between).")
    ] = None,
    state: Annotated[
        str,
        typer.Option(
            help="Where visitors are remembered: memory, or redis://host:6379/0 for several servers.",
            envvar="BUYSIGNAL_STATE",
            show_envvar=True,
        ),
    ] = "memory",
    cors: Annotated[
        list[str] | None, typer.Option(help="Origin whose pages may ask, such as https://shop.example.")
    ] = None,
    rate_limit: Annotated[
        str | None, typer.Option(help="Of one client's address, such as 100/s or 600/m.")
    ] = None,
    max_body: Annotated[str, typer.Option(help="Largest body, with its unit.")] = "1MB",
    visitors: Annotated[int, typer.Option(help="Visitors remembered at most.", min=1)] = 100_000,
    forget_after: Annotated[str, typer.Option(help="When a visitor not seen is forgotten.")] = "7d",
    log_requests: Annotated[
        bool, typer.Option("--log-requests", help="Log every request, not problems alone.")
    ] = False,
    watch: Annotated[bool, typer.Option(help="Exchange the bundle when its folder is replaced.")] = True,
) -> None:
    """Serve scores and suggestions over HTTP, while visits go on."""
    from buysignal.errors import InputError
    from buysignal.serve.run import require_api, serve

    require_api()
    from buysignal.serve.settings import Settings
    from buysignal.serve.state import Bounds

    keys: tuple[str, ...] = ()
    if api_key_env is not None:
        given = os.environ.get(api_key_env, "")
        if not given.strip():
            raise InputError(
                f"the environment variable {api_key_env} is empty", todo="set it to a long random text"
            )
        keys = tuple(key.strip() for key in given.split(","))
    settings = Settings(
        api_keys=keys, cors=tuple(cors or ()), rate_limit=rate_limit, max_body=max_body,
        state=Bounds(visitors, forget_after), store=state, log_requests=log_requests, watch=watch,
    )  # fmt: skip
    serve(bundle, settings, host=host, port=port)
