from __future__ import annotations

import numpy as np
import pytest

from buysignal.models.next_item.cross_fitted import held_out, stretches, training_rows
from buysignal.models.next_item.evidence import PLAIN, describe, evidence_names
from buysignal.models.next_item.item_counts import count_items
from buysignal.models.next_item.ranked import Ranked
from buysignal.models.next_item.shelf import shelf_of
from buysignal.sequences import Sequences

from .visits import drawn_visits, known_shop, plain_catalog, sequences, visits_of


def column(rows: np.ndarray, name: str) -> np.ndarray:
    return rows[..., PLAIN.index(name)]


def test_evidence_of_a_visit_worked_out_by_hand() -> None:
    catalog, _ = known_shop(6)
    train = sequences([[0, 1, 2], [0, 1, 3], [1, 2]], catalog, [0.0, 0.0, 0.0])
    counts = count_items(train)
    asked = sequences([[5, 0, 1, 4]], catalog)
    chosen, rows = describe(
        counts, shelf_of(train, counts.ahead), asked.items, np.array([0]), np.array([3]), 6
    )
    assert chosen[0].tolist() == [0, 1, 2, 3, 4, 5]
    frequency = (np.array([2, 3, 2, 1, 0, 0]) + 1) / (8 + 6)
    followed = (np.array([0, 0, 2, 1, 0, 0]) + 3 * frequency) / (3 + 3)
    np.testing.assert_allclose(column(rows, "follow")[0], np.log(followed), rtol=1e-5)
    paired = (np.array([0, 0, 1, 1, 0, 0]) + 15 * followed) / (2 + 15)
    np.testing.assert_allclose(column(rows, "pair")[0], np.log(paired), rtol=1e-5)
    assert column(rows, "steps_on_shelf")[0].tolist() == [-1, 0, 1, 2, 3, 4]
    assert column(rows, "times_seen")[0].tolist() == [1, 1, 0, 0, 0, 1]
    assert column(rows, "views_since")[0].tolist() == [1, 0, 99, 99, 99, 2]
    assert column(rows, "beyond_seen")[0].tolist() == [-5, -4, -3, -2, -1, 0]
    assert (column(rows, "place_in_visit") == 3).all()
    assert rows.shape[2] == len(evidence_names(catalog))


def test_a_training_question_is_not_told_its_own_answer() -> None:
    """Visits that nobody repeats: an honest count has never seen their steps."""
    catalog = plain_catalog(400)
    visits = [[2 * k, 2 * k + 1] for k in range(200)]
    rows, _, _ = training_rows(sequences(visits, catalog), candidates=400, rivals=5, questions=500, seed=0)
    for name in ("follow", "recent_follow", "pair", "ahead", "company_last"):
        own, rivals = column(rows, name)[:, 0], column(rows, name)[:, 1:]
        assert (own <= rivals.max(axis=1) + 1e-6).mean() > 0.95, name


def test_recent_counts_of_training_questions_come_from_before() -> None:
    """A step that was never made before the last stretch is not recent for any earlier question."""
    catalog = plain_catalog(10)
    early = [[0, 1]] * 350
    late = [[0, 2]] * 50
    train = sequences(early + late, catalog)
    when = stretches(train)
    assert when[0] == 0
    assert when[-1] == 7
    rows, _, _ = training_rows(train, candidates=10, rivals=9, questions=1_000, seed=0)
    recent, place = column(rows, "recent_follow"), column(rows, "place_on_shelf")
    of_late_item = recent[place == 2]
    # The last stretch begins with the visits that made the step, so only none or few of it is known.
    assert np.exp(of_late_item).max() < 0.1


def test_visits_that_all_began_at_once_are_one_stretch() -> None:
    train = drawn_visits(np.random.default_rng(0), 50, plain_catalog(5))
    assert not stretches(Sequences(train.items, train.starts, np.zeros(50), train.catalog)).any()


def test_rows_hold_the_item_first_and_rivals_that_are_others() -> None:
    train = drawn_visits(np.random.default_rng(3), 300, plain_catalog(40), unknown=0.0)
    rows, others, _ = training_rows(train, candidates=30, rivals=12, questions=10_000, seed=0)
    place = column(rows, "place_on_shelf")
    assert rows.shape[1] == 13
    assert (place[:, 1:] != place[:, :1]).all()
    assert all(len(set(line)) == 13 for line in place.tolist())
    assert 0 < others < 0.5


def test_progress_is_told_and_ends_the_training() -> None:
    catalog, chance = known_shop()
    train = visits_of(np.random.default_rng(0), chance, 300, catalog)
    told: list[float] = []
    model = Ranked(rounds=6, rivals=5, threads=1)
    model.fit(train, lambda share, _: told.append(share))
    assert 0.5 < told[-1] <= 1.0
    assert told == sorted(told)

    def stop(share: float, _: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(train, stop)


def test_the_same_seed_gives_the_same_trees() -> None:
    catalog, chance = known_shop()
    train = visits_of(np.random.default_rng(0), chance, 300, catalog)
    first, second = (Ranked(rounds=5, rivals=5, threads=1).fit(train).graph_ for _ in range(2))
    assert first == second


def test_where_nothing_can_be_learned_few_trees_are_grown() -> None:
    """Looks drawn without any rule: more trees only learn the noise."""
    random = np.random.default_rng(0)
    train = drawn_visits(random, 500, plain_catalog(15), unknown=0.0)
    told: list[float] = []
    Ranked(rounds=300, rivals=8, threads=1).fit(train, lambda share, _: told.append(share))
    assert told[-1] < 0.5


def test_questions_set_aside_share_no_visit_with_the_others() -> None:
    visit = np.repeat(np.arange(200), 5)
    apart = held_out(visit, seed=0)
    assert 0.05 < apart.mean() <= 0.1
    assert not set(visit[apart]) & set(visit[~apart])
