"""From files to features on disk, larger than memory: beside DuckDB's own read, sort and write.

``buysignal features`` reads and checks the demo shop's dirty events, sorts them by visitor, folds them and
writes a row of 72 features per event, once with a bundle's vocabulary in one pass, once learning it in a
second one. The peer is a single DuckDB statement: the same files, sorted by visitor, time and sequence,
written as Parquet; no checks, no features. Every run is a command in a process of its own, from its start to
its end, on two cores and with the same memory for the sort; a ratio of 0.5 means that ours takes twice as
long. The files lie in the order of time, as a shop's log does. No row is lost on either side: what was kept
and what was rejected are counted against what was read. *Processor time* counts both cores, and changes
less than seconds do where a machine has other work as well.

Run: ``python benchmarks/pipeline.py [--large] [--millions 1 10] [--repeats 3]``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from _duckdb_sort import BY_ARRIVAL
from _process import CORES, Ran, run, typical
from _results import Row, skip, write_results

VISITORS_PER_MILLION = 111_000
START_UP_VISITORS = 1_000
MEMORY = "2GB"
GB_PER_MILLION = 0.5
"""Disk for the files, both results and what the sorts spill, with room to spare."""

OURS = {"a bundle's vocabulary": True, "vocabulary learned, too": False}
"""What is measured, and whether the bundle is given."""

PEER = "duckdb-read-sort-write"
SORT = Path(__file__).with_name("_duckdb_sort.py")
MOST_REPEATED = 10
"""Sizes in millions beyond which one run has to do."""


@dataclass(frozen=True)
class Side:
    """One way to do it at one size: the medians of its runs, and what it wrote."""

    ran: Ran
    written_mb: float


@dataclass(frozen=True)
class Size:
    """A shop of so many million events (0: a handful, so that what is timed is the start), all ways."""

    millions: int
    events: int
    sides: dict[str, Side]

    @property
    def name(self) -> str:
        return f"{self.millions} million events" if self.millions else "start-up"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="From files to features on disk, beside DuckDB's own sort.")
    parser.add_argument("--large", action="store_true", help="100 million events, too")
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 10], help="of events")
    parser.add_argument("--repeats", type=int, default=3, help=f"up to {MOST_REPEATED} million events")
    asked = parser.parse_args(arguments)
    millions = sorted({*asked.millions, *([100] if asked.large else [])})
    with tempfile.TemporaryDirectory(prefix="buysignal-pipeline-") as scratch:
        folder = Path(scratch)
        _refuse_small_disk(folder, millions[-1])
        bundle = trained(folder)
        measured(folder, bundle, 0, 1)  # compiles the fold, which is kept from then on
        small = measured(folder, bundle, 0, asked.repeats)
        sizes = [measured(folder, bundle, n, asked.repeats if n <= MOST_REPEATED else 1) for n in millions]
    write_results("pipeline", [row for s in (small, *sizes) for row in rows_of(s)] + growth(small, sizes))


def trained(folder: Path) -> Path:
    """Return a bundle of the demo shop."""
    print("training a bundle", flush=True)
    demo, bundle = folder / "demo", folder / "bundle"
    run(["buysignal", "demo", "--visitors", "3000", "--days", "28", "--seed", "0", "--out", demo])
    options = ["--fast", "--imbalance", "none", "--no-track", "--out", bundle]
    run(["buysignal", "train", demo / "events.parquet", *options])
    return bundle


def measured(folder: Path, bundle: Path, millions: int, repeats: int) -> Size:
    """Make the files, run every side in turn, check what each wrote, and tidy up."""
    print(f"{millions} million events" if millions else "start-up", flush=True)
    shop = folder / "shop"
    files = make_files(shop, millions * VISITORS_PER_MILLION or START_UP_VISITORS)
    events = rows_in(files)
    runs: dict[str, list[Ran]] = {name: [] for name in (*OURS, PEER)}
    written = {}
    for _ in range(repeats):
        for name, done in runs.items():
            done.append(run(command_of(name, files, shop / "out", bundle)))
            check(name, done[-1], shop / "out", events)
            written[name] = sum(file.stat().st_size for file in shop.glob("out/**/*.parquet")) / 2**20
            print(
                f"  {name:24} {done[-1].seconds:8.1f} s {done[-1].cpu_seconds:8.1f} s of processor time "
                f"{done[-1].peak_mb:7,.0f} MB, {written[name]:7,.0f} MB written", flush=True,
            )  # fmt: skip
            shutil.rmtree(shop / "out")
    shutil.rmtree(shop)
    return Size(millions, events, {name: Side(typical(done), written[name]) for name, done in runs.items()})


def command_of(name: str, files: Path, out: Path, bundle: Path) -> list[str | Path]:
    if name == PEER:
        return [sys.executable, SORT, files, out, MEMORY, str(CORES)]
    given = ["--bundle", bundle] if OURS[name] else []
    return ["buysignal", "features", files, "--out", out, *given, "--memory", MEMORY, "--json"]


def make_files(folder: Path, visitors: int) -> Path:
    """Write a dirty demo shop in the order of time and return the folder of its files."""
    made = folder / "made"
    run(["buysignal", "demo", "--visitors", str(visitors), "--days", "28", "--seed", "0", "--out", made])
    events = made / "events"
    if not events.is_dir():  # a small shop is one file
        events.mkdir()
        (made / "events.parquet").rename(events / "events.parquet")
    run([sys.executable, SORT, events, folder / "files", MEMORY, str(CORES), BY_ARRIVAL])
    shutil.rmtree(made)
    return folder / "files"


def check(name: str, ran: Ran, out: Path, events: int) -> None:
    """Assert that every row was read, and written or rejected."""
    if name == PEER:
        assert rows_in(out) == events
        return
    told = json.loads(ran.output)
    assert told["rows_in"] == events == told["events"] + told["rejected"] + told["refused_consent"], told
    assert rows_in(out / "features") == told["events"] > 0.9 * events, told


def rows_of(size: Size) -> list[Row]:
    """Return speed, memory, processor time and what was written, each beside the peer's."""
    return [
        Row(
            benchmark="pipeline", metric=metric, value=value, peer_value=peer_value, peer=PEER,
            n=size.events, case=f"{size.name}, {name}",
        )
        for name in OURS
        for metric, value, peer_value in figures_of(size, size.sides[name], size.sides[PEER])
    ]  # fmt: skip


def figures_of(size: Size, ours: Side, peer: Side) -> list[tuple[str, float, float]]:
    """Return metric, ours, the peer's; of the start-up there is no speed."""
    speed = ("events_per_s", size.events / ours.ran.seconds, size.events / peer.ran.seconds)
    figures = [
        ("seconds", ours.ran.seconds, peer.ran.seconds),
        ("cpu_seconds", ours.ran.cpu_seconds, peer.ran.cpu_seconds),
        ("peak_rss_mb", ours.ran.peak_mb, peer.ran.peak_mb),
    ]
    written = ("written_mb", ours.written_mb, peer.written_mb)
    return [speed, *figures, written] if size.millions else figures


def growth(small: Size, sizes: list[Size]) -> list[Row]:
    """Return the processor time an event costs beside that at the least size, the start left out."""

    def cost(size: Size, name: str) -> float:
        took, start = size.sides[name].ran.cpu_seconds, small.sides[name].ran.cpu_seconds
        return (took - start) / (size.events - small.events)

    first = sizes[0]
    return [
        Row(
            benchmark="pipeline", metric="cost_growth", n=size.events, peer=PEER,
            case=f"cost of an event, {size.millions} million against {first.millions}, {name}",
            value=cost(size, name) / cost(first, name), peer_value=cost(size, PEER) / cost(first, PEER),
        )
        for size in sizes[1:] for name in OURS
    ]  # fmt: skip


def rows_in(folder: Path) -> int:
    """Return the rows of the Parquet files in a folder."""
    return sum(pq.read_metadata(file).num_rows for file in folder.rglob("*.parquet"))


def _refuse_small_disk(folder: Path, millions: int) -> None:
    needed, free = millions * GB_PER_MILLION, shutil.disk_usage(folder).free / 2**30
    if free < needed:
        skip(f"{millions} million events need {needed:.0f} GB of disk, and {free:.0f} are free")


if __name__ == "__main__":
    main(sys.argv[1:])
