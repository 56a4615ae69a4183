from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from buysignal.errors import SamplesError
from buysignal.next_item import NextItemPlan, evaluate_next_item
from buysignal.next_item.asked import draw
from buysignal.ranking_metrics import ranking_metrics, ranks
from buysignal.sequences import Catalog, Sequences, joined

ITEMS = 30
PLAN = NextItemPlan(models=("popularity", "markov", "item_to_item", "vmis_knn"), test_questions=500)


def ring(visits: int, first_day: int, seed: int, catalog: Catalog) -> Sequences:
    """Visits that step to the next item of a ring three times in four, else anywhere."""
    random = np.random.default_rng(seed)
    items = np.empty((visits, 5), np.int32)
    items[:, 0] = random.integers(ITEMS, size=visits)
    for k in range(1, 5):
        on = random.random(visits) < 0.75
        items[:, k] = np.where(on, (items[:, k - 1] + 1) % ITEMS, random.integers(ITEMS, size=visits))
    day = first_day + np.sort(random.random(visits)) * 10
    return Sequences(items.ravel(), np.arange(visits + 1) * 5, day, catalog)


@pytest.fixture(scope="module")
def slices() -> tuple[Sequences, Sequences, Sequences]:
    catalog = Catalog(tuple(f"i{n}" for n in range(ITEMS)))
    return ring(800, 0, 1, catalog), ring(200, 10, 2, catalog), ring(300, 20, 3, catalog)


def test_the_rule_behind_the_visits_is_found_and_its_ceiling_kept(
    slices: tuple[Sequences, Sequences, Sequences],
) -> None:
    done = evaluate_next_item(*slices, PLAN)
    table = done.table
    assert (table.task, table.unit, table.name) == ("next_item", "click", "next item")
    assert table.champion in ("markov", "blend")
    ceiling = 0.75 + 0.25 / ITEMS
    best = table.row(table.champion)
    first = float((done.answers[table.champion].rank == 1).mean())
    assert ceiling - 0.06 < first < ceiling + 0.06
    assert best.metrics["mrr_at_20"] > 3 * (table.row("popularity").metrics["mrr_at_20"] or 0)
    for name, (low, high) in best.intervals.items():
        assert low <= best.metrics[name] <= high, name
    assert {"recall_at_5", "recall_at_10", "ndcg_at_20", "coverage", "popularity_bias"} <= set(best.metrics)
    assert "coverage" not in best.intervals
    assert [line.verdict for line in table.audit] == ["ok"]
    assert [s.slice for s in table.per_k] == ["k=1", "k=2", "k=3"]
    assert 400 <= table.n_test <= 510
    assert any("1,200 looks of the test slice were asked for" in note for note in table.notes)
    assert any("no purchase" in note for note in table.notes)
    assert {row.n_fitted for row in table.rows} == {1_000}


def test_the_champion_is_the_best_of_the_validation_slice(
    slices: tuple[Sequences, Sequences, Sequences],
) -> None:
    table = evaluate_next_item(*slices, PLAN).table
    assert table.champion == max(table.rows, key=lambda row: row.validation["mrr_at_20"] or 0).model


def test_figures_are_those_of_the_champion_asked_by_hand(
    slices: tuple[Sequences, Sequences, Sequences],
) -> None:
    done = evaluate_next_item(*slices, replace(PLAN, test_questions=10_000))
    test = slices[2]
    questions = test.questions()
    by_hand = ranking_metrics(ranks(done.champion.probabilities(test, questions), test.items[questions]))
    row = done.table.row(str(done.table.champion))
    for name, values in by_hand.items():
        assert row.metrics[name] == pytest.approx(float(values[0]), abs=2e-3), name


def test_the_test_slice_decides_nothing(slices: tuple[Sequences, Sequences, Sequences]) -> None:
    train, validate, test = slices
    other = replace(test, items=np.roll(test.items, 7))
    ours, theirs = (evaluate_next_item(train, validate, last, PLAN) for last in (test, other))
    assert ours.table.champion == theirs.table.champion
    assert [r.validation for r in ours.table.rows] == [r.validation for r in theirs.table.rows]
    assert np.array_equal(
        ours.champion.probabilities(test, test.questions()),
        theirs.champion.probabilities(test, test.questions()),
    )


@pytest.mark.parametrize("name", ["popularity", "markov", "item_to_item", "vmis_knn", "ranked"])
def test_what_comes_after_a_question_changes_no_answer(
    name: str, slices: tuple[Sequences, Sequences, Sequences]
) -> None:
    plan = replace(NextItemPlan.quick(), models=(name,))
    train, validate, test = slices
    model = evaluate_next_item(train, validate, test, plan).champion
    asked = test.starts[:50] + 2
    place = test.place_in_visit()
    later = replace(test, items=np.where(place >= 2, (test.items + 11) % ITEMS, test.items).astype(np.int32))
    assert np.array_equal(model.probabilities(test, asked), model.probabilities(later, asked))


def test_unknown_items_are_counted_and_not_asked(slices: tuple[Sequences, Sequences, Sequences]) -> None:
    train, validate, test = slices
    holes = test.items.copy()
    holes[test.place_in_visit() == 4] = -1
    table = evaluate_next_item(train, validate, replace(test, items=holes), PLAN).table
    assert any("300 of 1,200 looks of the test slice were at items seen too seldom" in n for n in table.notes)


def test_a_test_slice_that_began_before_the_end_of_training_is_said(
    slices: tuple[Sequences, Sequences, Sequences],
) -> None:
    train, validate, test = slices
    table = evaluate_next_item(train, validate, replace(test, day=test.day - 15), PLAN).table
    assert [line.verdict for line in table.audit] == ["warning"]


def test_whole_visits_are_drawn(slices: tuple[Sequences, Sequences, Sequences]) -> None:
    views = draw(slices[2], 100, seed=1)
    visit, counts = np.unique(views // 5, return_counts=True)
    assert 100 <= len(views) <= 104
    assert set(counts) == {4}
    assert not np.array_equal(visit, np.unique(draw(slices[2], 100, seed=2) // 5))


def test_joined_visits_are_both_one_after_the_other(slices: tuple[Sequences, Sequences, Sequences]) -> None:
    train, validate, _ = slices
    both = joined(train, validate)
    assert both.visits == train.visits + validate.visits
    assert np.array_equal(both.items[both.starts[train.visits] :], validate.items)
    with pytest.raises(SamplesError, match="two catalogs"):
        joined(train, replace(validate, catalog=Catalog(train.catalog.names)))
