"""A batch of messages to what is written for them, without a broker."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from buysignal import scoring
from buysignal.features.visitor import RECENT
from buysignal.recommend import recommend_session
from buysignal.recommender import Wishes
from buysignal.sources.read import load
from buysignal.stream.replay import in_time_order, messages
from buysignal.stream.scored import Arrived, BatchScorer
from buysignal.stream.shelf import Shelf
from shop import Shop

NEVER = 10**15


@pytest.fixture(scope="module")
def score(shop: Shop) -> BatchScorer:
    return BatchScorer(shop.bundle)


def click(minute: int, visitor: str = "v1", **cells: Any) -> bytes:
    time = f"2025-03-20T{12 + minute // 60}:{minute % 60:02}:00Z"
    return orjson.dumps({"visitor_id": visitor, "event_time": time, "event_name": "view_item", **cells})


def arrived(*values: bytes, at_ms: int = 0, first: int = 0) -> list[Arrived]:
    return [Arrived(0, first + at, at_ms, None, value) for at, value in enumerate(values)]


def replies(score: BatchScorer, shelf: Shelf, *values: bytes) -> list[dict[str, Any]]:
    return [reply for _, reply in score(arrived(*values), {0: shelf}).scores]


def without_place(reply: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in reply.items() if name not in ("offset", "event_time")}


def test_visits_without_ids_are_parted_and_called_as_in_batch(
    score: BatchScorer, shop: Shop, tmp_path: Path
) -> None:
    table = pq.read_table(shop.events)
    few = table.filter(pc.less(pc.cast(pc.utf8_slice_codeunits(table["visitor_id"], 1), pa.int64()), 150))
    rows = few.drop_columns(["session_id"])
    pq.write_table(rows, tmp_path / "rows.parquet")
    batch = scoring.score(shop.bundle, load(tmp_path / "rows.parquet").table, every_event=True).table
    agreed = rows.filter(rows["consent"]).sort_by([("event_time", "ascending"), ("event_seq", "ascending")])
    values = [orjson.dumps(row) for row in agreed.to_pylist()]
    live = replies(score, score.shelf(0), *values)
    expected = batch.set_index(["session_id", "clicks"])["probability"]
    assert len(live) > 500
    assert max(abs(expected[r["session_id"], r["clicks"]] - r["probability"]) for r in live) <= 1e-6


def test_what_comes_late_counts_where_it_belongs(score: BatchScorer) -> None:
    events = [click(0, item_id="a", price=5), click(1, item_id="b", price=9), click(2, item_id="a", price=5)]
    in_order = replies(score, score.shelf(0), *events)
    late = replies(score, score.shelf(0), events[0], events[2], events[1])
    assert without_place(late[-1]) == without_place(in_order[-1])


def test_what_comes_twice_has_one_score(score: BatchScorer) -> None:
    same_id = [click(0, event_id="x"), click(1, event_id="x")]
    outcome = score(arrived(click(3), *same_id, click(3)), {0: score.shelf(0)})
    assert [reply["offset"] for _, reply in outcome.scores] == [0, 1]
    assert [(dead.message.offset, dead.reason) for dead in outcome.dead] == [
        (2, "duplicate_event"), (3, "duplicate_event"),
    ]  # fmt: skip
    assert outcome.dead[0].hint


def test_only_the_latest_messages_are_remembered(score: BatchScorer) -> None:
    many = [click(0, event_id=str(n)) for n in range(RECENT + 1)]
    outcome = score(arrived(*many, many[0], many[-1]), {0: score.shelf(0)})
    assert [dead.message.offset for dead in outcome.dead] == [RECENT + 2]


def test_who_refuses_consent_is_forgotten_and_not_scored(score: BatchScorer) -> None:
    shelf = score.shelf(0)
    known = [click(0, item_id="a"), click(1, item_id="b")]
    replies(score, shelf, *known)
    assert len(list(shelf.changes(NEVER))) == 1
    outcome = score(arrived(click(2, consent=False), click(3)), {0: shelf})
    assert (len(outcome.scores), outcome.refused, outcome.scores[0][1]["clicks"]) == (1, 1, 1)
    assert score(arrived(click(4, consent=False)), {0: shelf}).refused == 1
    assert list(shelf.changes(NEVER)) == [("v1", None)]
    assert len(shelf) == 0


def test_a_shelf_filled_from_its_changes_goes_on_alike(score: BatchScorer) -> None:
    first, then = (
        [click(m, f"v{m % 3}", price=m) for m in range(9)],
        [click(m, f"v{m % 3}") for m in range(9, 15)],
    )
    stayed, log = score.shelf(0), {}
    for at in range(0, len(first), 2):
        score(arrived(*first[at : at + 2], first=at), {0: stayed})
        log.update(stayed.changes(NEVER))
    came_back = score.shelf(0)
    for visitor_id, content in log.items():
        came_back.restore(visitor_id, content)
    assert replies(score, came_back, *then) == replies(score, stayed, *then)


def test_visitors_of_long_ago_are_forgotten(score: BatchScorer) -> None:
    shelf = score.shelf(0)
    score(arrived(click(0, "old"), at_ms=1_000), {0: shelf})
    list(shelf.changes(5_000))
    score(arrived(click(1, "new"), at_ms=7_000), {0: shelf})
    changes = dict(shelf.changes(5_000))
    assert changes["old"] is None
    assert changes["new"] is not None
    assert len(shelf) == 1


def test_a_visitor_too_large_for_a_message_begins_anew(score: BatchScorer) -> None:
    shelf = score.shelf(0)
    ids = [f"{number:04}".ljust(200, "é") for number in range(8 * 450)]
    values = [click(n // 100, item_id=i, session_id=str(n // 450)) for n, i in enumerate(ids)]
    score(arrived(*values), {0: shelf})
    assert list(shelf.changes(NEVER)) == [("v1", None)]
    assert replies(score, shelf, click(99))[0]["clicks"] == 1


def test_suggestions_with_a_score_are_batchs(shop: Shop) -> None:
    loaded = load(shop.events, profile=shop.bundle.profile).table
    ids = loaded.column("session_id").to_pylist()
    session, events = Counter(ids).most_common(20)[-1]
    visit = in_time_order(loaded.filter(pc.equal(loaded.column("session_id"), session)))
    values = [value for _, value in messages(visit)]
    score = BatchScorer(shop.bundle, recommend=3)
    live = replies(score, score.shelf(0), *values)[-1]
    batch = recommend_session(shop.bundle, loaded, session, Wishes(3))
    assert live["clicks"] == events
    assert [one["item"] for one in live["recommendations"]] == batch["item"].tolist()
    assert [one["score"] for one in live["recommendations"]] == pytest.approx(
        batch["score"].tolist(), abs=1e-6
    )
