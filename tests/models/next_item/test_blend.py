from __future__ import annotations

import numpy as np
import pytest

from buysignal.errors import InputError
from buysignal.models.next_item.blend import Blend, best_weights, fit_blend
from buysignal.models.next_item.item_to_item import ItemToItem
from buysignal.models.next_item.markov import Markov
from buysignal.models.next_item.popularity import Popularity

from .visits import known_shop, plain_catalog, sequences, visits_of


def test_the_weights_are_those_that_made_the_data() -> None:
    """What is drawn from a product of powers is explained best by these powers."""
    random = np.random.default_rng(0)
    logs = [np.log(random.dirichlet(np.ones(6), 40_000)).astype(np.float32) for _ in range(3)]
    truth = np.array([0.8, 0.4, 0.0])
    mixed = np.exp(sum(w * table for w, table in zip(truth, logs, strict=True)))
    edges = np.cumsum(mixed / mixed.sum(axis=1, keepdims=True), axis=1)
    wanted = (random.random((len(edges), 1)) > edges).sum(axis=1).clip(max=5).astype(np.int32)
    np.testing.assert_allclose(best_weights(logs, wanted), truth, atol=0.03)


def test_who_knows_the_rule_is_listened_to() -> None:
    catalog, chance = known_shop()
    random = np.random.default_rng(1)
    train, validate = (visits_of(random, chance, n, catalog) for n in (1_500, 300))
    members = [("markov", Markov().fit(train)), ("popularity", Popularity().fit(train))]
    blend = fit_blend(members, validate)
    assert blend.weights is not None
    assert blend.weights[0] > 0.7
    assert blend.weights[1] < 0.2 * blend.weights[0]


def test_a_blend_explains_validation_visits_no_worse_than_its_members() -> None:
    catalog, chance = known_shop()
    random = np.random.default_rng(2)
    train, validate = (visits_of(random, chance, n, catalog) for n in (300, 400))
    members = [("markov", Markov().fit(train)), ("near", ItemToItem().fit(train))]
    questions = validate.questions()
    wanted = validate.items[questions][:, None].astype(np.int64)

    def cost(model) -> float:  # type: ignore[no-untyped-def]
        # A blend of one member reads its chances with the same doubt as a blend of two does.
        chances = Blend([("alone", model)]).probabilities(validate, questions)
        return float(-np.log(np.take_along_axis(chances, wanted, 1)).mean())

    together = fit_blend(members, validate).probabilities(validate, questions)
    blended = float(-np.log(np.take_along_axis(together, wanted, 1)).mean())
    assert blended <= min(cost(model) for _, model in members) + 1e-4


def test_with_nothing_to_choose_by_all_weigh_the_same() -> None:
    train = sequences([[0, 1], [1, 2]], plain_catalog(3))
    members = [("markov", Markov().fit(train)), ("popularity", Popularity().fit(train))]
    blend = fit_blend(members, sequences([], plain_catalog(3)))
    assert blend.weights is None
    assert blend.stored().settings["weights"] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("members", "weights", "said"),
    [
        ([], None, "no recommenders"),
        ([("a", Markov())], [1.0, 2.0], "1 members"),
        ([("a", Markov())], [-1.0], "below 0"),
    ],
)
def test_weights_that_fit_no_members_are_refused(members, weights, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=said):
        Blend(members, weights).fit(sequences([[0, 1]], plain_catalog(2)))
