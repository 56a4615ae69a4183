"""Which tracking server, with which credentials, and no secret in anything that is shown."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from buysignal.errors import DependencyError, InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_URI = "sqlite:///mlflow.db"
"""A file in the current directory; the runs' files lie beside it, in ``mlruns``."""

URI_VARIABLE, REPO_VARIABLE = "MLFLOW_TRACKING_URI", "DAGSHUB_REPO"
_USER, _PASSWORD, _TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "DAGSHUB_USER_TOKEN"
_SECRETS = (_PASSWORD, _TOKEN, "MLFLOW_TRACKING_TOKEN")
_USERINFO = re.compile(r"(?<=://)[^/\s]*@")

_PATIENCE = {
    # MLflow's own defaults wait for minutes on a server that is not there.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    # A training reports to nobody but the server that was named.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A link for each of a hundred runs is noise, and costs three requests each.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass(frozen=True)
class Server:
    """Where runs are logged.

    Attributes:
        uri: as MLflow takes it; it may hold a password, so show ``shown``.
        variables: what MLflow must find in the environment while it is asked.
    """

    uri: str = field(repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        """The address without user and password."""
        return _USERINFO.sub("", self.uri)

    @property
    def look(self) -> str:
        """Where or how the runs can be looked at."""
        remote = self.uri.startswith(("http://", "https://"))
        return self.shown if remote else f"mlflow ui --backend-store-uri {self.shown}"


def installed() -> bool:
    """Return whether MLflow can be imported."""
    return importlib.util.find_spec("mlflow") is not None


def configured(uri: str | None = None) -> bool:
    """Return whether a server is named, here or by the environment."""
    return bool(uri or os.environ.get(URI_VARIABLE) or os.environ.get(REPO_VARIABLE))


def server_of(uri: str | None = None) -> Server:
    """Return the server that is named, that the environment names, or the default.

    In this order: ``uri``; ``MLFLOW_TRACKING_URI`` (which ``dagshub.init`` sets, too); ``DAGSHUB_REPO`` as
    ``owner/name``, with a token in ``DAGSHUB_USER_TOKEN`` or user and password in
    ``MLFLOW_TRACKING_USERNAME`` and ``MLFLOW_TRACKING_PASSWORD``; a SQLite file in the current directory.

    Raises:
        InputError: ``DAGSHUB_REPO`` is no repository's name.
    """
    named = uri or os.environ.get(URI_VARIABLE)
    if named:
        return Server(named)
    repo = os.environ.get(REPO_VARIABLE)
    return _dagshub(repo) if repo else Server(DEFAULT_URI)


def _dagshub(repo: str) -> Server:
    if re.fullmatch(r"[\w.-]+/[\w.-]+", repo) is None:
        raise InputError(f"{REPO_VARIABLE} is '{repo}'", allowed="owner/name, as in the repository's address")
    # By this variable DagsHub's own client finds an installation of one's own.
    host = os.environ.get("DAGSHUB_CLIENT_HOST", "https://dagshub.com").rstrip("/")
    token = os.environ.get(_TOKEN)
    variables = {}
    if token and not os.environ.get(_PASSWORD):
        # DagsHub takes a token for the password, and beside it any name of its owner or the token again.
        variables = {_USER: os.environ.get(_USER) or token, _PASSWORD: token}
    return Server(f"{host}/{repo}.mlflow", variables)


@contextmanager
def asked(server: Server) -> Iterator[MlflowClient]:
    """Give a client of the server; the environment is afterwards as it was before.

    Raises:
        DependencyError: MLflow is not installed.
        InputError: the server is away, refuses, or fails; the sentence holds no secret.
    """
    if not installed():
        raise DependencyError("mlflow", "track")
    wanted = {name: value for name, value in _PATIENCE.items() if name not in os.environ}
    with _environment({**wanted, **server.variables}):
        import mlflow
        from sqlalchemy.exc import SQLAlchemyError

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        try:
            yield mlflow.MlflowClient(tracking_uri=server.uri)
        except (mlflow.MlflowException, SQLAlchemyError, OSError) as error:
            raise refused(server, error) from None


def refused(server: Server, error: Exception) -> InputError:
    """Return the sentence for what a server did not do.

    The error itself may hold the address with its password, so it is not chained to what is raised.
    """
    said = hide_secrets(str(error).strip())
    lines = said.splitlines() or [type(error).__name__]
    if re.search(r"\b401\b|not authenticated|Unauthorized", said):
        return InputError(
            f"the tracking server {server.shown} refuses these credentials",
            todo=f"set {_USER} and {_PASSWORD}, for DagsHub {_TOKEN}",
        )
    return InputError(
        f"the tracking server {server.shown} did not answer as it should: {lines[0][:300]}",
        todo="check the address, and that the server is up",
    )


def hide_secrets(text: str) -> str:
    """Return ``text`` without user and password in addresses, and without secrets of the environment.

    >>> hide_secrets("https://shop:secret@mlflow.example.org/api failed")
    'https://mlflow.example.org/api failed'
    """
    for name in _SECRETS:
        secret = os.environ.get(name)
        if secret:
            text = text.replace(secret, "***")
    return _USERINFO.sub("", text)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
