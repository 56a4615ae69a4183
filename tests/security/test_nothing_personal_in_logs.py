"""A visitor's id, here an e-mail address, stands in no log line and no error, whatever else is wrong."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from buysignal.cli import app
from buysignal.errors import BuysignalError
from shop import Shop

MARK = "anna.secret"
WHO = f"{MARK}@example.org"
GOOD = [f"{WHO},2024-05-03T07:{minute:02d}:00Z,view_item,/search?q={MARK},9.5" for minute in range(5)]
BAD = [
    f"{WHO},never,page_view,/a,1",
    f"{WHO},2024-05-03T07:27:00Z,page_view,/a,much",
    f"{WHO},2024-05-03T07:27:00Z,page_view,/a,-5",
    f"{WHO},2024-05-03T07:27:00Z,page_view,/a,1,one cell too many",
    f'"{WHO},2024-05-03T07:27:00Z,page_view,/a,1',
    f",2024-05-03T07:27:00Z,{MARK},/a,1",
]
HEAD = "visitor_id,event_time,event_name,page,price"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that any library logs, down to its finest lines."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


def files(folder: Path) -> dict[str, Path]:
    """Files that are good, partly good and hopeless."""
    texts = {
        "good": [HEAD, *GOOD],
        "mixed": [HEAD, *GOOD, *BAD],
        "hopeless": [HEAD, *BAD],
        "strange": [f"{WHO},name", f"{WHO},x", "b,y"],
        "headless": GOOD,
    }
    found = {}
    for name, lines in texts.items():
        found[name] = folder / f"{name}.csv"
        found[name].write_text("\n".join(lines) + "\n")
    found["lines"] = folder / "lines.ndjson"
    event = {"visitor_id": WHO, "event_time": "2024-05-03T07:27:00Z", "event_name": "page_view"}
    found["lines"].write_text(json.dumps(event) + "\n" + json.dumps(event)[:-5] + "\n" + f'"{WHO}"\n')
    found["numbers"] = folder / "numbers.parquet"
    table = {"visitor_id": [WHO], "event_time": [WHO], "event_name": [WHO], "price": [WHO]}
    pq.write_table(pa.table(table), found["numbers"])
    found["torn"] = folder / "torn.parquet"
    found["torn"].write_bytes(found["numbers"].read_bytes()[:-20] + WHO.encode())
    return found


def test_the_command_line(shop: Shop, tmp_path: Path, logged: io.StringIO) -> None:
    model, out = str(shop.folder), tmp_path / "scores.csv"
    told = []
    found = files(tmp_path)
    mixed = str(found["mixed"])
    commands = [
        *(
            ["check", str(file), "--rejects", str(tmp_path / f"{name}-rejects.csv")]
            for name, file in found.items()
        ),
        *(["score", model, str(found[name]), "--out", str(out)] for name in ("mixed", "hopeless", "torn")),
        ["check", str(found["numbers"]), "--profile", "generic", "--json"],
        ["train", mixed, "--fast", "--no-track", "--out", str(tmp_path / "model")],
        ["explain", model, mixed, "--session", WHO],
        ["recommend", model, mixed, "--session", WHO],
        ["retain", mixed, str(found["torn"]), "--older-than", "9999d", "--dry-run"],
        ["forget", WHO, "--data", mixed, "--data", str(found["torn"])],
    ]
    for command in commands:
        done = CliRunner().invoke(app, command)
        problem = done.exception
        assert problem is None or isinstance(problem, SystemExit | BuysignalError), (command, problem)
        results = done.stdout if command[0] in ("check", "train", "forget", "retain") else ""
        told.append((command[:2], done.stderr + str(problem or "") + results))
    assert sum("What to do" in text for _, text in told) > 5
    assert [one for one in told if MARK in one[1]] == []
    assert MARK not in logged.getvalue()


def test_the_server(shop: Shop, logged: io.StringIO) -> None:
    pytest.importorskip("fastapi", reason="the extra 'api' is not installed")
    from fastapi.testclient import TestClient

    from buysignal.serve.app import make_app
    from buysignal.serve.logs import Log
    from buysignal.serve.settings import Settings

    event = {"visitor_id": WHO, "session_id": WHO, "event_name": "view_item", "page": f"/?q={MARK}"}
    wrong = [
        {**event, "price": WHO}, {**event, "event_time": WHO}, {**event, "consent": WHO},
        {**event, "visitor_id": WHO * 20}, {**event, "consent": False}, {**event, "quantity": -1},
        {"visitor_id": WHO},
    ]  # fmt: skip
    lines = io.StringIO()
    settings = Settings(log_requests=True)
    with TestClient(make_app(shop.folder, settings, log=Log(lines)), raise_server_exceptions=False) as client:
        client.post("/v1/score", json={"event": event}).raise_for_status()
        refused = [client.post("/v1/score", json={"event": one}) for one in wrong]
        refused += [
            client.post("/v1/score", content=f'{{"event": {{"visitor_id": "{WHO}'),
            client.post("/v1/score", json={"events": [event, {**event, "visitor_id": "ben"}]}),
            client.post("/v1/events", json={"events": WHO}),
            client.post("/v1/recommendations", json={"session_id": f"{WHO}-2"}),
            client.get(f"/v1/sessions/{WHO}-2"),
            client.get(f"/v1/{WHO}"),
        ]
        client.delete(f"/v1/visitors/{WHO}").raise_for_status()
    assert {one.status_code for one in refused} <= {400, 404, 422}
    assert [one.text for one in refused if MARK in one.text] == []
    assert lines.getvalue().count('"what":"request"') == len(refused) + 2
    assert MARK not in lines.getvalue()
    ours = [line for line in logged.getvalue().splitlines() if not line.startswith("HTTP Request")]
    assert MARK not in "\n".join(ours)


def test_messages_of_a_topic(shop: Shop, logged: io.StringIO) -> None:
    pytest.importorskip("orjson", reason="the extra 'stream' is not installed")
    from buysignal.stream.scored import Arrived, BatchScorer

    score = BatchScorer(shop.bundle)
    values = [f'{{"visitor_id": "{WHO}"', f'{{"visitor_id": "{WHO}", "event_name": "x", "price": "{MARK}"}}']
    arrived = [Arrived(0, at, 0, WHO.encode(), value.encode()) for at, value in enumerate(values)]
    dead = score(arrived, {0: score.shelf(0)}).dead
    assert len(dead) == 2
    assert MARK not in "".join(one.reason + one.column + one.hint for one in dead) + logged.getvalue()
