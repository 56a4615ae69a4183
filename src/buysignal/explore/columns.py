"""Columns as arrays that can be cut to some rows: text as codes and names, all else as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from buysignal.sessions import NO_TIME


@dataclass(frozen=True, eq=False)
class Coded:
    """A text column: ``names[codes[i]]`` is the value of row i; code -1 is an empty cell."""

    codes: npt.NDArray[np.int32]
    names: tuple[str, ...]

    def where(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Coded:
        """Return the column of these rows alone."""
        return Coded(self.codes[rows], self.names)

    def counts(self) -> npt.NDArray[np.int64]:
        """Return how many rows have each name, shape (names,)."""
        known = self.codes[self.codes >= 0]
        return np.bincount(known, minlength=len(self.names)).astype(np.int64)

    def code(self, name: str) -> int:
        """Return the code of ``name``, or -2, which no row has."""
        return self.names.index(name) if name in self.names else -2

    def compact(self) -> Coded:
        """Return the column without names that no row has."""
        used = self.counts() > 0
        target = np.append(np.where(used, np.cumsum(used) - 1, -1), -1).astype(np.int32)
        names = tuple(name for name, there in zip(self.names, used, strict=True) if there)
        return Coded(target[self.codes], names)

    @property
    def missing(self) -> int:
        return int((self.codes < 0).sum())


def coded(column: pa.ChunkedArray) -> Coded:
    """Return an Arrow column (text, dictionary, boolean or number) as codes and names; empty text is null."""
    if not pa.types.is_dictionary(column.type):
        column = _as_text(column).dictionary_encode()
    merged = column.unify_dictionaries().combine_chunks()
    if isinstance(merged, pa.ChunkedArray):
        merged = merged.chunk(0) if merged.num_chunks else pa.array([], column.type)
    names = [str(name) for name in merged.dictionary.to_pylist()]
    codes = pc.fill_null(merged.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    return _without_empty(codes, names)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_boolean(column.type):
        return pc.if_else(column, "yes", "no")
    return column.cast(pa.string())


def _without_empty(codes: npt.NDArray[np.int32], names: list[str]) -> Coded:
    blank = [i for i, name in enumerate(names) if not name.strip()]
    if blank:
        codes = np.where(np.isin(codes, blank), np.int32(-1), codes)
    return Coded(codes, tuple(names))


def numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Return a numeric Arrow column as float64, NaN where it is empty."""
    values: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return values


def is_number(kind: pa.DataType) -> bool:
    """Whether an Arrow type is a number that can be measured."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def distinct(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the distinct values, ascending; for rows in the order of their visits faster than np.unique."""
    ordered = np.sort(values, kind="stable")
    return ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]


def as_days(day: npt.NDArray[np.int64]) -> npt.NDArray[np.datetime64]:
    """Return days since 1970 as midnights, ``NO_TIME`` as NaT."""
    moments = np.where(day == NO_TIME, np.datetime64("NaT", "D"), day.astype("datetime64[D]"))
    return moments.astype("datetime64[s]")
