"""Which recommenders compete, and how much they may read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from buysignal.models.next_item.base import NextItem
from buysignal.models.next_item.registry import KINDS

NETWORKS = ("gru", "transformer")
BLENDED = ("markov", "item_to_item", "vmis_knn", "ranked", *NETWORKS)
"""What a blend is made of; popularity is what the others fall back to anyway."""

TREES = {"questions": 20_000, "rounds": 100, "learning_rate": 0.15}
FEW_TREES = {"questions": 6_000, "rounds": 40, "candidates": 50}
FEW_PASSES = {"epochs": 3}


@dataclass(frozen=True)
class NextItemPlan:
    """How recommenders are fitted and asked.

    Attributes:
        fast: fewer trees on fewer questions, and nothing is fitted a second time.
        deep: networks compete, too.
        seed: of everything that draws lots.
        models: the candidates by name; None takes all.
        test_questions: at most so many are asked of the test slice, whole visits drawn at random.
        validation_questions: the same of the validation slice.
    """

    fast: bool = False
    deep: bool = False
    seed: int = 0
    models: tuple[str, ...] | None = None
    test_questions: int = 50_000
    validation_questions: int = 20_000

    @classmethod
    def quick(cls, *, deep: bool = False, seed: int = 0) -> NextItemPlan:
        """Return the plan for a first look."""
        return cls(True, deep, seed, test_questions=3_000, validation_questions=2_000)


def candidates(plan: NextItemPlan) -> dict[str, Callable[[], NextItem]]:
    """Return how each candidate is made, by name; the simplest first."""
    settings: dict[str, tuple[str, dict[str, Any]]] = {
        "popularity": ("popularity", {}),
        "popularity_by_category": ("popularity", {"by": "category"}),
        "markov": ("markov", {}),
        "item_to_item": ("item_to_item", {}),
        "vmis_knn": ("vmis_knn", {}),
        "ranked": ("ranked", {"seed": plan.seed, **(FEW_TREES if plan.fast else TREES)}),
    }
    if plan.deep:
        short = FEW_PASSES if plan.fast else {}
        settings |= {name: (name, {"seed": plan.seed, **short}) for name in NETWORKS}
    wanted = plan.models or tuple(settings)
    return {name: partial(_made, *settings[name]) for name in settings if name in wanted}


def _made(kind: str, settings: dict[str, Any]) -> NextItem:
    return KINDS[kind]()(**settings)
