from __future__ import annotations

import numpy as np
import pytest

from buysignal.errors import SamplesError
from buysignal.metrics import revenue_metrics
from buysignal.models import revenue
from buysignal.models.intervals import ConformalInterval, fit_conformal, total_forecast
from buysignal.splits import inner_split
from made import CHANNELS, NAMES, made_samples

CATEGORIES = {"channel": CHANNELS}


@pytest.fixture(scope="module")
def samples():  # type: ignore[no-untyped-def]
    return made_samples(4000)


def test_every_model_beats_the_mean_and_none_is_negative(samples) -> None:  # type: ignore[no-untyped-def]
    losses = {}
    for name, made in revenue.candidates(NAMES, CATEGORIES, fast=True).items():
        made.fit(samples.X[:3000], samples.revenue[:3000])
        forecast, log = made.predict(samples.X[3000:]), made.predict_log1p(samples.X[3000:])
        assert (forecast >= 0).all()
        assert (log >= 0).all()
        losses[name] = revenue_metrics(samples.revenue[3000:], forecast, log)["rmse_log1p"]
    assert set(losses) == set(revenue.MODELS)
    assert max(value for name, value in losses.items() if name != "mean") < losses["mean"] * 0.97


def test_two_part_is_right_in_total_where_amounts_are_skewed(samples) -> None:  # type: ignore[no-untyped-def]
    made = revenue.TwoPart(NAMES, CATEGORIES, fast=True).fit(samples.X[:3000], samples.revenue[:3000])
    found = revenue_metrics(samples.revenue[3000:], made.predict(samples.X[3000:]))
    assert abs(found["total_error_pct"]) < 15


def test_two_part_where_everyone_pays_or_nobody(samples) -> None:  # type: ignore[no-untyped-def]
    everyone = revenue.TwoPart(NAMES, CATEGORIES, fast=True).fit(samples.X, np.full(4000, 9.0))
    assert np.allclose(everyone.predict(samples.X[:9]), 9, atol=1e-3)
    nobody = revenue.TwoPart(NAMES, CATEGORIES, fast=True).fit(samples.X, np.zeros(4000))
    assert np.allclose(nobody.predict(samples.X[:9]), 0)


@pytest.mark.parametrize("name", revenue.MODELS)
def test_a_search_fits_the_half_it_judges(samples, name: str) -> None:  # type: ignore[no-untyped-def]
    X, amounts = samples.X[:2000], samples.revenue[:2000]
    whole, half = (revenue.candidates(NAMES, CATEGORIES, fast=True, models=[name])[name] for _ in range(2))
    whole.fit(X, amounts)
    half.fit_log1p(X, amounts)
    assert np.array_equal(whole.predict_log1p(samples.X), half.predict_log1p(samples.X))


def test_search_keeps_to_the_grid(samples) -> None:  # type: ignore[no-untyped-def]
    ridge = revenue.candidates(NAMES, CATEGORIES, models=["ridge"])["ridge"]
    fit, judge = inner_split(samples, np.arange(1000))
    chosen, params = revenue.search("ridge", ridge, samples.X, samples.revenue, fit, judge)
    assert params in revenue.GRID["ridge"]
    assert chosen.strength == params["strength"]


def test_conformal_covers_in_every_bin_of_the_forecast() -> None:
    rng = np.random.default_rng(0)
    forecast = rng.exponential(10, 8000)
    actual = forecast * rng.gamma(4, 0.25, 8000)
    interval = fit_conformal(forecast[:4000], actual[:4000], level=0.9)
    low, high = interval.predict(forecast[4000:])
    inside = (actual[4000:] >= low) & (actual[4000:] <= high)
    assert 0.88 <= inside.mean() <= 0.93
    for part in np.array_split(np.argsort(forecast[4000:]), 4):
        assert inside[part].mean() > 0.85
    assert (low >= 0).all()


def test_conformal_comes_back_from_its_numbers() -> None:
    rng = np.random.default_rng(0)
    interval = fit_conformal(rng.random(900), rng.random(900))
    assert ConformalInterval.from_dict(interval.to_dict()) == interval


def test_conformal_with_equal_forecasts_has_one_bin_and_too_few_rows_are_refused() -> None:
    rng = np.random.default_rng(0)
    interval = fit_conformal(np.full(1000, 5.0), rng.exponential(5, 1000))
    low, high = interval.predict([5.0])
    assert low[0] < 1 < 12 < high[0]
    with pytest.raises(SamplesError, match="too few for an interval"):
        fit_conformal([1.0] * 5, [1.0] * 5)


def test_total_interval_covers_most_of_the_time() -> None:
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        amounts = np.where(rng.random(3000) < 0.05, rng.lognormal(3, 1, 3000), 0)
        mean = np.full(1500, 0.05 * np.exp(3.5))
        _, low, high = total_forecast(mean, mean, amounts[:1500], level=0.9, draws=200)
        covered += low <= amounts[1500:].sum() <= high
    assert covered >= 46


def test_total_by_visitor_is_wider_where_visitors_repeat_themselves() -> None:
    rng = np.random.default_rng(0)
    actual = np.repeat(rng.exponential(10, 100), 10)
    forecast = np.full(1000, 10.0)
    visitor = np.arange(1000) // 10
    _, low, high = total_forecast(forecast, forecast, actual)
    _, low_by, high_by = total_forecast(forecast, forecast, actual, groups=visitor)
    assert high_by - low_by > 1.5 * (high - low)
