"""The one scorer: the same visit gets the same score however it arrives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from buysignal import scoring
from buysignal.errors import SourceError
from buysignal.features.live import LiveVisitor, Reader
from buysignal.scoring import Scored
from buysignal.sources.read import load
from shop import Shop


@pytest.fixture(scope="module")
def scored(shop: Shop) -> Scored:
    return scoring.score_paths(shop.bundle, shop.events)


def test_every_session_has_one_score_that_says_what_it_is(scored: Scored) -> None:
    table = scored.table
    assert table["session_id"].is_unique
    assert table["probability"].between(0, 1).all()
    assert table["percentile"].between(0, 100).all()
    assert (table["revenue_low"] <= table["revenue_high"]).all()
    assert (table["expected_revenue"] >= 0).all()
    assert set(table["goal"]) == {"purchase"}
    assert not table["proxy"].any()
    assert table["bundle_version"].nunique() == 1


def test_scores_find_buyers(shop: Shop) -> None:
    """Before the purchase, those who will buy stand clearly above those who will not."""
    table = scoring.score_paths(shop.bundle, shop.events, every_event=True).table
    events = load(shop.events).table
    buyers = events.filter(pa.compute.equal(events.column("event_name").cast(pa.string()), "purchase"))
    bought = set(buyers.column("session_id").to_pylist())
    early = table[~table["already_bought"] & (table["clicks"] <= 10)]
    mean = early.groupby(early["session_id"].isin(bought))["probability"].mean()
    assert mean[True] > 3 * mean[False]


def test_the_last_event_of_every_event_is_the_score_of_the_session(shop: Shop, scored: Scored) -> None:
    every = scoring.score_paths(shop.bundle, shop.events, every_event=True).table
    last = every.groupby("session_id").tail(1).set_index("session_id")
    whole = scored.table.set_index("session_id")
    pd.testing.assert_series_equal(
        last["probability"], whole["probability"].reindex(last.index), check_exact=False, atol=1e-6
    )


def test_one_by_one_equals_batch(shop: Shop) -> None:
    bundle = shop.bundle
    assert bundle.vocabulary is not None
    events, X = scoring.fold_events(bundle, load(shop.events, profile=bundle.profile).table)
    batch = scoring.score_rows(bundle, X[:400])
    reader, visitors = Reader(bundle.vocabulary), {}
    rows = events.slice(0, 400).to_pylist()
    live = []
    for row in rows:
        visitor = visitors.setdefault(row["visitor_id"], LiveVisitor(reader, bundle.session_gap))
        live.append(visitor.observe(row))
    one_by_one = pd.concat([scoring.score_rows(bundle, x[None]) for x in live], ignore_index=True)
    np.testing.assert_allclose(one_by_one["probability"], batch["probability"], atol=1e-6)
    np.testing.assert_allclose(one_by_one["expected_revenue"], batch["expected_revenue"], rtol=1e-5)
    assert one_by_one["segment"].tolist() == batch["segment"].tolist()


def test_reasons_are_told_on_request(shop: Shop) -> None:
    table = load(shop.events).table.slice(0, 60)
    reasons = scoring.score(shop.bundle, table, reasons=True).table["reasons"]
    assert reasons.str.contains("typical").any()


def test_a_story_ends_at_the_score(shop: Shop, scored: Scored) -> None:
    best = scored.table.sort_values("probability").iloc[-1]
    story = scoring.explain_session(shop.bundle, shop.events, best["session_id"])
    assert story.probability == pytest.approx(best["probability"], abs=1e-6)
    assert len(story.steps) == best["clicks"]
    assert story.as_json()["proxy"] is False


def test_an_unknown_session_is_said(shop: Shop) -> None:
    with pytest.raises(SourceError, match="no such session"):
        scoring.explain_session(shop.bundle, shop.events, "nobody")


def test_csv_and_parquet_hold_the_same_scores(scored: Scored, tmp_path: Path) -> None:
    for name in ("scores.csv", "scores.parquet"):
        scoring.write_scores(scored.table, tmp_path / name)
    csv = pacsv.read_csv(tmp_path / "scores.csv").to_pandas()
    parquet = pd.read_parquet(tmp_path / "scores.parquet")
    np.testing.assert_allclose(csv["probability"], parquet["probability"])
    assert csv["session_id"].tolist() == parquet["session_id"].tolist()


def test_cells_a_spreadsheet_would_run_are_neutralised(shop: Shop, tmp_path: Path) -> None:
    events = load(shop.events).table.slice(0, 20)
    evil = pa.array(["=cmd|' /C calc'!A0"] * 20)
    events = events.set_column(0, "visitor_id", evil).set_column(1, "session_id", evil)
    table = scoring.score(shop.bundle, events).table
    scoring.write_scores(table, tmp_path / "scores.csv")
    text = (tmp_path / "scores.csv").read_text()
    assert "\"'=cmd" in text
    assert '"=cmd' not in text


def test_another_file_ending_is_refused(scored: Scored, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"scores\.xlsx.*\.csv or \.parquet"):
        scoring.write_scores(scored.table, tmp_path / "scores.xlsx")


def test_session_rows_are_refused_by_a_bundle_for_events(shop: Shop) -> None:
    fixture = Path(__file__).parent / "fixtures" / "profiles"
    table = next(fixture.glob("uci-shoppers*"))
    with pytest.raises(SourceError, match="this file holds session rows"):
        scoring.score_loaded(shop.bundle, load(table))


def test_segments_add_up(shop: Shop, scored: Scored) -> None:
    counts = scoring.segment_counts(shop.bundle, scored.table)
    assert counts["visits"].sum() == len(scored.table)
    assert counts["share"].sum() == pytest.approx(1)
    members = scoring.membership(scored.table)
    assert set(members["segment"]) == set(counts["segment"])
