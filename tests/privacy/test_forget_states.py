"""Visitors forgotten by servers, in Redis and by workers; and which models know them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from buysignal import bundle as bundles
from buysignal.bundle import MANIFEST
from buysignal.cli import app
from buysignal.errors import BundleError, InputError, SourceError
from buysignal.model_card import card_of
from buysignal.privacy.models import asked_of, models_asked
from buysignal.privacy.state import forget_in_state
from buysignal.privacy.whom import Whom
from buysignal.pseudonyms import KEY
from buysignal.registry import Registry
from buysignal.trained_visitors import FILE, TrainedVisitors
from shop import Shop

NOBODY = Whom.of(["nobody@example.org"])


@pytest.fixture(scope="module")
def somebody(shop: Shop) -> Whom:
    table = pq.read_table(shop.events, columns=["visitor_id", "consent"])
    agreed = table.filter(pc.equal(table.column("consent"), True))
    return Whom.of([str(agreed.column("visitor_id")[0])])


@pytest.fixture(scope="module")
def refuser(shop: Shop) -> Whom:
    table = pq.read_table(shop.events, columns=["visitor_id", "consent"])
    refused = table.filter(pc.equal(table.column("consent"), False))
    return Whom.of([str(refused.column("visitor_id")[0])])


def test_a_bundle_knows_whom_it_was_trained_with(shop: Shop, somebody: Whom, refuser: Whom) -> None:
    said = [asked_of(shop.folder, whom).trained_with for whom in (somebody, refuser, NOBODY)]
    assert said == ["yes", "no", "no"]
    told = bundles.load(shop.folder).manifest.visitors
    assert told is not None
    assert told["count"] == (shop.report.dataset.visitors or 0) - shop.report.dataset.refused_visitors


def test_refusals_stand_in_report_and_on_the_card(shop: Shop) -> None:
    data = json.loads((shop.folder / "report.json").read_text())["dataset"]
    assert data["refused_events"] > data["refused_visitors"] > 0
    card = str(card_of(shop.folder))
    assert f"{data['refused_events']:,} events of {data['refused_visitors']:,} visitors" in card


def test_bundles_without_marks_say_that_they_do_not_know(shop: Shop, somebody: Whom, tmp_path: Path) -> None:
    without, older, changed = (shutil.copytree(shop.folder, tmp_path / name) for name in "abc")
    (without / FILE).unlink()
    manifest = json.loads((older / MANIFEST).read_text())
    del manifest["visitors"]
    (older / MANIFEST).write_text(json.dumps(manifest))
    assert {asked_of(one, somebody).trained_with for one in (without, older)} == {"not known"}
    assert {bundles.load(one).version for one in (without, older)} == {bundles.load(shop.folder).version}
    with (changed / FILE).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(BundleError, match="was changed after training"):
        asked_of(changed, somebody)


def test_a_registry_answers_for_every_version(shop: Shop, somebody: Whom, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    registry.promote(registry.add(shop.folder), why="first")
    (found,) = models_asked(registry.folder, [], somebody)
    assert (found.trained_with, found.visitors, found.champion) == ("yes", 1, True)


@given(st.lists(st.text(max_size=6), max_size=30), st.text(max_size=6))
def test_marks_hold_their_visitors_and_no_ids(ids: list[str], other: str) -> None:
    known = TrainedVisitors.of(pa.array(ids, pa.string()))
    assert len(known) == len(set(ids))
    assert all(one in known for one in ids)
    assert (other in known) == (other in ids)
    assert (np.diff(known.marks.astype(object)) > 0).all()


def test_each_bundle_has_a_salt_of_its_own() -> None:
    ids = pa.array(["anna", "ben"])
    assert set(TrainedVisitors.of(ids).marks.tolist()).isdisjoint(TrainedVisitors.of(ids).marks.tolist())


def test_the_command_says_what_it_did_and_names_nobody(shop: Shop, somebody: Whom, tmp_path: Path) -> None:
    events = shutil.copy(shop.events, tmp_path / "events.parquet")
    ids = tmp_path / "ids.txt"
    ids.write_text(f"{somebody.named[0]}\n\n")
    command = ["forget", "--ids", str(ids), "--data", str(events), "--bundle", str(shop.folder)]
    tried = CliRunner().invoke(app, [*command, "--dry-run"])
    done = CliRunner().invoke(app, [*command, "--json"])
    assert (tried.exit_code, done.exit_code) == (0, 0), tried.output + done.output
    assert "would go" in tried.output
    assert "trained with them" in tried.output
    said = json.loads(done.output)
    assert said["files"][0]["removed"] > 0
    assert said["models"][0]["trained_with"] == "yes"
    assert somebody.named[0] not in tried.output + done.output
    left = pq.read_table(events, columns=["visitor_id"]).column("visitor_id").to_pylist()
    assert somebody.named[0] not in left
    again = CliRunner().invoke(app, ["retain", str(events), "--older-than", "1d", "--json"])
    assert json.loads(again.output)["files"][0]["removed"] > 0.9 * len(left)


@pytest.mark.parametrize("address", ["here", "kafka://localhost:9092", "ftp://x/y"])
def test_other_places_are_refused(address: str) -> None:
    with pytest.raises(InputError, match="kafka://"):
        forget_in_state(address, NOBODY)


def test_an_empty_id_is_refused() -> None:
    for named in ([], [" "]):
        with pytest.raises(InputError, match="no visitor is named"):
            Whom.of(named)


def click(visitor: str, at: int = 0) -> dict[str, object]:
    return {"visitor_id": visitor, "event_name": "view_item", "item_id": "A",
            "event_time": f"2025-03-20T12:00:{at:02d}Z", "session_id": f"s-{visitor}"}  # fmt: skip


def test_a_server_forgets_whoever_is_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fastapi", reason="the extra 'api' is not installed")
    from fastapi.testclient import TestClient

    from buysignal.serve.app import make_app
    from buysignal.serve.settings import Settings

    monkeypatch.setenv(KEY, "sixteen bytes or more")
    who, other = "anna/1@example.org", "ben"
    with TestClient(make_app(shop.folder, Settings(api_keys=("k" * 20,)))) as client:
        assert client.delete(f"/v1/visitors/{who}").status_code == 401
        client.headers["x-api-key"] = "k" * 20
        for visitor in (who, other):
            client.post("/v1/score", json={"event": click(visitor)})
        assert client.delete(f"/v1/visitors/{who}").json() == {"forgotten": True}
        assert client.delete(f"/v1/visitors/{who}").json() == {"forgotten": False}
        assert client.get(f"/v1/sessions/s-{who}").status_code == 404
        assert client.get(f"/v1/sessions/s-{other}").status_code == 200


def test_a_redis_forgets_whoever_is_named(shop: Shop, tmp_path: Path) -> None:
    pytest.importorskip("redis", reason="the extra 'api' is not installed")
    from fastapi.testclient import TestClient
    from redis import Redis

    from buysignal.serve.app import make_app
    from buysignal.serve.settings import Settings
    from serve.redis_server import running_redis

    whom = Whom.of(["anna:1", "never seen"])
    with (
        running_redis(tmp_path) as server,
        Redis.from_url(server.url) as redis,
        TestClient(make_app(shop.folder, Settings(store=server.url))) as client,
    ):
        for visitor in ("anna:1", "ben"):
            client.post("/v1/score", json={"event": click(visitor)})
        before = len(redis.keys("*"))
        assert forget_in_state(server.url, whom, dry_run=True).visitors == 1
        assert len(redis.keys("*")) == before
        assert forget_in_state(server.url, whom).visitors == 1
        assert not redis.keys("*anna*")
        assert client.get("/v1/sessions/s-anna:1").status_code == 404
        assert client.post("/v1/score", json={"event": click("anna:1", 9)}).json()["clicks"] == 1
        assert client.post("/v1/score", json={"event": click("ben", 9)}).json()["clicks"] == 2
        assert client.delete("/v1/visitors/ben").json() == {"forgotten": True}
        assert not redis.keys("*ben*")
    with pytest.raises(SourceError, match="does not do what it should"):
        forget_in_state(server.url, whom)
