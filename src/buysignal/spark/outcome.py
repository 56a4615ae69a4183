"""What a run on the cluster made."""

from __future__ import annotations

from dataclasses import dataclass

from buysignal.sources.profile import Profile


@dataclass(frozen=True)
class Outcome:
    """What was written where; rows_in == rows_kept + rows_rejected, always.

    Attributes:
        out: the folder, with ``features`` or ``scores`` and ``rejects`` in it, all Parquet.
        rows: of what was written: events, or visits that were scored.
        rejected: rows not kept, by reason, most frequent first.
        duplicates: rows equal to an earlier one, which are among the rejected.
    """

    out: str
    profile: Profile
    confidence: float
    currency: str | None
    rows_in: int
    rows_kept: int
    rows: int
    rejected: dict[str, int]

    @property
    def rows_rejected(self) -> int:
        return sum(self.rejected.values())

    @property
    def duplicates(self) -> int:
        return self.rejected.get("duplicate_event", 0)
