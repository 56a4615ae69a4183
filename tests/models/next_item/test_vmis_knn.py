from __future__ import annotations

import copy
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal.errors import InputError
from buysignal.models.next_item.popularity import background
from buysignal.models.next_item.vmis_index import build_index
from buysignal.models.next_item.vmis_knn import VMISkNN
from buysignal.sequences import Sequences

from .visits import drawn_visits, plain_catalog, sequences


def by_the_book(train: Sequences, history: list[int], neighbours: int, recent: int, reach: int) -> np.ndarray:
    """V-SKNN as its papers describe it, without an index: every visit is compared with the history."""
    size = len(train.catalog.names)
    newest_first = np.argsort(-train.day, kind="stable")
    visits = [
        {int(i) for i in train.items[train.starts[v] : train.starts[v + 1]] if i >= 0} for v in newest_first
    ]
    late = history[-reach:]
    place = {item: k + 1 for k, item in enumerate(late) if item >= 0}
    in_reach = {item: [v for v, items in enumerate(visits) if item in items][:recent] for item in place}
    similarity, latest = np.zeros(len(visits)), np.zeros(len(visits), int)
    for item, where in in_reach.items():
        similarity[where] += place[item] / len(late)
        latest[where] = np.maximum(latest[where], place[item])
    met = np.flatnonzero(similarity)
    order = sorted(met, key=lambda v: (-round(similarity[v], 6), -latest[v], v))[:neighbours]
    scores = np.zeros(size)
    rarity = [np.log(len(visits) / max(1, sum(item in v for v in visits))) for item in range(size)]
    for v in order:
        for item in visits[v]:
            weight = similarity[v] * max(0.0, 1 - 0.1 * (len(late) - latest[v]))
            scores[item] += weight * (1 + rarity[item])
    return scores


def scores_after(model: VMISkNN, history: list[int]) -> np.ndarray:
    one = sequences([[*history, 0]], model.catalog_)
    return model.scores(one, np.array([len(history)]))[0]


@pytest.mark.parametrize("seed", range(4))
def test_the_index_gives_what_a_comparison_with_every_visit_gives(seed: int) -> None:
    random = np.random.default_rng(seed)
    train = drawn_visits(random, 300, plain_catalog(25))
    asked = drawn_visits(random, 25, plain_catalog(25))
    for neighbours, recent, reach in ((500, 2_500, 10), (20, 2_500, 10), (15, 30, 3), (1, 5, 1)):
        model = VMISkNN(neighbours, recent, reach).fit(train)
        for visit in range(asked.visits):
            history = asked.items[asked.starts[visit] : asked.starts[visit + 1]].tolist()
            expected = background(model.seen_) + by_the_book(train, history, neighbours, recent, reach)
            np.testing.assert_allclose(scores_after(model, history), expected, rtol=1e-4, atol=1e-4)


def test_neighbours_share_rare_items_and_late_ones() -> None:
    train = sequences([[0, 1, 2], [0, 1, 3], [4, 5], [4, 6], [7, 8]], plain_catalog(9))
    best, _ = VMISkNN().fit(train).top(np.array([0, 4], np.int32), 4)
    assert set(best[:1]) == {4}  # the last item's visits weigh most, and both hold it
    assert {5, 6} <= set(best.tolist())
    assert 8 not in best


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 30),
    st.lists(st.integers(-1, 11), max_size=14), st.integers(1, 15),
)  # fmt: skip
def test_the_best_few_are_the_best_of_all(
    seed: int, visits: int, neighbours: int, history: list[int], count: int
) -> None:
    train = drawn_visits(np.random.default_rng(seed), visits, plain_catalog(12), unknown=0.2)
    model = VMISkNN(neighbours, recent=8, reach=5).fit(train)
    items, scores = model.top(np.array(history, np.int32), count)
    row = scores_after(model, history)
    order = np.lexsort((np.arange(12), -row))[:count]
    assert items.tolist() == order.tolist()
    np.testing.assert_array_equal(scores, row[order])


def test_the_index_keeps_the_most_recent_visits_of_an_item_once_each() -> None:
    train = sequences([[0, 1], [0, 0, 2], [0, 1], [1, 0]], plain_catalog(3), [0.0, 1.0, 2.0, 3.0])
    index = build_index(train, recent=3)
    assert index.item_visits[: index.item_bounds[1]].tolist() == [0, 1, 2]
    assert index.visit_items.tolist() == [1, 0, 0, 1, 0, 2, 0, 1]
    np.testing.assert_allclose(index.rarity, np.log([1, 4 / 3, 4]), rtol=1e-6)


def test_two_threads_and_a_copy_have_working_memory_of_their_own() -> None:
    random = np.random.default_rng(0)
    model = VMISkNN(neighbours=50).fit(drawn_visits(random, 2_000, plain_catalog(40)))
    histories = [random.integers(-1, 40, 6).astype(np.int32) for _ in range(400)]
    expected = [model.top(history, 10)[0].tolist() for history in histories]
    found: dict[int, list[list[int]]] = {}
    asked = [model, model, copy.deepcopy(model)]

    def ask(number: int) -> None:
        found[number] = [asked[number].top(history, 10)[0].tolist() for history in histories]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] == expected for number in range(3)] == [True] * 3


@pytest.mark.parametrize("wrong", [{"neighbours": 0}, {"recent": 0}, {"reach": 0}, {"reach": 5_000}])
def test_settings_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="1 or more"):
        VMISkNN(**wrong).fit(sequences([[0, 1]], plain_catalog(2)))
