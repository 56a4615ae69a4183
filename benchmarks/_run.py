"""Run every benchmark in turn, each in a process of its own, and print one table of all results.

One that fails does not stop the others; the run as a whole then fails at its end. One that cannot run
here says why and is skipped. Run: ``python benchmarks/_run.py [--large] [name ...]``, or ``make bench``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import _table
from _process import CORES, Ran, run
from _results import SKIPPED

FOLDER = Path(__file__).parent
ENDS = {0: "done", SKIPPED: "skipped, for the reason above", 130: "interrupted", -2: "interrupted"}


@dataclass(frozen=True)
class Done:
    """One script that has ended."""

    name: str
    ran: Ran

    @property
    def failed(self) -> bool:
        return self.ran.code not in (0, SKIPPED)

    def __str__(self) -> str:
        how = ENDS.get(self.ran.code, f"FAILED with code {self.ran.code}")
        return f"{self.name:12} {self.ran.seconds:7.0f} s {self.ran.peak_mb:8,.0f} MB  {how}"


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks and return the code to end with: 1 when one failed."""
    parser = argparse.ArgumentParser(description="Run benchmarks and print one table of all results.")
    parser.add_argument("--large", action="store_true", help="sizes that take an hour, too")
    parser.add_argument("names", nargs="*", help="as the files in benchmarks/; all where none is given")
    asked = parser.parse_args(arguments)
    found = scripts(FOLDER)
    strangers = sorted(set(asked.names) - set(found))
    if strangers:
        parser.error(f"there is no benchmark {', '.join(strangers)}; there are: {', '.join(found)}")
    try:
        ended = run_all([found[name] for name in asked.names or found], large=asked.large)
    except KeyboardInterrupt:
        print("\ninterrupted; what was measured before is on file", flush=True)
        return 130
    _table.main()
    print("\n" + "\n".join(map(str, ended)))
    return int(any(one.failed for one in ended))


def scripts(folder: Path) -> dict[str, Path]:
    """Return the benchmarks in ``folder`` by name: every script without an underscore in front."""
    return {path.stem: path for path in sorted(folder.glob("[!_]*.py"))}


def run_all(chosen: Sequence[Path], *, large: bool = False) -> list[Done]:
    """Run scripts in turn on ``CORES`` cores, those that know ``--large`` with it where asked."""
    ended = []
    for place, script in enumerate(chosen, 1):
        print(f"\n== {place} of {len(chosen)}: {script.stem}", flush=True)
        options = ["--large"] if large and '"--large"' in script.read_text(encoding="utf-8") else []
        ran = run([sys.executable, script, *options], cores=CORES, show=True, check=False)
        ended.append(Done(script.stem, ran))
        print(f"== {ended[-1]}", flush=True)
    return ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
