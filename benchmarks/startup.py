"""How soon buysignal answers: start, first results, the whole default training, each in its own process.

Seconds run from the start of the process to its end, imports and all, on two cores with warm disk caches,
the median of several runs (of the training, one run). Bytecode is compiled beforehand, as it is where pip
installed. Targets: help in 0.3 s, ``check`` of the UCI e-shop's
165,474 clicks in 2 s, its whole default training in 120 s. The real data comes from the folder in
BUYSIGNAL_DATA; without it those rows are left out, and nothing is written.

Run: ``python benchmarks/startup.py [--quick]`` (``--quick`` leaves the training out and writes nothing).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from _process import Ran, run, typical
from _results import Row, skip, write_results
from buysignal.sources.demo import write_demo
from buysignal.training import Options, train

ARCHIVE = Path("uci_eshop") / "clickstream_data_for_online_shopping.zip"
CLICKS = 165_474
SMALL_VISITORS = 50
TRAINED_VISITORS = 4_000

HELP_SECONDS, CHECK_SECONDS, TRAIN_SECONDS = 0.3, 2.0, 120.0


@dataclass(frozen=True)
class Case:
    """One command: what it is called in the table, how often it runs, and what it must take at most."""

    name: str
    command: Sequence[str | Path]
    times: int = 5
    n: int = 1
    target: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def main(arguments: Sequence[str]) -> None:
    """Measure every case and write the results."""
    quick = "--quick" in arguments
    data = os.environ.get("BUYSIGNAL_DATA")
    archive = None if not data else Path(data) / ARCHIVE
    with tempfile.TemporaryDirectory(prefix="buysignal-startup-") as scratch:
        folder = Path(scratch)
        # Where bytecode may not be written beside its source, every start would compile it anew.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
        cases = [*starts(), *first_scores(folder)]
        if archive is not None and archive.exists():
            cases += on_eshop(archive, folder, training=not quick)
        rows = [row for case in cases for row in measured(case)]
    if archive is None or not archive.exists():
        skip("BUYSIGNAL_DATA names no folder with the UCI e-shop archive; nothing is written")
    if quick:
        print("without the training: nothing is written")
    else:
        write_results("startup", rows)


def buysignal(*words: str | Path) -> list[str | Path]:
    """Return the command line as one runs it."""
    return [sys.executable, "-m", "buysignal", *words]


def starts() -> list[Case]:
    """Return help, and the imports that programs begin with."""
    imports = ("buysignal", "buysignal.sources", "buysignal.scoring", "buysignal.training")
    return [
        Case("buysignal --help", buysignal("--help"), times=10, target=HELP_SECONDS),
        Case("python, nothing imported", [sys.executable, "-c", "pass"], times=10),
        *(Case(f"import {module}", [sys.executable, "-c", f"import {module}"]) for module in imports),
    ]


def first_scores(folder: Path) -> list[Case]:
    """Return the score of a small file, with the fold compiled before and with nothing compiled yet."""
    learned = write_demo(folder / "learned", TRAINED_VISITORS, 28, seed=0)
    bundle = train(
        learned.events,
        out=folder / "bundle",
        options=Options(fast=True, imbalance="none"),
    ).path
    small = write_demo(folder / "small", SMALL_VISITORS, 28, seed=1, format="csv")
    command = buysignal("score", bundle, small.events, "--out", folder / "scores.csv")
    nowhere = {"NUMBA_CACHE_DIR": str(folder / "compiled")}
    return [
        Case(f"score {small.rows:,} events", command, n=small.rows),
        Case(f"score {small.rows:,} events, fold not compiled", command, 1, small.rows, environment=nowhere),
    ]


def on_eshop(archive: Path, folder: Path, *, training: bool) -> list[Case]:
    """Return check and the default training of the UCI e-shop archive."""
    look = Case(f"check {CLICKS:,} clicks", buysignal("check", archive), n=CLICKS, target=CHECK_SECONDS)
    learn = Case(
        f"train {CLICKS:,} clicks, default settings",
        buysignal("train", archive, "--out", folder / "eshop", "--no-track"),
        times=1,
        n=CLICKS,
        target=TRAIN_SECONDS,
    )
    return [look, learn] if training else [look]


def measured(case: Case) -> list[Row]:
    """Run the case as often as it says; its seconds, CPU seconds and peak memory."""
    if case.times > 1:
        run(case.command, environment=case.environment)  # warms the disk cache, and compiles
    ran = typical([run(case.command, environment=case.environment) for _ in range(case.times)])
    print(
        f"{case.name:48} {ran.seconds:8.2f} s  {ran.cpu_seconds:8.2f} s CPU  {ran.peak_mb:6.0f} MB",
        flush=True,
    )
    return rows_of(case, ran)


def rows_of(case: Case, ran: Ran) -> list[Row]:
    """Return the rows of one case; a target stands in its name, so that a table shows both."""
    told = case.name if case.target is None else f"{case.name} (target {case.target:g} s)"
    values = {"seconds": ran.seconds, "cpu_seconds": ran.cpu_seconds, "peak_rss_mb": ran.peak_mb}
    return [
        Row(benchmark="startup", metric=metric, value=value, n=case.n, case=told)
        for metric, value in values.items()
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
