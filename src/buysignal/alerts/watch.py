"""Scores and the shop's time in, alerts out: each visit at most once by each rule."""

from __future__ import annotations

import heapq
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Protocol

from buysignal.alerts.rules import Rule
from buysignal.alerts.visits import Answer, Key, Labels, OpenVisit, OpenVisits

MOST_TOLD = 200_000
"""Ids that are remembered, so that nothing is told twice."""

_START = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Alert:
    """What a webhook is told.

    Attributes:
        id: the same for the same rule and visit, also after a restart.
        body: plain values.
    """

    id: str
    body: dict[str, Any]


class Told(Protocol):
    """Remembers which alerts were told."""

    def first(self, alert_id: str) -> bool:
        """Return whether it is the first time, and remember it."""


class ToldInMemory:
    """Remembers while the process lives, the latest 200,000."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def first(self, alert_id: str) -> bool:
        if alert_id in self._ids:
            return False
        self._ids[alert_id] = None
        if len(self._ids) > MOST_TOLD:
            self._ids.popitem(last=False)
        return True


class Watch:
    """Rules over open visits.

    A rule that waits fires at the moment its wait is over and no click came between; one that does not,
    with the score itself.

    Args:
        visits: take the scores in.
        rules: none is allowed.
        currency: of amounts, None where the source names none.
        replayed: the scores are of a replay, and every alert says so.
        told: what was told before.

    Attributes:
        visits, currency: as given.
    """

    def __init__(
        self,
        visits: OpenVisits,
        rules: Sequence[Rule] = (),
        *,
        currency: str | None = None,
        replayed: bool = False,
        told: Told | None = None,
    ) -> None:
        self.visits = visits
        self.currency = currency
        self._replayed = replayed
        self._told = told or ToldInMemory()
        self._due: list[tuple[int, int, Key, Rule]] = []
        self._number = 0
        self._rules: tuple[Rule, ...] = ()
        self.use(rules)

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self._rules

    def use(self, rules: Sequence[Rule]) -> None:
        """Watch by these rules from now on; visits whose wait is already over are not told of."""
        with self.visits.lock:
            self._rules = tuple(rules)
            self._due = []
            self.visits.keep = max((rule.wait for rule in self._rules), default=0)
            for visit in self.visits.kept():
                self._schedule(visit, after=self.visits.now)

    def take(self, answer: Answer, moment: int) -> list[Alert]:
        """Take in a score; returns what it leads to at once.

        Args:
            answer: as any door gives it.
            moment: of its click, microseconds since 1970.
        """
        with self.visits.lock:
            visit = self.visits.take(answer, moment)
            self._schedule(visit)
            at_once = [rule for rule in self._rules if rule.wait == 0 and rule.fits(visit)]
            return self._alerts([(rule, visit, visit.last) for rule in at_once])

    def tick(self, now: int) -> list[Alert]:
        """Let the shop's time go on to ``now``; returns what became due by then."""
        with self.visits.lock:
            found = []
            while self._due and self._due[0][0] <= now:
                due, _, key, rule = heapq.heappop(self._due)
                visit = self.visits.get(key)
                if visit is not None and visit.last + rule.wait == due and rule.fits(visit):
                    found.append((rule, visit, due))
            self.visits.advance(now)
            return self._alerts(found)

    def _schedule(self, visit: OpenVisit, after: int = -1) -> None:
        for rule in self._rules:
            due = visit.last + rule.wait
            if rule.wait and due > after and rule.fits(visit):
                self._number += 1
                heapq.heappush(self._due, (due, self._number, visit.key, rule))

    def _alerts(self, found: list[tuple[Rule, OpenVisit, int]]) -> list[Alert]:
        labels = self.visits.labels
        if labels is None:
            return []
        made = [self._alert(rule, visit, at, labels) for rule, visit, at in found]
        return [alert for alert in made if self._told.first(alert.id)]

    def _alert(self, rule: Rule, visit: OpenVisit, at: int, labels: Labels) -> Alert:
        alert_id = id_of(rule.name, visit.visitor_id, visit.session_id)
        body: dict[str, Any] = {
            "id": alert_id,
            "rule": rule.name,
            "sentence": rule.sentence(visit, labels),
            "noticed_at": time_of(at),
            "visitor_id": visit.visitor_id,
            "session_id": visit.session_id,
            "last_click_at": time_of(visit.last),
            "clicks": visit.clicks,
            "probability": visit.probability,
            "expected_revenue": visit.expected,
            "cart_items": visit.cart_items,
            "cart_value": visit.cart_value,
            "currency": self.currency,
            "segment": visit.segment,
            "goal": labels.goal,
            "proxy": labels.proxy,
            "simulated": labels.simulated,
            "replayed": self._replayed,
            "bundle_version": labels.bundle_version,
        }
        return Alert(alert_id, body)


def id_of(rule: str, visitor_id: str, session_id: str) -> str:
    """Return the id by which a receiver knows an alert that comes twice.

    >>> id_of("hot_visit", "v1", "v1-1") == id_of("hot_visit", "v1", "v1-1")
    True
    """
    return blake2b(json.dumps([rule, visitor_id, session_id]).encode(), digest_size=16).hexdigest()


def time_of(moment: int) -> str:
    """Return microseconds since 1970 as ISO 8601.

    >>> time_of(1_000_000)
    '1970-01-01T00:00:01+00:00'
    """
    return (_START + timedelta(microseconds=moment)).isoformat()
