"""From what a visit looked at to suggestions with reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from buysignal.models.next_item.base import CHUNK_CELLS, NextItem, best_of
from buysignal.recommender.allowed import CATEGORY, allowed
from buysignal.recommender.diversity import LEAST_POOL, POOL, likeness, marginal_order
from buysignal.recommender.reasons import because_of
from buysignal.recommender.together import LookedLater, count_later
from buysignal.recommender.wishes import Suggestion, Wishes
from buysignal.sequences import Catalog, Sequences

LAST_LOOKS = 100
"""Looks of a visit that are read, the last ones."""

_TIE = np.float32(1e-9)
"""Weight of the frequency that orders what the model calls equally unlikely."""

_EVERYTHING = Wishes()

Codes = npt.NDArray[np.int32]
Chances = npt.NDArray[np.float32]


@dataclass(frozen=True)
class VisitSoFar:
    """What is known of a visit.

    Attributes:
        looked_at: item ids, oldest first; the last is on screen. Unknown ids are allowed.
        category: of the last look, which helps where its item is unknown.
        leave_out: ids not to suggest to this visit, such as those it bought.
        gaps: seconds between each look and the one before (the first NaN), where there is a clock.
    """

    looked_at: tuple[str, ...]
    category: str | None = None
    leave_out: frozenset[str] = frozenset()
    gaps: tuple[float, ...] | None = None


class Recommender:
    """Suggests what a visit is likely to look at next.

    Args:
        model: the champion, fitted.
        later: what visits that looked at an item looked at later; reasons are told by it.
        seen: (m,) looks at each item in training; they order items for visits that the model knows
            nothing of.
        stays: share of looks whose category is that of the look before.
    """

    def __init__(self, model: NextItem, later: LookedLater, seen: Chances, stays: float = 0.5) -> None:
        self.model = model
        self.later = later
        self.seen = seen
        self.stays = stays
        self._code_of = {name: code for code, name in enumerate(model.catalog_.names)}
        self._share = (seen / max(float(seen.sum()), 1.0)).astype(np.float32)
        self._allowed = lru_cache(maxsize=16)(self._allowed_by)

    @classmethod
    def of(cls, model: NextItem, train: Sequences) -> Recommender:
        """Return the recommender of a model fitted on ``train``."""
        known = train.items[train.items >= 0]
        seen = np.bincount(known, minlength=len(train.catalog.names)).astype(np.float32)
        return cls(model, count_later(train), seen, _stays(train))

    @property
    def catalog(self) -> Catalog:
        return self.model.catalog_

    def suggest(
        self, looked_at: Sequence[str], wishes: Wishes = _EVERYTHING, *, category_hint: str | None = None
    ) -> list[Suggestion]:
        """Return suggestions, best first; fewer than wanted where fewer items are allowed.

        An empty visit, or one that looked at unknown items only, is answered by what is looked at most,
        within ``category_hint`` first.

        Args:
            looked_at: item ids, oldest first; unknown ones are allowed.
            category_hint: the category of the last look.

        Raises:
            InputError: a wish names a category that does not exist, or only unknown items.
        """
        return next(self.suggest_all([VisitSoFar(tuple(looked_at), category_hint)], wishes))

    def suggest_all(
        self, visits: Sequence[VisitSoFar], wishes: Wishes = _EVERYTHING
    ) -> Iterator[list[Suggestion]]:
        """Yield the suggestions of each visit, as ``suggest`` gives them; many are scored at once."""
        size = max(1, CHUNK_CELLS // max(len(self.catalog.names), 1))
        for begin in range(0, len(visits), size):
            part = visits[begin : begin + size]
            histories = [self._codes(visit) for visit in part]
            chances = self._chances_of(part, histories)
            for visit, history, row in zip(part, histories, chances, strict=True):
                yield self._list(visit, history, row, wishes)

    def chances(self, visits: Sequence[VisitSoFar]) -> Chances:
        """Return the chance of each item to be looked at next, (visits, m); rows sum to 1."""
        return self._chances_of(visits, [self._codes(visit) for visit in visits])

    def _codes(self, visit: VisitSoFar) -> Codes:
        return np.array([self._code_of.get(name, -1) for name in visit.looked_at[-LAST_LOOKS:]], np.int32)

    def _chances_of(self, visits: Sequence[VisitSoFar], histories: Sequence[Codes]) -> Chances:
        """Return the chance of each item to be the next, (visits, m)."""
        out = np.tile(self._share, (len(visits), 1))
        told = [i for i, history in enumerate(histories) if (history >= 0).any()]
        if told:
            open_visits = self._open_visits([visits[i] for i in told], [histories[i] for i in told])
            out[told] = self.model.probabilities(open_visits, open_visits.starts[1:] - 1)
        for i in set(range(len(visits))) - set(told):
            out[i] = self._often(visits[i].category)
        return out

    def _open_visits(self, visits: Sequence[VisitSoFar], histories: Sequence[Codes]) -> Sequences:
        """Return the visits with one unknown look at the end of each, which is what is asked for."""
        ends = np.cumsum([len(history) + 1 for history in histories])
        items = np.concatenate([np.append(history, np.int32(-1)) for history in histories])
        gap = None
        if all(visit.gaps is not None for visit in visits):
            gap = np.concatenate([[*(visit.gaps or ())[-LAST_LOOKS:], np.nan] for visit in visits])
        starts = np.concatenate([[0], ends]).astype(np.int64)
        return Sequences(
            items, starts, np.zeros(len(visits)), self.catalog,
            gap=None if gap is None else gap.astype(np.float32),
        )  # fmt: skip

    def _often(self, category: str | None) -> Chances:
        """Return the frequencies of items; in the category, given how often visits stay in theirs."""
        inside = self._inside(category)
        within = self._share[inside].sum() if inside is not None else 0.0
        if inside is None or not 0 < within < 1:
            return self._share
        scale = np.where(inside, self.stays / within, (1 - self.stays) / (1 - within))
        return (self._share * scale).astype(np.float32)

    def _inside(self, category: str | None) -> npt.NDArray[np.bool_] | None:
        levels = self.catalog.levels.get(CATEGORY, ())
        if category is None or category not in levels:
            return None
        return np.asarray(self.catalog.attributes[CATEGORY] == levels.index(category))

    def _list(self, visit: VisitSoFar, history: Codes, chances: Chances, wishes: Wishes) -> list[Suggestion]:
        order = chances + _TIE * self._share
        told = bool((history >= 0).any())
        inside = None if told else self._inside(visit.category)
        if inside is not None:
            order = order + inside.astype(np.float32)
        order = np.where(self._may_follow(visit, history, wishes), order, np.float32(-1))
        pool = max(POOL * wishes.count, LEAST_POOL) if wishes.diversity else wishes.count
        best = best_of(order, pool)
        best = best[order[best] >= 0]
        if wishes.diversity and len(best):
            relevance = order[best] / np.maximum(order[best[0]], np.float32(1e-30))
            alike = likeness(self.catalog, self.later, best)
            best = best[marginal_order(relevance, alike, wishes.diversity, wishes.count)]
        reasons = because_of(self.catalog, self.later, history, best)
        return [
            Suggestion(rank, self.catalog.names[code], float(chances[code]), *self._facts(code), *reason)
            for rank, (code, reason) in enumerate(zip(best.tolist(), reasons, strict=True), start=1)
        ]

    def _may_follow(self, visit: VisitSoFar, history: Codes, wishes: Wishes) -> npt.NDArray[np.bool_]:
        mask = self._allowed(wishes.only, wishes.categories, wishes.price_low, wishes.price_high).copy()
        barred = [self._code_of.get(name, -1) for name in (*wishes.leave_out, *visit.leave_out)]
        barred += history[-1:].tolist() if wishes.again else history.tolist()
        mask[[code for code in barred if code >= 0]] = False
        return mask

    def _allowed_by(
        self,
        only: frozenset[str] | None,
        categories: tuple[str, ...],
        price_low: float | None,
        price_high: float | None,
    ) -> npt.NDArray[np.bool_]:
        wishes = Wishes(only=only, categories=categories, price_low=price_low, price_high=price_high)
        return allowed(self.catalog, self._code_of, wishes)

    def _facts(self, code: int) -> tuple[str | None, float | None]:
        """Return an item's category and price, None where it has none."""
        price = float(self.catalog.price[code])
        level = self.catalog.attributes[CATEGORY][code] if CATEGORY in self.catalog.attributes else -1
        category = self.catalog.levels[CATEGORY][level] if level >= 0 else None
        return category, None if np.isnan(price) else round(price, 2)


def _stays(train: Sequences) -> float:
    category = train.catalog.attributes.get(CATEGORY)
    if category is None or len(train.items) < 2:
        return 0.5
    of_look = np.where(train.items >= 0, category[train.items], -1)
    visit = train.visit_of_view()
    pair = (visit[1:] == visit[:-1]) & (of_look[1:] >= 0) & (of_look[:-1] >= 0)
    return float((of_look[1:] == of_look[:-1])[pair].mean()) if pair.any() else 0.5
