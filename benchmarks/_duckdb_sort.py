"""What the way from files to features is held against: DuckDB reads, sorts by visitor, writes; nothing else.

Run: ``python benchmarks/_duckdb_sort.py FOLDER OUT MEMORY THREADS [KEYS]``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

BY_VISITOR = "visitor_id, event_time, event_seq"
BY_ARRIVAL = "event_time"
FILE_SIZE = "64MB"


def sort_files(folder: Path, out: Path, memory: str, threads: int, keys: str = BY_VISITOR) -> None:
    """Write the Parquet files of ``folder`` sorted by ``keys``, as files of 64 MB in the folder ``out``."""
    config = {"memory_limit": memory, "threads": threads, "temp_directory": f"{out}.spill"}
    with duckdb.connect(config=config) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(
            f"COPY (SELECT * FROM read_parquet('{folder}/*.parquet') ORDER BY {keys}) "
            f"TO '{out}' (FORMAT parquet, FILE_SIZE_BYTES '{FILE_SIZE}')"
        )


if __name__ == "__main__":
    folder, out, memory, threads, *keys = sys.argv[1:]
    sort_files(Path(folder), Path(out), memory, int(threads), *keys)
