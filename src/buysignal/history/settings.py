"""How a history is read, and by what a run that goes on knows that it is the same one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from buysignal.errors import SourceError
from buysignal.sources.files import PACKED_SUFFIXES, PARQUET_SUFFIXES
from buysignal.sources.profile import Profile
from buysignal.sources.stream import MEMORY, Stream, open_stream
from buysignal.units import duration_us

BYTES_PER_ROW = 120
"""Of a text file of events, as a guess of how many rows it holds."""

PACKED_TIMES = 8
"""How many times smaller a packed text file is, likewise."""


@dataclass(frozen=True)
class Reading:
    """Which files are read, and how.

    Attributes:
        paths: files or folders of events.
        profile: name, file or object; None detects it.
        mapping: canonical column → source column, on top of the profile.
        rates: currency → rate into the common currency, on top of the profile.
        session_gap: longest pause within a session, with its unit.
        memory: for sorting, such as "2GB"; the disk holds the rest.
    """

    paths: tuple[Path, ...]
    profile: str | Path | Profile | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    session_gap: str = "30m"
    memory: str = MEMORY

    def __post_init__(self) -> None:
        duration_us(self.session_gap, "session_gap")

    def stream(self, scratch: Path) -> AbstractContextManager[Stream]:
        """Open the files; what does not fit into memory goes below ``scratch``."""
        return open_stream(
            self.paths, profile=self.profile, mapping=self.mapping, rates=self.rates, memory=self.memory,
            scratch=scratch,
        )  # fmt: skip

    def rows(self) -> int:
        """Return about how many rows the files hold: counted in Parquet, guessed from the size of others.

        Raises:
            SourceError: a path does not exist.
        """
        return sum(_rows(file, size) for path in self.paths for file, size in _sizes(path))

    def about(self) -> dict[str, Any]:
        """Return what makes two readings the same: the files as they are now, and every setting.

        Raises:
            SourceError: a path does not exist.
        """
        profile = self.profile
        return {
            "input": [entry for path in self.paths for entry in _files(path)],
            "profile": profile.model_dump(mode="json") if isinstance(profile, Profile) else str(profile),
            "mapping": dict(self.mapping),
            "rates": dict(self.rates),
            "session_gap": self.session_gap,
        }


def _files(path: Path) -> list[list[Any]]:
    """Return name, size and time of change of a file, or of all files of a folder."""
    return [
        [str(file.relative_to(path)) if file != path else file.name, size, file.stat().st_mtime_ns]
        for file, size in _sizes(path)
    ]


def _sizes(path: Path) -> list[tuple[Path, int]]:
    if not path.exists():
        raise SourceError(
            f"there is no file {path}", allowed="an existing file or folder", todo="check the path"
        )
    files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
    return [(file, file.stat().st_size) for file in files]


def _rows(file: Path, size: int) -> int:
    if file.suffix.lower() in PARQUET_SUFFIXES:
        try:
            return int(pq.read_metadata(file).num_rows)
        except (OSError, pa.ArrowInvalid):
            return 0
    packed = file.suffix.lower() in PACKED_SUFFIXES
    return size * (PACKED_TIMES if packed else 1) // BYTES_PER_ROW
