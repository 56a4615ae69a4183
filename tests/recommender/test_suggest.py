from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shelf import CATALOG, NAMES, VISITS, recommender, sequences

from buysignal.errors import InputError
from buysignal.recommender import Recommender, Wishes
from buysignal.recommender.suggest import VisitSoFar
from buysignal.recommender.together import LEAST_VISITS, count_later
from buysignal.sequences import Catalog

SHOP: Recommender = recommender()


def items(looked_at: list[str], wishes: Wishes | None = None, hint: str | None = None) -> list[str]:
    return [one.item for one in SHOP.suggest(looked_at, wishes or Wishes(), category_hint=hint)]


def test_what_followed_most_comes_first_and_says_why() -> None:
    first, second = SHOP.suggest(["coat"], Wishes(count=2))
    assert (first.rank, first.item, first.category, first.price) == (1, "hat", "clothes", 20.0)
    assert (first.because, second.because) == ("coat", "coat")
    assert (
        first.reason
        == "Because you looked at coat: of 13 visits that looked at coat, 10 looked at this later."
    )
    assert second.reason.endswith("7 looked at this later.")
    assert 0.5 < first.score < 10 / 13 + 0.01
    assert second.score < first.score


def test_counts_of_reasons_are_those_of_the_visits() -> None:
    later = count_later(sequences(VISITS))
    for a, name in enumerate(NAMES):
        assert later.looked[a] == sum(name in visit for visit in VISITS)
        times = later.after(a, np.arange(len(NAMES), dtype=np.int32))
        for b, other in enumerate(NAMES):
            true = sum(name in v and other in v[v.index(name) + 1 :] for v in VISITS if name != other)
            assert times[b] == (true if true >= LEAST_VISITS else 0)


def test_an_empty_visit_gets_what_is_looked_at_most() -> None:
    first = SHOP.suggest([])[0]
    assert (first.item, first.because) == ("coat", None)
    assert first.reason == f"Looked at in 13 of {len(VISITS)} visits."
    assert items(["never heard of"]) == items([])


def test_a_new_item_is_answered_by_its_category() -> None:
    assert items(["new lamp"], hint="home")[:3] == ["lamp", "vase", "rug"]
    assert len(items(["new lamp"], hint="home")) == len(NAMES)
    assert items(["new lamp"], hint="no such category") == items([])
    chances = [one.score for one in SHOP.suggest(["new lamp"], category_hint="home")]
    assert sum(chances) == pytest.approx(1, abs=1e-5)


def test_the_item_on_screen_is_never_suggested_and_earlier_ones_may_be() -> None:
    assert "hat" not in items(["coat", "hat"])
    assert "coat" in items(["coat", "hat"])
    assert "coat" not in items(["coat", "hat"], Wishes(again=False))
    back = next(one for one in SHOP.suggest(["coat", "hat"]) if one.item == "coat")
    assert (back.because, back.reason) == ("coat", "You looked at this earlier in the visit.")


def test_wishes_are_kept_before_the_list_is_cut() -> None:
    assert items(["coat"], Wishes(count=2, leave_out=frozenset({"hat", "unheard of"}))) == ["scarf", "lamp"]
    assert items(["coat"], Wishes(only=frozenset({"ink", "rug", "unheard of"}))) == ["rug", "ink"]
    assert set(items(["coat"], Wishes(categories=("desk", "home")))) == {"pen", "ink", "lamp", "vase", "rug"}
    assert set(items(["coat"], Wishes(price_low=20, price_high=40))) == {"hat", "scarf", "lamp", "vase"}
    assert items(["coat"], Wishes(only=frozenset())) == []


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"categories": ("home ware",)}, "there is no category 'home ware'. Allowed: home"),
        ({"only": frozenset({"cot"})}, "such as 'cot'. Allowed: coat"),
    ],
)
def test_names_that_do_not_exist_are_refused_with_what_may_be_meant(wishes: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        SHOP.suggest(["coat"], Wishes(**wishes))


@pytest.mark.parametrize(
    "wishes",
    [{"count": 0}, {"count": 10**6}, {"diversity": 1.5}, {"diversity": float("nan")}, {"price_low": -1},
     {"price_low": float("nan")}, {"price_low": 5, "price_high": 4}],
)  # fmt: skip
def test_impossible_wishes_are_refused(wishes: dict) -> None:
    with pytest.raises(InputError, match="Allowed"):
        Wishes(**wishes)


def test_items_without_categories_cannot_be_asked_for_by_category() -> None:
    bare = recommender(Catalog(NAMES))
    with pytest.raises(InputError, match="the items have none"):
        bare.suggest(["coat"], Wishes(categories=("home",)))
    one = bare.suggest(["coat"])[0]
    assert (one.item, one.category, one.price) == ("hat", None, None)


def test_diversity_puts_unlike_items_beside_each_other() -> None:
    def categories(shop: Recommender, diversity: float) -> int:
        found = shop.suggest(["coat"], Wishes(count=3, diversity=diversity))
        assert found[0].item == "hat"
        return len({dict(zip(NAMES, CATALOG.attributes["category"], strict=True))[f.item] for f in found})

    assert categories(SHOP, 0.0) == 2
    assert categories(SHOP, 0.9) == 3
    # Without attributes and prices, items that the same visits looked at are alike.
    bare = recommender(Catalog(NAMES))
    assert [f.item for f in bare.suggest(["coat"], Wishes(count=2))] == ["hat", "scarf"]
    assert bare.suggest(["coat"], Wishes(count=2, diversity=0.95))[1].item not in ("scarf", "coat")


looks = st.lists(st.sampled_from([*NAMES, "unknown"]), max_size=8)


@given(
    looks,
    st.builds(
        Wishes,
        count=st.integers(1, 10),
        leave_out=st.frozensets(st.sampled_from(NAMES), max_size=3),
        only=st.none() | st.frozensets(st.sampled_from(NAMES), min_size=1, max_size=5),
        categories=st.sampled_from([(), ("home",), ("desk", "clothes")]),
        price_low=st.none() | st.integers(0, 20),
        price_high=st.none() | st.integers(20, 90),
        diversity=st.sampled_from([0.0, 0.3, 1.0]),
        again=st.booleans(),
    ),
)
@settings(max_examples=120, deadline=None)
def test_every_list_keeps_every_wish(looked_at: list[str], wishes: Wishes) -> None:
    found = SHOP.suggest(looked_at, wishes)
    names = [one.item for one in found]
    assert [one.rank for one in found] == list(range(1, len(found) + 1))
    assert len(set(names)) == len(names) <= wishes.count
    assert not set(names) & wishes.leave_out
    assert not looked_at or looked_at[-1] not in names
    assert wishes.again or not set(names) & set(looked_at)
    for one in found:
        assert wishes.only is None or one.item in wishes.only
        assert not wishes.categories or one.category in wishes.categories
        assert wishes.price_low is None or (one.price is not None and one.price >= wishes.price_low)
        assert wishes.price_high is None or (one.price is not None and one.price <= wishes.price_high)
        assert one.because is None or one.because in looked_at
        assert 0 <= one.score <= 1
    if not wishes.diversity:
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


@given(st.lists(looks, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_many_visits_at_once_get_what_each_gets_alone(visits: list[list[str]]) -> None:
    together = list(SHOP.suggest_all([VisitSoFar(tuple(visit)) for visit in visits]))
    assert together == [SHOP.suggest(visit) for visit in visits]


def test_chances_are_of_all_items_and_sum_to_one() -> None:
    chances = SHOP.chances([VisitSoFar(("coat",)), VisitSoFar(()), VisitSoFar(("new",), "home")])
    assert chances.shape == (3, len(NAMES))
    assert chances.sum(axis=1) == pytest.approx(1, abs=1e-5)
