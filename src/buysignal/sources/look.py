"""A look at files before they are read: their columns, a few cells, and which profiles may fit."""

from __future__ import annotations

import gzip
import tempfile
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb

from buysignal.errors import SourceError
from buysignal.sources import nested
from buysignal.sources.choose import look_into
from buysignal.sources.detect import detect
from buysignal.sources.files import JSON_SUFFIXES, open_files
from buysignal.sources.form import FileForm, form_of
from buysignal.sources.parts import open_parts
from buysignal.sources.profile import Profile

HEAD_BYTES = 1_000_000
"""So much of a text file is looked at: thousands of rows, whatever its size."""

HEAD_ROWS = 5_000
"""Enough to meet most kinds of event; all of them are known when the file has been read."""


@dataclass(frozen=True)
class Look:
    """What files look like from outside.

    Attributes:
        forms: one per file.
        fits: the profiles that may fit the first file, best first, each with a confidence from 0 to 1.
    """

    forms: tuple[FileForm, ...]
    fits: tuple[tuple[Profile, float], ...]


def look(paths: Sequence[str | Path]) -> Look:
    """Look at the beginning of each file; nothing is read whole but short files and lists in JSON.

    Raises:
        SourceError: a file cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="buysignal-") as name:
        scratch = Path(name)
        heads = [_head(Path(path), scratch, i) for i, path in enumerate(paths)]
        with duckdb.connect() as connection:
            parts = open_parts(connection, open_files(heads, scratch), scratch, Counter())
            opened = [look_into(connection, part, HEAD_ROWS) for part in parts]
        forms = tuple(form_of(one) for one in opened)
        fits = tuple(detect(opened[0].columns, opened[0].head[: nested.HEAD_ROWS]))
    return Look(forms, fits)


def _head(path: Path, scratch: Path, position: int) -> Path:
    """Return a copy of the first whole lines of a text file; any other file as it is."""
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
        if magic[:2] == b"\x1f\x8b":
            with gzip.open(path, "rb") as packed:
                return _cut(packed, path.name.removesuffix(".gz"), path, scratch, position)
        if magic in (b"PK\x03\x04", b"PAR1"):
            return path
        with path.open("rb") as plain:
            return _cut(plain, path.name, path, scratch, position)
    except (EOFError, OSError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise SourceError(f"{path} cannot be read", todo="copy or export it again") from error


def _cut(stream: IO[bytes] | gzip.GzipFile, name: str, path: Path, scratch: Path, position: int) -> Path:
    head = stream.read(HEAD_BYTES)
    whole = head.rfind(b"\n")
    short = len(head) < HEAD_BYTES
    if short or whole < 0 or _is_list(head, name):
        return path
    folder = scratch / f"head-{position}"
    folder.mkdir()
    target = folder / name
    # UTF-16 keeps two bytes a sign: the cut is made behind both.
    target.write_bytes(head[: whole + 1 + (head[whole + 1 : whole + 2] == b"\0")])
    return target


def _is_list(head: bytes, name: str) -> bool:
    return Path(name).suffix.lower() in JSON_SUFFIXES and head.lstrip()[:1] == b"["
