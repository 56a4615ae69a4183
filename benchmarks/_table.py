"""Print every result under ``benchmarks/results`` as one table."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

sys.path.insert(0, str(Path(__file__).parent))
from _results import RESULTS

WIDTH = 120
"""Where nobody says how wide the terminal is, as in a log."""

Result = dict[str, Any]


def read(folder: Path = RESULTS) -> list[Result]:
    """Return the rows of all result files, in file order, each with its ``commit`` and ``machine``."""
    rows = []
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        made = {"commit": content["commit"], "machine": content["machine"]}
        rows += [{**row, **made} for row in content["rows"]]
    return rows


def table(rows: list[Result]) -> Table:
    """Return the rows as a table to print; peak memory stands beside the figure it belongs to.

    Names go in as ``Text``: an audit's verdict in brackets would pass for markup and vanish.
    """
    shown = Table(
        title="Benchmarks: a ratio above 1 means buysignal is the better one",
        title_justify="left", box=None, pad_edge=False, header_style="bold",
    )  # fmt: skip
    shown.add_column("benchmark", ratio=1, overflow="fold")
    shown.add_column("n", justify="right", no_wrap=True)
    shown.add_column("buysignal", justify="right", no_wrap=True)
    shown.add_column("peer's", justify="right", no_wrap=True)
    shown.add_column("ratio", justify="right", no_wrap=True)
    shown.add_column("peak MB", justify="right", no_wrap=True)
    shown.add_column("commit", no_wrap=True)
    for row, peak in with_peaks(rows):
        shown.add_row(
            Text(named(row)), count(row["n"]), figure(row["value"], row["unit"]),
            figure(row["peer_value"], row["unit"]), "" if row["ratio"] is None else f"{row['ratio']:.3g}",
            peaks(peak), commit(row["commit"]),
        )  # fmt: skip
    return shown


def with_peaks(rows: list[Result]) -> list[tuple[Result, Result | None]]:
    """Return every figure with the peak memory of the same case and peer, where there is one.

    A peak that belongs to no other figure is a figure of its own.
    """
    found: list[tuple[Result, Result | None]] = []
    peak_of = {_key(row): row for row in rows if row["metric"] == "peak_rss_mb"}
    used = {_key(row) for row in rows if row["metric"] != "peak_rss_mb"}
    for row in rows:
        if row["metric"] != "peak_rss_mb":
            found.append((row, peak_of.pop(_key(row), None)))
        elif _key(row) not in used:
            found.append((row, None))
    return found


def peaks(row: Result | None) -> str:
    """Return our peak memory and the peer's.

    >>> peaks({"value": 1234.5, "peer_value": 800.0}), peaks({"value": 90.0, "peer_value": None}), peaks(None)
    ('1,234 / 800', '90', '')
    """
    if row is None:
        return ""
    both = (row["value"], row["peer_value"])
    return " / ".join(f"{value:,.0f}" for value in both if value is not None)


def named(row: Result) -> str:
    """Return what a figure is of, in one line; a metric without a unit needs its name.

    >>> named({"benchmark": "fold", "case": "kernel", "unit": "s", "metric": "seconds", "peer": "pandas"})
    'fold: kernel, against pandas'
    >>> named({"benchmark": "revenue", "unit": "", "metric": "r2", "peer": None})
    'revenue: r2'
    """
    parts = [row.get("case"), None if row["unit"] else row["metric"]]
    parts.append(f"against {row['peer']}" if row["peer"] else None)
    told = ", ".join(part for part in parts if part)
    return f"{row['benchmark']}: {told}" if told else row["benchmark"]


def figure(value: float | None, unit: str) -> str:
    """Return a figure with its unit; three digits are all that a timing is good for.

    >>> figure(12_345_678.0, "events/s"), figure(0.93641, ""), figure(None, "s")
    ('12.3 M events/s', '0.9364', '')
    """
    if value is None:
        return ""
    if not unit:
        return f"{value:.4f}"
    rounded = float(f"{value:.3g}")
    if rounded >= 1e6:
        return f"{rounded / 1e6:g} M {unit}"
    return f"{rounded:,.0f} {unit}" if rounded >= 100 else f"{rounded:g} {unit}"


def count(n: int) -> str:
    """Return how many, shortly.

    >>> count(5_440_389), count(100_000_000), count(24_026), count(99)
    ('5.44 M', '100 M', '24,026', '99')
    """
    return f"{n / 1e6:.3g} M" if n >= 1_000_000 else f"{n:,}"


def commit(full: str) -> str:
    """Return the commit as the table shows it; ``+`` where the source was not what it holds.

    >>> commit("0123456789ab"), commit("0123456789ab+changes"), commit("unknown")
    ('0123456', '0123456+', 'unknown')
    """
    head, changed, _ = full.partition("+")
    return head[:7] + changed


def _key(row: Result) -> tuple[Any, ...]:
    return row["benchmark"], row.get("case"), row["peer"]


def main() -> None:
    rows = read()
    if not rows:
        sys.exit("No results yet: run `make bench`, or one of the scripts in benchmarks/.")
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    told = [row for row in rows if row["benchmark"] != "next_item" or row["peer"]]
    console.print(table(told))
    if len(told) < len(rows):
        console.print("next_item without peers: docs/benchmarks.md", style="dim")
    for machine in {json.dumps(row["machine"], sort_keys=True): row["machine"] for row in rows}.values():
        console.print(
            f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
            f"{machine['system']}, Python {machine['python']}",
            style="dim",
        )


if __name__ == "__main__":
    main()
