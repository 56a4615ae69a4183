"""Which alerts were told, in a small file that outlives the process."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from buysignal.errors import SourceError

DAYS = 30
"""Ids are kept for so long; no visit lasts as long."""


class ToldOnDisk:
    """Remembers in a SQLite file; used by one thread.

    Args:
        path: made where it is missing.

    Raises:
        SourceError: it cannot be written, or is another kind of file.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = sqlite3.connect(path, isolation_level=None)
            self._file.execute("CREATE TABLE IF NOT EXISTS told (id TEXT PRIMARY KEY, at REAL NOT NULL)")
            self._file.execute("DELETE FROM told WHERE at < ?", (time.time() - DAYS * 86_400,))
        except sqlite3.Error as error:
            raise SourceError(
                f"'{path}' cannot remember alerts: {error}", allowed="a file that may be written"
            ) from error

    def first(self, alert_id: str) -> bool:
        made = self._file.execute("INSERT OR IGNORE INTO told VALUES (?, ?)", (alert_id, time.time()))
        return made.rowcount == 1

    def close(self) -> None:
        self._file.close()
