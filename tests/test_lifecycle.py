"""The life of a model, as the example plays it: run once, its steps and figures read back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "lifecycle.sh"
STEPS = [
    "simulated", "trained", "bad input", "serve", "streamed", "monitor", "streamed", "monitor", "retrain",
    "retrain", "promoted", "swapped", "rollback", "tracked", *["bad input"] * 6, "mended", "counted",
    "stopped", "done",
]  # fmt: skip


def played(*options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BIN": str(Path(sys.executable).parent)}
    return subprocess.run([SCRIPT, *options], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """The lines of the whole story: step and text."""
    done = played("--keep", str(tmp_path_factory.mktemp("lifecycle")))
    assert done.returncode == 0, done.stdout + done.stderr
    return [(line[:11].strip(), line[12:]) for line in done.stdout.splitlines()]


def text_of(story: list[tuple[str, str]], step: str, number: int = 0) -> str:
    return [text for name, text in story if name == step][number]


def test_every_step_is_told_in_its_order(story: list[tuple[str, str]]) -> None:
    assert [step for step, _ in story if step] == STEPS


def test_the_quiet_week_is_quiet_and_the_changed_one_alarms(story: list[tuple[str, str]]) -> None:
    assert "exit code 0" in text_of(story, "monitor")
    alarm = text_of(story, "monitor", 1)
    assert "exit code 3" in alarm
    assert "channel (PSI" in alarm
    assert "price" in alarm


def test_the_challenger_is_promoted_for_a_gain_that_is_no_chance(story: list[tuple[str, str]]) -> None:
    judged = text_of(story, "retrain", 1)
    found = re.search(r"log loss ([\d.]+) against ([\d.]+) .* 95 % from ([+-][\d.]+) to ([+-][\d.]+)", judged)
    assert found, judged
    challenger, champion, low, high = map(float, found.groups())
    assert challenger < champion
    assert 0 < low < champion - challenger < high


def test_no_request_is_lost_and_the_versions_come_in_order(story: list[tuple[str, str]]) -> None:
    first, second = text_of(story, "trained").split()[0], text_of(story, "promoted").split()[0]
    counted = text_of(story, "counted")
    assert counted.endswith(f"0 lost; versions in their order: {first}, {second}, {first}")
    assert int(counted.split()[0].replace(",", "")) > 500


def test_what_went_wrong_is_a_sentence_and_the_champion_serves(story: list[tuple[str, str]]) -> None:
    untracked, *wrong = [text for step, text in story if step == "bad input"]
    assert all(text.endswith("The champion serves.") for text in wrong)
    assert all("What to do:" in text for text in [untracked, *wrong])
    assert "nothing is lost" in untracked


def test_a_step_that_is_not_as_it_should_be_ends_with_a_sentence(tmp_path: Path) -> None:
    """A shop of a few visitors has too little to learn from."""
    done = played("--visitors", "40", "--keep", str(tmp_path))
    assert done.returncode == 1, done.stdout
    assert done.stderr.startswith("NOT AS IT SHOULD BE: expected: 'buysignal retrain")
    assert "Traceback" not in done.stderr
