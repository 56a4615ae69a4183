"""What the database says when a file breaks or the disk is full, as one sentence with the place."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from buysignal.errors import SourceError
from buysignal.sources.files import SourceFile

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_WORDS = ("No space left", "max_temp_directory_size", "Disk quota exceeded", "File too large")


@contextmanager
def explained(files: Callable[[], Sequence[SourceFile]]) -> Iterator[None]:
    """Turn errors of reading and sorting into one that names the place.

    Args:
        files: returns the files that are read, asked when something has broken.

    Raises:
        SourceError: a file is damaged (named, with its row group), memory or disk do not suffice.
    """
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise explanation(error, files()) from error


def explanation(error: Exception, files: Sequence[SourceFile] = ()) -> SourceError:
    """Return what happened, in words."""
    if is_full(error):
        return SourceError(
            "the disk is full",
            allowed="room for the output, and about three times the input while it is sorted",
            todo="make room, then run the same command again; what it finished is kept",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return SourceError(
            "the memory given does not suffice to sort the events",
            todo="give more with --memory, such as --memory 4GB",
        )
    place = damaged_place(files)
    if place is not None:
        return SourceError(
            f"{place} cannot be read",
            allowed="complete Parquet files",
            todo="copy or export that file again, then run the same command again",
        )
    return SourceError(f"the events cannot be read: {str(error).splitlines()[0]}", todo="run check on them")


def is_full(error: BaseException) -> bool:
    """Return whether an error says that the disk has no room left."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(words in str(error) for words in _FULL_WORDS)


def damaged_place(files: Sequence[SourceFile]) -> str | None:
    """Return the first Parquet file and row group that cannot be read; None where all can."""
    for file in files:
        if file.kind != "parquet":
            continue
        try:
            opened = pq.ParquetFile(file.path)
        except (OSError, pa.ArrowInvalid):
            return file.name
        for group in range(opened.num_row_groups):
            try:
                opened.read_row_group(group)
            except (OSError, ValueError):
                return f"{file.name}, row group {group + 1} of {opened.num_row_groups},"
    return None
