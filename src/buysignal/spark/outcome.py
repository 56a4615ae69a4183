"""What a run on the cluster made."""

from __future__ import annotations

from dataclasses import dataclass

from buysignal.sources.profile import Profile


@dataclass(frozen=True)
class Outcome:
    """What was written where; rows_in == rows_kept + refused + rows_rejected, always.

    Attributes:
        out: the folder, with ``features`` or ``scores`` and ``rejects`` in it, all Parquet.
        rows_in: rows of the files, a row with several items once per item.
        rows: of what was written: events, or visits that were scored.
        rejected: rows not kept, by reason, most frequent first.
        refused: events of visitors who refused consent, where those are left out.
    """

    out: str
    profile: Profile
    confidence: float
    currency: str | None
    rows_in: int
    rows: int
    rejected: dict[str, int]
    refused: int = 0

    @property
    def rows_rejected(self) -> int:
        return sum(self.rejected.values())

    @property
    def rows_kept(self) -> int:
        return self.rows_in - self.refused - self.rows_rejected

    @property
    def duplicates(self) -> int:
        """Rows equal to an earlier one, which are among the rejected."""
        return self.rejected.get("duplicate_event", 0)
