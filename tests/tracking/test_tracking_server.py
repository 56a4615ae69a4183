"""A real MLflow server behind a password, under a path as DagsHub has it; its registry's champion served."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pandas as pd
import pytest
from typer.testing import CliRunner

from buysignal import scoring, sources, tracking
from buysignal.cli import app
from buysignal.errors import InputError
from buysignal.mlflow_model import example_of
from buysignal.tracking import EXPERIMENTS, pending
from buysignal.tracking.fetched import pull
from conftest import Made, as_sent
from shop import Shop

mlflow = pytest.importorskip("mlflow", reason="the extra 'track' is not installed")
pytest.importorskip("flask_wtf", reason="MLflow's basic-auth app needs it")

USER, PASSWORD = "keeper", "a-long-password-1"
REPO = "anna/clicks"
PATIENCE_S = 180
NAME = "buysignal-conversion"

AUTH = """[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/auth.db
admin_username = {user}
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
grant_default_workspace_access = false
auth_cache_ttl_seconds = 600
"""


@dataclass(frozen=True)
class Hub:
    """The server: where it is, and where its repository's tracking is."""

    host: str

    @property
    def uri(self) -> str:
        return f"{self.host}/{REPO}.mlflow"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def started(command: list[str], ready: str, variables: dict[str, str], log: Path) -> Iterator[None]:
    """Run one of MLflow's servers in a process group of its own until the end of the block."""
    program = shutil.which("mlflow", path=str(Path(sys.executable).parent))
    assert program is not None
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    env = {
        **os.environ,
        "PATH": places,
        "OMP_NUM_THREADS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **variables,
    }
    with log.open("w") as told, subprocess.Popen(
        [program, *command], stdout=told, stderr=told, start_new_session=True, env=env, cwd=log.parent
    ) as process:  # fmt: skip
        try:
            until = time.monotonic() + PATIENCE_S
            while not answers(ready):
                assert process.poll() is None, log.read_text()[-2_000:]
                assert time.monotonic() < until, log.read_text()[-2_000:]
                time.sleep(0.3)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """``mlflow server --app-name basic-auth`` on a free port."""
    folder = tmp_path_factory.mktemp("hub")
    (folder / "auth.ini").write_text(AUTH.format(folder=folder, user=USER, password=PASSWORD))
    port = free_port()
    command = [
        "server", "--app-name", "basic-auth", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination", str(folder / "files"), "--static-prefix", f"/{REPO}.mlflow",
    ]  # fmt: skip
    variables = {
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of this test",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    hub = Hub(f"http://127.0.0.1:{port}")
    with started(command, f"{hub.uri}/health", variables, folder / "log.txt"):
        yield hub


@pytest.fixture
def dagshub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment by which the repository is found, with the right token."""
    monkeypatch.setenv("DAGSHUB_CLIENT_HOST", hub.host)
    monkeypatch.setenv("DAGSHUB_REPO", REPO)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", USER)
    monkeypatch.setenv("DAGSHUB_USER_TOKEN", PASSWORD)


@pytest.fixture(scope="module")
def logged(hub: Hub, training_of_shop: Made) -> Path:
    """A training that the server refused first and got later."""
    training = training_of_shop("logged", rows=2, tasks=("conversion", "revenue", "segments"))
    with pytest.MonkeyPatch.context() as here:
        here.chdir(training.parent)
        here.setenv("MLFLOW_TRACKING_USERNAME", USER)
        here.setenv("MLFLOW_TRACKING_PASSWORD", "wrong-password-1")
        with pytest.raises(InputError, match=r"refuses these credentials.*buysignal track sync") as refused:
            tracking.log_training(training, uri=hub.uri)
        assert "wrong-password-1" not in str(refused.value)
        assert len(pending.waiting()) == 1
        # Noted twice, as after a crash between the last request and the note's removal.
        pending.note_training(training, tracking.Facts())
        here.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
        first, second = tracking.sync(uri=hub.uri)
        assert f"version 1 of '{NAME}', and its champion" in first
        assert "Logged 0 runs" in second
        assert not pending.waiting()
    return training


def test_the_server_asks_for_a_password(hub: Hub) -> None:
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{hub.uri}/api/2.0/mlflow/experiments/get?experiment_id=0")


def test_what_was_refused_stands_there_once(logged: Path, hub: Hub, dagshub: None) -> None:
    report = tracking.training_of(logged, tracking.Facts()).report
    with tracking.servers.asked(tracking.server_of()) as client:
        for task in ("conversion", "revenue", "segments"):
            experiment = client.get_experiment_by_name(EXPERIMENTS[task]).experiment_id
            runs = client.search_runs([experiment])
            tables = [table for table in report.tables if table.task == task]
            (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
            assert len(runs) == 1 + sum(len(table.rows) for table in tables)
            files = {file.path for file in client.list_artifacts(parent.info.run_id)}
            assert {"report.html", "audit.json", "pictures"} <= files
        (table, *_) = [table for table in report.tables if table.task == "conversion"]
        experiment = client.get_experiment_by_name(EXPERIMENTS["conversion"]).experiment_id
        (champion,) = client.search_runs([experiment], "tags.`buysignal.champion` = 'true'")
        points = client.get_metric_history(champion.info.run_id, "by_click/roc_auc")
    told = {int(part.slice.removeprefix("k=")): part.metrics.get("roc_auc") for part in table.per_k}
    assert {point.step: point.value for point in points} == {k: v for k, v in told.items() if v is not None}


def test_a_later_training_challenges_and_status_says_so(
    logged: Path, training_of_shop: Made, dagshub: None, shop: Shop
) -> None:
    said = tracking.log_training(training_of_shop("later-there"))
    assert f"version 2 of '{NAME}', and its challenger" in said
    told = CliRunner().invoke(app, ["track", "status", "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["models"][NAME]["champion"] == {
        "version": "1",
        "bundle": shop.bundle.version,
        "damage": None,
    }
    assert found["models"][NAME]["challenger"]["version"] == "2"
    assert found["waiting"] == 0
    for text in (told.output, said):
        assert PASSWORD not in text


def test_the_champion_comes_back_by_its_alias(
    logged: Path, hub: Hub, dagshub: None, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pull(NAME, tmp_path / "served") == shop.bundle.version
    for name, value in (("URI", hub.uri), ("USERNAME", USER), ("PASSWORD", PASSWORD)):
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(hub.uri)
    try:
        model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    finally:
        mlflow.set_tracking_uri(before)
    events = sources.load(shop.events).table.slice(0, 300)
    told = scoring.score(shop.bundle, events).table
    found = model.predict(as_sent(events))
    assert found["session_id"].tolist() == told["session_id"].tolist()
    assert found["probability"].tolist() == pytest.approx(told["probability"].tolist(), abs=1e-9)


def test_mlflow_serves_the_champion_from_the_registry(
    logged: Path, hub: Hub, shop: Shop, tmp_path: Path
) -> None:
    port = free_port()
    command = ["models", "serve", "-m", f"models:/{NAME}@champion", "--env-manager", "local"]
    command += ["-p", str(port)]
    variables = {
        "MLFLOW_TRACKING_URI": hub.uri,
        "MLFLOW_TRACKING_USERNAME": USER,
        "MLFLOW_TRACKING_PASSWORD": PASSWORD,
    }  # fmt: skip
    visit = example_of(shop.bundle)
    body = json.dumps({"dataframe_records": visit.to_dict(orient="records")}).encode()
    with started(command, f"http://127.0.0.1:{port}/ping", variables, tmp_path / "serve.log"):
        request = Request(f"http://127.0.0.1:{port}/invocations", body, {"content-type": "application/json"})
        with urlopen(request, timeout=60) as answer:
            found = pd.DataFrame(json.loads(answer.read())["predictions"])
    told = scored_here(shop, visit)
    assert found["probability"].tolist() == pytest.approx(told["probability"].tolist(), abs=1e-9)
    assert found["expected_revenue"].tolist() == pytest.approx(told["expected_revenue"].tolist(), abs=1e-9)


def scored_here(shop: Shop, visit: pd.DataFrame) -> pd.DataFrame:
    """Return what the scorer itself says of the visit."""
    from buysignal.mlflow_model import events_of

    return scoring.score(shop.bundle, events_of(visit)).table
