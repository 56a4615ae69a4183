"""How many rows this machine can hold, so that a file too large is refused and not half read."""

from __future__ import annotations

import os

from buysignal.errors import SourceError

BYTES_PER_ROW = 450
"""Of memory while rows are read and kept: 10 million of 17 columns took 4.2 GB at the highest."""

SHARE = 0.7
"""Of the machine's memory that reading may take."""


def machine_memory() -> int | None:
    """Return the bytes of memory this machine has; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def refuse_too_many(rows: int, memory: int | None) -> None:
    """Refuse more rows than fit into ``memory`` (bytes; None: nothing is known, nothing refused).

    Raises:
        SourceError: they do not fit.

    >>> refuse_too_many(10_000_000, 8 * 2**30)
    """
    most = None if memory is None else int(memory * SHARE / BYTES_PER_ROW)
    if most is not None and rows > most:
        raise SourceError(
            f"{rows:,} rows do not fit into this machine's memory at once",
            allowed=f"about {most:,} rows",
            todo="use features or score, which work in parts; check, train and explore draw visitors from "
            "large files; or name fewer files",
        )
