"""Recommenders judged: which puts the item looked at next highest, on visits that came later.

Candidates are fitted on the training slice, the champion is chosen on the validation slice, everything is
fitted once more on both, and the test slice is asked once.
"""

from __future__ import annotations

from buysignal.next_item.evaluate import TABLE, EvaluatedNextItem, evaluate_next_item
from buysignal.next_item.plan import NextItemPlan

__all__ = ["TABLE", "EvaluatedNextItem", "NextItemPlan", "evaluate_next_item"]
