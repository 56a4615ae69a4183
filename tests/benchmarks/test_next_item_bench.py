"""The comparison of next items asks everyone the same, chooses before the test, and tells it readably."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import _next_item_figures as figures
import _next_item_kinds as kinds
import _next_item_lineup as lineup
import _next_item_page as page
import _next_item_shops as shops
import _page
import _readme
from _next_item_peers import WSKNN, Truth
from _results import Row, write_results
from _table import read
from buysignal import events as ev
from buysignal import sessions
from buysignal.models.next_item.markov import Markov
from buysignal.models.next_item.popularity import Popularity
from buysignal.sequences import Catalog, Sequences


@cache
def demo() -> tuple[shops.Shop, shops.Slices]:
    shop = shops.demo(2_500)
    return shop, shops.split(shop.events, shop.end - shop.days)


def visits(*looked: list[int], size: int = 4) -> Sequences:
    starts = np.concatenate([[0], np.cumsum([len(one) for one in looked])])
    items = np.concatenate(looked).astype(np.int32)
    catalog = Catalog(tuple(f"i{n}" for n in range(size)))
    return Sequences(items, starts, np.arange(float(len(looked))), catalog)


def stream(*looks: tuple[str, str, str]) -> pa.Table:
    frame = pd.DataFrame(looks, columns=["session_id", "item_id", "time"])
    frame["event_time"] = pd.to_datetime(frame.pop("time"), utc=True)
    frame["visitor_id"] = frame["session_id"]
    frame["event_seq"] = frame.groupby("session_id").cumcount()
    table = pa.Table.from_pandas(frame.assign(event_name="view_item"), preserve_index=False)
    return sessions.assign(ev.sort(ev.conform(table)), "30m")


def test_a_visit_over_the_cut_is_on_neither_side() -> None:
    early = [(f"s{n}", item, f"2025-03-0{1 + n // 3}T10:0{n}:00") for n in range(6) for item in "ab"]
    over = [("over", "a", "2025-03-04T23:50:00"), ("over", "b", "2025-03-05T00:10:00")]
    late = [("late", "a", "2025-03-05T10:00:00"), ("late", "new", "2025-03-05T10:01:00")]
    cut = pd.Timestamp("2025-03-05").timestamp() / 86_400
    slices = shops.split(stream(*early, *over, *late), cut)
    assert (slices.train.visits, slices.test.visits) == (6, 1)
    assert slices.train.catalog is slices.test.catalog
    assert slices.test.items.tolist() == [0, -1]
    assert slices.test_rows.tolist() == [0, 1] or len(slices.test_rows) == 2


def test_no_recommender_can_pass_the_ceiling() -> None:
    shop, slices = demo()
    assert slices.test.day.min() > slices.train.day.max()
    truth = Truth(shop.rows, shops.rows_of_views(shop, slices), slices.test.catalog.names)
    best = figures.ask(truth, slices.test)
    for model in (Popularity(by="category"), Markov(), WSKNN(100)):
        theirs = figures.ask(model.fit(slices.train), slices.test, lineup.drawn(slices.test, 400))
        behind = figures.ahead(best.only(theirs.questions), theirs)["mrr_at_20"]
        assert behind.low is not None
        assert behind.low > 0.0


def test_a_truth_of_other_visits_is_refused() -> None:
    shop, slices = demo()
    assert shop.rows is not None
    other = shop.rows.copy()
    other["item"] = np.where(other["item"] >= 0, (other["item"] + 1) % 304, -1)
    with pytest.raises(AssertionError):
        shops.rows_of_views(shops.Shop("other", shop.events, shop.days, rows=other), slices)


def test_the_peer_says_what_its_neighbours_looked_at_and_knows_no_unknown_item() -> None:
    fitted = WSKNN(neighbours=2).fit(visits([0, 1], [0, 1], [2, 3], [-1, -1]))
    scores = fitted.scores(visits([0, 1], [-1, 2], [-1, 3]), np.array([1, 5]))
    assert scores[0].argmax() in (0, 1)
    assert scores[0, 2] == scores[0, 3] == 0.0
    assert (scores[1] == 0.0).all()


def test_figures_are_those_of_ranks_and_the_interval_holds_them() -> None:
    test = visits([0, 1], [0, 1], [0, 2], [0, 1], [0, 3])
    answers = figures.ask(Markov().fit(visits([0, 1], [0, 1], [0, 2])), test)
    assert answers.rank.tolist() == [1.0, 1.0, 2.0, 1.0, 4.0]
    found = figures.figures(answers, test)["mrr_at_20"]
    assert found.value == pytest.approx((3 + 0.5 + 0.25) / 5)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert figures.hits(answers)["accuracy"].value == pytest.approx(0.6)


def test_only_the_same_questions_are_compared() -> None:
    test = visits([0, 1, 2], [0, 2])
    answers = figures.ask(Markov().fit(test), test)
    assert figures.ahead(answers, answers)["mrr_at_20"] == figures.Figure(0.0, 0.0, 0.0)
    with pytest.raises(AssertionError):
        figures.ahead(answers, answers.only(answers.questions[:1]))


def test_the_validation_chooses_and_a_peer_is_no_champion() -> None:
    inner = shops.Slices(visits([0, 1], [0, 1], [2, 3]), visits([0, 1], [2, 3]), pa.table({}), np.arange(0))
    candidate = lineup.Candidate("one of two", (Popularity(), Markov()))
    chosen = lineup.choose([candidate, lineup.Candidate("wsknn", (WSKNN(),), peer="wsknn")], inner)
    assert isinstance(chosen[0].fitted, Markov)
    assert chosen[0].mrr == 1.0
    tested = lineup.test(chosen, inner, all_of_peers=True)
    assert lineup.champion([tested[1], tested[0]]).name == "one of two"
    assert lineup.champion([lineup.Tested(**{**vars(tested[1]), "mrr": 2.0}), tested[0]]).name == "one of two"


def test_a_draw_takes_whole_visits() -> None:
    test = visits(*([0, 1, 2] for _ in range(100)))
    asked = lineup.drawn(test, 50)
    visit = test.visit_of_view()[asked]
    assert len(asked) == 50
    assert (np.unique(visit, return_counts=True)[1] == 2).all()
    assert visit.max() == 99


def test_chances_of_kinds_are_those_of_their_items() -> None:
    test = visits([0, 1], [2, 3])
    markov = Markov().fit(visits([0, 1], [0, 1], [0, 2], [2, 3]))
    level = np.array([0, 0, 1, -1], np.int32)
    asked = np.array([1, 3])
    chance = markov.probabilities(test, asked)
    summed = kinds.Summed(markov, test, level, 2).scores(test, asked)
    expected = np.stack([chance[:, 0] + chance[:, 1], chance[:, 2]], axis=1)
    np.testing.assert_allclose(summed, expected, rtol=1e-6)
    assert summed[0, 0] > summed[0, 1]
    assert summed[1].sum() < summed[0].sum()  # the only item that ever followed is of no kind


def test_bands_hold_a_fifth_of_the_looks_each() -> None:
    train = visits(list(range(10)), size=10)
    priced = Catalog(train.catalog.names, price=np.append(np.arange(9.0), np.nan).astype(np.float32))
    band = shops.price_bands(Sequences(train.items, train.starts, train.day, priced))
    assert band.tolist() == [0, 0, 1, 1, 2, 3, 3, 4, 4, -1]


def test_the_page_shows_every_recommender_and_the_peers_beside_the_champion(tmp_path: Path) -> None:
    shared = {"benchmark": "next_item", "n": 1_234}
    case = "UCI e-shop, next item"
    rows = [
        Row(metric="mrr_at_20", value=0.5, low=0.4, high=0.6, case=f"{case}: Ranked", **shared),  # type: ignore[arg-type]
        Row(metric="seconds", value=62.25, case=f"{case}: Ranked", **shared),  # type: ignore[arg-type]
        Row(metric="mrr_at_20", value=0.25, case=f"{case}: Markov", **shared),  # type: ignore[arg-type]
        Row(
            metric="mrr_at_20", value=0.5, peer="markov", peer_value=0.25, low=0.2, high=0.3,
            case=f"{case}: Ranked", **shared,  # type: ignore[arg-type]
        ),
    ]  # fmt: skip
    write_results("next_item", rows, tmp_path)
    told = _page.section("next_item", "Words.", read(tmp_path))
    assert f"### {case}" in told
    assert "| Ranked | 0.500 (0.400 to 0.600) | 62.2 s | 1,234 |" in told
    assert "| Markov | 0.250 |  | 1,234 |" in told
    both = "0.500 against 0.250 | +0.250 (+0.200 to +0.300) | 1,234 |"
    assert f"| Ranked, against markov | {both}" in told
    brief = _readme.render(tmp_path)
    assert f"| {case}: Ranked, against markov | {both}" in brief
    assert "62.2 s" not in brief
    assert page.question(read(tmp_path)[0]) == case


def test_the_example_of_the_protocol_runs() -> None:
    text = (Path(_page.__file__).parents[1] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(example, names)
    found = names["figures"]
    assert isinstance(found, dict)
    assert 0.0 < found["mrr_at_20"][0] < found["recall_at_20"][0] < 1.0
