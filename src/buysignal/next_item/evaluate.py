"""Recommenders fitted, one chosen on the validation slice, and all asked once on the test slice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import signature

import numpy as np
import numpy.typing as npt

from buysignal.models.next_item.base import NextItem, softmax
from buysignal.models.next_item.blend import DULL, Blend, best_weights, logs_of
from buysignal.next_item.asked import Answers, Questions, Tally, draw, percentiles
from buysignal.next_item.plan import BLENDED, NETWORKS, NextItemPlan, candidates
from buysignal.next_item.told import audit_lines, notes
from buysignal.report import Row, Table
from buysignal.sequences import Sequences, joined

TABLE = "next item"
BLEND = "blend"
CHOSEN_BY = "mrr_at_20"

HELD_CELLS = 8_000_000
"""Chances of the validation slice that are held for each candidate, at most."""

LEAST_HELD = 300
"""Questions of the validation slice that are asked all the same, where items are very many."""

WEIGHING_CELLS = 2_000_000
"""Chances of each candidate by which a blend is weighed."""

PIECE_CELLS = 4_000_000

Progress = Callable[[str], None]
Chances = npt.NDArray[np.float32]
Weights = dict[str, float]


@dataclass(frozen=True, eq=False)
class EvaluatedNextItem:
    """A finished table with the recommenders behind it.

    Attributes:
        table: for the report.
        champion: the chosen recommender, fitted on training and validation slice.
        models: every candidate by name, as it was asked on the test slice.
        answers: theirs, by name.
        learned: what the champion was fitted on.
    """

    table: Table
    champion: NextItem
    models: dict[str, NextItem]
    answers: dict[str, Answers]
    learned: Sequences


def evaluate_next_item(
    train: Sequences,
    validate: Sequences,
    test: Sequences,
    plan: NextItemPlan | None = None,
    progress: Progress | None = None,
    *,
    split: str = "by time",
) -> EvaluatedNextItem:
    """Fit, choose and ask.

    The champion has the highest MRR@20 on the validation slice. A blend is weighed on one half of that
    slice's visits and judged on the other, both ways round.

    Args:
        train, validate, test: visits of two looks or more, one slice after the other in time, with the
            catalog of training and validation slice.
        split: how they were parted, as a sentence.

    Raises:
        SamplesError: the slices have different catalogs.
    """
    plan, tell = plan or NextItemPlan(), progress or (lambda _text: None)
    fitted, seconds = _fitted(plan, train, tell)
    asked = _questions(validate, _held(plan, len(train.catalog.names)), plan.seed, percentiles(train))
    tell("choosing a recommender")
    validation, weights = _validated(fitted, asked)
    chosen = max(validation, key=lambda name: validation[name][CHOSEN_BY])
    learned = joined(train, validate)
    needed = {chosen, *(weights if chosen == BLEND else ())}
    models = _refitted(plan, fitted, needed, learned, tell)
    n_fitted = {name: (learned if models[name] is not one else train).visits for name, one in fitted.items()}
    if weights:
        models[BLEND] = _blend(models, weights)
        n_fitted[BLEND] = min(n_fitted[name] for name in weights)
        seconds[BLEND] = sum(seconds[name] for name in weights)
    tell(f"testing recommenders; champion {chosen}")
    answers = _tested(models, _questions(test, plan.test_questions, plan.seed, percentiles(learned)), weights)
    rows = [
        Row(
            model=name,
            metrics=dict(found.metrics()),
            intervals=dict(found.intervals(plan.seed)),
            validation=dict(validation[name]),
            params={"weights": weights} if name == BLEND else {},
            champion=name == chosen,
            n_fitted=n_fitted[name],
            seconds=seconds[name],
        )
        for name, found in answers.items()
    ]
    table = Table(
        name=TABLE,
        unit="click",
        task="next_item",
        split=split,
        n_train=len(train.questions()),
        n_validate=len(asked.views),
        n_test=len(answers[chosen].rank),
        rows=rows,
        champion=chosen,
        per_k=answers[chosen].slices_by_k(plan.seed),
        audit=audit_lines(learned, test),
        notes=notes(answers[chosen], weights if chosen == BLEND else {}, n_fitted, learned.visits),
    )
    return EvaluatedNextItem(table, models[chosen], models, answers, learned)


def _fitted(
    plan: NextItemPlan, train: Sequences, tell: Progress
) -> tuple[dict[str, NextItem], dict[str, float]]:
    fitted, seconds = {}, {}
    for name, make in candidates(plan).items():
        tell(f"next item: {name}")
        begin = time.perf_counter()
        fitted[name] = _fit(make(), train, tell)
        seconds[name] = time.perf_counter() - begin
    return fitted, seconds


def _fit(model: NextItem, visits: Sequences, tell: Progress) -> NextItem:
    if "progress" not in signature(model.fit).parameters:
        return model.fit(visits)
    told = ""

    def listen(_share: float, text: str) -> None:
        nonlocal told
        if text != told:
            told = text
            tell(f"next item: {text}")

    return model.fit(visits, progress=listen)  # type: ignore[call-arg]


def _held(plan: NextItemPlan, items: int) -> int:
    return min(plan.validation_questions, max(LEAST_HELD, HELD_CELLS // max(items, 1)))


def _questions(visits: Sequences, most: int, seed: int, percentile: npt.NDArray[np.float64]) -> Questions:
    return Questions(visits, draw(visits, most, seed), percentile)


def _validated(
    fitted: Mapping[str, NextItem], asked: Questions
) -> tuple[dict[str, dict[str, float]], Weights]:
    """Return each candidate's figures on the validation slice, and the weights of a blend (or none)."""
    found: dict[str, dict[str, float]] = {}
    logs: dict[str, Chances] = {}
    for name, model in fitted.items():
        chances = model.probabilities(asked.visits, asked.views)
        found[name] = _answered(asked, chances).metrics()
        if name in BLENDED:
            logs[name] = logs_of(chances)
    if len(logs) < 2:
        return found, {}
    half = asked.visit % 2 == 0
    mixed = np.empty_like(next(iter(logs.values())))
    for part in (half, ~half):
        weights = _weighed(logs, asked.wanted, np.flatnonzero(part))
        mixed[~part] = _mixed({name: log[~part] for name, log in logs.items()}, weights)
    found[BLEND] = _answered(asked, mixed).metrics()
    return found, _weighed(logs, asked.wanted, np.arange(len(asked.views)))


def _answered(asked: Questions, chances: Chances) -> Answers:
    tally = Tally(asked)
    tally.add(chances, asked.wanted)
    return tally.answers()


def _weighed(
    logs: Mapping[str, Chances], wanted: npt.NDArray[np.int32], rows: npt.NDArray[np.int64]
) -> Weights:
    """Return the weights that make what was wanted in ``rows`` most likely, without idle members."""
    most = max(LEAST_HELD, WEIGHING_CELLS // next(iter(logs.values())).shape[1])
    if len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
    if not len(rows):
        return dict.fromkeys(logs, 1 / len(logs))
    weights = best_weights([log[rows] for log in logs.values()], wanted[rows])
    return {name: float(w) for name, w in zip(logs, weights, strict=True) if w >= DULL}


def _mixed(logs: Mapping[str, Chances], weights: Weights) -> Chances:
    total = np.zeros_like(next(iter(logs.values())))
    for name, weight in weights.items():
        total += np.float32(weight) * logs[name]
    return softmax(total)


def _refitted(
    plan: NextItemPlan, fitted: Mapping[str, NextItem], needed: set[str], learned: Sequences, tell: Progress
) -> dict[str, NextItem]:
    """Return the candidates fitted on ``learned``; of the networks, which take long, those ``needed``."""
    models = dict(fitted)
    if plan.fast:
        return models
    for name, make in candidates(plan).items():
        if name not in NETWORKS or name in needed:
            tell(f"next item, with the validation slice: {name}")
            models[name] = _fit(make(), learned, tell)
    return models


def _blend(models: Mapping[str, NextItem], weights: Weights) -> Blend:
    return Blend([(name, models[name]) for name in weights], list(weights.values()))


def _tested(models: Mapping[str, NextItem], asked: Questions, weights: Weights) -> dict[str, Answers]:
    """Return the answers of each recommender; a member's chances serve its blend, too."""
    tallies = {name: Tally(asked) for name in models}
    for views in _pieces(asked):
        wanted = asked.visits.items[views]
        logs = {}
        for name, model in models.items():
            if name == BLEND:
                continue
            chances = model.probabilities(asked.visits, views)
            tallies[name].add(chances, wanted)
            if name in weights:
                logs[name] = logs_of(chances)
        if weights:
            tallies[BLEND].add(_mixed(logs, weights), wanted)
    return {name: tally.answers() for name, tally in tallies.items()}


def _pieces(asked: Questions) -> Iterator[npt.NDArray[np.int64]]:
    size = max(1, PIECE_CELLS // max(len(asked.percentile), 1))
    for begin in range(0, len(asked.views), size):
        yield asked.views[begin : begin + size]
