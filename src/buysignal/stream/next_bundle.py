"""A bundle put in the place of the one in use: read and tried beside the work, taken between batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

from buysignal import bundle as bundles
from buysignal.bundle import Bundle
from buysignal.errors import BuysignalError
from buysignal.manifest import MANIFEST
from buysignal.stream.scored import BatchScorer

LOOK_S = 2.0
"""Seconds between looks at the folder."""

Stamp = tuple[int, int, int]


class NextBundle:
    """Watches a bundle's folder in a thread of its own.

    Args:
        path: the folder.
        make: a bundle to its scorer.
        failed: called with a sentence where a new bundle cannot be used, with None where one can.
    """

    def __init__(
        self, path: Path, make: Callable[[Bundle], BatchScorer], failed: Callable[[str | None], None]
    ) -> None:
        self._path = path
        self._make = make
        self._failed = failed
        self._seen = _stamp(path)
        self._found: BatchScorer | None = None
        self._end = Event()
        self._thread = Thread(target=self._watch, daemon=True, name="next bundle")

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._end.set()

    def take(self) -> BatchScorer | None:
        """Return the scorer of a new bundle, once; None where there is none."""
        found, self._found = self._found, None
        return found

    def look(self) -> None:
        """Read and try what lies in the folder now, if it is another bundle than at the last look."""
        stamp = _stamp(self._path)
        # Between taking the old folder away and putting the new one there, there is none.
        if stamp is None or stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._found = self._make(bundles.load(self._path)).tried()
        except (BuysignalError, OSError) as error:
            self._failed(f"the new bundle cannot be used, the old one goes on: {error}")
        else:
            self._failed(None)

    def _watch(self) -> None:
        while not self._end.wait(LOOK_S):
            self.look()


def _stamp(path: Path) -> Stamp | None:
    try:
        found = (path / MANIFEST).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
