"""Training: honest on a shop whose truth is known, and never called conversion without purchases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from buysignal import bundle as bundles
from buysignal import scoring, sessions
from buysignal.errors import GoalError
from buysignal.goals import PURCHASE
from buysignal.metrics import conversion_metrics
from buysignal.sources.demo import simulate
from buysignal.training import Options, train
from buysignal.training.options import Stage
from buysignal.training.visits import TEST, TRAIN, VALIDATE, conversion_of, fold_visits
from shop import Shop

QUICK = Options(fast=True, imbalance="none")


def test_the_report_has_every_table_and_one_champion_each(shop: Shop) -> None:
    tables = {table.name: table for table in shop.report.tables}
    assert {"prefix: purchase", "prefix: revenue", "segments", "engagement"} <= set(tables)
    for table in tables.values():
        assert sum(row.champion for row in table.rows) == 1
        assert table.split
    models = {row.model for row in tables["prefix: purchase"].rows}
    assert {"logistic_regression", "decision_tree", "random_forest", "xgboost", "mlp", "soft_vote"} <= models
    amounts = {row.model for row in tables["prefix: revenue"].rows}
    assert {"mean", "linear", "ridge", "lasso", "gradient_boosting", "two_part"} <= amounts


def test_prefix_tables_say_how_it_goes_click_by_click(shop: Shop) -> None:
    table = shop.report.table("prefix: purchase")
    assert {"k=1", "k=2", "k=3", "k=5"} <= {row.slice for row in table.per_k}
    assert {row.slice for row in table.per_cart} == {"with_cart", "no_cart_yet"}


def test_clean_events_raise_no_alarm(shop: Shop) -> None:
    verdicts = {line.verdict for table in shop.report.tables for line in table.audit}
    assert verdicts <= {"ok", "warning"}


def test_few_buyers_come_with_a_warning(shop: Shop) -> None:
    notes = shop.report.table("prefix: purchase").notes
    assert any(note.startswith("Small sample") for note in notes)


def test_the_champion_comes_near_the_ceiling_and_means_what_it_says() -> None:
    demo = simulate(visitors=20_000, days=28, seed=5)
    visits = fold_visits(sessions.assign(demo.events), PURCHASE, QUICK)
    done = conversion_of(visits, PURCHASE, QUICK, Stage(None, 0, 1, 1))
    samples, rows = done.tested.samples, done.tested.rows
    assert samples.y is not None
    truth = demo.truth.column("p_buy").to_numpy()[samples.source_row[rows]]
    ceiling, ours = conversion_metrics(samples.y[rows], truth), done.tested.metrics()
    # A quick run on a fifth of the shop the benchmark measures (benchmarks/conversion.py).
    assert ours["roc_auc"] - 0.5 >= 0.9 * (ceiling["roc_auc"] - 0.5)
    assert ours["ece"] <= 0.02
    assert np.corrcoef(truth, done.tested.p)[0, 1] > 0.9


def test_nothing_is_learned_from_later_sessions() -> None:
    """Whatever happens after the cut changes neither the vocabulary nor a training row."""
    events = sessions.assign(simulate(visitors=400, days=14, seed=2).events)
    visits = fold_visits(events, PURCHASE, QUICK)
    tested = visits.slice_of_row == TEST
    bought = pa.array(["purchase"] * events.num_rows).dictionary_encode()
    names = events.column("event_name").combine_chunks()
    changed = pc.if_else(pa.array(tested), bought.cast(pa.string()), names.cast(pa.string()))
    position = events.column_names.index("event_name")
    other = events.set_column(position, "event_name", changed.dictionary_encode())
    again = fold_visits(other, PURCHASE, QUICK)
    np.testing.assert_array_equal(visits.vocabulary.item_priors, again.vocabulary.item_priors)
    early = np.isin(visits.slice_of_row, (TRAIN, VALIDATE))
    np.testing.assert_array_equal(visits.X[early], again.X[early])


def test_without_purchases_a_proxy_is_offered_by_name(proxied: Path) -> None:
    bundle = bundles.load(proxied / "bundle")
    assert bundle.goal.name == "add_to_cart_later"
    scored = scoring.score_paths(bundle, proxied / "events.parquet")
    assert scored.table["proxy"].all()
    assert set(scored.table["goal"]) == {"add_to_cart_later"}
    story = scoring.explain_session(bundle, proxied / "events.parquet", scored.table["session_id"].iloc[0])
    assert story.as_json()["proxy"] is True


def test_a_purchase_goal_is_refused_without_purchases(proxied: Path) -> None:
    with pytest.raises(GoalError, match="holds no purchases, so nothing here is called conversion"):
        train(proxied / "events.parquet", out=proxied / "other", options=Options(goal="purchase", fast=True))


def test_a_broken_run_leaves_the_old_bundle_alone(shop: Shop, tmp_path: Path) -> None:
    before = sorted(file.name for file in shop.folder.iterdir())
    with pytest.raises(GoalError):
        train(shop.events, out=shop.folder, options=Options(goal="nothing of the kind", fast=True))
    assert sorted(file.name for file in shop.folder.iterdir()) == before


def test_the_same_seed_gives_the_same_scores(shop: Shop, tmp_path: Path) -> None:
    options = Options(fast=True, imbalance="none", seed=1)
    again = bundles.load(train(shop.events, out=tmp_path / "again", options=options).path)
    first, second = (scoring.score_paths(bundle, shop.events).table for bundle in (shop.bundle, again))
    # Threads add up a forest's votes in any order, so the last digits may differ, and nothing else.
    np.testing.assert_allclose(first["probability"], second["probability"], atol=1e-9)
    assert first["segment"].tolist() == second["segment"].tolist()
