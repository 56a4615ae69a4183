"""What a visit may end in: a purchase, a named proxy, or nothing that this data can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from buysignal import goals
from buysignal.goals import Goal


@dataclass(frozen=True)
class Outcome:
    """What is counted per visit.

    Attributes:
        goal: the real goal, the proxy, or None where the data can tell neither.
    """

    goal: Goal | None

    @property
    def proxy(self) -> str | None:
        """The proxy's name, the label of every chart that shows it."""
        return self.goal.name if self.goal is not None and self.goal.proxy else None

    @property
    def real(self) -> bool:
        """Whether it may be called conversion."""
        return self.goal is not None and not self.goal.proxy

    @property
    def noun(self) -> str:
        """What the share of visits that reach it is called."""
        return "conversion" if self.real else f"share of visits that reach the proxy {self.proxy}"

    @property
    def axis(self) -> str:
        """Title of an axis with that share."""
        return "Conversion (% of visits)" if self.real else f"Visits (%), proxy: {self.proxy}"

    @property
    def verb(self) -> str:
        """What visits that reach it do."""
        return "end in a purchase" if self.real else f"reach the proxy {self.proxy}"

    def said(self, share: str) -> str:
        """Return a share of visits as the end of a sentence.

        >>> Outcome(goals.PURCHASE).said("3.1 %")
        '3.1 % of the visits end in a purchase'
        """
        if self.real:
            return f"{share} of the visits end in a purchase"
        assert self.goal is not None
        return f"in {share} of the visits {self.goal.sentence}, counted from the first click"

    @property
    def why_not(self) -> str:
        """Why nothing is counted."""
        return f"{goals.NO_CONVERSION.replace(', so nothing here is called conversion', '')}".capitalize()


def of_events(event_names: Sequence[str], offered: Sequence[Goal], proxies: Sequence[Goal]) -> Outcome:
    """Return what is counted of events: purchases, else the first proxy that a whole visit can tell."""
    if "purchase" in event_names:
        return Outcome(next((g for g in offered if g.event == "purchase"), goals.PURCHASE))
    possible = goals.available(event_names, proxies, ())
    whole = [g for g in possible if g.kind in ("event_later", "more_events") and g.horizon == "session"]
    return Outcome(whole[0] if whole else None)


def of_table(possible: Sequence[Goal], reached: int) -> Outcome:
    """Return what is counted of a session table: its first goal; a real one needs to be reached at all."""
    for goal in possible:
        if goal.proxy or reached:
            return Outcome(goal)
    return Outcome(None)
