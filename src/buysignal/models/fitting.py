"""Fitting candidates on the training slice and tuning them on the validation slice, nothing more."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError
from buysignal.metrics import best_threshold, conversion_metrics, revenue_metrics
from buysignal.models import conversion, revenue
from buysignal.models.calibration import Calibrated, Method, fit_calibration
from buysignal.models.deep_told import heard
from buysignal.models.imbalance import Imbalance
from buysignal.models.preprocess import Impute
from buysignal.models.threads import OneBlasThread
from buysignal.samples import Samples
from buysignal.splits import Rows, Split, inner_split

Floats = npt.NDArray[np.float64]
Progress = Callable[[str], None]

SEARCH_ROWS = 20_000
VOTERS = ("random_forest", "extra_trees", "hist_gradient_boosting", "xgboost")
"""The candidates that vote: ensembles gain by being averaged, plain models pull them down. Where it competes
the network on the same columns votes, too: its mistakes are of another kind."""

VOTE_WITHIN = 1.1
"""A candidate votes where its validation log loss is at most ten percent above the best one's."""


@dataclass(frozen=True)
class Fitted:
    """One candidate, fitted and tuned; it has not seen the test slice.

    ``validation`` holds its metrics on the validation slice, by which a champion is chosen.
    """

    model: str
    imbalance: Imbalance | None
    estimator: Any
    validation: dict[str, float]
    threshold: float | None = None
    params: dict[str, Any] = field(default_factory=dict)
    n_fitted: int = 0
    seconds: float = 0.0
    validation_scores: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Plan:
    """How candidates are fitted.

    Attributes:
        models: candidates, by name.
        imbalances: ways to treat a rare class; all but "none" are tried for ``compare`` only.
        compare: models that every way is tried for.
        search: choose hyper-parameters on an inner split of the training rows.
        vote: let the candidates vote, as one more candidate.
        refit: fit once more on training and validation rows, keeping calibration and threshold.
        champion: the candidate to keep, as "name" or "name (imbalance)"; None keeps the best on validation.
        keep: the only columns that are read; None reads all.
        params: settings by model that are given rather than searched for.
        calibration: the kind of calibration; None chooses by the rows there are.
    """

    models: tuple[str, ...] = conversion.DEFAULT_MODELS
    imbalances: tuple[Imbalance, ...] = ("none",)
    compare: tuple[str, ...] = ("logistic_regression", "decision_tree", "xgboost")
    impute: Impute = "median"
    seed: int = 0
    fast: bool = False
    search: bool = True
    vote: bool = True
    refit: bool = False
    champion: str | None = None
    keep: tuple[str, ...] | None = None
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calibration: Method | None = None


def fit_conversion(
    samples: Samples, split: Split, plan: Plan, progress: Progress | None = None
) -> list[Fitted]:
    """Return every candidate of ``plan``, fitted on train, calibrated on validate.

    Raises:
        SamplesError: the samples have no yes/no answer.
    """
    if samples.y is None:
        raise SamplesError("these samples have no yes/no answer", todo="evaluate the amount instead")
    fitted: list[Fitted] = []
    chosen: dict[str, dict[str, Any]] = {name: dict(given) for name, given in plan.params.items()}
    for imbalance in plan.imbalances:
        names = [m for m in plan.models if imbalance == "none" or m in plan.compare]
        made = conversion.candidates(
            samples.names,
            samples.categories,
            imbalance=imbalance,
            impute=plan.impute,
            seed=plan.seed,
            fast=plan.fast,
            models=names,
            keep=plan.keep,
            steps=None if samples.steps is None else samples.steps.layout,
        )
        for name, estimator in made.items():
            _tell(progress, f"fitting {name}" + ("" if imbalance == "none" else f" ({imbalance})"))
            with heard(progress):
                one = _fit_one(samples, split, plan, name, imbalance, estimator, chosen)
            fitted.append(one)
    alike = [one for one in fitted if one.imbalance == "none" and one.model not in conversion.SEQUENCE_MODELS]
    if plan.vote and len(alike) > 1:
        fitted.append(_vote(samples, split, alike))
    return fitted


def _fit_one(
    samples: Samples,
    split: Split,
    plan: Plan,
    name: str,
    imbalance: Imbalance,
    estimator: Any,
    chosen: dict[str, dict[str, Any]],
) -> Fitted:
    assert samples.y is not None
    start = time.perf_counter()
    cap = conversion.ROW_CAP.get(name)
    with _quiet():
        if name in conversion.SEQUENCE_MODELS:
            chosen[name] = conversion.settings_of(name, chosen)
        elif plan.search and name not in chosen:
            fit, judge = _search_rows(samples, split.train, plan.seed)
            _, found = conversion.search(name, estimator, samples.X, samples.y, fit, judge)
            chosen[name] = found.params
        estimator = conversion.set_params(estimator, chosen.get(name, {}))
        rows = thin(samples, split.train, cap, plan.seed)
        estimator.fit(conversion.inputs(name, samples, rows), samples.y[rows])
        raw = conversion.scores(name, estimator, samples, split.validate)
        if plan.refit:
            rows = thin(samples, np.concatenate([split.train, split.validate]), cap, plan.seed)
            estimator.fit(conversion.inputs(name, samples, rows), samples.y[rows])
    seconds = time.perf_counter() - start
    made = Fitted(name, imbalance, estimator, {}, None, chosen.get(name, {}), len(rows), seconds)
    return _tuned(made, raw, samples.y[split.validate], plan.calibration)


def _tuned(made: Fitted, raw: Floats, y: npt.NDArray[np.int8], method: Method | None = None) -> Fitted:
    """Put calibration, threshold and metrics from scores ``raw`` of unseen rows behind the estimator."""
    calibration = fit_calibration(raw, y, method=method)
    p = calibration.apply(raw)
    threshold = best_threshold(y, p)
    return replace(
        made,
        estimator=Calibrated.of(made.estimator, calibration),
        validation=conversion_metrics(y, p, threshold=threshold),
        threshold=threshold,
        validation_scores=p,
    )


def _vote(samples: Samples, split: Split, candidates: Sequence[Fitted]) -> Fitted:
    """The plain mean of the voters' calibrated scores: no weights to fit, none to overfit."""
    assert samples.y is not None
    start = time.perf_counter()
    voters = [one for one in candidates if one.model in (*VOTERS, conversion.NETWORK)]
    if len(voters) < 2:
        voters = list(candidates)
    limit = min(one.validation["log_loss"] for one in voters) * VOTE_WITHIN
    members = [one for one in voters if one.validation["log_loss"] <= limit]
    vote = conversion.SoftVote([(one.model, one.estimator) for one in members], prefit=True).fit()
    scores = np.mean([one.validation_scores for one in members], axis=0)
    params = {"members": [one.model for one in members]}
    rows = max(one.n_fitted for one in members)
    made = Fitted("soft_vote", "none", vote, {}, None, params, rows, time.perf_counter() - start)
    return _tuned(made, scores, samples.y[split.validate])


def fit_revenue(
    samples: Samples,
    split: Split,
    plan: Plan,
    models: Sequence[str] = revenue.MODELS,
    progress: Progress | None = None,
) -> list[Fitted]:
    """Return every revenue candidate, fitted on train, with its metrics on validate.

    Raises:
        SamplesError: the samples have no amount.
    """
    if samples.revenue is None:
        raise SamplesError("these samples have no amount", todo="evaluate the yes/no answer instead")
    made = revenue.candidates(
        samples.names, samples.categories, impute=plan.impute, seed=plan.seed, fast=plan.fast, models=models
    )
    fitted = []
    for name, estimator in made.items():
        _tell(progress, f"fitting {name} (revenue)")
        start = time.perf_counter()
        params: dict[str, Any] = {}
        with _quiet():
            if plan.search:
                fit, judge = _search_rows(samples, split.train, plan.seed)
                estimator, params = revenue.search(name, estimator, samples.X, samples.revenue, fit, judge)
            rows = thin(samples, split.train, revenue.ROW_CAP.get(name), plan.seed)
            estimator.fit(samples.X[rows], samples.revenue[rows])
        X = samples.X[split.validate]
        found = revenue_metrics(
            samples.revenue[split.validate], estimator.predict(X), estimator.predict_log1p(X)
        )
        seconds = time.perf_counter() - start
        fitted.append(Fitted(name, None, estimator, found, None, params, len(rows), seconds))
    return fitted


def thin(samples: Samples, rows: Rows, cap: int | None, seed: int) -> Rows:
    """Return at most about ``cap`` of the rows, by drawing whole visitors at random.

    Every visitor is as likely to be drawn, so rates stay as they are.
    """
    if cap is None or len(rows) <= cap:
        return rows
    code = np.unique(samples.visitor[rows], return_inverse=True)[1]
    counts = np.bincount(code)
    order = np.random.default_rng(seed).permutation(len(counts))
    drawn = np.zeros(len(counts), dtype=bool)
    drawn[order[: max(1, int(np.searchsorted(np.cumsum(counts[order]), cap, side="right")))]] = True
    return rows[drawn[code]]


def _search_rows(samples: Samples, train: Rows, seed: int) -> tuple[Rows, Rows]:
    return inner_split(samples, thin(samples, train, SEARCH_ROWS, seed), seed=seed)


def _tell(progress: Progress | None, text: str) -> None:
    if progress is not None:
        progress(text)


@contextmanager
def _quiet() -> Iterator[None]:
    """Bounded fits stop at their bound on purpose; that is no news for the reader."""
    from sklearn.exceptions import ConvergenceWarning

    with OneBlasThread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield
