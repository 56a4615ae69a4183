"""A file without some of its rows: written beside it, read again, and put in its place as a whole."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from buysignal.errors import SourceError
from buysignal.privacy.marks import Marks
from buysignal.sources.text import utf16_of

_HEAD = 4096


def rewritten(path: Path, beside: Path, marks: Marks) -> None:
    """Write ``path`` without the rows that go to ``beside``; every other byte of text stays as it is.

    Raises:
        SourceError: the file is an archive of files, or one list of JSON objects.
    """
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic == b"PAR1":
        _parquet(path, beside, marks)
        return
    if magic == b"PK\x03\x04":
        raise SourceError(f"{path} is an archive", todo="unpack it, then name the files")
    packed = magic[:2] == b"\x1f\x8b"
    with _opened(path, packed) as head:
        begin = head.read(_HEAD)
    if begin.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")[:1] == b"[":
        raise SourceError(f"{path} is one list", allowed="one JSON object per line", todo="export it again")
    encoding = utf16_of(begin)
    with _lines(path, packed, encoding) as lines, _written(beside, packed, encoding) as out:
        for line in _kept(lines, marks.starts()):
            out.write(line)


def put_in_place(beside: Path, path: Path) -> None:
    """Put a written file in the place of the one it is made of, with the same rights."""
    with beside.open("rb+") as stream:
        os.fsync(stream.fileno())
    shutil.copymode(path, beside)
    beside.replace(path)


@contextmanager
def beside_of(path: Path) -> Iterator[Path]:
    """Yield where to write; what is left there is removed."""
    place = path.with_name(f".forgetting-{path.name}")
    try:
        yield place
    finally:
        with suppress(FileNotFoundError):
            place.unlink()


def _kept(lines: Any, starts: Iterator[tuple[int, bool]]) -> Iterator[Any]:
    """Yield the lines that stay: a row reaches to where the next one begins."""
    begins, goes = next(starts, (0, False))
    gone = False
    for number, line in enumerate(lines, start=1):
        if number == begins:
            gone = goes
            begins, goes = next(starts, (0, False))
        if not gone:
            yield line


def _opened(path: Path, packed: bool) -> IO[bytes]:
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


@contextmanager
def _lines(path: Path, packed: bool, encoding: str | None) -> Iterator[Any]:
    if encoding is None:
        with _opened(path, packed) as stream:
            yield stream
    else:
        with (
            gzip.open(path, "rt", encoding=encoding, newline="\n")
            if packed
            else path.open(encoding=encoding, newline="\n") as stream
        ):
            yield stream


@contextmanager
def _written(path: Path, packed: bool, encoding: str | None) -> Iterator[Any]:
    mode = "wb" if encoding is None else "wt"
    newline = None if encoding is None else ""
    opened: Any = gzip.open if packed else open
    with opened(path, mode, encoding=encoding, newline=newline) as stream:
        yield stream


def _parquet(path: Path, beside: Path, marks: Marks) -> None:
    """Write the row groups one after the other, each without its rows that go."""
    starts = marks.starts()
    with pq.ParquetFile(path) as file:
        compression = _compression(file)
        with pq.ParquetWriter(beside, file.schema_arrow, compression=compression) as writer:
            for number in range(file.num_row_groups):
                group = file.read_row_group(number)
                gone = np.fromiter((goes for _, goes in _some(starts, group.num_rows)), dtype=bool)
                kept = group.filter(pa.array(~gone)) if gone.any() else group
                if kept.num_rows:
                    writer.write_table(kept, row_group_size=kept.num_rows)


def _some(starts: Iterator[tuple[int, bool]], count: int) -> Iterator[tuple[int, bool]]:
    for _ in range(count):
        yield next(starts)


def _compression(file: pq.ParquetFile) -> str:
    if not file.num_row_groups or not file.metadata.num_columns:
        return "snappy"
    found = str(file.metadata.row_group(0).column(0).compression).lower()
    return "none" if found == "uncompressed" else found
