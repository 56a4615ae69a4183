"""GitHub's workflows: rights, pins, limits; read by actionlint where it is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from .reading import ROOT, parsed, run, tool

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
BY_TAG = {"google-github-actions/get-gke-credentials@v2"}
"""Actions whose commit is not known for sure; docs/deployment.md names them."""


def workflow(file: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key "on" as true.
    found: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in found.items()}


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in workflow(file)["jobs"].values() for step in job["steps"]]


def test_what_is_promised_is_there() -> None:
    assert {file.stem for file in FILES} >= {"ci", "image", "retrain", "deploy", "docs"}


def test_actionlint_and_the_schemas_find_nothing() -> None:
    done = run(tool("actionlint"), *FILES)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_workflow_may_read_and_a_job_says_what_it_may_more(file: Path) -> None:
    found = workflow(file)
    assert found["permissions"] == {"contents": "read"}
    text = file.read_text(encoding="utf-8")
    assert "write-all" not in text
    assert "pull_request_target" not in text
    for job in found["jobs"].values():
        assert job["timeout-minutes"] <= 240
        assert "contents" not in job.get("permissions", {}) or job["permissions"]["contents"] == "read"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_actions_are_pinned_by_their_commit(file: Path) -> None:
    used = re.findall(r"uses: (\S+)(?: # (\S+))?", file.read_text(encoding="utf-8"))
    for action, version in used:
        if action in BY_TAG:
            assert action.split("@")[0] in (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
            continue
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r"v\d+\.\d+\.\d+", version), action


def test_an_action_has_one_commit_everywhere() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in FILES)
    pins: dict[str, set[str]] = {}
    for action in re.findall(r"uses: (\S+)", text):
        name, _, pin = action.partition("@")
        pins.setdefault(name, set()).add(pin)
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}


def test_no_expression_of_a_stranger_stands_in_a_script() -> None:
    """What others can write (titles, branches, inputs) reaches a script by the environment alone."""
    for file in FILES:
        for step in steps(file):
            assert not re.search(r"\$\{\{\s*(github\.(event|head_ref)|inputs)", step.get("run", ""))


def test_checkouts_leave_no_login_behind() -> None:
    for file in FILES:
        for step in steps(file):
            if "actions/checkout@" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def test_retraining_is_scheduled_and_one_at_a_time() -> None:
    found = workflow(FOLDER / "retrain.yml")
    assert found["on"]["schedule"]
    assert found["concurrency"] == {"group": "retrain", "cancel-in-progress": False}


def test_deployment_asks_the_environment_first() -> None:
    (job,) = workflow(FOLDER / "deploy.yml")["jobs"].values()
    assert job["environment"] == "${{ inputs.environment }}"
    assert job["permissions"]["id-token"] == "write"
    assert "--atomic" in next(step["run"] for step in job["steps"] if "helm upgrade" in step.get("run", ""))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_commands_of_ours_are_ones_that_exist(file: Path) -> None:
    text = "\n".join(step.get("run", "") for step in steps(file)).replace("\\\n", " ")
    for line in re.findall(r"(?:-m buysignal|^\s*inside) (.*)$", text, flags=re.MULTILINE):
        words = re.split(r"\s(?:\|\||\|)\s", line)[0]
        words = words.replace("\"$(date -u -d '7 days ago' +%F)\"", "2025-01-01").replace('"$WHEN"', "better")
        assert parsed(words.split())
