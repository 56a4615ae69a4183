"""Text files: encoding, separator and header, so that DuckDB can be told exactly what to read."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from buysignal.errors import SourceError

MAX_LINE_BYTES = 2_000_000
"""DuckDB's own bound for one line; a real event needs a thousandth of it."""

SEPARATORS = (",", ";", "\t", "|")
_CHUNK = 4 * 1024 * 1024
_HEAD = 64 * 1024
_MIN_CONTROL = 8
_NOT_A_NAME = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)?|\d{4}-\d\d-\d\d.*|[^\s@]+@[^\s@]+\.\w+|", re.IGNORECASE)


@dataclass(frozen=True)
class TextFile:
    """What a pass over the bytes found out.

    Attributes:
        path: UTF-8 text without a byte-order mark.
        lines: physical lines.
        quoted: whether a double quote occurs anywhere.
        recoded: lines that were not UTF-8 and were re-encoded.
    """

    path: Path
    lines: int
    quoted: bool
    recoded: int


@dataclass(frozen=True)
class Dialect:
    """How the cells of a text file are told apart.

    Attributes:
        separator: between cells.
        columns: names; ``column_1``, … where the file has no header.
        header_lines: lines before the first row.
    """

    separator: str
    columns: tuple[str, ...]
    header_lines: int


def prepare(path: Path, shown: str, scratch: Path) -> TextFile:
    """Return ``path`` as UTF-8 text, re-encoded into ``scratch`` where it was something else.

    Lines that are valid UTF-8 stay as they are; others are read as Windows-1252, the superset of
    Latin-1 that shops' exports use. UTF-16 is told by its mark, or by its zero bytes.

    Raises:
        SourceError: binary content, or a line of more than MAX_LINE_BYTES.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    target = scratch / f"utf8-{path.name}"
    encoding = utf16_of(head)
    if encoding:
        return _transcode_utf16(path, shown, target, encoding)
    _refuse_binary(head, shown)
    if head.startswith(codecs.BOM_UTF8):
        return _recode_lines(path, shown, target, skip=len(codecs.BOM_UTF8))
    scanned = _scan(path, shown)
    return scanned or _recode_lines(path, shown, target)


def utf16_of(head: bytes) -> str | None:
    """Return the encoding of a file that begins with ``head``, where it is UTF-16; else None."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:4096]
    if len(sample) >= 8:
        half = len(sample) // 2
        if sample[1::2].count(0) > 0.6 * half and sample[::2].count(0) == 0:
            return "utf-16-le"
        if sample[::2].count(0) > 0.6 * half and sample[1::2].count(0) == 0:
            return "utf-16-be"
    return None


def _refuse_binary(head: bytes, shown: str) -> None:
    control = sum(head.count(bytes([b])) for b in range(32) if b not in (9, 10, 11, 12, 13, 27))
    if control >= _MIN_CONTROL and control > 0.002 * len(head):
        raise binary(shown)


def binary(shown: str) -> SourceError:
    """The error for content that is no text."""
    return SourceError(
        f"{shown} is binary, not text",
        allowed="CSV, JSON lines or Parquet",
        todo="export the data as CSV",
    )


def _line_too_long(shown: str) -> SourceError:
    return SourceError(
        f"{shown} has a line of more than {MAX_LINE_BYTES:,} bytes",
        allowed="one row per line",
        todo="export it again with line breaks between the rows",
    )


def _scan(path: Path, shown: str) -> TextFile | None:
    """Walk the bytes once; None when they are not all UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, quoted, since_break, last = 0, False, 0, b"\n"
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            since_break = _longest_gap(chunk, since_break, shown)
            lines += chunk.count(b"\n")
            quoted = quoted or b'"' in chunk
            last = chunk[-1:]
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return None
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return TextFile(path, lines + (last != b"\n"), quoted, 0)


def _longest_gap(chunk: bytes, since_break: int, shown: str) -> int:
    """Bytes since the last line break; raises where a line is too long."""
    first, last = chunk.find(b"\n"), chunk.rfind(b"\n")
    if first < 0:
        since_break += len(chunk)
    else:
        if since_break + first > MAX_LINE_BYTES:
            raise _line_too_long(shown)
        window = chunk
        while len(window) > MAX_LINE_BYTES:
            cut = window.rfind(b"\n", 0, MAX_LINE_BYTES)
            if cut < 0:
                raise _line_too_long(shown)
            window = window[cut + 1 :]
        since_break = len(chunk) - last - 1
    if since_break > MAX_LINE_BYTES:
        raise _line_too_long(shown)
    return since_break


def _recode_lines(path: Path, shown: str, target: Path, skip: int = 0) -> TextFile:
    lines, recoded, quoted = 0, 0, False
    with path.open("rb") as stream, target.open("wb") as out:
        stream.seek(skip)
        while line := stream.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                raise _line_too_long(shown)
            lines += 1
            quoted = quoted or b'"' in line
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                recoded += 1
                line = line.decode("cp1252", errors="replace").encode("utf-8")
            out.write(line)
    return TextFile(target, lines, quoted, recoded + bool(skip))


def _transcode_utf16(path: Path, shown: str, target: Path, encoding: str) -> TextFile:
    lines, quoted = 0, False
    try:
        with (
            path.open(encoding=encoding, newline="") as stream,
            target.open("w", encoding="utf-8", newline="") as out,
        ):
            while line := stream.readline(MAX_LINE_BYTES + 1):
                if len(line) > MAX_LINE_BYTES:
                    raise _line_too_long(shown)
                lines += 1
                quoted = quoted or '"' in line
                out.write(line)
    except UnicodeError as error:
        raise binary(shown) from error
    return TextFile(target, lines, quoted, lines)


def dialect(file: TextFile, shown: str) -> Dialect:
    """Return the separator and the header of a text file.

    A first line whose cells are all names is a header; one with numbers, times, addresses or empty cells is
    a row.

    Raises:
        SourceError: two columns share a name.
    """
    with file.path.open(encoding="utf-8", newline="") as stream:
        head = [line for line in islice(stream, 50) if len(line) <= MAX_LINE_BYTES]
    skip = 0
    separator = None
    while head and (not head[0].strip() or head[0].lower().startswith("sep=")):
        if head[0].lower().startswith("sep="):
            separator = head[0][4:5]
        head = head[1:]
        skip += 1
    if not head:
        raise SourceError(
            f"{shown} holds only empty lines", allowed="a header and rows", todo="export it again"
        )
    separator = separator or _separator(head)
    first = next(csv.reader(head[:1], delimiter=separator))
    if any(_NOT_A_NAME.fullmatch(cell.strip()) for cell in first):
        return Dialect(separator, tuple(f"column_{i + 1}" for i in range(len(first))), skip)
    names = tuple(cell.strip() for cell in first)
    _refuse_twins(names, shown)
    return Dialect(separator, names, skip + 1)


def _separator(head: list[str]) -> str:
    """The separator that splits the first line into most cells and the others into as many."""

    def agreement(separator: str) -> tuple[int, int]:
        counts = [len(row) for row in csv.reader(head, delimiter=separator) if row]
        return sum(c == counts[0] for c in counts) * (counts[0] > 1), counts[0]

    return max(SEPARATORS, key=agreement)


def _refuse_twins(names: tuple[str, ...], shown: str) -> None:
    folded = [name.casefold() for name in names]
    for name in folded:
        if folded.count(name) > 1:
            raise SourceError(
                f"{shown} has two columns called '{name}'",
                allowed="every column once",
                todo="rename or drop one of them",
            )
