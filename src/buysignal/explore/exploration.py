"""What comes of exploring: sections with charts, or the reason why there is none, and the plain facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from buysignal.explore import words
from buysignal.explore.chart import Chart
from buysignal.explore.prepared import Prepared


@dataclass(frozen=True, eq=False)
class Section:
    """Charts about one question.

    Attributes:
        key: safe as an anchor.
        missing: one sentence for each thing this data cannot show.
    """

    key: str
    title: str
    charts: tuple[Chart, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass
class Draft:
    """A section being filled; every chart gets the data's labels here, so that none can lack them."""

    data: Prepared
    key: str
    title: str
    charts: list[Chart] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def add(self, key: str, *, outcome: bool = False, **chart: Any) -> None:
        """Add a chart; ``outcome`` says that it shows what visits end in, so a proxy is named."""
        self.charts.append(
            Chart(
                key=f"{self.key}-{key}",
                section=self.key,
                currency=self.data.currency,
                simulated=self.data.simulated,
                proxy=self.data.outcome.proxy if outcome else None,
                **chart,
            )
        )

    def lacks(self, sentence: str) -> None:
        """Say why something is not shown."""
        if sentence not in self.missing:
            self.missing.append(sentence)

    def done(self) -> Section:
        """Return the section."""
        return Section(self.key, self.title, tuple(self.charts), tuple(self.missing))


@dataclass(frozen=True)
class Facts:
    """Counts of what is looked at, after filters.

    Attributes:
        events: None for session tables.
        visitors: None where the data does not tell them apart from visits.
        visits_of: visits before the filters.
        orders, revenue, conversion: None where the data holds no purchases (or no amounts).
        proxy: the proxy that is counted instead, and ``proxy_share`` the share of visits that reach it.
        left_out: what is not looked at, in words.
    """

    visits: int
    visits_of: int
    events: int | None
    visitors: int | None
    first: date | None
    last: date | None
    orders: int | None
    conversion: float | None
    revenue: float | None
    currency: str | None
    proxy: str | None
    proxy_share: float | None
    simulated: bool
    left_out: tuple[str, ...]

    def lines(self) -> list[tuple[str, str]]:
        """Return the facts as name and text, for people."""
        found = [("Visits", f"{self.visits:,}")]
        if self.visits != self.visits_of:
            found = [("Visits (of all)", f"{self.visits:,} of {self.visits_of:,}")]
        if self.events is not None:
            found.append(("Events", f"{self.events:,}"))
        if self.visitors is not None:
            found.append(("Visitors", f"{self.visitors:,}"))
        if self.first is not None and self.last is not None:
            found.append(("Days", f"{self.first} to {self.last}"))
        if self.orders is not None:
            found.append(("Purchases", f"{self.orders:,}"))
        if self.conversion is not None:
            found.append(("Conversion", words.share(self.conversion)))
        if self.revenue is not None:
            found.append(("Revenue", words.money(self.revenue, self.currency)))
        if self.proxy_share is not None:
            found.append((f"Visits, proxy: {self.proxy}", words.share(self.proxy_share)))
        return found


def facts_of(data: Prepared, visits_of: int) -> Facts:
    """Return the facts of what the filters let pass."""
    visits, outcome = data.visits, data.outcome
    day = visits["day"].dropna()
    share = float(visits["reached"].mean())
    return Facts(
        visits=len(visits),
        visits_of=visits_of,
        events=data.rows if data.level == "event" else None,
        visitors=int(visits["visitor"].nunique()) if data.returning_known else None,
        first=None if day.empty else day.min().date(),
        last=None if day.empty else day.max().date(),
        orders=int(visits["orders"].sum()) if outcome.real else None,
        conversion=share if outcome.real else None,
        revenue=float(visits["revenue"].sum()) if outcome.real and data.has_amounts else None,
        currency=data.currency,
        proxy=outcome.proxy,
        proxy_share=share if outcome.proxy else None,
        simulated=data.simulated,
        left_out=data.left_out,
    )


@dataclass(frozen=True, eq=False)
class Exploration:
    """All sections in their order, and the facts."""

    sections: tuple[Section, ...]
    facts: Facts

    @property
    def charts(self) -> Iterator[Chart]:
        """All charts, section by section."""
        return (chart for section in self.sections for chart in section.charts)

    def chart(self, key: str) -> Chart:
        """Return the chart called ``key``.

        Raises:
            KeyError: there is none.
        """
        return {chart.key: chart for chart in self.charts}[key]

    def section(self, key: str) -> Section:
        """Return the section called ``key``.

        Raises:
            KeyError: there is none.
        """
        return {section.key: section for section in self.sections}[key]

    def only(self, *keys: str) -> Exploration:
        """Return the exploration with these sections alone."""
        return replace(self, sections=tuple(s for s in self.sections if s.key in keys))
