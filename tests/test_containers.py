"""Dockerfile and compose.yaml against what they start: commands, ports, paths, the lock.

No container runs here. What can be held without one is held: every command line is parsed by the real command
line, every port and path is the one the program has, and the image gets nothing but what is locked.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from buysignal import cli

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = [name for name, service in SERVICES.items() if service.get("image") == "buysignal"]
PIN = re.compile(r"^([a-z0-9][\w.-]*)(?:\[[\w,-]+\])?==([^ \n]+)", re.MULTILINE)


def instruction(name: str) -> list[str]:
    """Return what stands behind each ``name`` of the Dockerfile, continued lines joined."""
    lines = DOCKERFILE.replace("\\\n", " ").splitlines()
    return [line.removeprefix(f"{name} ").strip() for line in lines if line.startswith(f"{name} ")]


def parsed(words: list[str]) -> dict[str, Any]:
    """Return the parameters of a command line, as the command line itself reads them."""
    command = typer.main.get_command(cli.app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]  # type: ignore[attr-defined]
    assert not hasattr(command, "commands"), "no such command"
    return command.make_context(str(command.name), list(words)).params


@pytest.mark.parametrize("name", [name for name in OWN if "entrypoint" not in SERVICES[name]])
def test_every_service_of_ours_is_a_command_that_exists(name: str) -> None:
    assert parsed(SERVICES[name]["command"])


def test_the_services_are_the_ones_that_are_promised() -> None:
    assert {"api", "worker", "app", "retrain", "monitor"} <= set(OWN)
    assert {"redis", "kafka", "mlflow"} <= set(SERVICES) - set(OWN)


def test_the_jobs_look_where_the_registry_and_the_events_are() -> None:
    script = SERVICES["monitor"]["entrypoint"][-1]
    mounts = {v.split(":")[1]: v.split(":")[0] for v in SERVICES["monitor"]["volumes"] if "{" not in v}
    assert (ROOT / mounts[script]).is_file()
    found, given = parsed(SERVICES["retrain"]["command"]), SERVICES["monitor"]["environment"]
    assert Path(given["BUNDLE"]) == found["registry"] / "champion"
    assert mounts[str(found["registry"])] == "./models/registry"
    for name in ("retrain", "monitor"):
        assert SERVICES[name]["profiles"] == ["jobs"]


def test_mlflow_takes_the_options_and_is_the_version_that_is_locked() -> None:
    lock = dict(PIN.findall((ROOT / "requirements-dev.txt").read_text(encoding="utf-8")))
    server = SERVICES["mlflow"]
    assert server["image"].endswith(f":v{lock['mlflow']}")
    chart = (ROOT / "deploy" / "helm" / "buysignal" / "values.yaml").read_text(encoding="utf-8")
    assert server["image"] in chart


def test_what_the_image_writes_is_given_a_place() -> None:
    (written,) = map(json.loads, instruction("VOLUME"))
    for name in OWN:
        given = [
            *SERVICES[name]["tmpfs"],
            *(v.split(":")[1] for v in SERVICES[name].get("volumes", []) if "{" not in v),
        ]
        assert set(written) <= set(given), name


def test_the_image_serves_by_default_where_its_health_is_asked() -> None:
    (start,), (default,), (port,) = instruction("ENTRYPOINT"), instruction("CMD"), instruction("EXPOSE")
    assert json.loads(start) == ["python", "-m", "buysignal"]
    found = parsed(json.loads(default))
    assert (found["host"], str(found["port"])) == ("0.0.0.0", port)
    (check,) = instruction("HEALTHCHECK")
    assert f"http://127.0.0.1:{port}/healthz" in check
    compile(json.loads(check[check.index("[") :])[2], "HEALTHCHECK", "exec")


def test_the_checks_of_health_are_of_the_ports_that_are_listened_to() -> None:
    api, app = parsed(SERVICES["api"]["command"]), parsed(SERVICES["app"]["command"])
    assert SERVICES["api"]["ports"] == [f"127.0.0.1:{api['port']}:{api['port']}"]
    assert SERVICES["app"]["ports"] == [f"127.0.0.1:{app['port']}:{app['port']}"]
    worker = SERVICES["worker"]
    asked = worker["healthcheck"]["test"][-1]
    assert f":{parsed(worker['command'])['health_port']}/healthz" in asked
    compile(asked, "healthcheck", "exec")
    check = SERVICES["app"]["healthcheck"]["test"]
    assert f":{app['port']}/_stcore/health" in check[-1]
    compile(check[-1], "healthcheck", "exec")
    assert app["browser"] is False


def test_the_doors_meet_where_they_look_for_one_another() -> None:
    kafka = SERVICES["kafka"]["environment"]
    inside = dict(one.split("://") for one in kafka["KAFKA_ADVERTISED_LISTENERS"].split(","))["INSIDE"]
    worker, replay = parsed(SERVICES["worker"]["command"]), parsed(SERVICES["replay"]["command"])
    topics = SERVICES["topics"]["command"]
    assert worker["bootstrap"] == replay["bootstrap"] == inside == "kafka:9092"
    assert f"--bootstrap-server={inside}" in topics
    assert f"--topic={worker['events']}" in topics
    assert replay["events"] == worker["events"]
    assert SERVICES["topics"]["image"] == SERVICES["kafka"]["image"]
    assert "@redis:6379/0" in SERVICES["api"]["environment"]["BUYSIGNAL_STATE"]


def test_what_is_named_of_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUYSIGNAL_STATE", "redis://somewhere:6379/0")
    found = parsed(SERVICES["api"]["command"])
    assert found["state"] == "redis://somewhere:6379/0"
    assert found["api_key_env"] in SERVICES["api"]["environment"]


def test_secrets_come_from_the_environment_alone() -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    lines = [line.split(" #")[0] for line in text.splitlines() if not line.lstrip().startswith("#")]
    secret = [line for line in lines if re.search(r"password|requirepass|api_key:", line, re.IGNORECASE)]
    assert len(secret) == 6
    for line in secret:
        assert "requirepass" in line or re.search(r"\$\{\w+:\?|\$\$REDIS_PASSWORD", line), line
    assert not re.search(r"\b(ENV|ARG)\b.*(KEY|PASSWORD|SECRET)", DOCKERFILE)


def test_whoever_waits_waits_for_something_that_can_be_told() -> None:
    healthy = {name for name, service in SERVICES.items() if "test" in service.get("healthcheck", {})} | {
        "api"
    }
    waited = 0
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            waited += 1
            if how["condition"] == "service_healthy":
                assert name in healthy
            else:
                assert how["condition"] == "service_completed_successfully"
                assert "restart" not in SERVICES[name]
    assert waited >= 5
    named = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert {name for name in named if not name.startswith((".", "$"))} == set(COMPOSE["volumes"])


def test_the_image_runs_as_nobody_special_and_holds_nothing_but_the_package() -> None:
    (user,) = instruction("USER")
    assert user == "10001:10001"
    assert "--uid 10001" in DOCKERFILE
    allowed = re.findall(
        r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    copied = [line.split()[0] for line in instruction("COPY") if not line.startswith("--from")]
    assert sorted(copied) == sorted(allowed)
    assert all((ROOT / name).exists() for name in copied)
    for name in OWN:
        assert SERVICES[name]["read_only"] is True
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name


def test_the_images_lock_pins_with_hashes_what_the_image_needs_as_development_does() -> None:
    import tomllib

    lock = (ROOT / "requirements-serve.txt").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements-serve.txt" in DOCKERFILE
    entry = r"[a-z0-9][\w.-]*(?:\[[\w,-]+\])?==[^\n]+(?: \\\n {4}--hash=sha256:[0-9a-f]{64})+\n"
    assert re.sub(entry, "", lock) == ""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = settings["optional-dependencies"]
    declared = [*settings["dependencies"], *extras["app"], *extras["api"], *extras["stream"]]
    pins = PIN.findall(lock)
    names = {re.split(r"[^\w.-]", line)[0].lower() for line in declared}
    assert names <= {name for name, _ in pins}
    development = PIN.findall((ROOT / "requirements-dev.txt").read_text(encoding="utf-8"))
    assert set(pins) <= set(development), "run: make lock"


def test_the_tools_that_know_these_files_find_nothing() -> None:
    folder = Path(sys.executable).parent
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    for command in (
        ["hadolint", "Dockerfile"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"],
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, workflows)],
    ):
        done = subprocess.run(
            [folder / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_compose_itself_understands_every_profile_and_asks_for_the_secrets() -> None:
    where = subprocess.run(
        [ROOT / "scripts" / "deploy-tools.sh", "where"], capture_output=True, text=True, check=True
    )
    found = shutil.which("docker-compose", path=f"{where.stdout.strip()}{os.pathsep}{os.environ['PATH']}")
    plugin = shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True)
    if found is None and not (plugin and plugin.returncode == 0):
        pytest.skip("Docker Compose is not there")
    words = ["docker", "compose"] if found is None else [found]
    command = [*words, "--profile", "*", "config", "--quiet"]
    secrets = {"BUYSIGNAL_API_KEY": "k", "BUYSIGNAL_REDIS_PASSWORD": "p"}
    for missing in (None, *secrets):
        given = {**os.environ, **{name: value for name, value in secrets.items() if name != missing}}
        given = {name: value for name, value in given.items() if name != missing}
        done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=60)
        assert (done.returncode == 0) is (missing is None), done.stderr
        assert missing is None or missing in done.stderr


def test_the_tools_find_what_is_wrong(tmp_path: Path) -> None:
    folder = Path(sys.executable).parent
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /tmp && sudo true\n")
    (tmp_path / "compose.yaml").write_text("services: {api: {imagine: 1}}\n")
    for command in (
        ["hadolint", "Dockerfile"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"],
    ):
        done = subprocess.run(
            [folder / command[0], *command[1:]], cwd=tmp_path, capture_output=True, timeout=120
        )
        assert done.returncode == 1
