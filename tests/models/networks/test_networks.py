"""Networks trained with Keras: what they learn, and that what is stored is what was trained."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from buysignal.errors import BundleError, SamplesError
from buysignal.models.networks import to_onnx
from buysignal.models.networks.design import Design, Plan
from buysignal.models.networks.runtime import Network
from buysignal.models.networks.steps import Column, Inputs, Steps
from buysignal.models.networks.training import Trained, train
from buysignal.models.next_item import registry
from buysignal.models.next_item.base import NextItem
from buysignal.models.next_item.markov import Markov
from buysignal.models.next_item.networks import GRUNextItem, TransformerNextItem
from buysignal.ranking_metrics import ranks
from buysignal.sequences import Sequences

from .made_visits import made_catalog, made_visits

pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install 'buysignal[deep]'")

COLUMNS = (Column("item", 8), Column("gap"))
INPUTS = Inputs(COLUMNS, 6, {"item": np.arange(2, 8, dtype=np.int32)}, in_order=True)
SMALL = {"gru": Design("gru", 8, 8, length=9), "transformer": Design("transformer", 8, length=9)}
PLAN = Plan(epochs=2, batch_steps=64, threads=1)


def made_steps(rows: int, seed: int = 0) -> Steps:
    random = np.random.default_rng(seed)
    item = random.integers(0, 6, (rows, 10))
    there = np.arange(9) < random.integers(1, 10, rows)[:, None]
    X = np.stack([np.where(there, item[:, :9] + 2, 0), np.where(there, random.normal(size=(rows, 9)), 0)], 2)
    goal = np.where(there, item[:, :9] > 2, -1).astype(np.int8)
    return Steps(X.astype(np.float32), np.where(there, item[:, 1:], -1).astype(np.int32), goal)


@pytest.fixture(scope="module", params=list(SMALL))
def trained(request: pytest.FixtureRequest) -> Trained:
    return train(made_steps(40), INPUTS, SMALL[request.param], PLAN)


def test_what_comes_after_a_step_never_changes_the_state_at_it_in_keras(trained: Trained) -> None:
    X = made_steps(30, seed=1).X
    for last in (0, 3, 7):
        other = X.copy()
        other[:, last + 1 :] = made_steps(30, seed=2).X[:, last + 1 :]
        ours, theirs = (np.asarray(trained.network.states(x, training=False)[0]) for x in (X, other))
        assert np.abs(ours - theirs)[:, : last + 1].max() < 1e-6
    assert np.abs(ours - theirs)[:, 8].max() > 1e-4


def test_the_stored_network_answers_as_the_trained_one(trained: Trained) -> None:
    steps = made_steps(30, seed=3)
    stored = Network(to_onnx.export(trained, steps.X), threads=1)
    at = np.argwhere(steps.X[:, :, 0] > 0)
    states, vectors = trained.network.states(steps.X, training=False)
    state, vector = (np.asarray(found)[at[:, 0], at[:, 1]] for found in (states, vectors))
    assert trained.network.items is not None
    assert trained.network.goal is not None
    scores = trained.network.items(state, vector, steps.X[at[:, 0], at[:, 1], 0])
    assert np.abs(stored.items(steps.X, at) - np.asarray(scores)).max() <= 1e-4
    assert np.abs(stored.goal(steps.X, at) - np.asarray(trained.network.goal(state))).max() <= 1e-4
    assert stored.outputs == {"state": 8, "items": 6, "goal": 1}
    assert stored.columns == COLUMNS


def test_a_graph_that_differs_is_refused(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    right = to_onnx.graph_of

    def wrong(weights: dict[str, np.ndarray], design: Design, inputs: Inputs) -> bytes:
        return right({**weights, "goal/bias": weights["goal/bias"] + 2e-4}, design, inputs)

    monkeypatch.setattr(to_onnx, "graph_of", wrong)
    with pytest.raises(BundleError, match=r"differs by up to 0\.000"):
        to_onnx.export(trained, made_steps(20).X)


def test_a_seed_repeats_itself_and_training_stops_where_validation_gets_no_better() -> None:
    steps, noise = made_steps(30), made_steps(60, seed=5)
    plan = replace(PLAN, epochs=60, patience=2, learning_rate=0.03)
    plans = [plan, plan, replace(plan, seed=1)]
    found = [train(steps, INPUTS, SMALL["gru"], plan, validate=noise) for plan in plans]
    first, again, other = (f.network.weights()["items/kernel"] for f in found)
    assert (first == again).all()
    assert np.abs(first - other).max() > 0.01
    assert found[0].validation == found[1].validation
    assert found[0].epochs == int(np.argmin(found[0].validation)) + 1
    assert len(found[0].validation) == found[0].epochs + 2 < 60


def test_training_is_told_of_and_can_be_interrupted() -> None:
    told: list[float] = []

    def progress(share: float, text: str) -> None:
        told.append(share)
        assert text.startswith("pass 1 of at most 2")
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(made_steps(60), INPUTS, SMALL["gru"], PLAN, progress=progress)
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] < 1


def test_nothing_to_learn_is_said() -> None:
    with pytest.raises(SamplesError, match="nothing to learn"):
        train(Steps(made_steps(5).X), INPUTS, SMALL["gru"], PLAN)
    long = Steps(np.ones((2, 12, 2), np.float32), np.zeros((2, 12), np.int32))
    with pytest.raises(SamplesError, match="9 steps"):
        train(long, INPUTS, SMALL["transformer"], PLAN)
    first_looks = made_visits(3).only(np.zeros(3, bool))
    with pytest.raises(SamplesError, match="two known items"):
        GRUNextItem().fit(first_looks)


def test_a_network_without_items_learns_the_goal_alone() -> None:
    steps = made_steps(80)
    found = train(
        Steps(steps.X, goal=steps.goal), Inputs(COLUMNS), SMALL["gru"],
        replace(PLAN, epochs=30, learning_rate=0.03),
    )  # fmt: skip
    stored = Network(to_onnx.export(found, steps.X), threads=1)
    assert set(stored.outputs) == {"state", "goal"}
    last = np.count_nonzero(steps.X[:, :, 0], axis=1) - 1
    reached = steps.X[np.arange(80), last, 0] > 4
    assert ((stored.goal(steps.X) > 0) == reached).mean() > 0.9


RECOMMENDERS: dict[str, NextItem] = {
    "gru": GRUNextItem(
        width=16, state=48, dropout=0.0, reach=8, epochs=12, learning_rate=0.03, batch_steps=512, threads=1,
        refit=False, inputs=("item", "time"), half_life_days=None,
    ),
    "transformer": TransformerNextItem(
        width=24, blocks=2, dropout=0.0, reach=8, epochs=14, learning_rate=0.01, batch_steps=256, threads=1,
        refit=False, half_life_days=None,
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=list(RECOMMENDERS))
def fitted(request: pytest.FixtureRequest) -> NextItem:
    return RECOMMENDERS[request.param].fit(made_visits(700))


def test_order_is_learned_where_the_last_item_tells_nothing(fitted: NextItem) -> None:
    visits = made_visits(100, seed=9)
    questions = visits.questions()[visits.place_in_visit()[visits.questions()] > 1]
    wanted = visits.items[questions]
    first = [
        (ranks(model.scores(visits, questions), wanted) < 2).mean()
        for model in (fitted, Markov().fit(made_visits(700)))
    ]
    assert first[0] > 0.6
    assert first[1] < 0.25
    chances = fitted.probabilities(visits, questions)
    assert np.abs(chances.sum(axis=1) - 1).max() < 1e-5


def test_the_goal_is_learned_beside_the_next_item(fitted: NextItem) -> None:
    visits = made_visits(100, seed=9)
    assert visits.goal is not None
    views = np.arange(len(visits.items))[visits.place_in_visit() < 8]
    chance = fitted.goal_chances(visits, views)  # type: ignore[attr-defined]
    assert ((chance > 0.5) == (visits.goal[views] == 1)).mean() > 0.85


def test_one_live_visit_is_answered_as_among_many(fitted: NextItem) -> None:
    visits = made_visits(5, seed=4, longest=30, shortest=25)
    bare = Sequences(visits.items, visits.starts, visits.day, visits.catalog)
    questions = bare.questions()
    scores = fitted.scores(bare, questions)
    for row in (0, 5, 20, len(questions) - 1):
        first = bare.starts[np.searchsorted(bare.starts, questions[row], side="right") - 1]
        items, found = fitted.top(bare.items[first : questions[row]], 4)
        assert np.abs(found - scores[row, items]).max() < 1e-5
        assert found[0] == pytest.approx(scores[row].max(), abs=1e-5)


def test_an_empty_visit_and_items_nobody_knows_are_answered(fitted: NextItem) -> None:
    seen = np.bincount(made_visits(700).items, minlength=12)
    items, _ = fitted.top(np.empty(0, np.int32), 12)
    assert (np.diff(seen[items]) <= 0).all()
    items, scores = fitted.top(np.array([-1, -1], np.int32), 12)
    assert sorted(items) == list(range(12))
    assert np.isfinite(scores).all()


SCORES_WITHOUT = """
import json, sys
for name in ("tensorflow", "keras"):
    sys.modules[name] = None
import numpy as np
from buysignal.errors import DependencyError
from buysignal.models.next_item.base import Stored
from buysignal.models.next_item.registry import restore
sys.path.insert(0, sys.argv[2])
from made_visits import made_catalog, made_visits
folder = sys.argv[1]
told = json.load(open(folder + "/stored.json"))
arrays = dict(np.load(folder + "/arrays.npz", allow_pickle=False))
graphs = {name: open(f"{folder}/{name}.onnx", "rb").read() for name in told["graphs"]}
model = restore(Stored(told["kind"], told["settings"], arrays, graphs), made_catalog())
visits = made_visits(20, seed=4)
np.save(folder + "/scores.npy", model.scores(visits, visits.questions()))
try:
    model.fit(visits)
except DependencyError as error:
    print(error)
"""


def test_a_stored_network_scores_without_tensorflow_and_says_what_training_needs(
    fitted: NextItem, tmp_path: Path
) -> None:
    stored = fitted.stored()
    told = {"kind": stored.kind, "settings": stored.settings, "graphs": list(stored.graphs)}
    (tmp_path / "stored.json").write_text(json.dumps(told), encoding="utf-8")
    np.savez(tmp_path / "arrays.npz", **stored.arrays)
    for name, graph in stored.graphs.items():
        (tmp_path / f"{name}.onnx").write_bytes(graph)
    command = [sys.executable, "-c", SCORES_WITHOUT, str(tmp_path), str(Path(__file__).parent)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    visits = made_visits(20, seed=4)
    assert (np.load(tmp_path / "scores.npy") == fitted.scores(visits, visits.questions())).all()
    assert "pip install 'buysignal[deep]'" in result.stdout


def test_members_are_averaged_and_learn_from_the_last_visits_too() -> None:
    visits = made_visits(60)
    told: list[float] = []
    model = GRUNextItem(
        ("item",), 8, 8, reach=6, epochs=2, members=2, half_life_days=10, most_views=300, validate_share=0.5,
        threads=1,
    )  # fmt: skip
    model.fit(visits, progress=lambda share, _text: told.append(share))
    assert len(model.graphs_) == 2
    assert len(model.validation_) == 2
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1) or model.epochs_ == 1
    questions = visits.questions()
    each = [
        registry.restore(replace(model.stored(), graphs={"member0": g}), made_catalog())
        for g in model.graphs_
    ]
    first, second = (one.probabilities(visits, questions) for one in each)
    assert np.abs(first - second).max() > 1e-4
    assert np.abs(model.probabilities(visits, questions) - (first + second) / 2).max() < 1e-6
