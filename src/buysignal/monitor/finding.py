"""What a look at new data found: one line a check, and an alarm where one is out of bounds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from buysignal.drift import Shift
from buysignal.monitor.pictures import Pictures

Verdict = Literal["ok", "alarm", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes:
        check: its name, such as ``"features"``.
        verdict: "unknown" where there is too little to say.
        sentence: what was seen, for people.
        value, limit: the figure behind it, where there is one.
    """

    check: str
    verdict: Verdict
    sentence: str
    value: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Watch:
    """A bundle held against a window of new data.

    Attributes:
        bundle_version, goal, proxy, simulated: of the bundle; with ``proxy`` no score is a conversion.
        since, until: the window, ISO 8601 in UTC; None where the data has no time.
        visits, visitors: of the window.
        findings: one a check, alarms first.
        shifts: of the features, the farthest first.
        score_shift: of the scores.
        notes: what to keep in mind.
        pictures: what charts are drawn from; no part of the figures.
    """

    bundle_version: str
    goal: str
    proxy: bool
    simulated: bool
    since: str | None
    until: str | None
    visits: int
    visitors: int
    findings: tuple[Finding, ...]
    shifts: tuple[Shift, ...]
    score_shift: Shift
    notes: tuple[str, ...] = ()
    pictures: Pictures | None = field(default=None, repr=False, compare=False)

    @property
    def alarms(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.verdict == "alarm")

    @property
    def sentence(self) -> str:
        """The outcome in one sentence."""
        if not self.alarms:
            return f"Quiet: {self.visits:,} visits look like those the model was tested on."
        names = ", ".join(one.check for one in self.alarms)
        return f"Alarm: {names} changed since the model was tested."

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        found = asdict(replace(self, pictures=None))
        del found["pictures"]
        return found | {"alarm": bool(self.alarms), "sentence": self.sentence}
