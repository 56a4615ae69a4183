"""UCI e-shop, the next item: the simple recommenders' figures, and that learning to rank is worth it.

The protocol is that of ``docs/evaluation.md``. Floors, not targets: nothing random is in the counts, so
their figures are held to the third digit; what is learned is asked on a fortnight before the test.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from buysignal import item_views, sessions
from buysignal.models.next_item.base import NextItem
from buysignal.models.next_item.markov import Markov
from buysignal.models.next_item.popularity import Popularity
from buysignal.models.next_item.ranked import Ranked
from buysignal.ranking_metrics import ranking_metrics, ranks
from buysignal.sequences import Sequences
from buysignal.sources.read import load

FORTNIGHT = 14


@pytest.fixture(scope="module")
def events(real_data: Path) -> pa.Table:
    found = load(real_data / "uci_eshop" / "clickstream_data_for_online_shopping.zip")
    return sessions.assign(found.table, "30m")


def _slices(events: pa.Table, cut: float) -> tuple[Sequences, Sequences]:
    """Return the visits up to the day ``cut``, and those of the fortnight after it."""
    days = sessions.days(events)
    catalog = item_views.catalog_of(events.filter(pa.array(days <= cut)))
    visits = item_views.looked_at(events.filter(pa.array(days <= cut + FORTNIGHT)), catalog)
    return visits.only(visits.day <= cut), visits.only(visits.day > cut)


def _figures(model: NextItem, train: Sequences, test: Sequences) -> tuple[float, float]:
    questions = test.questions()
    rank = ranks(model.fit(train).scores(test, questions), test.items[questions])
    found = ranking_metrics(rank)
    return float(found["recall_at_20"][0]), float(found["mrr_at_20"][0])


def test_counts_give_the_known_figures_on_the_last_fortnight(events: pa.Table) -> None:
    train, test = _slices(events, float(sessions.days(events).max()) - FORTNIGHT)
    assert len(test.questions()) == 13_237
    assert _figures(Markov(), train, test) == pytest.approx((0.704, 0.256), abs=0.0006)
    assert _figures(Popularity(), train, test) == pytest.approx((0.245, 0.052), abs=0.0006)


def test_learning_to_rank_is_better_than_counting_on_the_fortnight_before(events: pa.Table) -> None:
    train, validate = _slices(events, float(sessions.days(events).max()) - 2 * FORTNIGHT)
    some = validate.only(np.arange(validate.visits) % 3 == 0)
    trees = Ranked(questions=8_000, rounds=40)
    recall, mrr = _figures(trees, train, some)
    counted_recall, counted_mrr = _figures(Markov(), train, some)
    assert mrr > counted_mrr + 0.015
    assert recall > counted_recall
