"""Session rows over HTTP: the scores of batch, and one sentence for whoever asks the wrong kind of bundle."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from buysignal import bundle as bundles
from buysignal import scoring, sources
from buysignal.client import ServerError
from buysignal.errors import BundleError
from buysignal.serve import schemas
from buysignal.serve.row_answers import MOST_WITH_REASONS, OF_EVENTS, rows_asked
from buysignal.serve.session_rows import SessionRowScorer, tried_rows
from buysignal.training import Options, train
from shop import Shop

from .conftest import Server, started


@pytest.fixture(scope="module")
def row_server(session_rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("fastapi", reason="the extra 'api' is not installed")
    with started(session_rows / "bundle", tmp_path_factory.mktemp("rows") / "log") as found:
        yield found


@pytest.fixture(scope="module")
def table(session_rows: Path) -> pd.DataFrame:
    return pd.read_csv(session_rows / "online_shoppers_intention.csv").head(60)


def as_sent(table: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    return table[columns].astype(object).to_dict(orient="records")


@pytest.fixture(scope="module")
def columns(session_rows: Path) -> list[str]:
    return list(SessionRowScorer(bundles.load(session_rows / "bundle")).columns)


def test_rows_are_scored_as_batch_scores_the_file(
    row_server: Server, session_rows: Path, table: pd.DataFrame, columns: list[str]
) -> None:
    used = bundles.load(session_rows / "bundle")
    loaded = sources.load(session_rows / "online_shoppers_intention.csv")
    wanted = scoring.score(used, loaded.table.slice(0, len(table)), reasons=True).table
    with row_server.client() as client:
        found = client.rows(as_sent(table, columns))
        told = client.rows(as_sent(table.head(5), columns), reasons=True)
        # Whole rows of the file, with what came of the visit, are scored the same: that is not read.
        whole = client.rows(as_sent(table, list(table.columns)))
    assert found == whole
    assert schemas.RowScores.model_validate({"scores": found})
    for one, row in zip(found, wanted.to_dict(orient="records"), strict=True):
        for name in ("probability", "percentile"):
            assert one[name] == pytest.approx(row[name], abs=1e-9)
        for name in {"row", "segment", "goal", "proxy", "simulated", "bundle_version"} & row.keys():
            assert one[name] == row[name]
    for one, row in zip(told, wanted.to_dict(orient="records"), strict=False):
        assert "; ".join(reason["sentence"] for reason in one["reasons"]) == row["reasons"]


def test_an_empty_cell_is_null_as_in_a_file(
    row_server: Server, session_rows: Path, columns: list[str]
) -> None:
    used = bundles.load(session_rows / "bundle")
    empty = dict.fromkeys(columns)
    with row_server.client() as client:
        (found,) = client.rows([empty])
    assert found["probability"] == pytest.approx(SessionRowScorer(used).scores([empty])[0]["probability"])


@pytest.fixture(scope="module")
def timed_visits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with visits.csv, visits with a start, an id, a channel and what came in, and a bundle."""
    folder = tmp_path_factory.mktemp("timed")
    start = pd.Timestamp("2017-05-01T06:30:00Z")
    rows = pd.DataFrame(
        {
            "visit_id": [f"s{i}" for i in range(300)],
            "visit_start_time": [(start + pd.Timedelta(minutes=97 * i)).isoformat() for i in range(300)],
            "visit_number": [1 + i % 4 for i in range(300)],
            "channel_grouping": [("Direct", "Referral", "Organic Search")[i % 3] for i in range(300)],
            "revenue_usd": [float(10 + i % 17) if (i % 3 == 1 and i % 5) else 0.0 for i in range(300)],
        }
    )
    rows.to_csv(folder / "visits.csv", index=False)
    options = Options(fast=True, imbalance="none", profile="gstore")
    train(folder / "visits.csv", out=folder / "bundle", options=options)
    return folder


def test_the_start_of_a_visit_is_read_with_its_offset_and_amounts_come_along(timed_visits: Path) -> None:
    used = bundles.load(timed_visits / "bundle")
    wanted = scoring.score_paths(used, timed_visits / "visits.csv").table.head(40)
    scorer = SessionRowScorer(used)
    table = pd.read_csv(timed_visits / "visits.csv").head(40)
    # The same moments, as a shop two hours east of Greenwich says them.
    table["visit_start_time"] = [
        pd.Timestamp(time).tz_convert("+02:00").isoformat() for time in table["visit_start_time"]
    ]
    body = json.dumps({"rows": table.to_dict(orient="records")})
    asked = rows_asked(scorer).model_validate_json(body)
    found = pd.DataFrame(scorer.scores([row.model_dump(by_alias=True) for row in asked.rows]))
    assert found["session_id"].tolist() == wanted["session_id"].tolist()
    numbers = [name for name in wanted if wanted[name].dtype.kind == "f"]
    assert {"probability", "percentile", "expected_revenue"} <= set(numbers)
    pd.testing.assert_frame_equal(found[numbers], wanted[numbers], check_exact=False, rtol=0, atol=1e-9)


def test_the_page_of_the_interface_has_the_bundles_columns_and_an_example(
    row_server: Server, columns: list[str]
) -> None:
    page = httpx.get(f"{row_server.url}/openapi.json").json()
    assert {path for path in page["paths"] if path.startswith("/v1")} == {"/v1/score/rows", "/v1/segments"}
    row = page["components"]["schemas"]["SessionRow"]
    assert row["required"] == columns
    assert "Revenue" in row["properties"]
    rows = page["components"]["schemas"]["RowsRequest"]["properties"]["rows"]
    answer = httpx.post(f"{row_server.url}/v1/score/rows", json={"rows": rows["examples"][0]})
    assert answer.status_code == 200, answer.text


def test_the_example_of_the_page_is_answered(row_server: Server) -> None:
    page = (Path(__file__).parents[2] / "docs" / "rest.md").read_text(encoding="utf-8")
    (body,) = re.findall(r"^```json\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    answer = httpx.post(f"{row_server.url}/v1/score/rows", content=body)
    assert answer.status_code == 200, answer.text


def test_what_is_no_row_is_answered_with_a_sentence(
    row_server: Server, table: pd.DataFrame, columns: list[str]
) -> None:
    (row,) = as_sent(table.head(1), columns)
    missing = {name: value for name, value in row.items() if name != "Month"}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"rows": [missing]}, "Month"),
        ({"rows": [{**row, "Moonth": "May"}]}, "no such key"),
        ({"rows": [{**row, "Administrative": "three"}]}, "number"),
        ({"rows": [{**row, "Weekend": "yes"}]}, "boolean"),
        ({"rows": []}, "at least 1"),
        ({"rows": [row] * 1_001}, "1000"),
        ({"rows": [row] * (MOST_WITH_REASONS + 1), "reasons": True}, f"{MOST_WITH_REASONS} at once"),
    ]
    for body, said in wrong:
        answer = httpx.post(f"{row_server.url}/v1/score/rows", json=body)
        assert answer.status_code == 422, answer.text
        assert said in answer.json()["error"]


def test_events_are_not_for_this_bundle_and_rows_not_for_the_other(
    row_server: Server, server: Server
) -> None:
    for method, path in OF_EVENTS:
        answer = httpx.request(method, row_server.url + re.sub(r"\{.*?\}", "s", path), json={})
        assert answer.status_code == 404
        assert answer.json()["error"] == (
            "This bundle reads session rows. What to do: send them to /v1/score/rows."
        )
    with server.client() as client, pytest.raises(ServerError, match="reads events") as caught:
        client.rows([{}])
    assert caught.value.status == 404
    with row_server.client() as client:
        ready = client.ready()
        assert (ready["status"], ready["reads"], ready["state"]) == ("ready", "session rows", "none")
        assert client.segments()


def test_a_bundle_of_another_kind_or_with_other_columns_does_not_take_over(
    session_rows: Path, shop: Shop
) -> None:
    columns = tried_rows(session_rows / "bundle").columns
    assert tried_rows(session_rows / "bundle", like=columns).columns == columns
    with pytest.raises(BundleError, match="other columns: Month"):
        tried_rows(session_rows / "bundle", like={**columns, "Month": "number"})
    with pytest.raises(BundleError, match="reads events"):
        tried_rows(shop.folder, like=columns)
