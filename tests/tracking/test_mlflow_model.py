"""A bundle as an MLflow model gives what the scorer gives, over JSON as well."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from buysignal import bundle as bundles
from buysignal import scoring, sources, trained_visitors
from buysignal.errors import BundleError, EventsError
from buysignal.mlflow_model import events_of, example_of, predict, save_model
from conftest import as_sent
from shop import Shop


def test_a_saved_model_answers_as_the_scorer(shop: Shop, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="the extra 'track' is not installed")
    from mlflow.pyfunc.scoring_server import invocations

    path = save_model(shop.folder, tmp_path / "model")
    assert not list(path.rglob("*.pkl"))
    assert (shop.folder / trained_visitors.FILE).is_file()
    assert not list(path.rglob(trained_visitors.FILE))
    model = mlflow.pyfunc.load_model(str(path))
    events = sources.load(shop.events).table.slice(0, 400)
    told = scoring.score(shop.bundle, events, reasons=True).table
    sent = as_sent(events)
    found = model.predict(sent, params={"reasons": True})
    pd.testing.assert_frame_equal(found, told, check_dtype=False, rtol=0, atol=1e-9)

    some = json.loads(sent.head(40).to_json(orient="records"))
    answer = invocations(
        json.dumps({"dataframe_records": some}), "application/json", model, model.metadata.get_input_schema()
    )
    assert answer.status == 200, answer.response
    told = scoring.score(shop.bundle, events.slice(0, 40)).table
    found = pd.DataFrame(json.loads(answer.response)["predictions"])
    assert found["session_id"].tolist() == told["session_id"].tolist()
    assert found["probability"].tolist() == pytest.approx(told["probability"].tolist(), abs=1e-9)
    assert found["proxy"].tolist() == told["proxy"].tolist()
    assert model.metadata.metadata["proxy"] is shop.bundle.goal.proxy

    assert len(model.predict(model.input_example)) == 1
    with pytest.raises(BundleError, match="not empty"):
        save_model(shop.folder, path)


def test_rows_of_visits_are_answered_as_by_the_scorer(session_rows: Path) -> None:
    used = bundles.load(session_rows / "bundle")
    table = sources.load(session_rows / "online_shoppers_intention.csv").table
    told = scoring.score(used, table).table
    pd.testing.assert_frame_equal(predict(used, table.to_pandas()), told, check_dtype=False)
    assert len(predict(used, example_of(used))) == 1


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [("event_time", "yesterday", "ISO 8601"), ("quantity", 1.5, "whole"), ("dance", "x", "unknown column")],
)
def test_what_is_no_event_is_said(shop: Shop, column: str, cell: object, said: str) -> None:
    table = example_of(shop.bundle).assign(**{column: cell})
    with pytest.raises(EventsError, match=said):
        predict(shop.bundle, table)


def test_no_events_are_no_visit() -> None:
    with pytest.raises(EventsError, match="no events"):
        events_of(pd.DataFrame({"visitor_id": []}))
