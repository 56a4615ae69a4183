"""What the audit says: one finding per thing it looked at."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["tautology", "leak", "warning", "ok"]


class Finding(BaseModel):
    """One check, its verdict, and one sentence a marketer understands.

    ``tautology``: the target can be read off the columns by a rule. ``leak``: the figure counts
    something a live score could not know, or rows the model has already seen. ``warning``: cannot be
    ruled out. ``ok``: looked for and not found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: str
    verdict: Verdict
    detail: str
    columns: tuple[str, ...] = ()
    evidence: dict[str, float] = Field(default_factory=dict)

    @property
    def column(self) -> str | None:
        """The columns it speaks of, as one text; None where it speaks of rows."""
        return ", ".join(self.columns) or None
