"""Retention by age: events that are older than they may be, and rejects that were written before that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from buysignal.privacy.files import FileDone, Progress, remove
from buysignal.privacy.marks import of_age
from buysignal.sources.profile import Profile
from buysignal.units import duration_us


def remove_older(
    paths: Sequence[Path],
    older_than: str,
    *,
    now: datetime | None = None,
    profile: str | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[FileDone]:
    """Remove events older than an age from files and from those below folders.

    A row whose time cannot be read stays. Rows of written rejects have no time of their own: they go together
    when the file was last written longer ago than that.

    Args:
        older_than: such as ``"400d"``.
        now: what ages are counted from; the present if None.

    Raises:
        UnitError: ``older_than`` has no unit.
        SourceError: a path does not exist.
    """
    age = timedelta(microseconds=duration_us(older_than, "older_than"))
    before = (now or datetime.now(UTC)) - age
    return remove(
        paths, of_age(before), lacks="it has no time of events", profile=profile, mapping=mapping,
        dry_run=dry_run, progress=progress,
    )  # fmt: skip
