"""Print every result under ``benchmarks/results`` as one table."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent))
from _results import RESULTS


def read(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Return the rows of all result files, in file order, each with its ``commit`` and ``machine``."""
    rows = []
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        made = {"commit": content["commit"], "machine": content["machine"]}
        rows += [{**row, **made} for row in content["rows"]]
    return rows


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the rows as a table to print."""
    shown = Table(title="Benchmarks: a ratio above 1 means buysignal is the better one", title_justify="left")
    shown.add_column("benchmark")
    shown.add_column("metric")
    shown.add_column("n", justify="right")
    shown.add_column("buysignal", justify="right")
    shown.add_column("peer")
    shown.add_column("peer's", justify="right")
    shown.add_column("ratio", justify="right")
    shown.add_column("commit")
    for row in rows:
        what = f"{row['benchmark']}: {row['case']}" if row.get("case") else row["benchmark"]
        shown.add_row(
            what, row["metric"], f"{row['n']:,}", figure(row["value"], row["unit"]), row["peer"] or "",
            figure(row["peer_value"], row["unit"]), "" if row["ratio"] is None else f"{row['ratio']:.3g}",
            row["commit"],
        )  # fmt: skip
    return shown


def figure(value: float | None, unit: str) -> str:
    """Return a figure with its unit; three digits are all that a timing is good for.

    >>> figure(12_345_678.0, "events/s"), figure(0.93641, ""), figure(None, "s")
    ('12,300,000 events/s', '0.9364', '')
    """
    if value is None:
        return ""
    if not unit:
        return f"{value:.4f}"
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f} {unit}" if rounded >= 100 else f"{rounded:g} {unit}"


def main() -> None:
    rows = read()
    if not rows:
        sys.exit("No results yet: run `make bench`, or one of the scripts in benchmarks/.")
    console = Console()
    console.print(table(rows))
    for machine in {json.dumps(row["machine"], sort_keys=True): row["machine"] for row in rows}.values():
        console.print(
            f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
            f"{machine['system']}, Python {machine['python']}",
            style="dim",
        )


if __name__ == "__main__":
    main()
