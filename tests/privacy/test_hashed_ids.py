"""With a key in the environment every door reads hashed ids, and answers as it does without."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal import pseudonyms, scoring, sources
from buysignal.errors import InputError
from buysignal.history.settings import Reading
from buysignal.pseudonyms import KEY, Pseudonyms
from buysignal.score_parts import score_in_parts
from shop import Shop

SECRET = "a long random text of the shop"
NUMBERS = ["probability", "expected_revenue", "percentile"]
VISITORS = 30


def hashed(text: str) -> str:
    return blake2b(text.encode(), key=SECRET.encode(), digest_size=16).hexdigest()


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, SECRET)


@pytest.fixture(scope="module")
def some(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events of some visitors, none of which came late or twice, and one row that is no event."""
    assert KEY not in os.environ
    loaded = sources.load(shop.events).table
    named = loaded.column("visitor_id").unique().slice(0, VISITORS)
    table = loaded.filter(pc.is_in(loaded.column("visitor_id"), value_set=named))
    bad = table.slice(0, 1).set_column(
        table.column_names.index("price"), "price", pa.array([-5.0], table.schema.field("price").type)
    )
    path = tmp_path_factory.mktemp("some") / "events.parquet"
    pq.write_table(pa.concat_tables([table, bad], promote_options="default").unify_dictionaries(), path)
    return path


@pytest.fixture(scope="module")
def plain(shop: Shop, some: Path) -> pd.DataFrame:
    """What batch says without a key, under the ids that it is to say with one."""
    table = scoring.score_paths(shop.bundle, some).table
    table["visitor_id"] = table["visitor_id"].map(hashed)
    table["session_id"] = table["session_id"].map(hashed)
    return table.set_index("session_id").sort_index()


def same(found: pd.DataFrame, plain: pd.DataFrame) -> None:
    found = found.set_index("session_id").sort_index()
    assert list(found.index) == list(plain.index)
    assert list(found["visitor_id"]) == list(plain["visitor_id"])
    assert (found[NUMBERS] - plain[NUMBERS]).abs().to_numpy().max() <= 1e-6


def test_files_read_at_once(key: None, shop: Shop, some: Path, plain: pd.DataFrame) -> None:
    same(scoring.score_paths(shop.bundle, some).table, plain)


def test_files_read_in_parts(key: None, shop: Shop, some: Path, plain: pd.DataFrame, tmp_path: Path) -> None:
    reading = Reading((some,), shop.bundle.profile, {}, {}, shop.bundle.session_gap, "1GB")
    score_in_parts(shop.bundle, reading, tmp_path / "out", piece=20)
    same(pq.read_table(tmp_path / "out" / "scores").to_pandas(), plain)
    rejects = pq.read_table(tmp_path / "out" / "rejects.parquet")
    assert rejects.num_rows == 1
    assert rejects.column("raw").null_count == 1


def messages(some: Path) -> Iterator[dict[str, Any]]:
    table = sources.load(some, raw_ids=True).table
    for event in table.sort_by([("event_time", "ascending"), ("event_seq", "ascending")]).to_pylist():
        wanted = {k: v for k, v in event.items() if v is not None and not k.startswith("attr_")}
        yield {**wanted, "event_time": wanted["event_time"].isoformat()}


def test_messages_of_a_topic(key: None, shop: Shop, some: Path, plain: pd.DataFrame) -> None:
    pytest.importorskip("orjson", reason="the extra 'stream' is not installed")
    from buysignal.stream.scored import Arrived, BatchScorer

    score = BatchScorer(shop.bundle, ids=pseudonyms.from_environment())
    sent = [json.dumps(event, default=str).encode() for event in messages(some)]
    broken = b'{"visitor_id": "anna@example.org", "event_name": "view_item", "price": "much"}'
    arrived = [Arrived(0, at, 0, b"anna", value) for at, value in enumerate([*sent, broken])]
    outcome = score(arrived, {0: score.shelf(0)})
    last = pd.DataFrame([reply for _, reply in outcome.scores]).groupby("session_id").tail(1)
    same(last, plain)
    assert [visitor for visitor, _ in outcome.scores] == [reply["visitor_id"] for _, reply in outcome.scores]
    (dead,) = outcome.dead
    assert (dead.reason, dead.message.key, dead.message.value) == ("bad_number", None, b"")


def test_requests_over_http(key: None, shop: Shop, some: Path, plain: pd.DataFrame) -> None:
    pytest.importorskip("fastapi", reason="the extra 'api' is not installed")
    from fastapi.testclient import TestClient

    from buysignal.serve.app import make_app

    drop = {"currency", "transaction_id", "event_date"}
    said: dict[str, dict[str, Any]] = {}
    asked = visitor = ""
    with TestClient(make_app(shop.folder)) as client:
        for event in messages(some):
            sent = {k: v for k, v in event.items() if k not in drop}
            answer = client.post("/v1/score", json={"event": sent})
            if event.get("consent") is not False:
                said[answer.json()["session_id"]] = answer.json()
                asked, visitor = sent.get("session_id", asked), sent["visitor_id"]
        same(pd.DataFrame(said.values()), plain)
        by_own = client.get(f"/v1/sessions/{asked}", params={"visitor_id": visitor}).json()
        by_told = client.get(f"/v1/sessions/{hashed(asked)}").json()
        assert by_own == by_told
        suggested = client.post("/v1/recommendations", json={"session_id": asked, "count": 2})
        assert suggested.status_code == 200
        whole = client.post("/v1/score", json={"events": [{"visitor_id": visitor, "event_name": "search"}]})
        assert whole.json()["visitor_id"] == hashed(visitor)


def test_a_visit_without_an_id_of_its_own_is_called_after_the_hash(key: None, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(
        "visitor_id,event_time,event_name\nanna@example.org,2024-05-03T07:27:00Z,page_view\n"
    )
    from buysignal import sessions

    table = sessions.assign(sources.load(tmp_path / "events.csv", profile="generic").table)
    assert table.column("session_id").to_pylist() == [f"{hashed('anna@example.org')}-1"]


def test_session_rows_have_their_session_hashed(key: None, tmp_path: Path) -> None:
    profile = sources.load_profile("gstore")
    assert profile.roles.session is not None
    rows = tmp_path / "rows.csv"
    header = {source for column in profile.columns.values() for source in column.source[:1]}
    row = dict.fromkeys(sorted(header), "1") | {"visit_start_time": "2024-05-03T07:27:00Z"}
    rows.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    loaded = sources.load(rows, profile=profile)
    assert loaded.table.column(profile.roles.session).to_pylist() == [hashed("1")]


@pytest.mark.parametrize("short", ["", "fifteen bytes .", "x" * 65])
def test_a_key_of_another_length_is_refused(monkeypatch: pytest.MonkeyPatch, short: str, some: Path) -> None:
    monkeypatch.setenv(KEY, short)
    with pytest.raises(InputError, match="16 to 64 bytes"):
        sources.load(some)


@given(st.lists(st.one_of(st.none(), st.text(max_size=8)), max_size=30))
def test_each_id_has_one_hash_and_empty_cells_stay(ids: list[str | None]) -> None:
    found = Pseudonyms(SECRET.encode()).column(pa.array(ids, pa.string())).to_pylist()
    assert found == [None if one is None else hashed(one) for one in ids]


def test_the_key_is_not_shown() -> None:
    assert SECRET not in repr(Pseudonyms(SECRET.encode()))
