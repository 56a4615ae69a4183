"""What to show a visitor next: a list of items, each with its reason, from what the visit looked at.

What is suggested is likely to be *looked at* next. Nothing here says that it will be bought.
"""

from __future__ import annotations

from buysignal.recommender.suggest import Recommender
from buysignal.recommender.wishes import Suggestion, Wishes

__all__ = ["Recommender", "Suggestion", "Wishes"]
