"""Evaluation: candidates × split → a table of honest figures, and the champion behind it.

Candidates are fitted on the training slice; calibration, threshold and champion are chosen on the
validation slice; the test slice is scored once, at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal import curves
from buysignal.errors import SamplesError
from buysignal.metrics import conversion_metrics, undefined_reason
from buysignal.models import conversion, revenue
from buysignal.models.fitting import Fitted, Plan, Progress, fit_conversion, fit_revenue
from buysignal.models.importance import MOST_ROWS, permutation_importance
from buysignal.models.intervals import ConformalInterval, fit_conformal, total_forecast
from buysignal.models.threads import OneBlasThread
from buysignal.report import GoalNote, Importance, Pictures, Row, Table, Task, TotalForecast
from buysignal.samples import ORDER, Samples
from buysignal.splits import Rows, Split, fixed_split
from buysignal.tested import ForecastRows, ScoredRows, slices_by_cart, slices_by_k

FEW_POSITIVES = 50
"""With fewer positives than this, figures come with a warning."""

_LEAST_VALIDATION_POSITIVES = 5


@dataclass(frozen=True, eq=False)
class Evaluated:
    """A finished table with the models behind it.

    Attributes:
        table: for the report.
        champion: the chosen model (`Calibrated` for conversion, a revenue candidate for amounts).
        models: every fitted candidate by key: its name, or "name (imbalance)" where resampled.
        threshold: from which score the champion says yes; None for amounts.
        interval: around the champion's amounts; None for conversion, or where rows are too few.
        tested: the champion's scores on the test rows.
    """

    table: Table
    champion: Any
    models: dict[str, Any]
    threshold: float | None
    interval: ConformalInterval | None
    tested: ScoredRows | ForecastRows
    fitted: list[Fitted] = field(default_factory=list)


@OneBlasThread()
def evaluate_conversion(
    samples: Samples,
    split: Split | Sequence[Split],
    *,
    name: str,
    plan: Plan | None = None,
    pictures: bool = True,
    progress: Progress | None = None,
) -> Evaluated:
    """Fit, choose and test yes/no candidates; several splits are cross-validation.

    In cross-validation metrics are means over the folds, and the champion is fitted once more on all
    rows but a validation slice; that last fit is returned, and no figure comes from it. The champion
    has the least log loss on the validation slice: a proper score of rank and level together.

    Raises:
        SamplesError: no yes/no answer, or a slice with too little in it.
    """
    plan = plan or Plan()
    folds = [split] if isinstance(split, Split) else list(split)
    fits = []
    for number, fold in enumerate(folds, start=1):
        told = _prefixed(progress, f"fold {number} of {len(folds)}: " if len(folds) > 1 else "")
        fits.append(fit_conversion(samples, fold, plan, told))
    chosen = _best(fits, "log_loss")
    best = _wanted(fits[0], plan, chosen)
    _tell(progress, f"testing; champion {key(fits[0][best])}")
    tested = [_test_scores(samples, folds, [fit[i] for fit in fits]) for i in range(len(fits[0]))]
    rows = [
        _row([fit[i] for fit in fits], one.metrics(), one.intervals(plan.seed), i == best)
        for i, one in enumerate(tested)
    ]
    for row in rows:
        row.undefined = undefined_reason(tested[0].y)
    table = _table(samples, folds, name, "conversion", rows)
    _say_who_chose(table, fits[0], best, chosen)
    table.notes += _small_sample_notes(samples, folds) + _thinning_notes(fits[0], folds[0])
    if samples.unit == "prefix":
        table.per_k, table.per_cart = slices_by_k(tested[best]), slices_by_cart(tested[best])
    if pictures:
        table.pictures = _conversion_pictures(samples, folds[0], fits[0], tested, best)
    models = {key(one): one.estimator for one in fits[0]}
    final = fits[0][best]
    if len(folds) > 1:
        _tell(progress, f"fitting {key(final)} on all rows")
        final = _fit_on_all(samples, plan, final)
        models = {key(final): final.estimator}
    return Evaluated(table, final.estimator, models, final.threshold, None, tested[best], fits[0])


@OneBlasThread()
def evaluate_revenue(
    samples: Samples,
    split: Split,
    *,
    name: str,
    plan: Plan | None = None,
    models: Sequence[str] = revenue.MODELS,
    pictures: bool = True,
    level: float = 0.9,
    progress: Progress | None = None,
) -> Evaluated:
    """Fit, choose and test candidates for the amount, with intervals and a forecast of the total.

    The champion has the least ``rmse_log1p`` on the validation slice, which a few huge orders do not
    decide.

    Raises:
        SamplesError: no amount, or a slice with too little in it.
    """
    plan = plan or Plan()
    fitted = fit_revenue(samples, split, plan, models, progress)
    chosen = _best([fitted], "rmse_log1p")
    best = _wanted(fitted, plan, chosen)
    _tell(progress, f"testing; champion {key(fitted[best])} (revenue)")
    tested = [_test_amounts(samples, split.test, one) for one in fitted]
    rows = [
        _row([fitted[i]], one.metrics(), one.intervals(plan.seed), i == best) for i, one in enumerate(tested)
    ]
    table = _table(samples, [split], name, "revenue", rows)
    _say_who_chose(table, fitted, best, chosen)
    table.notes += _thinning_notes(fitted, split)
    held = _test_amounts(samples, split.validate, fitted[best])
    interval = _interval(held, tested[best], level, table)
    table.total = _total(held, tested[best], level, plan.seed)
    if samples.unit == "prefix":
        table.per_k = tested[best].slices_by_k()
    if pictures:
        table.pictures = _revenue_pictures(samples, held, fitted[best], tested[best])
    found = {key(one): one.estimator for one in fitted}
    return Evaluated(table, fitted[best].estimator, found, None, interval, tested[best], fitted)


def key(one: Fitted) -> str:
    """Return the candidate's name, with its imbalance option where it has one."""
    return one.model if one.imbalance in (None, "none") else f"{one.model} ({one.imbalance})"


def _best(fits: Sequence[Sequence[Fitted]], metric: str) -> int:
    """Position of the candidate with the least mean ``metric`` over the folds' validation slices."""
    values = np.array([[one.validation[metric] for one in fit] for fit in fits]).mean(axis=0)
    if not np.isfinite(values).any():
        raise SamplesError(f"no candidate has a {metric} on the validation slice", todo="bring more data")
    return int(np.nanargmin(values))


def _wanted(fitted: Sequence[Fitted], plan: Plan, best: int) -> int:
    """Position of the candidate the user wants kept; ``best`` where it is none of this table's."""
    return next((i for i, one in enumerate(fitted) if key(one) == plan.champion), best)


def _say_who_chose(table: Table, fitted: Sequence[Fitted], kept: int, chosen: int) -> None:
    if kept != chosen:
        table.validation_choice = key(fitted[chosen])
        table.notes.append(
            f"Champion {key(fitted[kept])} was chosen by you; the validation slice would have chosen "
            f"{key(fitted[chosen])}."
        )


def _test_scores(samples: Samples, folds: Sequence[Split], parts: Sequence[Fitted]) -> ScoredRows:
    scores = [
        conversion.scores(one.model, one.estimator, samples, fold.test)
        for one, fold in zip(parts, folds, strict=True)
    ]
    return ScoredRows(
        samples,
        np.concatenate([fold.test for fold in folds]),
        np.concatenate(scores),
        np.repeat(np.arange(len(folds)), [len(fold.test) for fold in folds]),
        tuple(0.5 if one.threshold is None else one.threshold for one in parts),
    )


def _test_amounts(samples: Samples, rows: Rows, one: Fitted) -> ForecastRows:
    X = samples.X[rows]
    return ForecastRows(samples, rows, one.estimator.predict(X), one.estimator.predict_log1p(X))


def _row(
    parts: Sequence[Fitted],
    metrics: dict[str, float],
    intervals: dict[str, tuple[float, float]],
    champion: bool,
) -> Row:
    first = parts[0]
    names = first.validation
    return Row(
        model=first.model,
        imbalance=first.imbalance,
        metrics=dict(metrics),
        intervals=dict(intervals),
        validation={name: float(np.mean([one.validation[name] for one in parts])) for name in names},
        threshold=None if first.threshold is None else float(np.mean([one.threshold or 0 for one in parts])),
        params=first.params,
        champion=champion,
        n_fitted=first.n_fitted,
        seconds=sum(one.seconds for one in parts),
    )


def _table(samples: Samples, folds: Sequence[Split], name: str, task: Task, rows: list[Row]) -> Table:
    test = np.concatenate([fold.test for fold in folds])
    base = samples.y if task == "conversion" else samples.revenue
    assert base is not None
    champion = next(row for row in rows if row.champion)
    resampled = champion.imbalance not in (None, "none")
    return Table(
        name=name,
        unit=samples.unit,
        task=task,
        split=folds[0].sentence,
        n_train=round(float(np.mean([len(fold.train) for fold in folds]))),
        n_validate=round(float(np.mean([len(fold.validate) for fold in folds]))),
        n_test=len(test),
        base_rate=float((base[test] > 0).mean()),
        goal=GoalNote.of(samples.goal),
        rows=rows,
        champion=f"{champion.model} ({champion.imbalance})" if resampled else champion.model,
    )


def _fit_on_all(samples: Samples, plan: Plan, chosen: Fitted) -> Fitted:
    everything = fixed_split(len(samples), len(samples), groups=samples.visitor, seed=plan.seed)
    if chosen.model != "soft_vote":
        plan = replace(plan, models=(chosen.model,), compare=(chosen.model,), vote=False)
    imbalances = tuple(dict.fromkeys(("none", chosen.imbalance or "none")))
    fitted = fit_conversion(samples, everything, replace(plan, imbalances=imbalances))
    return next(one for one in fitted if key(one) == key(chosen))


def _interval(
    held: ForecastRows, tested: ForecastRows, level: float, table: Table
) -> ConformalInterval | None:
    try:
        interval = fit_conformal(held.forecast, held.actual, level=level)
    except SamplesError as error:
        table.notes.append(f"No interval for single amounts: {error}")
        return None
    low, high = interval.predict(tested.forecast)
    inside = float(((tested.actual >= low) & (tested.actual <= high)).mean())
    table.notes.append(
        f"Intervals for single amounts: split conformal by bins of the forecast, {level:.0%} asked for, "
        f"{inside:.1%} of the test rows lie inside."
    )
    return interval


def _total(held: ForecastRows, tested: ForecastRows, level: float, seed: int) -> TotalForecast:
    """Prefixes of one session would count its revenue many times, so only the first ones are summed."""
    first_held, first = (one.samples.k[one.rows] == 1 for one in (held, tested))
    if not first_held.any() or not first.any():
        first_held, first = np.ones(len(held.rows), bool), np.ones(len(tested.rows), bool)
    total, low, high = total_forecast(
        tested.forecast[first],
        held.forecast[first_held],
        held.actual[first_held],
        groups=held.samples.visitor[held.rows][first_held],
        level=level,
        seed=seed,
    )
    return TotalForecast(
        forecast=total,
        low=low,
        high=high,
        level=level,
        actual=float(tested.actual[first].sum()),
        method="sum of forecasts; predictive bootstrap of the validation residuals by visitor "
        "(Davison & Hinkley 1997, section 6.3.3)",
    )


def _conversion_pictures(
    samples: Samples, fold: Split, fitted: Sequence[Fitted], tested: Sequence[ScoredRows], best: int
) -> Pictures:
    assert samples.y is not None
    shown = [i for i, one in enumerate(fitted) if one.imbalance == "none" or i == best]
    drawn = Pictures(importance_unit="rise of 1 - ROC-AUC when shuffled")
    for i in shown:
        curves.draw_scores(drawn, key(fitted[i]), tested[i].y, tested[i].p)
    chosen = tested[best]
    drawn.confusion = curves.confusion(chosen.y, chosen.p, np.asarray(chosen.thresholds)[chosen.fold])
    rows = _some(fold.validate)
    y = samples.y[rows]
    if undefined_reason(y) is None:
        estimator, model = fitted[best].estimator, fitted[best].model
        rises = permutation_importance(
            lambda X: conversion.probability(estimator, X),
            lambda p: 1 - conversion_metrics(y, p)["roc_auc"],
            conversion.inputs(model, samples, rows),
            alone=len(samples.names),
        )
        drawn.importance = _ranked((*samples.names, ORDER), rises)
    return drawn


def _revenue_pictures(samples: Samples, held: ForecastRows, one: Fitted, tested: ForecastRows) -> Pictures:
    assert samples.revenue is not None
    drawn = Pictures(importance_unit="rise of rmse_log1p when shuffled")
    drawn.residuals[key(one)] = curves.cloud(tested.forecast, tested.actual - tested.forecast)
    drawn.predicted_actual[key(one)] = curves.cloud(tested.forecast, tested.actual)
    rows = _some(held.rows)
    logs = np.log1p(samples.revenue[rows])
    rises = permutation_importance(
        one.estimator.predict_log1p,
        lambda forecast: float(np.sqrt(((logs - forecast) ** 2).mean())),
        samples.X[rows],
    )
    drawn.importance = _ranked(samples.names, rises)
    return drawn


def _some(rows: Rows) -> Rows:
    if len(rows) <= MOST_ROWS:
        return rows
    return np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False)


def _ranked(names: Sequence[str], rises: npt.NDArray[np.float64]) -> list[Importance]:
    return [Importance(feature=names[i], value=float(rises[i])) for i in np.argsort(-rises, kind="stable")]


def _small_sample_notes(samples: Samples, folds: Sequence[Split]) -> list[str]:
    """Rows of one session rise and fall together, so it is sessions that are counted."""
    fold = folds[0]
    counts = [positive_sessions(samples, rows) for rows in (fold.train, fold.validate, fold.test)]
    what = "rows" if samples.unit == "click" else "sessions"
    notes = []
    if min(counts) < FEW_POSITIVES:
        notes.append(
            f"Small sample: {counts[0]:,} {what} that reach the goal to learn from, {counts[1]:,} to "
            f"validate, {counts[2]:,} to test. Read the intervals, not the figures; collect more before "
            f"acting on this."
        )
    if counts[1] < _LEAST_VALIDATION_POSITIVES:
        notes.append("Too few positives to validate on: scores are not calibrated, the threshold is a guess.")
    return notes


def positive_sessions(samples: Samples, rows: Rows) -> int:
    """Return how many different sessions reach the goal in ``rows`` (of clicks: how many rows)."""
    assert samples.y is not None
    positive = rows[samples.y[rows] == 1]
    return len(positive) if samples.unit == "click" else len(np.unique(samples.session[positive]))


def _thinning_notes(fitted: Sequence[Fitted], fold: Split) -> list[str]:
    thinned = {one.model: one.n_fitted for one in fitted if one.n_fitted < len(fold.train)}
    thinned.pop("soft_vote", None)
    if not thinned:
        return []
    told = ", ".join(f"{name} {n:,}" for name, n in thinned.items())
    return [f"Slow models learn from fewer rows, drawn by visitor: {told} of {len(fold.train):,}."]


def _prefixed(progress: Progress | None, prefix: str) -> Progress | None:
    if progress is None or not prefix:
        return progress
    return lambda text: progress(prefix + text)


def _tell(progress: Progress | None, text: str) -> None:
    if progress is not None:
        progress(text)
