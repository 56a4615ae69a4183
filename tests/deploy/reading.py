"""What the tests of deployment share: manifests, tools, and command lines as the command line reads them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer.main
import yaml

from buysignal import cli

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "buysignal"
KUBERNETES = "1.34"

Manifest = dict[str, Any]


def manifests(text: str) -> list[Manifest]:
    return [one for one in yaml.safe_load_all(text) if one]


def parsed(words: list[str]) -> dict[str, Any]:
    """Return the parameters of a command line, as the command line itself reads them."""
    command = typer.main.get_command(cli.app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]  # type: ignore[attr-defined]
    assert not hasattr(command, "commands"), "no such command"
    return command.make_context(str(command.name), list(words)).params


def pod_of(manifest: Manifest) -> Manifest | None:
    """Return the pod that a Deployment or CronJob makes: metadata and spec."""
    spec = manifest.get("spec", {})
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec.get("template") if manifest["kind"] in {"Deployment", "CronJob"} else None


def containers(pod: Manifest) -> Iterator[Manifest]:
    yield from pod["spec"].get("initContainers", [])
    yield from pod["spec"]["containers"]


_VALID: set[str] = set()


def validate(manifest: Manifest) -> None:
    """Hold a manifest to Kubernetes' own schemas; one that was found valid is not looked at again."""
    text = json.dumps(manifest, sort_keys=True)
    if text not in _VALID:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        _VALID.add(text)


def tool(name: str) -> str:
    """Return where a tool lies, or skip; ``scripts/deploy-tools.sh`` builds those that are missing."""
    where = subprocess.run(
        [ROOT / "scripts" / "deploy-tools.sh", "where"], capture_output=True, text=True, check=True
    ).stdout.strip()
    found = shutil.which(name, path=os.pathsep.join([where, os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"{name} is not there; scripts/deploy-tools.sh builds it")
    return found


def run(*command: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, **more)


def helm(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return run(tool("helm"), *words)


def rendered(*words: str | Path) -> str:
    """Return the chart as Helm renders it with further options."""
    done = helm(
        "template",
        "buysignal",
        CHART,
        "--namespace",
        "buysignal",
        "--kube-version",
        f"{KUBERNETES}.0",
        *words,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(*words: str | Path) -> str:
    """Return why Helm does not render the chart with further options."""
    done = helm("template", "buysignal", CHART, "--kube-version", f"{KUBERNETES}.0", *words)
    assert done.returncode != 0
    return done.stderr
