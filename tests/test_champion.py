"""A candidate kept by the user's word: the same figures, another champion, and who chose is said."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from buysignal import bundle as bundles
from buysignal.errors import SamplesError
from buysignal.evaluation import evaluate_conversion, evaluate_revenue
from buysignal.model_card import card_of
from buysignal.models.fitting import Plan
from buysignal.models.odds import probability
from buysignal.report_html.cards import render_markdown
from buysignal.sources.demo import write_demo
from buysignal.splits import kfold, time_split
from buysignal.training import Options, train
from made import made_samples

QUICK = Plan(models=("logistic_regression", "decision_tree"), search=False, vote=False, fast=True)


def test_the_users_candidate_is_kept_and_every_figure_stays_the_same() -> None:
    samples = made_samples(1500)
    split = time_split(samples)
    free = evaluate_conversion(samples, split, name="t", plan=QUICK, pictures=False)
    other = next(r.model for r in free.table.rows if not r.champion)
    kept = evaluate_conversion(samples, split, name="t", plan=replace(QUICK, champion=other), pictures=False)
    assert (kept.table.champion, kept.table.validation_choice) == (other, free.table.champion)
    assert any("was chosen by you" in note for note in kept.table.notes)
    assert free.table.validation_choice is None
    for ours, theirs in zip(kept.table.rows, free.table.rows, strict=True):
        assert (ours.metrics, ours.validation) == (theirs.metrics, theirs.validation)
    tested = samples.X[split.test]
    assert (probability(kept.champion, tested) == probability(free.models[other], tested)).all()


def test_choosing_what_validation_would_choose_is_nothing_to_tell() -> None:
    samples = made_samples(1500)
    split = time_split(samples)
    free = evaluate_conversion(samples, split, name="t", plan=QUICK, pictures=False)
    same = replace(QUICK, champion=free.table.champion)
    kept = evaluate_conversion(samples, split, name="t", plan=same, pictures=False)
    assert kept.table.validation_choice is None
    assert not any("chosen by you" in note for note in kept.table.notes)


def test_it_holds_across_folds_and_for_amounts() -> None:
    samples = made_samples(1500)
    wanted = replace(QUICK, champion="decision_tree")
    folds = kfold(samples, folds=3, seed=0, group="none")
    assert evaluate_conversion(samples, folds, name="t", plan=wanted, pictures=False).table.champion == (
        "decision_tree"
    )
    split = time_split(samples)
    done = evaluate_revenue(
        samples,
        split,
        name="r",
        plan=replace(QUICK, champion="mean"),
        models=("mean", "ridge"),
        pictures=False,
    )
    assert (done.table.champion, done.table.validation_choice) == ("mean", "ridge")


def test_a_name_no_leaderboard_has_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SamplesError, match=r"no candidate 'oracle'.*logistic_regression.*two_part"):
        train(tmp_path / "not there.csv", out=tmp_path / "out", options=Options(champion="oracle"))


def test_a_run_keeps_it_says_who_chose_and_begins_at_nothing(tmp_path: Path) -> None:
    files = write_demo(tmp_path / "demo", 1000, 28, seed=3)
    told: list[float] = []
    options = Options(fast=True, imbalance="none", champion="decision_tree")
    done = train(
        files.events, out=tmp_path / "bundle", options=options, progress=lambda share, _: told.append(share)
    )
    assert told[:2] == [0.0, 0.0]
    assert told == sorted(told)
    # So few purchases leave candidates out, so the bar steps over their part; it never starts half done.
    assert max(later - earlier for earlier, later in pairwise(told)) < 0.4
    table = done.report.table("prefix: purchase")
    assert table.champion == "decision_tree"
    assert done.report.settings["champion"] == "decision_tree"
    assert bundles.load(done.path).manifest.metrics["prefix: purchase"] == table.row("decision_tree").metrics
    if table.validation_choice:
        assert "chosen by you; the validation slice would have chosen" in render_markdown(card_of(done.path))
    else:
        assert "chosen on the validation slice" in render_markdown(card_of(done.path))
