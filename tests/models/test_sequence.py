"""Networks as candidates: what only the order tells is found, stored, and served through every door."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from buysignal import bundle as bundles
from buysignal import scoring, sessions
from buysignal.bundle import Bundle
from buysignal.errors import BundleError, DependencyError, SamplesError
from buysignal.evaluation import evaluate_conversion
from buysignal.features.live import LiveVisitor, Reader
from buysignal.folded import Folded
from buysignal.goals import PURCHASE
from buysignal.models import conversion
from buysignal.models.calibration import Calibrated
from buysignal.models.deep_told import heard
from buysignal.models.fitting import Plan
from buysignal.models.odds import probability
from buysignal.models.onnx import export_conversion
from buysignal.models.runtime import OnnxModel
from buysignal.prefixes import prefix_samples
from buysignal.row_scores import live_row
from buysignal.samples import ORDER, StepLayout
from buysignal.sources.demo import simulate
from buysignal.splits import time_split
from buysignal.training import Options
from buysignal.training.few import network_notes, simple_plan
from buysignal.training.outcome import Outcome
from buysignal.training.visits import fold_visits
from made import made_samples
from shop import Shop

LAYOUT = StepLayout(("event", "item", "gap"), (8, 9, 0), 6)
NAMES = ("noise", "channel")
N, LEARNED = 2_400, 1_600


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    """Yes where event 3 came before event 4; the features say nothing, nor which events there were."""
    random = np.random.default_rng(0)
    X = np.column_stack([random.normal(size=N), random.integers(0, 2, N)]).astype(np.float32)
    steps = np.zeros((N, LAYOUT.length, 3), np.float32)
    first = random.random(N) < 0.5
    for i in range(N):
        size = random.integers(3, LAYOUT.length + 1)
        events = random.integers(5, 8, size)
        places = np.sort(random.choice(size, 2, replace=False))
        events[places] = (3, 4) if first[i] else (4, 3)
        steps[i, -size:, 0] = events
        steps[i, -size:, 1] = random.integers(1, 9, size)
        steps[i, -size:, 2] = random.random(size)
    y = (random.random(N) < np.where(first, 0.9, 0.1)).astype(np.int8)
    return np.hstack([X, steps.reshape(N, -1)]), y


def made(name: str) -> object:
    pytest.importorskip("tensorflow", reason="networks are trained with the extra deep")
    return conversion.candidates(NAMES, {"channel": ("a", "b")}, models=[name], steps=LAYOUT)[name]


@pytest.mark.parametrize("name", conversion.SEQUENCE_MODELS)
def test_order_is_learned_and_the_stored_model_gives_the_same(
    rows: tuple[np.ndarray, np.ndarray], name: str
) -> None:
    X, y = rows
    told: list[str] = []
    with heard(told.append):
        fitted = made(name).fit(X[:LEARNED], y[:LEARNED])  # type: ignore[attr-defined]
    assert roc_auc_score(y[LEARNED:], probability(fitted, X[LEARNED:])) > 0.7
    assert any("pass 1" in text for text in told)
    assert len(set(told)) == len(told) or name == "stacked_gru"
    whole = Calibrated(fitted).fit(X[LEARNED:], y[LEARNED:])
    stored = export_conversion(whole, X[LEARNED:])
    assert stored.largest_difference <= 1e-5
    again = OnnxModel(json.loads(json.dumps(stored.spec)), stored.parts)
    one_by_one = np.concatenate([again.predict(row[None]) for row in X[-20:]])
    assert np.abs(one_by_one - probability(whole, X[-20:])).max() <= 1e-5


def test_a_network_on_columns_is_stored_as_it_was_fitted(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = rows
    y = (X[:, 0] + X[:, 1] > 0.5).astype(np.int8)
    fitted = made(conversion.NETWORK).set_params(model__epochs=8).fit(X[:LEARNED, :2], y[:LEARNED])  # type: ignore[attr-defined]
    assert roc_auc_score(y[LEARNED:], probability(fitted, X[LEARNED:, :2])) > 0.9
    assert export_conversion(fitted, X[:, :2]).largest_difference <= 1e-5


def test_a_seed_repeats_the_network(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    few = [made("gru").set_params(model__epochs=1).fit(X[:200], y[:200]) for _ in range(2)]  # type: ignore[attr-defined]
    assert np.allclose(*(probability(one, X[200:400]) for one in few), atol=1e-5)


def test_a_fit_can_be_ended_from_outside(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows

    def stop(_text: str) -> None:
        raise KeyboardInterrupt

    with heard(stop), pytest.raises(KeyboardInterrupt):
        made("gru").fit(X[:200], y[:200])  # type: ignore[attr-defined]


def test_one_class_needs_no_network(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = rows
    for name in (*conversion.SEQUENCE_MODELS, conversion.NETWORK):
        read = X[:50] if name in conversion.SEQUENCE_MODELS else X[:50, :2]
        fitted = made(name).fit(read, np.zeros(50, np.int8))  # type: ignore[attr-defined]
        assert (probability(fitted, read) == 0).all()


def test_without_steps_the_order_cannot_be_read() -> None:
    with pytest.raises(SamplesError, match="reads the order of events"):
        conversion.candidates(NAMES, {}, models=["gru"])


def test_without_the_extra_deep_training_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(DependencyError, match=r"pip install 'buysignal\[deep\]'"):
        Options(deep=True).check()


def test_networks_stand_for_choice_only_where_they_compete() -> None:
    assert set(conversion.SEQUENCE_MODELS) <= set(Options(deep=True).plan(steps=True).models)
    assert not {*conversion.SEQUENCE_MODELS, conversion.NETWORK} & set(Options().plan(steps=True).models)
    assert not set(conversion.SEQUENCE_MODELS) & set(Options(deep=True).plan().models)
    with pytest.raises(SamplesError, match="there is no candidate 'gru'"):
        Options(champion="gru").check()


def test_networks_wait_for_enough_sessions_that_reach_the_goal() -> None:
    few, many = made_samples(900), made_samples(4_000)
    for samples, enter in ((few, False), (many, True)):
        split = time_split(samples)
        plan = simple_plan(Options(deep=True).plan(), samples, split)
        assert (conversion.NETWORK in plan.models) == enter
        assert len(network_notes(True, plan, samples, split)) == (not enter)
        assert not network_notes(False, plan, samples, split)
    wanted = Options(deep=True, champion=conversion.NETWORK).plan()
    assert conversion.NETWORK in simple_plan(wanted, few, time_split(few)).models


@pytest.fixture(scope="module")
def served(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, pa.Table]:
    """A bundle whose champion reads the order of the events, and some events."""
    pytest.importorskip("tensorflow", reason="networks are trained with the extra deep")
    demo = simulate(500, days=14, seed=2)
    visits = fold_visits(sessions.assign(demo.events), PURCHASE, Options())
    samples = prefix_samples(visits.events, visits.X, visits.vocabulary, PURCHASE)
    samples = replace(samples, steps=visits.steps())
    split = visits.split(samples)
    plan = Plan(models=("decision_tree", "gru"), search=False, fast=True, champion="gru")
    done = evaluate_conversion(samples, split, name="prefix", plan=plan)
    assert done.table.pictures.importance is not None
    assert ORDER in [one.feature for one in done.table.pictures.importance]
    outcome = Outcome(
        goal=PURCHASE, profile=shop.bundle.profile, samples=samples, split=split, conversion=done,
        revenue=None, segmentation=None, vocabulary=visits.vocabulary, session_gap="30m", tables=[done.table],
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("sequence") / "bundle"
    bundles.save(outcome.bundle(shop.report), folder)
    return bundles.load(folder), demo.events.slice(0, 1_500)


def test_the_bundle_serves_the_order_through_every_door(served: tuple[Bundle, pa.Table]) -> None:
    bundle, events = served
    assert bundle.step_codes is not None
    assert bundle.width == len(bundle.names) + bundle.step_codes.layout.width == len(bundle.typical)
    folded = Folded(bundle, events)
    rows = np.arange(folded.events.num_rows)
    batch = bundle.probability(folded.features(rows))
    scored = scoring.score(bundle, events, every_event=True, folded=folded)
    assert np.allclose(scored.table["probability"], batch, atol=1e-6)
    first = folded.events.slice(0, folded.layout.session_starts[folded.layout.visitor_starts[3]])
    for visitor in range(3):
        live = LiveVisitor(Reader(bundle.vocabulary))  # type: ignore[arg-type]
        low, high = folded.layout.session_starts[folded.layout.visitor_starts[visitor : visitor + 2]]
        part = first.slice(low, high - low)
        for place in np.argsort(sessions.times(part), kind="stable"):
            visit = live.note(part.slice(place, 1).to_pylist()[0])
            row = live_row(bundle, live.row(visit), visit)
            assert bundle.probability(row[None])[0] == pytest.approx(batch[low + place], abs=1e-5)


def test_what_came_later_changes_no_score(served: tuple[Bundle, pa.Table]) -> None:
    bundle, events = served
    whole = Folded(bundle, events)
    time = sessions.times(whole.events)
    cut = whole.until(np.sort(time)[len(time) // 2].astype("datetime64[us]"))
    rows = np.arange(cut.events.num_rows)
    anew = Folded(bundle, cut.events)
    assert np.allclose(cut.scores(rows)["probability"], anew.scores(rows)["probability"], atol=1e-6)


def test_the_order_is_one_reason(served: tuple[Bundle, pa.Table]) -> None:
    bundle, events = served
    folded = Folded(bundle, events)
    lasts = folded.layout.session_starts[1:60] - 1
    found = [scoring.reasons_for(bundle, row, count=99) for row in folded.features(lasts)]
    told = [reason for reasons in found for reason in reasons if reason.feature == ORDER]
    assert told
    assert "in which order" in told[0].sentence
    assert all(len({reason.feature for reason in reasons}) == len(reasons) for reasons in found)


def test_rows_without_the_last_events_are_refused(served: tuple[Bundle, pa.Table]) -> None:
    bundle, _ = served
    with pytest.raises(BundleError, match="this bundle reads the last events"):
        bundle.probability(bundle.typical[None, : len(bundle.names)])


def test_the_manifest_says_what_steps_are(served: tuple[Bundle, pa.Table], shop: Shop) -> None:
    bundle, _ = served
    manifest = json.loads((Path(bundle.path) / "manifest.json").read_text())
    assert manifest["steps"]["length"] == bundle.step_codes.length  # type: ignore[union-attr]
    assert shop.bundle.manifest.steps is None
    assert shop.bundle.width == len(shop.bundle.names)
