"""How a history is read, and by what a run that goes on knows that it is the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from buysignal.errors import SourceError
from buysignal.sources.profile import Profile
from buysignal.sources.stream import MEMORY, Stream, open_stream
from buysignal.units import duration_us


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


def _files(path: Path) -> Sequence[list[Any]]:
    """Return name, size and time of change of a file, or of all files of a folder."""
    if not path.exists():
        raise SourceError(
            f"there is no file {path}", allowed="an existing file or folder", todo="check the path"
        )
    files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
    stats = [(f, f.stat()) for f in files]
    return [[str(f.relative_to(path)) if f != path else f.name, s.st_size, s.st_mtime_ns] for f, s in stats]
