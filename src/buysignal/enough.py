"""How far a number of purchases carries: what can be learned from a small shop, and what needs more.

Rules and their sources:

- ten purchases for every feature of a regression: Peduzzi, Concato, Kemper, Holford & Feinstein (1996),
  Journal of Clinical Epidemiology 49;
- the least sample for which a model keeps nine tenths of its effect on new visits, and estimates the
  overall rate to within 0.05: Riley et al. (2019), Statistics in Medicine 38, criteria 1 and 3;
- how wide the interval of an AUC is: Hanley & McNeil (1982), Radiology 143;
- an average order to within a tenth: the standard error of a mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

PURCHASES_PER_FEATURE = 10
FEW_FEATURES = 2
"""With fewer features than this nothing is learned that a rate does not say."""
ALL_CANDIDATES = 50
"""Buying visits to learn from, below which only simple models enter: five features' worth."""
MANY_FEATURES = 20
LEARNED, TESTED = 0.68, 0.2
"""Shares of the visits that are learned from and tested on (`splits.time_split`)."""
WIDTH = 0.05
"""Half the width of an AUC's 95 % interval at which two models can be told apart."""
TYPICAL_AUC = 0.75
_Z = 1.96


class Need(BaseModel):
    """One thing that can be learned, and whether there is enough for it.

    Attributes:
        question: what is asked.
        have, need: purchases.
        enough: whether ``have`` reaches ``need``.
        sentence: what that means, in plain words.
        source: where the number comes from.
    """

    model_config = ConfigDict(frozen=True)

    question: str
    have: int
    need: int
    enough: bool
    sentence: str
    source: str


Mode = Literal["none", "too few", "small", "enough"]


def mode(purchases: int) -> Mode:
    """Return how training treats that many purchases.

    >>> mode(0), mode(12), mode(40), mode(400)
    ('none', 'too few', 'small', 'enough')
    """
    if purchases == 0:
        return "none"
    if purchases < _whole(PURCHASES_PER_FEATURE * FEW_FEATURES):
        return "too few"
    return "small" if purchases < _whole(ALL_CANDIDATES) else "enough"


def features_allowed(learned: int) -> int:
    """Return how many features a regression may read, given the buying visits it learns from.

    >>> features_allowed(3), features_allowed(49)
    (2, 4)
    """
    return max(FEW_FEATURES, learned // PURCHASES_PER_FEATURE)


def needs(visits: int, purchases: int, spread: float | None = None) -> list[Need]:
    """Say what can be learned of ``purchases`` in ``visits``, and how many more the rest needs.

    Args:
        visits: sessions in all.
        purchases: orders, or sessions with one.
        spread: standard deviation of the orders' amounts over their mean; None without amounts.
    """
    if not purchases:
        return []
    rate = min(max(purchases / max(visits, 1), 1e-6), 0.5)
    found = [
        _simple(purchases),
        _all_candidates(purchases),
        _lasting(purchases, rate),
        _known_auc(purchases, rate),
    ]
    return [*found, _average(purchases, spread)] if spread else found


def _simple(have: int) -> Need:
    need = _whole(PURCHASES_PER_FEATURE * FEW_FEATURES)
    allowed = features_allowed(int(have * LEARNED))
    good = f"a simple model on {allowed} features can be learned; its intervals are wide"
    if have >= _whole(ALL_CANDIDATES):
        good = "a simple model can be learned"
    bad = f"{_more(need, have)} needed for a first score; until then take it as a trial run"
    return _need("a first score by a simple model", have, need, good, bad, "Peduzzi et al. 1996")


def _all_candidates(have: int) -> Need:
    need = _whole(ALL_CANDIDATES)
    good = "all kinds of models compete, and the best one on later visits is taken"
    bad = f"{_more(need, have)} needed before forests and boosting enter: with fewer they learn by heart"
    return _need("a score by the best of all models", have, need, good, bad, "Peduzzi et al. 1996")


def _lasting(have: int, rate: float) -> Need:
    need = math.ceil(riley_visits(MANY_FEATURES, rate) * rate / LEARNED)
    good = f"a model on {MANY_FEATURES} features keeps nine tenths of what it learned on new visits"
    bad = f"{_more(need, have)} needed for a score on {MANY_FEATURES} features that holds on new visits"
    return _need("a score that holds on new visits", have, need, good, bad, "Riley et al. 2019")


def _known_auc(have: int, rate: float) -> Need:
    def half(purchases: int) -> float:
        positives = max(purchases * TESTED, 1.0)
        return auc_half_width(TYPICAL_AUC, positives, positives * (1 - rate) / rate)

    need = _least(lambda n: half(n) <= WIDTH)
    width = f"a score of {TYPICAL_AUC} (AUC) is known to ±{half(have):.2f}"
    bad = f"{width}; {_more(need, have)} needed for ±{WIDTH}"
    return _need("knowing how good the score is", have, need, width, bad, "Hanley & McNeil 1982")


def _average(have: int, spread: float) -> Need:
    need = max(2, math.ceil((_Z * spread / 0.1) ** 2))
    within = _Z * spread / math.sqrt(have)
    good = f"the average order is known to ±{100 * within:.0f} %"
    bad = f"{good}; {_more(need, have)} needed for ±10 %"
    return _need("the average order to within a tenth", have, need, good, bad, "standard error of a mean")


def _need(question: str, have: int, need: int, good: str, bad: str, source: str) -> Need:
    enough = have >= need
    return Need(
        question=question,
        have=have,
        need=need,
        enough=enough,
        sentence=good if enough else bad,
        source=source,
    )


def _more(need: int, have: int) -> str:
    more = need - have
    return f"{more:,} more purchase{'s are' if more != 1 else ' is'}"


def _whole(learned: int) -> int:
    """Purchases in all of which ``learned`` come to the part that is learned from."""
    return math.ceil(learned / LEARNED)


def auc_half_width(auc: float, positives: float, negatives: float) -> float:
    """Return half the width of the 95 % interval of an AUC (Hanley & McNeil 1982, equation 1).

    >>> round(auc_half_width(0.75, 20, 80), 3)
    0.132
    """
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    return _Z * math.sqrt(spread / (positives * negatives))


def riley_visits(features: int, rate: float, *, nagelkerke: float = 0.15, shrinkage: float = 0.9) -> int:
    """Return the least number of visits to learn from (Riley et al. 2019, criteria 1 and 3).

    Args:
        features: how many the model reads.
        rate: share of visits with a purchase, between 0 and 1.
        nagelkerke: how much of the most that can be explained the model is expected to explain.
        shrinkage: how much of its effect it shall keep on new visits.

    >>> riley_visits(20, 0.1)
    2409
    """
    log_null = rate * math.log(rate) + (1 - rate) * math.log(1 - rate)
    explained = nagelkerke * (1 - math.exp(2 * log_null))
    by_shrinkage = features / ((shrinkage - 1) * math.log(1 - explained / shrinkage))
    by_rate = (_Z / 0.05) ** 2 * rate * (1 - rate)
    return math.ceil(max(by_shrinkage, by_rate))


def _least(holds: Callable[[int], bool], limit: int = 10_000_000) -> int:
    """The least number for which ``holds`` is true; it is true for all larger ones."""
    low, high = 1, limit
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
