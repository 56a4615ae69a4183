from __future__ import annotations

import json

import numpy as np
import pytest

from buysignal.errors import BundleError
from buysignal.models import conversion, revenue
from buysignal.models.calibration import Calibrated
from buysignal.models.imbalance import IMBALANCE
from buysignal.models.odds import probability
from buysignal.models.onnx import describe, export_conversion, export_revenue
from buysignal.models.runtime import OnnxAmount, OnnxModel
from made import CHANNELS, NAMES, made_samples

CATEGORIES = {"channel": CHANNELS}


@pytest.fixture(scope="module")
def samples():  # type: ignore[no-untyped-def]
    return made_samples(2500)


@pytest.fixture(scope="module")
def hard_rows():  # type: ignore[no-untyped-def]
    """Gaps, levels never seen, values far outside, and values that are exactly in the data."""
    rows = made_samples(800, seed=9, gaps=0.2).X
    rows[:20] = np.nan
    rows[20:40, 2] = 99
    rows[40:60, 0] = 1e5
    return rows


@pytest.mark.parametrize("imbalance", IMBALANCE)
@pytest.mark.parametrize("model", conversion.MODELS)
def test_every_candidate_survives_the_conversion(samples, hard_rows, model, imbalance) -> None:  # type: ignore[no-untyped-def]
    made = conversion.candidates(NAMES, CATEGORIES, imbalance=imbalance, fast=True, models=[model])[model]
    made.fit(samples.X[:1500], samples.y[:1500])
    whole = Calibrated(made).fit(samples.X[1500:], samples.y[1500:])
    stored = export_conversion(whole, np.vstack([samples.X, hard_rows]))
    assert stored.largest_difference <= 1e-5
    again = OnnxModel(json.loads(json.dumps(stored.spec)), stored.parts)
    assert np.abs(again.predict(hard_rows) - probability(whole, hard_rows)).max() <= 1e-5


def test_trees_trained_without_gaps_meet_gaps(samples, hard_rows) -> None:  # type: ignore[no-untyped-def]
    full = made_samples(1500, gaps=0.0)
    for model in ("decision_tree", "random_forest", "extra_trees", "hist_gradient_boosting", "xgboost"):
        made = conversion.candidates(NAMES, CATEGORIES, fast=True, models=[model])[model]
        assert export_conversion(made.fit(full.X, full.y), hard_rows).largest_difference <= 1e-5


def test_an_imputed_column_without_any_value_survives(samples) -> None:  # type: ignore[no-untyped-def]
    X = samples.X.copy()
    X[:, 1] = np.nan
    made = conversion.candidates(NAMES, CATEGORIES, models=["logistic_regression"])["logistic_regression"]
    assert export_conversion(made.fit(X, samples.y), X).largest_difference <= 1e-5


@pytest.mark.parametrize("names", [("clicks", "price_mean"), ("channel",)])
def test_only_numbers_or_only_levels(samples, names) -> None:  # type: ignore[no-untyped-def]
    part = samples.drop([name for name in NAMES if name not in names])
    for imbalance in ("none", "smote"):
        for model in ("logistic_regression", "xgboost"):
            made = conversion.candidates(
                part.names, part.categories, imbalance=imbalance, fast=True, models=[model]
            )[model]
            assert export_conversion(made.fit(part.X, part.y), part.X).largest_difference <= 1e-5


def test_the_vote_survives_too(samples, hard_rows) -> None:  # type: ignore[no-untyped-def]
    made = conversion.candidates(NAMES, CATEGORIES, fast=True)
    members = [
        (
            name,
            Calibrated(one.fit(samples.X[:1500], samples.y[:1500])).fit(samples.X[1500:], samples.y[1500:]),
        )
        for name, one in made.items()
    ]
    vote = conversion.SoftVote(members, weights=[1, 2, 3, 4, 5], prefit=True).fit()
    whole = Calibrated(vote).fit(samples.X[1500:], samples.y[1500:])
    stored = export_conversion(whole, hard_rows)
    assert set(stored.parts) == set(made)
    assert describe(stored.spec).startswith("calibrated vote of calibrated logistic_regression")


@pytest.mark.parametrize("model", revenue.MODELS)
def test_every_revenue_candidate_survives(samples, hard_rows, model) -> None:  # type: ignore[no-untyped-def]
    made = revenue.candidates(NAMES, CATEGORIES, fast=True, models=[model])[model]
    made.fit(samples.X, samples.revenue)
    rows = np.vstack([samples.X, hard_rows[:40]])
    stored = export_revenue(made, rows)
    again = OnnxAmount(json.loads(json.dumps(stored.spec)), stored.parts)
    for ours, theirs in (
        (again.predict(rows), made.predict(rows)),
        (again.predict_log1p(rows), made.predict_log1p(rows)),
    ):
        assert np.abs(ours - theirs).max() <= 1e-5 * max(1, theirs.max())
        assert (ours >= 0).all()


def test_one_row_many_rows_and_no_row_agree(samples) -> None:  # type: ignore[no-untyped-def]
    made = conversion.candidates(NAMES, CATEGORIES, fast=True, models=["xgboost"])["xgboost"]
    stored = export_conversion(made.fit(samples.X, samples.y), samples.X)
    model = OnnxModel(stored.spec, stored.parts)
    many = model.predict(samples.X[:500])
    single = np.concatenate([model.predict(samples.X[i : i + 1]) for i in range(500)])
    assert np.abs(many - single).max() < 1e-6
    assert model.predict(samples.X[:0]).shape == (0,)


def test_an_unfaithful_copy_is_refused(samples, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    made = conversion.candidates(NAMES, CATEGORIES, fast=True, models=["xgboost"])["xgboost"]
    made.fit(samples.X, samples.y)
    monkeypatch.setattr("buysignal.models.onnx._without_sigmoid", lambda graph: None)
    with pytest.raises(BundleError, match="differ by up to"):
        export_conversion(made, samples.X)


def test_a_missing_part_and_an_unknown_kind_are_named(samples) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BundleError, match="part 'xgboost' is missing"):
        OnnxModel({"kind": "graph", "part": "xgboost", "gives": "log_odds"}, {}).predict(samples.X[:1])
    with pytest.raises(BundleError, match="kind 'oracle' is unknown"):
        OnnxModel({"kind": "oracle"}, {}).predict(samples.X[:1])
