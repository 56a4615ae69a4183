"""A trained bundle in a folder of models, and the app reading it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from buysignal.app.bundles import MODELS
from buysignal.app.launch import command
from shop import Shop

ROOT = Path(__file__).parents[2]
VIEWS = "src/buysignal/app/views"


@pytest.fixture
def models(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one bundle, called demo."""
    folder = tmp_path / "models"
    shutil.copytree(shop.folder, folder / "demo")
    monkeypatch.setenv(MODELS, str(folder))
    return folder


@pytest.fixture
def no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing was trained."""
    monkeypatch.setenv(MODELS, str(tmp_path / "none"))


@pytest.fixture(scope="session")
def address(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has the shop's bundle; nobody changes what it has."""
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(shop.folder, models / "demo")
    with served(models) as url:
        yield url


@contextmanager
def served(models: Path) -> Iterator[str]:
    """The address of the app with the bundles in ``models``, while it runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with (models / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command(port), "--server.address", "127.0.0.1"],
            env={**os.environ, MODELS: str(models)}, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=20)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        assert server.poll() is None, "the server ended"
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.25)
    raise AssertionError("the server does not answer")


def started() -> AppTest:
    """Return the app after its first run."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=180).run()
    assert not app.exception
    return app


def opened(app: AppTest, page: str) -> AppTest:
    """Return the app on another page."""
    app.switch_page(f"{VIEWS}/{page}.py").run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    """Return all that the page says in words."""
    elements = [*app.title, *app.header, *app.subheader, *app.markdown, *app.caption, *app.error, *app.info]
    labels = [f"{metric.label} {metric.value}" for metric in app.metric]
    return "\n".join([str(element.value) for element in elements] + labels)


def metric(app: AppTest, label: str) -> str:
    """Return the value of a metric."""
    return str(next(m.value for m in app.metric if m.label == label))
