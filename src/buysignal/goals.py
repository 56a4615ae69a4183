"""Goals: what counts, within which horizon, and whether it may be called conversion."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from buysignal.errors import GoalError


class Goal(BaseModel):
    """Who does what within which horizon, in words a marketer can read.

    ``kind`` says how the answer to the yes/no question is found in what comes *after* a prefix:

    - ``event_later``: an event named ``event`` comes later in the session;
    - ``next_attribute``: the next event of the session has ``attribute`` equal to ``equals``;
    - ``more_events``: at least ``at_least`` further events come in the session;
    - ``column``: a column of a session or click table holds it (``attribute``, true when equal to
      ``equals``, or when greater than ``above``; for an amount alone both are None).

    ``value`` says what the amount is: ``purchase_revenue`` (price × quantity of later purchases),
    ``viewed_value`` (sum of the prices of later views), or ``column`` (``value_column``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sentence: str
    proxy: bool
    kind: Literal["event_later", "next_attribute", "more_events", "column"] = "event_later"
    event: str | None = None
    attribute: str | None = None
    equals: str | float | bool | None = None
    above: float | None = None
    at_least: int = 1
    horizon: str = Field(default="session", description="'session', or a duration such as '7d'")
    value: Literal["purchase_revenue", "viewed_value", "column"] | None = None
    value_column: str | None = None
    value_sentence: str | None = None
    currency: str | None = None


PURCHASE = Goal(
    name="purchase",
    sentence="the visitor buys later in this session",
    proxy=False,
    kind="event_later",
    event="purchase",
    value="purchase_revenue",
    value_sentence="revenue still to come in this session",
)

NO_CONVERSION = "this data holds no purchases, so nothing here is called conversion"


class ClickTask(BaseModel):
    """The classic per-click exercise of a data set: a target column of the click itself.

    ``hide`` lists the columns that carry the item's identity or price; the honest variant drops them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    task: Literal["conversion", "revenue"]
    column: str
    positive: str | float | bool | None = None
    hide: tuple[str, ...] = ()


class Answer(BaseModel):
    """One line of the label gate: a question, whether this data can answer it, and why."""

    model_config = ConfigDict(frozen=True)

    question: str
    answer: Literal["yes", "proxy", "no"]
    why: str


def available(event_names: Collection[str], proxies: Sequence[Goal], real: Sequence[Goal]) -> list[Goal]:
    """Return the goals an events table can answer, real ones first.

    A goal about a later event needs that event's name in the data; the label gate is that rule
    applied to ``purchase``. Other proxies are always possible.

    >>> [g.name for g in available({"view_item"}, proxies=[], real=[PURCHASE])]
    []
    """
    present = set(event_names)
    return [g for g in (*real, *proxies) if g.kind != "event_later" or g.event in present]


def available_goals(columns: Collection[str], real: Sequence[Goal], proxies: Sequence[Goal]) -> list[Goal]:
    """Return the goals a session or click table with ``columns`` can answer, real ones first."""
    return [g for g in (*real, *proxies) if g.kind == "column" and g.attribute in columns]


def choose(goals: Sequence[Goal], name: str | None = None) -> Goal:
    """Return the goal called ``name``, or the first.

    Raises:
        GoalError: no goal is possible, or none has that name.
    """
    has_real = any(not g.proxy for g in goals)
    names = ", ".join(g.name for g in goals)
    if not goals:
        raise GoalError(
            f"{NO_CONVERSION}, and its profile offers no proxy",
            allowed="data with purchase events, or a profile with a named proxy",
            todo="map the shop's order event to 'purchase' in a profile",
        )
    if name is None:
        return goals[0]
    for goal in goals:
        if goal.name == name:
            return goal
    reason = "" if has_real else f"; {NO_CONVERSION}"
    raise GoalError(
        f"there is no goal '{name}' for this data{reason}",
        allowed=names,
        todo="name one of these, or none to take the first",
    )


def gate(goals: Sequence[Goal], *, purchases: int, has_amounts: bool) -> list[Answer]:
    """Say in plain words what this data can predict: the label gate.

    Args:
        goals: those that ``available`` or ``available_goals`` gives.
        purchases: orders, or sessions with a purchase.
        has_amounts: whether the purchases carry prices.
    """
    answers = [_conversion(purchases), _revenue(purchases, has_amounts)]
    answers += [
        Answer(
            question=f"will it happen that {goal.sentence}?",
            answer="proxy",
            why=f"the data shows it; it is the proxy '{goal.name}', not a purchase",
        )
        for goal in goals
        if goal.proxy
    ]
    answers.append(Answer(question="which kinds of visit are there?", answer="yes", why="needs no purchases"))
    return answers


def _conversion(purchases: int) -> Answer:
    question = "will the visitor buy?"
    if not purchases:
        return Answer(question=question, answer="no", why=NO_CONVERSION)
    small = "; that is few, so expect wide intervals" if purchases < FEW_PURCHASES else ""
    return Answer(
        question=question,
        answer="yes",
        why=f"the data holds {purchases:,} purchase{'s' * (purchases != 1)}{small}",
    )


def _revenue(purchases: int, has_amounts: bool) -> Answer:
    question = "how much will the visitor spend?"
    if not purchases:
        return Answer(question=question, answer="no", why="without purchases no money was spent")
    if not has_amounts:
        return Answer(question=question, answer="no", why="the purchases carry no amounts")
    return Answer(question=question, answer="yes", why="the purchases carry amounts")


FEW_PURCHASES = 50
"""Below this many purchases everything is still computed, with a plain warning."""
