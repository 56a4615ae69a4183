"""A trained bundle in a folder of models, and the app reading it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from buysignal.app.bundles import MODELS
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
