"""Networks as ONNX: what comes later changes nothing, nor does padding, whatever the weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal.errors import SamplesError
from buysignal.models.networks.design import Design
from buysignal.models.networks.runtime import Network
from buysignal.models.networks.steps import Column, Inputs
from buysignal.models.networks.to_onnx import graph_of

from .made_visits import random_weights

LENGTH = 10
COLUMNS = (Column("item", 8), Column("category", 5), Column("gap"))
INPUTS = Inputs(COLUMNS, 6, {"item": np.arange(2, 8, dtype=np.int32)}, in_order=True)
DESIGNS = {
    body: Design(body, width=8, state=12, blocks=2, heads=2, length=LENGTH) for body in ("gru", "transformer")
}
NETWORKS = {
    name: Network(graph_of(random_weights(design, INPUTS), design, INPUTS), threads=2)
    for name, design in DESIGNS.items()
}


def made_rows(rows: int, random: np.random.Generator) -> np.ndarray:
    codes = [random.integers(1, column.levels, (rows, LENGTH)) for column in COLUMNS[:2]]
    return np.stack([*codes, random.normal(size=(rows, LENGTH))], axis=2).astype(np.float32)


def answers(network: Network, X: np.ndarray, at: np.ndarray | None = None) -> np.ndarray:
    goal = network.goal(X, at)[:, None]
    return np.concatenate([network.items(X, at), goal, network.states(X, at)], axis=1)


@pytest.mark.parametrize("body", NETWORKS)
@settings(max_examples=40, deadline=None)
@given(last=st.integers(0, LENGTH - 1), seed=st.integers(0, 999), gone=st.booleans())
def test_what_comes_after_a_step_never_changes_the_answer_at_it(
    body: str, last: int, seed: int, gone: bool
) -> None:
    random = np.random.default_rng(seed)
    X = made_rows(3, random)
    other = made_rows(3, random)
    other[:, : last + 1] = X[:, : last + 1]
    if gone:
        other[:, last + 1 :] = 0
    at = np.argwhere(np.ones((3, last + 1)))
    assert np.abs(answers(NETWORKS[body], X, at) - answers(NETWORKS[body], other, at)).max() < 1e-6


@pytest.mark.parametrize("body", NETWORKS)
def test_an_earlier_step_does_change_the_answer(body: str) -> None:
    X = made_rows(1, np.random.default_rng(0))
    other = X.copy()
    other[0, 0, 0] = X[0, 0, 0] % 7 + 1
    assert np.abs(answers(NETWORKS[body], X) - answers(NETWORKS[body], other)).max() > 1e-4


@pytest.mark.parametrize("body", NETWORKS)
@given(size=st.integers(1, LENGTH), before=st.integers(0, 5), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_padding_never_changes_an_answer(body: str, size: int, before: int, seed: int) -> None:
    X = made_rows(2, np.random.default_rng(seed))[:, :size]
    padded = np.pad(X, ((0, 0), (before, 2), (0, 0)))
    assert np.abs(answers(NETWORKS[body], X) - answers(NETWORKS[body], padded)).max() < 1e-6


@pytest.mark.parametrize("body", NETWORKS)
def test_many_rows_in_blocks_give_what_each_gives_alone(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    X = made_rows(40, random)
    X[np.arange(LENGTH) >= random.integers(1, LENGTH + 1, 40)[:, None]] = 0
    at = np.argwhere(X[:, :, 0] > 0)
    at = at[random.permutation(len(at))[:100]]
    alone = np.concatenate([answers(NETWORKS[body], X[[r]], np.array([[0, place]])) for r, place in at])
    monkeypatch.setattr("buysignal.models.networks.runtime.BLOCK_STEPS", 30)
    assert np.abs(answers(NETWORKS[body], X, at) - alone).max() < 1e-6


def test_codes_that_training_did_not_know_count_as_unknown() -> None:
    X = made_rows(1, np.random.default_rng(2))
    strange, unknown = X.copy(), X.copy()
    strange[0, -1, :2], unknown[0, -1, :2] = 99, 1
    network = NETWORKS["gru"]
    assert (answers(network, strange) == answers(network, unknown)).all()


def test_no_rows_give_no_answers() -> None:
    assert NETWORKS["gru"].items(np.zeros((0, LENGTH, 3), np.float32)).shape == (0, 6)


def test_a_transformer_refuses_more_steps_than_it_has_learned_places() -> None:
    X = np.ones((1, LENGTH + 1, 3), np.float32)
    assert NETWORKS["gru"].goal(X).shape == (1,)
    with pytest.raises(SamplesError, match="at most 10"):
        NETWORKS["transformer"].goal(X)


def test_designs_that_cannot_be_built_are_refused() -> None:
    with pytest.raises(SamplesError, match="gru, transformer"):
        Design("lstm")
    with pytest.raises(SamplesError, match="heads"):
        Design("transformer", width=10, heads=4)


def test_the_way_along_the_catalog_is_counted_from_the_last_item() -> None:
    """A network that knows nothing but "the next item on the shelf"."""
    design = DESIGNS["gru"]
    weights = {name: np.zeros_like(w) for name, w in random_weights(design, INPUTS).items()}
    weights["items/move/bias"] = np.arange(-4, 5).astype(np.float32) == 1
    weights["items/move/bias"] = weights["items/move/bias"].astype(np.float32)
    network = Network(graph_of(weights, design, INPUTS), threads=1)
    X = np.array([[[2, 1, 0]], [[4, 1, 0]], [[7, 1, 0]], [[1, 1, 0]]], np.float32)
    following = np.zeros((4, 6))
    following[0, 1] = following[1, 3] = 1
    assert network.items(X).tolist() == following.tolist()
