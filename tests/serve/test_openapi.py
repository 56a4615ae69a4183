"""Whatever the description of the interface allows, and what it does not: no 5xx and no broken answer."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from .conftest import Server

EXAMPLES = 12
"""Drawn for each route, beside those that stand in the description and those at its bounds."""

# A body of too many visits may be too large before it is too long. That every body the description allows is
# accepted is not asked: it cannot say that events are of one visitor.
SETTINGS = """
[checks]
positive_data_acceptance = { enabled = false }
negative_data_rejection = { expected-statuses = ["400", "404", "405", "413", "422"] }

[generation]
deterministic = true
"""

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
    "unsupported_method",
)  # fmt: skip


def test_the_server_keeps_to_its_description(server: Server, tmp_path: Path) -> None:
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("schemathesis is not installed")
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS, encoding="utf-8")
    ran = subprocess.run(
        [
            program, "--config-file", str(settings), "run", f"{server.url}/openapi.json", "--no-color",
            "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES),
            "--checks", ",".join(CHECKS),
        ],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    # Bodies of a megabyte stand in what it writes.
    said = "\n".join(line[:300] for line in ran.stdout.splitlines()[-60:])
    assert ran.returncode == 0, said
    paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    tested = re.search(r"Tested: (\d+)", said)
    assert tested is not None, said
    assert int(tested[1]) == sum(len(methods) for methods in paths.values())
    made = re.search(r"([\d,]+) generated", said)
    assert made is not None, said
    assert int(made[1].replace(",", "")) > 200
