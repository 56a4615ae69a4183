"""A real server, asked as a shop asks it: right and wrong, fast and slow."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
import pytest

from buysignal import scoring
from buysignal.client import Client, ServerError
from buysignal.recommend import recommend_items, recommend_session
from buysignal.recommender import Wishes
from buysignal.serve import schemas
from shop import Shop

from .conftest import Server, as_sent, started

CLICK = {
    "visitor_id": "ann", "event_time": "2025-03-20T12:00:20Z", "event_name": "view_item",
    "item_id": "BOO-034", "category": "books", "price": 10.99,
}  # fmt: skip


@pytest.fixture(scope="module")
def batch(shop: Shop, events: pa.Table) -> pd.DataFrame:
    return scoring.score(shop.bundle, events).table.set_index(["visitor_id", "session_id"])


def assert_as_batch(found: dict[str, Any], batch: pd.DataFrame) -> None:
    wanted = batch.loc[(found["visitor_id"], found["session_id"])]
    for name in ("probability", "percentile", "expected_revenue", "revenue_low", "revenue_high"):
        if name in batch:
            assert found[name] == pytest.approx(wanted[name], abs=1e-6), name
    assert found["segment"] == wanted["segment"]
    assert (found["goal"], found["proxy"], found["simulated"], found["bundle_version"]) == (
        wanted["goal"], wanted["proxy"], True, wanted["bundle_version"],
    )  # fmt: skip


def test_click_by_click_the_answers_are_those_of_batch(
    server: Server, events: pa.Table, batch: pd.DataFrame
) -> None:
    last = {}
    with server.client() as client:
        for event in as_sent(events.slice(0, 1_000)):
            answer = client.click(event)
            schemas.Score.model_validate(answer)
            last[answer["visitor_id"], answer["session_id"]] = answer
        client.keep(as_sent(events.slice(1_000)))
        kept = {key: client.session(key[1]) for key in list(last)[:50]}
    for answer in kept.values():
        assert_as_batch(answer, batch)


def test_whole_visits_are_those_of_batch_one_by_one_and_together(
    server: Server, events: pa.Table, batch: pd.DataFrame
) -> None:
    visits: dict[str, list[dict[str, Any]]] = {}
    for event in as_sent(events):
        visits.setdefault(event["visitor_id"], []).append(event)
    some = [visit for visit in visits.values() if len(visit) < 100][:40]
    with server.client() as client:
        together = client.visits(some)
        alone = [client.visit(visit) for visit in some[:5]]
    assert alone == together[:5]
    for answer in together:
        assert_as_batch(answer, batch)


def test_reasons_come_where_they_are_asked_for(server: Server) -> None:
    with server.client() as client:
        answer = client.visit([CLICK], reasons=True)
        assert "reasons" not in client.visit([CLICK])
    assert 1 <= len(answer["reasons"]) <= 3
    assert schemas.Score.model_validate(answer).reasons


def test_a_click_without_a_time_happens_now(server: Server) -> None:
    with server.client() as client:
        answer = client.click({"visitor_id": "now", "event_name": "page_view"}, reasons=True)
    assert answer["session_id"] == "now-1"


def test_segments_are_the_librarys(server: Server, shop: Shop) -> None:
    with server.client() as client:
        found = client.segments()
    assert [s["segment"] for s in found] == scoring.segment_table(shop.bundle)["segment"].tolist()
    schemas.Segments.model_validate({"segments": found})


def test_suggestions_are_the_librarys(server: Server, shop: Shop, events: pa.Table) -> None:
    used = shop.bundle
    assert used.recommender is not None
    items = list(used.recommender.catalog.names[3:6])
    wishes = Wishes(count=4, leave_out=frozenset(items[:1]), diversity=0.3)
    sent = as_sent(events)
    session = next(e["session_id"] for e in sent if e["event_name"] == "view_item" and "item_id" in e)
    visit = [event for event in sent if event["session_id"] == session]
    told = recommend_session(used, events, session)
    with server.client() as client:
        for _ in range(2):
            found = client.recommend(items, count=4, leave_out=items[:1], diversity=0.3)
            assert_as_told(found, recommend_items(used, items, wishes))
        assert_as_told(client.recommend([]), recommend_items(used, []))
        client.keep([{**event, "visitor_id": f"again-{event['visitor_id']}"} for event in visit])
        ours = f"again-{visit[0]['visitor_id']}"
        assert_as_told(client.recommend(session_id=session, visitor_id=ours), told)
        with pytest.raises(ServerError, match="category") as caught:
            client.recommend(items, categories=["nowhere"])
        assert caught.value.status == 422
        with pytest.raises(ServerError, match="no open visit"):
            client.recommend(session_id="nobody's")


def assert_as_told(found: list[dict[str, Any]], told: pd.DataFrame) -> None:
    schemas.Recommendations(recommendations=found, simulated=True, bundle_version="")
    assert [one["item"] for one in found] == told["item"].tolist()
    assert [one["reason"] for one in found] == told["reason"].tolist()
    assert [one["score"] for one in found] == pytest.approx(told["score"].tolist(), abs=1e-6)


def test_without_consent_nothing_is_kept_or_scored(server: Server) -> None:
    refused = {**CLICK, "visitor_id": "no", "session_id": "no-consent", "consent": False}
    with server.client() as client:
        assert client.keep([refused, CLICK]) == {"kept": 1, "repeated": 0, "refused_consent": 1}
        with pytest.raises(ServerError, match="consent") as caught:
            client.click(refused)
        assert caught.value.status == 422
        with pytest.raises(ServerError, match="no open visit") as caught:
            client.session("no-consent")
        assert caught.value.status == 404


def test_the_page_of_the_interface_has_examples_that_are_answered(server: Server) -> None:
    page = httpx.get(f"{server.url}/openapi.json").json()
    assert {p for p in page["paths"] if p.startswith("/v1")} == {
        "/v1/score", "/v1/score/batch", "/v1/events", "/v1/sessions/{session_id}", "/v1/segments",
        "/v1/recommendations", "/v1/visitors/{visitor_id}",
    }  # fmt: skip
    for path in ("/v1/score", "/v1/score/batch", "/v1/events", "/v1/recommendations"):
        name = page["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        for example in page["components"]["schemas"][name.rpartition("/")[2]]["examples"]:
            assert httpx.post(server.url + path, json=example).status_code == 200


def test_figures_count_what_was_asked(server: Server) -> None:
    with server.client() as client:
        client.click({**CLICK, "visitor_id": "odd", "event_name": "dance"})
    text = httpx.get(f"{server.url}/metrics").text
    assert 'buysignal_requests_total{route="/v1/score",status="200"}' in text
    assert 'buysignal_events_total{kind="other"}' in text
    assert "buysignal_visitors " in text


DEEP = b"[" * 100_000
WRONG: list[tuple[bytes, int, str]] = [
    (b"", 400, "no JSON"),
    (b"{", 400, "no JSON"),
    (b"\xff\xfe", 400, "no JSON"),
    (DEEP, 400, "no JSON"),
    (b'{"event":' * 50_000, 400, "no JSON"),
    (b"[]", 422, "object"),
    (b"{}", 422, "either 'event' or 'events'"),
    (b'{"event": {"event_name": "view_item"}, "events": []}', 422, "events"),
    (b'{"event": {}}', 422, "event.event_name"),
    (b'{"event": {"event_name": "view_item", "price": NaN}}', 422, "finite"),
    (b'{"event": {"event_name": "view_item", "price": Infinity}}', 422, "finite"),
    (b'{"event": {"event_name": "view_item", "price": 1e999}}', 422, "finite"),
    (b'{"event": {"event_name": "view_item", "price": -1}}', 422, "greater"),
    (b'{"event": {"event_name": "view_item", "price": "12"}}', 422, "number"),
    (b'{"event": {"event_name": "view_item", "item": "BOO-034"}}', 422, "no such key"),
    (b'{"event": {"event_name": "view_item", "event_time": 1742472020}}', 422, "event_time"),
    (b'{"event": {"event_name": "view_item", "event_time": "2025-03-20T12:00:20"}}', 422, "timezone"),
    (b'{"event": {"event_name": "view_item", "quantity": 99999999999999999999999}}', 422, "quantity"),
    (b'{"event": {"event_name": "' + b"x" * 500 + b'"}}', 422, "200 characters"),
    (b'{"events": []}', 422, "events"),
    (b'{"events": [{"visitor_id": "a", "event_name": "x"}, {"visitor_id": "b", "event_name": "x"}]}', 422,
     "2 visitors"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "said"), WRONG, ids=lambda v: str(v)[:40])
def test_a_wrong_body_is_answered_with_a_sentence(
    server: Server, body: bytes, status: int, said: str
) -> None:
    answer = httpx.post(f"{server.url}/v1/score", content=body)
    assert answer.status_code == status
    assert said in answer.json()["error"]
    assert answer.json()["error"].endswith((".", "…"))


@pytest.mark.parametrize(
    ("event", "now"),
    [
        ({"event_name": "dance"}, 1),
        ({"event_name": "view_item", "event_time": "0001-01-01T00:00:00Z"}, 1),
        ({"event_name": "view_item", "event_time": "9999-12-31T23:59:59Z"}, 1),
        ({"event_name": "purchase", "price": 1e12, "quantity": 1_000_000}, 1),
        ({"event_name": "view_item", "item_id": "\u0000\U0001f600 '; --", "category": "<b>"}, 1),
    ],
    ids=lambda v: str(v)[:40],
)
def test_what_is_odd_and_allowed_is_scored(server: Server, event: dict[str, Any], now: int) -> None:
    answer = httpx.post(f"{server.url}/v1/score", json={"events": [{"visitor_id": "odd", **event}]})
    assert answer.status_code == 200
    assert 0 <= schemas.Score.model_validate(answer.json()).probability <= 1


def test_what_there_is_not_is_said(server: Server) -> None:
    assert httpx.get(f"{server.url}/v2").json()["error"].startswith("There is no such page")
    assert httpx.get(f"{server.url}/v1/score").status_code == 405
    long = httpx.get(f"{server.url}/v1/sessions/{'x' * 300}")
    assert (long.status_code, "200 characters" in long.json()["error"]) == (422, True)


def test_a_hundred_megabytes_are_refused_before_they_are_read(server: Server) -> None:
    with server.connect() as one:
        one.sendall(b"POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n{")
        assert one.recv(65_536).startswith(b"HTTP/1.1 413")
    with server.connect() as one:
        one.sendall(b"POST /v1/score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        sent = 0
        try:
            while sent < 100_000_000:
                one.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        assert sent < 20_000_000
    whole = httpx.post(f"{server.url}/v1/score", content=b" " * 100_000_000, timeout=60)
    assert (whole.status_code, "1MB" in whole.json()["error"]) == (413, True)
    assert httpx.get(f"{server.url}/healthz").status_code == 200


def test_slow_and_silent_and_broken_connections_stop_nobody(server: Server) -> None:
    body, head, silent = server.connect(), server.connect(), server.connect()
    body.sendall(b"POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    head.sendall(b"POST /v1/score HTTP/1.1\r\nhost: x\r\n")
    with server.connect() as broken:
        broken.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        assert broken.recv(1_000).startswith(b"HTTP/1.1 400")
    with server.client() as client:
        assert client.visit([CLICK])["clicks"] == 1
        for _ in range(3):
            # Bytes that come now and then do not make it wait for longer.
            time.sleep(1)
            head.sendall(b"x-more: 1\r\n")
        assert client.visit([CLICK])["clicks"] == 1
    for slow in (body, head):
        slow.settimeout(30)
        assert slow.recv(1_000).startswith(b"HTTP/1.1 408")
        slow.close()
    silent.settimeout(30)
    assert silent.recv(1_000) == b""
    silent.close()


def test_headers_without_end_are_refused(server: Server) -> None:
    with server.connect() as one:
        one.sendall(b"POST /v1/score HTTP/1.1\r\nhost: x\r\n")
        line = b"x-long: " + b"y" * 8_000 + b"\r\n"
        sent = 0
        try:
            while sent < 50_000_000:
                one.sendall(line)
                sent += len(line)
        except OSError:
            pass
        assert sent < 20_000_000
    with server.connect() as one:
        one.sendall(b"POST /v1/score HTTP/1.1\r\nhost: x\r\nx-long: " + b"y" * 70_000)
        assert one.recv(1_000).startswith(b"HTTP/1.1 431")


def test_the_log_tells_nothing_of_people(server: Server) -> None:
    secret = "anna.lovelace@example.org"
    with server.client() as client:
        client.click({**CLICK, "visitor_id": secret})
        with pytest.raises(ServerError):
            client.click({**CLICK, "visitor_id": secret, "price": -1.0})
        with pytest.raises(ServerError):
            client.session(secret)
    lines = server.log.read_text().splitlines()
    assert all(json.loads(line)["level"] for line in lines)
    assert any(json.loads(line).get("status") == 422 for line in lines)
    assert secret not in "".join(lines)
    assert "127.0.0.1" not in "".join(lines)


def test_key_rate_origin_and_figures_of_a_guarded_server(shop: Shop, tmp_path: Path) -> None:
    options = ("--api-key-env", "SHOP_KEY", "--rate-limit", "20/m", "--cors", "https://shop.example")
    with started(shop.folder, tmp_path / "log", *options, environment={"SHOP_KEY": "one, two"}) as server:
        with server.client() as client, pytest.raises(ServerError, match="API key") as caught:
            client.segments()
        assert caught.value.status == 401
        assert httpx.get(f"{server.url}/metrics").status_code == 401
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        bearer = {"Authorization": "Bearer one"}
        assert httpx.get(f"{server.url}/v1/segments", headers=bearer).status_code == 200
        asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
        allowed = httpx.options(f"{server.url}/v1/score", headers=asks)
        assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
        other = httpx.options(f"{server.url}/v1/score", headers={**asks, "Origin": "https://other.example"})
        assert "access-control-allow-origin" not in other.headers
        key = {"X-API-Key": "two"}
        found = [httpx.get(f"{server.url}/v1/segments", headers=key) for _ in range(30)]
        assert {answer.status_code for answer in found} == {200, 429}
        assert "20/m" in found[-1].json()["error"]
        assert int(found[-1].headers["retry-after"]) >= 1


def test_an_answer_comes_in_one_piece_and_a_head_alone_is_answered(server: Server) -> None:
    """Each piece wakes whoever waits; an answer without a body must not wait for one."""
    body = json.dumps({"events": [CLICK]}).encode()
    head = b"POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
    with server.connect() as one:
        for _ in range(20):
            one.sendall(head % len(body) + body)
            _, blank, answer = one.recv(65_536).partition(b"\r\n\r\n")
            assert blank
            assert json.loads(answer)["clicks"] == 1
        one.sendall(b"HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert one.recv(65_536).startswith(b"HTTP/1.1 405")
        one.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert one.recv(65_536).startswith(b"HTTP/1.1 200")


def test_a_client_that_waits_for_leave_to_send_gets_it(server: Server) -> None:
    body = json.dumps({"events": [CLICK]}).encode()
    head = b"POST /v1/score HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: %d\r\n\r\n"
    with server.connect() as one:
        one.sendall(head % len(body))
        assert one.recv(65_536).startswith(b"HTTP/1.1 100")
        one.sendall(body)
        assert one.recv(65_536).startswith(b"HTTP/1.1 200")


def test_a_client_says_why_it_has_no_answer() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with (
        Client(f"http://127.0.0.1:{port}") as client,
        pytest.raises(ServerError, match="no answer") as caught,
    ):
        client.ready()
    assert caught.value.status == 0
