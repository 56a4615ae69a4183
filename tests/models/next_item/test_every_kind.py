"""What holds for every recommender of the core."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal.models.next_item.base import NextItem
from buysignal.models.next_item.blend import Blend
from buysignal.models.next_item.item_to_item import ItemToItem
from buysignal.models.next_item.markov import Markov
from buysignal.models.next_item.popularity import Popularity
from buysignal.models.next_item.ranked import Ranked
from buysignal.models.next_item.registry import KINDS, restore
from buysignal.models.next_item.vmis_knn import VMISkNN
from buysignal.ranking_metrics import ranking_metrics, ranks
from buysignal.sequences import Catalog, Sequences

from .visits import drawn_visits, known_shop, plain_catalog, sequences, visits_of

NEED_TENSORFLOW = {"gru", "transformer"}


def unfitted() -> dict[str, NextItem]:
    trees = Ranked(questions=3_000, rivals=10, rounds=25, threads=1)
    return {
        "popularity": Popularity(),
        "markov": Markov(),
        "item_to_item": ItemToItem(),
        "vmis_knn": VMISkNN(neighbours=100),
        "ranked": trees,
        "blend": Blend([("ranked", trees), ("markov", Markov())], [0.8, 0.3]),
    }


NAMES = tuple(unfitted())


@cache
def shop() -> tuple[Sequences, Sequences]:
    """Visits of the known shop to learn from and to ask about."""
    catalog, chance = known_shop()
    random = np.random.default_rng(5)
    return visits_of(random, chance, 900, catalog), visits_of(random, chance, 150, catalog)


@cache
def fitted(name: str) -> NextItem:
    return unfitted()[name].fit(shop()[0])


def test_every_kind_is_here() -> None:
    assert set(NAMES) == set(KINDS) - NEED_TENSORFLOW


@pytest.mark.parametrize("name", NAMES)
def test_where_the_truth_is_known_it_is_nearly_reached(name: str) -> None:
    """The best order is known: the next item, the one after it, the rest."""
    _, asked = shop()
    wanted = asked.questions()
    _, chance = known_shop()
    best = figures(chance[asked.items[wanted - 1]].astype(np.float32), asked)
    found = figures(fitted(name).scores(asked, wanted), asked)
    if name == "popularity":
        assert found < 0.4 * best
    elif name in ("markov", "ranked", "blend"):
        assert found > 0.93 * best
    else:
        assert found > 1.5 * figures(fitted("popularity").scores(asked, wanted), asked)
    assert found < 1.05 * best


def figures(scores: np.ndarray, asked: Sequences) -> float:
    return float(ranking_metrics(ranks(scores, asked.items[asked.questions()]))["mrr_at_20"][0])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-1, 29), min_size=1, max_size=9), st.lists(st.integers(-1, 29), max_size=6))
def test_what_comes_after_a_question_changes_no_answer(
    name: str, history: list[int], later: list[int]
) -> None:
    model = fitted(name)
    question = np.array([len(history)])
    short = sequences([[*history, 0]], model.catalog_)
    long = sequences([[*history, 7, *later], [3, 4, 5]], model.catalog_)
    np.testing.assert_array_equal(model.scores(short, question), model.scores(long, question))


@pytest.mark.parametrize("name", NAMES)
def test_answers_do_not_depend_on_what_else_is_asked(name: str) -> None:
    _, asked = shop()
    questions = asked.questions()
    together = fitted(name).scores(asked, questions)
    some = questions[::37]
    np.testing.assert_array_equal(fitted(name).scores(asked, some), together[::37])


@pytest.mark.parametrize("name", NAMES)
def test_storing_and_restoring_gives_the_same_scores(name: str) -> None:
    train, asked = shop()
    again = restore(fitted(name).stored(), train.catalog)
    questions = asked.questions()
    np.testing.assert_array_equal(again.scores(asked, questions), fitted(name).scores(asked, questions))
    history = np.array([3, -1, 4], np.int32)
    assert again.top(history, 7)[0].tolist() == fitted(name).top(history, 7)[0].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stored_runs_no_code(name: str) -> None:
    def check(stored) -> None:  # type: ignore[no-untyped-def]
        assert all(values.dtype.kind in "iuf" for values in stored.arrays.values())
        assert all(isinstance(graph, bytes) for graph in stored.graphs.values())
        for member in stored.members.values():
            check(member)

    check(fitted(name).stored())


@pytest.mark.parametrize("name", NAMES)
def test_chances_sum_to_one_and_order_as_scores_do(name: str) -> None:
    _, asked = shop()
    questions = asked.questions()[:200]
    chances = fitted(name).probabilities(asked, questions)
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, rtol=1e-4)
    assert chances.min() >= 0
    scores = fitted(name).scores(asked, questions)
    assert (scores.argmax(axis=1) == chances.argmax(axis=1)).mean() > 0.99


BARE = {
    "one item": (plain_catalog(1), 40),
    "two items": (plain_catalog(2), 40),
    "no attributes, no prices": (plain_catalog(20), 120),
    "unknown values": (
        Catalog(
            tuple("abcdef"), {"colour": np.array([0, 1, -1, 0, -1, 1], np.int32)}, {"colour": ("r", "g")}
        ),
        120,
    ),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", BARE)
def test_bare_catalogs_unknown_items_and_empty_histories_are_answered(name: str, case: str) -> None:
    catalog, visits = BARE[case]
    train = drawn_visits(np.random.default_rng(1), visits, catalog, unknown=0.3)
    model = unfitted()[name].fit(train)
    questions = train.questions()
    scores = model.scores(train, questions)
    assert scores.shape == (len(questions), len(catalog.names))
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    for history in ([], [-1], [-1, -1, -1], [0], [0, -1], [0] * 50):
        items, given_scores = model.top(np.array(history, np.int32), 10)
        assert len(items) == len(set(items.tolist())) == min(10, len(catalog.names))
        assert np.isfinite(given_scores).all()
        assert (np.diff(given_scores) <= 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_without_any_visit_there_is_still_an_answer(name: str) -> None:
    model = unfitted()[name].fit(sequences([], plain_catalog(4)))
    items, scores = model.top(np.array([2], np.int32), 3)
    assert len(items) == 3
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_history_is_answered_by_what_is_looked_at_most(name: str) -> None:
    train = drawn_visits(np.random.default_rng(2), 400, plain_catalog(20), unknown=0.0)
    often = np.argsort(-np.bincount(train.items, minlength=20))
    items, _ = unfitted()[name].fit(train).top(np.empty(0, np.int32), 5)
    assert set(items.tolist()) & set(often[:3].tolist())
