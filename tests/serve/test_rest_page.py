"""The page about the REST door: its examples run as they stand there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import Server

PAGE = (Path(__file__).parents[2] / "docs" / "rest.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"


def commands() -> list[str]:
    """Return every curl call of the page, in its order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    calls = [re.findall(r"^curl .*?(?=^curl |\Z)", block, flags=re.MULTILINE | re.DOTALL) for block in blocks]
    return [call for of_block in calls for call in of_block]


def test_the_examples_of_the_page_are_answered(server: Server) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with server.client() as client:
        suggests = client.ready()["recommendations"]
    found = commands()
    assert len(found) == 11
    for command in found:
        call = command.replace(ADDRESS, server.url).split("\nbuysignal ")[0]
        said = subprocess.run(["bash", "-c", call], capture_output=True, text=True, check=True).stdout
        if "/metrics" in call:
            assert "buysignal_requests_total" in said
        elif "/v1/recommendations" in call and not suggests:
            assert "suggests no items" in json.loads(said)["error"]
        else:
            assert "error" not in json.loads(said), call


def test_the_python_example_of_the_page_runs(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    exec(blocks[0].replace(ADDRESS, server.url), {})
    assert "purchase" in capsys.readouterr().out


def test_every_option_the_page_names_exists() -> None:
    help_text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    section = help_text.split("## `buysignal serve", 1)[1].split("\n## ")[0]
    own = re.sub(r"^mlflow .*$", "", PAGE.replace("--no-watch", "--watch"), flags=re.MULTILINE)
    named = set(re.findall(r"(?<![\w-])(--[a-z][\w-]+)", own))
    assert named
    assert named <= set(re.findall(r"--[a-z][\w-]+", section))
