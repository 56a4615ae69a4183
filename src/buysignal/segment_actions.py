"""A suggested action for each segment, by plain rules on its evidence. Suggestions to test, never effects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from buysignal.report import SegmentProfile
from buysignal.wording import share_text

MUCH, LITTLE = 1.25, 0.8
"""From how many times the mean of all visits a segment counts as high, and below which as low."""

COMMON = 0.1
"""From which share of its visits on a step is worth acting on."""

OUTSIDE = -1
CAVEAT = (
    "A suggestion to test, not a promise: nothing here has measured what an action does. Act on a part of "
    "the segment, hold the rest back, and compare."
)


@dataclass(frozen=True)
class Action:
    """What could be done for a segment.

    Attributes:
        name: short, for a table.
        sentence: what to do.
        reason: the figures it follows from.
    """

    name: str
    sentence: str
    reason: str


@dataclass(frozen=True)
class Evidence:
    """A segment's means beside those of all visits."""

    profile: SegmentProfile
    means: Mapping[str, float]
    overall: Mapping[str, float]
    shares: Mapping[str, float]
    overall_shares: Mapping[str, float]
    overall_rate: float | None
    proxy: bool

    def first(self, names: Iterable[str]) -> str | None:
        """Return the first of ``names`` this data has."""
        return next((name for name in names if name in self.means and name in self.overall), None)

    def times(self, name: str | None) -> float:
        """Return the segment's mean as a multiple of that of all visits; 1 where there is none."""
        if name is None or self.overall[name] <= 0:
            return 1.0
        return self.means[name] / self.overall[name]

    def often(self, step: str) -> float:
        """Return how many times as many of these visits take the step as of all; 1 where unknown."""
        overall = self.overall_shares.get(step, 0.0)
        return self.shares.get(step, 0.0) / overall if overall > 0 else 1.0

    @property
    def rate_times(self) -> float:
        """How many times the rate of all visits this segment reaches the goal; 1 where unknown."""
        if self.profile.rate is None or not self.overall_rate:
            return 1.0
        return self.profile.rate / self.overall_rate

    @property
    def reaches(self) -> str:
        """The rate in words; a proxy is never called buying."""
        if self.profile.rate is None:
            return ""
        return f"{share_text(self.profile.rate)} {'reach the goal' if self.proxy else 'buy'}"


Rule = Callable[[Evidence], Action | None]

CHECKOUT = "n_checkout_steps"
CART = "n_add_to_cart"
SEARCH = "n_search"
PRICES = ("price_vs_category_mean", "price_mean")
LOOKS = ("revisit_share", "revisits")
KINDS = ("distinct_categories",)
LENGTH = ("n_events", "clicks", "ProductRelated", "page_views")
PAST = ("past_purchases", "past_sessions", "visit_number")
GIFTS = ("SpecialDay",)
WEEKENDS = ("Weekend",)
ACCOUNTS = ("Administrative",)
BOUNCES = ("BounceRates", "ExitRates")


def suggest(profiles: Sequence[SegmentProfile], *, proxy: bool = False) -> dict[int, Action]:
    """Return an action for each segment, by its number.

    Rules are tried in order, those nearest to money first, and the first that fits is taken; where none
    fits the action is to treat these visits like all others.

    Args:
        profiles: all segments of one bundle, whose means over all visits are what each is held against.
        proxy: whether the goal is a stand-in, so that its rate is no buying.
    """
    overall = _overall(profiles, [one.means for one in profiles])
    overall_shares = _overall(profiles, [one.shares for one in profiles])
    total = sum(one.n for one in profiles if one.rate is not None)
    rate = sum(one.rate * one.n for one in profiles if one.rate is not None) / total if total else None
    found = {}
    for one in profiles:
        evidence = Evidence(one, _known(one.means), overall, _known(one.shares), overall_shares, rate, proxy)
        found[one.segment] = next(filter(None, (rule(evidence) for rule in RULES)), LIKE_ALL)
    return found


def _known(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _overall(
    profiles: Sequence[SegmentProfile], values: Sequence[Mapping[str, float | None]]
) -> dict[str, float]:
    """Return each value's mean over all visits, from those of the segments and their sizes."""
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    for one, its in zip(profiles, values, strict=True):
        for name, value in _known(its).items():
            sums[name] = sums.get(name, 0.0) + value * one.n
            counts[name] = counts.get(name, 0) + one.n
    return {name: value / counts[name] for name, value in sums.items() if counts[name]}


LIKE_ALL = Action(
    "Treat like all visits",
    "Nothing special: treat these visits like all others.",
    "Nothing in what they do differs enough from all visits to act on.",
)


def _unlike_any(e: Evidence) -> Action | None:
    if e.profile.segment != OUTSIDE:
        return None
    return Action(
        "Leave alone",
        "Do nothing for these visits as a group; look at single ones.",
        "They are like none of the segments, and not like each other.",
    )


def _checkout(e: Evidence) -> Action | None:
    if not _left_behind(e, CHECKOUT):
        return None
    return Action(
        "Ease the checkout",
        "Make the last step easy: show shipping costs, delivery time and ways to pay before the checkout.",
        f"{_taken('begin the checkout', CHECKOUT, e)}, but only {e.reaches}.",
    )


def _cart(e: Evidence) -> Action | None:
    if not _left_behind(e, CART):
        return None
    return Action(
        "Remind of the cart",
        "Remind of the cart: save it, show it again on the next visit, write where visitors agreed to that.",
        f"{_taken('put something into the cart', CART, e)}, but only {e.reaches}.",
    )


def _left_behind(e: Evidence, step: str) -> bool:
    """Whether the step is taken often, and under half of those visits buy; a proxy's rate says nothing."""
    share, rate = e.shares.get(step, 0.0), e.profile.rate
    return not e.proxy and rate is not None and share >= COMMON and e.often(step) >= MUCH and rate < share / 2


def _leave_in_peace(e: Evidence) -> Action | None:
    if e.profile.rate is None or e.proxy or e.rate_times < 2:
        return None
    return Action(
        "Do not discount",
        "Keep out of their way: no discount for those who buy anyway; show what goes with what they chose.",
        f"{e.reaches}, {e.rate_times:.1f} times as many as of all visits.",
    )


def _price_sensitive(e: Evidence) -> Action | None:
    name = e.first(PRICES)
    if name is None or e.times(name) > LITTLE:
        return None
    return Action(
        "Show offers",
        "Show offers, bundles and lower-priced alternatives first.",
        f"{_said('price looked at', name, e)}: they look at cheaper items than others.",
    )


def _choosy(e: Evidence) -> Action | None:
    name = e.first(PRICES)
    if name is None or e.times(name) < MUCH:
        return None
    return Action(
        "Show quality",
        "Show quality, service and new arrivals rather than a discount.",
        f"{_said('price looked at', name, e)}: they look at dearer items than others.",
    )


def _undecided(e: Evidence) -> Action | None:
    name = e.first(LOOKS)
    if name is None or e.times(name) < MUCH or e.means[name] <= 0:
        return None
    return Action(
        "Help to decide",
        "Help to decide: a comparison of the items they came back to, reviews, what is in stock.",
        f"{_said('views of items seen before', name, e)}: they come back to what they saw.",
    )


def _searching(e: Evidence) -> Action | None:
    if e.often(SEARCH) < MUCH or e.shares.get(SEARCH, 0.0) < 2 * COMMON:
        return None
    return Action(
        "Better search results",
        "Look at what they search for, and put the best-selling hits on top.",
        f"{_taken('search', SEARCH, e)}: they know what they want.",
    )


def _regulars(e: Evidence) -> Action | None:
    name = e.first(PAST)
    if name is None or e.times(name) < MUCH or e.means[name] < 0.3:
        return None
    return Action(
        "Welcome back",
        "Greet them as regulars: what is new since the last visit, and early access rather than a discount.",
        f"{_said('earlier visits or orders', name, e)}: they have been here before.",
    )


def _gifts(e: Evidence) -> Action | None:
    name = e.first(GIFTS)
    if name is None or e.times(name) < 2 or e.means[name] <= 0.05:
        return None
    return Action(
        "Help with the gift",
        "Show gifts, and the last day to order in time.",
        f"{_said('nearness to a special day (0 to 1)', name, e)}.",
    )


def _at_the_weekend(e: Evidence) -> Action | None:
    name = e.first(WEEKENDS)
    if name is None or e.times(name) < MUCH:
        return None
    return Action(
        "Be there at the weekend",
        "Be there at the weekend: answer questions then, and let weekend messages go out then.",
        f"{share_text(e.means[name])} come at the weekend, "
        f"against {share_text(e.overall[name])} of all visits.",
    )


def _account(e: Evidence) -> Action | None:
    name = e.first(ACCOUNTS)
    if name is None or e.times(name) < MUCH:
        return None
    return Action(
        "Ease the account",
        "Make signing in, the state of an order and returns quick to find.",
        f"{_said('account pages a visit', name, e)}.",
    )


def _passing_by(e: Evidence) -> Action | None:
    bounces, length = e.first(BOUNCES), e.first(LENGTH)
    if e.times(bounces) < MUCH and (length is None or e.times(length) > LITTLE):
        return None
    if length is not None and e.times(length) <= LITTLE:
        reason = f"{_said('steps a visit', length, e)}: they leave sooner than others."
    else:
        reason = "They enter by pages many visitors leave at once."
    return Action(
        "Better landing pages",
        "Give a reason to stay: best-sellers and categories on the page they enter by. Spend nothing on "
        "reminders.",
        reason,
    )


def _browsing(e: Evidence) -> Action | None:
    name = e.first(KINDS) or e.first(LENGTH)
    if name is None or e.times(name) < MUCH:
        return None
    said = "categories seen" if name in KINDS else "steps a visit"
    return Action(
        "Guide the choice",
        "Guide them: filters, best-sellers of the category, items others looked at next.",
        f"{_said(said, name, e)}: they look around a lot.",
    )


def _taken(what: str, step: str, e: Evidence) -> str:
    return f"{share_text(e.shares[step])} {what}, against {share_text(e.overall_shares[step])} of all visits"


def _said(what: str, name: str, e: Evidence) -> str:
    """Return the two means side by side.

    A ratio to the usual price is said as a percentage, anything else as it is.
    """
    here, there = e.means[name], e.overall[name]
    if name in ("price_vs_category_mean", "revisit_share"):
        return f"Mean {what}: {100 * here:.0f} % {_of(name)}, against {100 * there:.0f} % over all visits"
    return f"Mean {what}: {here:,.3g}, against {there:,.3g} over all visits"


def _of(name: str) -> str:
    return "of the category's usual price" if name == "price_vs_category_mean" else "of their views"


RULES: tuple[Rule, ...] = (
    _unlike_any, _checkout, _cart, _leave_in_peace, _price_sensitive, _choosy, _undecided, _searching,
    _regulars, _gifts, _at_the_weekend, _passing_by, _account, _browsing,
)  # fmt: skip
"""In the order they are tried."""
