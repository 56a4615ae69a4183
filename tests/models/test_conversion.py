from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

from buysignal.metrics import conversion_metrics
from buysignal.models import conversion
from buysignal.models.calibration import Calibrated, fit_calibration
from buysignal.models.fitting import Plan, fit_conversion, thin
from buysignal.models.imbalance import IMBALANCE, smote_capped
from buysignal.models.odds import probability
from buysignal.splits import inner_split, time_split
from made import CHANNELS, NAMES, made_samples

CATEGORIES = {"channel": CHANNELS}


@pytest.fixture(scope="module")
def samples():  # type: ignore[no-untyped-def]
    return made_samples(3000)


@pytest.mark.parametrize("imbalance", IMBALANCE)
@pytest.mark.parametrize("model", conversion.MODELS)
def test_every_candidate_learns_with_gaps_and_unseen_levels(samples, model, imbalance) -> None:  # type: ignore[no-untyped-def]
    candidate = conversion.candidates(NAMES, CATEGORIES, imbalance=imbalance, fast=True, models=[model])[
        model
    ]
    candidate.fit(samples.X[:2000], samples.y[:2000])
    X = samples.X[2000:].copy()
    X[:5, 2] = 7
    p = probability(candidate, X)
    assert p.shape == (1000,)
    assert ((p >= 0) & (p <= 1)).all()
    floor = 0.62 if model == "decision_tree" else 0.68
    assert conversion_metrics(samples.y[2000:], p)["roc_auc"] > floor


@pytest.mark.parametrize("model", conversion.MODELS)
def test_probability_is_what_the_model_predicts(samples, model) -> None:  # type: ignore[no-untyped-def]
    candidate = conversion.candidates(NAMES, CATEGORIES, fast=True, models=[model])[model]
    candidate.fit(samples.X[:1500], samples.y[:1500])
    theirs = candidate.predict_proba(samples.X[1500:])[:, 1]
    assert np.abs(probability(candidate, samples.X[1500:]) - theirs).max() < 1e-6


def test_a_seed_gives_the_same_scores(samples) -> None:  # type: ignore[no-untyped-def]
    def scores(model: str) -> np.ndarray:
        options = {"imbalance": "smote", "fast": True, "models": [model], "seed": 3}
        made = conversion.candidates(NAMES, CATEGORIES, **options)[model]
        return probability(made.fit(samples.X[:600], samples.y[:600]), samples.X[600:900])

    for model in conversion.MODELS:
        assert np.allclose(scores(model), scores(model), rtol=0, atol=1e-12), model


def test_smote_makes_the_rare_class_as_many_and_codes_stay_codes(samples) -> None:  # type: ignore[no-untyped-def]
    X = np.nan_to_num(samples.X)
    grown, labels = smote_capped(X, samples.y, [2], seed=0, seeds=50)
    assert labels.sum() * 2 == len(labels)
    assert np.array_equal(grown[: len(X)], X)
    assert set(np.unique(grown[:, 2])) <= {0.0, 1.0, 2.0}


def test_smote_leaves_a_single_rare_row_alone() -> None:
    X = np.arange(10, dtype=np.float32)[:, None]
    y = np.array([1] + [0] * 9)
    assert len(smote_capped(X, y, [], seed=0)[0]) == 10


def test_a_forest_is_searched_with_few_trees_and_grown_with_all(samples) -> None:  # type: ignore[no-untyped-def]
    forest = conversion.candidates(NAMES, CATEGORIES, models=["random_forest"])["random_forest"]
    fit, judge = inner_split(samples, np.arange(600))
    chosen, found = conversion.search("random_forest", forest, samples.X, samples.y, fit, judge)
    assert found.params in conversion.GRID["random_forest"]
    assert chosen[-1].n_estimators == 150 > conversion.SEARCH_TREES["random_forest"]


def test_search_takes_the_setting_with_the_least_loss(samples) -> None:  # type: ignore[no-untyped-def]
    tree = conversion.candidates(NAMES, CATEGORIES, models=["decision_tree"])["decision_tree"]
    fit, judge = inner_split(samples, np.arange(2000))
    chosen, found = conversion.search("decision_tree", tree, samples.X, samples.y, fit, judge)
    best = min(found.losses, key=lambda pair: pair[1])[0]
    assert found.params == best
    assert len(found.losses) == len(conversion.GRID["decision_tree"])
    assert chosen[-1].min_samples_leaf == best["min_samples_leaf"]
    assert not hasattr(chosen[-1], "tree_")


def test_soft_vote_is_the_weighted_mean(samples) -> None:  # type: ignore[no-untyped-def]
    made = conversion.candidates(NAMES, CATEGORIES, fast=True, models=["decision_tree", "xgboost"])
    vote = conversion.SoftVote(list(made.items()), weights=[1.0, 3.0])
    vote.fit(samples.X[:1000], samples.y[:1000])
    rows = samples.X[1000:1100]
    singles = [probability(member, rows) for _, member in vote.members_]
    assert np.allclose(probability(vote, rows), 0.25 * singles[0] + 0.75 * singles[1])
    assert not hasattr(clone(vote), "members_")


def test_ensembles_vote_and_their_validation_scores_are_averaged(samples) -> None:  # type: ignore[no-untyped-def]
    plan = Plan(models=("logistic_regression", "random_forest", "xgboost"), fast=True, search=False)
    split = time_split(samples)
    fitted = {one.model: one for one in fit_conversion(samples, split, plan)}
    vote = fitted["soft_vote"]
    assert vote.params["members"] == ["random_forest", "xgboost"]
    mean = (fitted["random_forest"].validation_scores + fitted["xgboost"].validation_scores) / 2
    assert np.allclose(vote.validation_scores, vote.estimator.calibration_.apply(mean))
    refit = {one.model: one for one in fit_conversion(samples, split, replace(plan, refit=True))}
    assert np.allclose(refit["soft_vote"].validation_scores, vote.validation_scores, rtol=0, atol=1e-12)
    assert refit["xgboost"].n_fitted == len(split.train) + len(split.validate)


def test_thinning_draws_whole_visitors_without_bias(samples) -> None:  # type: ignore[no-untyped-def]
    rows = thin(samples, np.arange(3000), 1500, seed=0)
    assert 1400 <= len(rows) <= 1500
    counts = np.bincount(samples.visitor[rows])
    assert set(counts[counts > 0]) == {2}
    assert abs(samples.y[rows].mean() - samples.y.mean()) < 0.02
    assert np.array_equal(thin(samples, np.arange(10), None, 0), np.arange(10))


def test_a_fit_sees_nothing_of_later_rows(samples) -> None:  # type: ignore[no-untyped-def]
    for model in ("logistic_regression", "mlp"):
        made = conversion.candidates(NAMES, CATEGORIES, imbalance="smote", fast=True, models=[model])[model]
        made.fit(samples.X[:500], samples.y[:500])
        alone = probability(made, samples.X[500:510])
        among = probability(made, np.vstack([samples.X[500:510], 1e6 * samples.X[510:600]]))[:10]
        assert np.abs(alone - among).max() < 1e-6


@pytest.mark.parametrize("method", ["platt", "beta"])
def test_calibration_mends_the_level_and_keeps_the_order(method) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    truth = rng.beta(1, 9, 6000)
    y = (rng.random(6000) < truth).astype(np.int8)
    bent = truth * 19 / (truth * 19 + (1 - truth))
    mended = fit_calibration(bent[:3000], y[:3000], method=method).apply(bent[3000:])
    before = conversion_metrics(y[3000:], bent[3000:])
    after = conversion_metrics(y[3000:], mended)
    assert before["ece"] > 0.2
    assert after["ece"] < 0.02
    assert after["roc_auc"] == pytest.approx(before["roc_auc"], abs=1e-12)
    assert (np.diff(mended[np.argsort(bent[3000:])]) >= 0).all()


def test_few_positives_calibrate_little() -> None:
    p = np.linspace(0.01, 0.5, 40)
    assert fit_calibration(p, [0] * 38 + [1] * 2).method == "none"
    assert fit_calibration(p, [0] * 30 + [1] * 10).method == "platt"
    assert fit_calibration(p, np.zeros(40), method="platt").method == "none"


def test_calibrated_learns_on_the_slice_it_is_given(samples) -> None:  # type: ignore[no-untyped-def]
    made = conversion.candidates(NAMES, CATEGORIES, imbalance="undersample", fast=True, models=["xgboost"])[
        "xgboost"
    ].fit(samples.X[:1500], samples.y[:1500])
    whole = Calibrated(made).fit(samples.X[1500:2200], samples.y[1500:2200])
    found = conversion_metrics(samples.y[2200:], probability(whole, samples.X[2200:]))
    raw = conversion_metrics(samples.y[2200:], probability(made, samples.X[2200:]))
    assert found["ece"] < raw["ece"] / 2
