"""Reading a damaged text file line by line, so that no row is lost and every reject has its line.

DuckDB reads clean files. Where its count of rows does not match the file's lines (rows with too many or
too few cells, broken quotes, line breaks inside cells) the file is walked here once: whole records go to
a clean copy with their line number in front, the others to the rejects.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from buysignal.sources.text import Dialect, TextFile

MAX_RECORD_LINES = 50
"""A cell may hold line breaks, but a quote that is open for longer than this was never closed."""


@dataclass(frozen=True)
class Malformed:
    """One line that is no row."""

    line: int
    raw: str
    reason: str


def rewrite(file: TextFile, dialect: Dialect, target: Path) -> list[Malformed]:
    """Write the whole records of ``file`` to ``target`` as (line, cells…), and return the others."""
    rejected: list[Malformed] = []
    width = len(dialect.columns)
    with (
        file.path.open(encoding="utf-8", newline="") as stream,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for line, raw, cells in _records(stream, dialect):
            if cells is None:
                rejected.append(Malformed(line, raw, "broken_quotes"))
            elif len(cells) != width:
                rejected.append(Malformed(line, raw, "wrong_cell_count"))
            else:
                writer.writerow([line, *cells])
    return rejected


def _records(stream: TextIO, dialect: Dialect) -> Iterator[tuple[int, str, list[str] | None]]:
    """Yield (line number, raw text, cells or None when the quotes are broken), empty lines left out."""
    waiting: deque[str] = deque()
    number = 0

    def take() -> str:
        return waiting.popleft() if waiting else stream.readline()

    for _ in range(dialect.header_lines):
        take()
        number += 1
    while line := take():
        number += 1
        if not line.strip():
            continue
        held = [line]
        cells = _parse(line, dialect.separator)
        while cells is _OPEN and len(held) < MAX_RECORD_LINES and (more := take()):
            held.append(more)
            if '"' in more:
                cells = _parse("".join(held), dialect.separator)
        if cells is _OPEN:
            waiting.extendleft(reversed(held[1:]))
            held, cells = held[:1], None
        yield number, "".join(held).rstrip("\r\n"), cells
        number += len(held) - 1


_OPEN: list[str] = []
"""Returned, by identity, for a record whose last quote is still open."""


def _parse(text: str, separator: str) -> list[str] | None:
    if '"' not in text:
        return text.rstrip("\r\n").split(separator)
    try:
        rows = list(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error as error:
        return _OPEN if "unexpected end" in str(error) else None
    return rows[0]
