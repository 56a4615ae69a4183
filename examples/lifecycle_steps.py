"""What every step needs: to run a command of buysignal, to wait, and to stop with a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO, Any, TypeVar

MOST_S = 600.0
T = TypeVar("T")


class NotAsItShouldBeError(Exception):
    """A step did not do what it must; the sentence says what was expected and what came."""


def require(holds: object, expected: str, came: object = "") -> None:
    """Go on only where ``holds``.

    Raises:
        NotAsItShouldBeError: it does not hold.
    """
    if not holds:
        raise NotAsItShouldBeError(f"expected: {expected}. Came: {came or 'not so'}")


def say(step: str, text: str) -> None:
    """Print one line of the story."""
    print(f"{step:<11} {text}", flush=True)


def begun(*command: object, errors: IO[str] | int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Begin a command of buysignal; ``errors`` is where its standard error goes."""
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "buysignal", *map(str, command)], env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str], *, code: int = 0) -> str:
    """Return what a command printed on its output; on both where it was to fail.

    Raises:
        NotAsItShouldBeError: its exit code is another.
    """
    try:
        out, err = process.communicate(timeout=MOST_S)
    except BaseException:
        process.kill()
        process.wait()
        raise
    name = " ".join(map(str, process.args[3:5]))  # type: ignore[index]
    require(process.returncode == code, f"'buysignal {name} ...' ends with {code}",
            f"{process.returncode}: {(err or out).strip()[-600:]}")  # fmt: skip
    return out if code in (0, 3) else " ".join(f"{out} {err}".split())


def told(*command: object, code: int = 0) -> str:
    """Run a command of buysignal and return what it printed."""
    return ended(begun(*command), code=code)


def asked(*command: object, code: int = 0) -> dict[str, Any]:
    """Run a command of buysignal with ``--json`` and return its answer."""
    return parsed(told(*command, "--json", code=code))


def parsed(text: str) -> dict[str, Any]:
    """Return the JSON that a command printed."""
    found: dict[str, Any] = json.loads(text)
    return found


def refused(*command: object, because: str) -> str:
    """Run a command that must be refused with exit code 2; return its sentence."""
    said = told(*command, code=2)
    require(because in said, f"a sentence with '{because}'", said)
    require("Traceback" not in said, "a sentence and no traceback", said)
    return said[said.index("Error:") if "Error:" in said else 0 :]


def waited(for_what: str, look: Callable[[], T], most_s: float = 60.0) -> T:
    """Return what ``look`` gives as soon as it is not empty.

    Raises:
        NotAsItShouldBeError: that takes longer than ``most_s``.
    """
    until = time.monotonic() + most_s
    while not (found := look()):
        require(time.monotonic() < until, for_what, f"nothing in {most_s:.0f} s")
        time.sleep(0.05)
    return found
