"""Commands in processes of their own: how long each takes, and its peak memory.

>>> ran = run([sys.executable, "-c", "print(6 * 7)"])
>>> ran.output.strip(), ran.seconds > 0, ran.peak_mb > 1
('42', True, True)
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CORES = 2
"""What either side of a comparison may use, whatever the machine has."""

WATCH = Path(__file__).with_name("_watch.py")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS")


@dataclass(frozen=True)
class Ran:
    """What one command took.

    Attributes:
        seconds: from its start to its end, everything included.
        cpu_seconds: on all cores, of the command and the processes that it waited for.
        peak_mb: most memory resident at once, MB; of several processes that of the largest.
        output: what it wrote to standard output; empty where that was shown as it came.
        code: how it ended; 0 is well.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str = ""
    code: int = 0


class CommandFailed(Exception):  # noqa: N818  a fact about the command, with its last words
    """A measured command did not end as it should."""


def run(
    command: Sequence[str | Path],
    *,
    cores: int = CORES,
    environment: Mapping[str, str] | None = None,
    show: bool = False,
    check: bool = True,
) -> Ran:
    """Run ``command`` on at most ``cores`` cores and return what it took.

    With ``show`` it writes to the terminal as if it had been called there; without, standard output is
    returned, and standard error stands in the message when it fails.

    Raises:
        CommandFailed: it could not be started, or ended with another code than 0 and ``check`` is on.
        FileNotFoundError: there is no such program.
    """
    words = [str(word) for word in command]
    # Programs of this environment come first, whether or not it is activated.
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    program = shutil.which(words[0], path=places)
    if program is None:
        raise FileNotFoundError(f"there is no program {words[0]}")
    settings = {**os.environ, **dict.fromkeys(_THREADS, str(cores)), **(environment or {})}
    with tempfile.TemporaryDirectory(prefix="buysignal-run-") as folder:
        report = Path(folder) / "report.json"
        watch = [sys.executable, "-I", "-S", str(WATCH), str(report), str(cores), program, *words[1:]]
        output, errors = _waited_for(watch, settings, None if show else subprocess.PIPE)
        said = "" if show else f": {(errors + output)[-2000:]}"
        if not report.exists():
            raise CommandFailed(f"{' '.join(words)} could not be watched{said}")
        found = json.loads(report.read_text(encoding="utf-8"))
    if check and found["code"] != 0:
        raise CommandFailed(f"{' '.join(words)} ended with code {found['code']}{said}")
    return Ran(**found, output=output)


def _waited_for(watch: list[str], settings: Mapping[str, str], pipe: int | None) -> tuple[str, str]:
    """Return standard output and error; where this is interrupted, the command ends before it goes on."""
    with subprocess.Popen(watch, env=settings, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            output, errors = process.communicate()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    return output or "", errors or ""


def typical(runs: Sequence[Ran]) -> Ran:
    """Return the medians of several runs of the same command, with the last one's output.

    >>> typical([Ran(1.0, 2.0, 30.0), Ran(3.0, 4.0, 10.0), Ran(2.0, 9.0, 20.0)]).seconds
    2.0
    """
    return Ran(
        statistics.median(one.seconds for one in runs),
        statistics.median(one.cpu_seconds for one in runs),
        statistics.median(one.peak_mb for one in runs),
        runs[-1].output,
    )
