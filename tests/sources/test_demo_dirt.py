"""The dirt of the demo shop: what the ledger says was planted is what is found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal import events
from buysignal.sources.demo import DEMO_RATES, simulate, write_demo
from buysignal.sources.demo.dirt import BOT_EVENTS, LEDGER, soil


@pytest.fixture(scope="module")
def clean() -> pa.Table:
    return simulate(visitors=20_000, days=28, seed=11).events


@pytest.fixture(scope="module")
def soiled(clean: pa.Table) -> tuple[pa.Table, dict[str, int]]:
    table, ledger = soil(clean, seed=11)
    return table, dict(ledger)


@pytest.fixture(scope="module")
def frame(soiled: tuple[pa.Table, dict[str, int]]) -> pd.DataFrame:
    return soiled[0].to_pandas()


@pytest.fixture(scope="module")
def once(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop_duplicates().sort_values(["visitor_id", "event_time", "event_seq"], ignore_index=True)


def test_the_ledger_is_what_is_found(
    soiled: tuple[pa.Table, dict[str, int]], frame: pd.DataFrame, once: pd.DataFrame
) -> None:
    ledger = soiled[1]
    bots = once["visitor_id"] >= "v900000000"
    refused = ~once["consent"].astype(bool)
    found = {
        "duplicate_rows": int(frame.duplicated().sum()),
        "late_rows": _late_rows(frame),
        "bot_visitors": once.loc[bots, "visitor_id"].nunique(),
        "bot_rows": int(bots.sum()),
        "missing_category": int((once["item_id"].notna() & once["category"].isna()).sum()),
        "missing_price": int(((once["event_name"] == "view_item") & once["price"].isna()).sum()),
        "usd_rows": int((once["currency"] == "USD").sum()),
        "refused_visitors": once.loc[refused, "visitor_id"].nunique(),
        "refused_rows": int(refused.sum()),
    }
    assert found == ledger
    assert set(found) == set(LEDGER)
    assert all(count > 0 for count in found.values())


def _late_rows(frame: pd.DataFrame) -> int:
    keys = frame[["visitor_id", "event_time", "event_seq"]]
    order = (
        keys.drop_duplicates().sort_values(list(keys.columns), ignore_index=True).reset_index(names="rank")
    )
    rank = keys.merge(order, how="left")["rank"].to_numpy()
    return int((rank < np.maximum.accumulate(rank)).sum())


def test_shares_of_the_dirt(soiled: tuple[pa.Table, dict[str, int]], clean: pa.Table) -> None:
    ledger, n = soiled[1], clean.num_rows
    assert 0.003 < ledger["duplicate_rows"] / n < 0.007
    assert 0.005 < ledger["late_rows"] / n < 0.02
    assert 0.02 < ledger["refused_visitors"] / 20_000 < 0.04
    assert (
        ledger["bot_visitors"] * BOT_EVENTS[0] <= ledger["bot_rows"] <= ledger["bot_visitors"] * BOT_EVENTS[1]
    )


def test_under_the_dirt_lies_the_clean_table(once: pd.DataFrame, clean: pa.Table) -> None:
    people = once[once["visitor_id"] < "v900000000"].reset_index(drop=True)
    before = clean.to_pandas()
    for name in ("visitor_id", "session_id", "event_time", "event_seq", "event_name", "item_id", "quantity",
                 "transaction_id", "country", "device", "channel", "page"):  # fmt: skip
        left, right = people[name].astype(object), before[name].astype(object)
        assert left.where(left.notna(), None).equals(right.where(right.notna(), None)), name


def test_dollars_convert_back_to_within_half_a_cent(once: pd.DataFrame, clean: pa.Table) -> None:
    people = once[once["visitor_id"] < "v900000000"].reset_index(drop=True)
    euros = people["price"] * np.where(people["currency"] == "USD", DEMO_RATES["USD"], 1.0)
    known = people["price"].notna().to_numpy()
    assert np.abs(euros[known] - clean.column("price").to_pandas()[known]).max() <= 0.005
    assert (people["currency"].notna() == people["price"].notna()).all()
    assert people.loc[people["event_name"].isin(["add_to_cart", "purchase"]), "price"].notna().all()


def test_bots_are_fast(once: pd.DataFrame) -> None:
    bots = once[once["visitor_id"] >= "v900000000"]
    assert (bots.groupby("visitor_id").size() >= BOT_EVENTS[0]).all()
    assert (bots["event_name"] == "page_view").all()
    assert bots.groupby("visitor_id")["event_time"].diff().max() < pd.Timedelta(seconds=1.5)
    assert (bots.groupby("visitor_id").cumcount() == bots["event_seq"]).all()


@settings(max_examples=15, deadline=None)
@given(visitors=st.integers(1, 60), seed=st.integers(0, 2**31), chunk=st.integers(0, 5))
def test_dirt_is_seeded_and_changes_nothing_in_place(visitors: int, seed: int, chunk: int) -> None:
    clean = simulate(visitors, 7, seed).events
    copy = pa.table({name: clean.column(name) for name in clean.column_names})
    first, ledger = soil(clean, seed, chunk)
    second, again = soil(clean, seed, chunk)
    assert first.equals(second)
    assert ledger == again
    assert clean.equals(copy)
    assert first.num_rows == clean.num_rows + ledger["bot_rows"] + ledger["duplicate_rows"]
    assert events.conform(first).num_rows == first.num_rows


def test_ledgers_of_all_parts_add_up(tmp_path: Path) -> None:
    files = write_demo(tmp_path, 25_000, 7, 5)
    written = json.loads((tmp_path / "dirt.json").read_text(encoding="utf-8"))
    assert {kind: entry["count"] for kind, entry in written.items()} == files.ledger
    table = pq.read_table(files.events)
    assert table.num_rows == files.rows
    assert table.schema.metadata[b"dirty"] == b"true"
    bots = {v for v in table.column("visitor_id").unique().to_pylist() if v >= "v900000000"}
    assert len(bots) == files.ledger["bot_visitors"] == 5
