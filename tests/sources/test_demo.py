"""The demo shop: the same for a seed, believable, and consistent in itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal import events
from buysignal.errors import InputError, SourceError
from buysignal.sources.demo import Demo, shop_items, simulate, write_demo
from buysignal.sources.demo import write as demo_write
from buysignal.sources.demo.journey import MAX_EVENTS
from buysignal.sources.demo.shop import weekly_prices
from buysignal.sources.demo.tables import EVENTS_SCHEMA


@pytest.fixture(scope="module")
def demo() -> Demo:
    return simulate(visitors=45_000, days=28, seed=7)


@pytest.fixture(scope="module")
def frame(demo: Demo) -> pd.DataFrame:
    columns = ["visitor_id", "session_id", "event_time", "event_seq", "event_name", "item_id", "price",
               "quantity", "transaction_id"]  # fmt: skip
    return demo.events.select(columns).to_pandas()


@pytest.fixture(scope="module")
def sessions(frame: pd.DataFrame) -> pd.DataFrame:
    flags = pd.DataFrame(
        {
            "session_id": frame["session_id"],
            "visitor_id": frame["visitor_id"],
            "bought": frame["event_name"] == "purchase",
            "added": frame["event_name"] == "add_to_cart",
        }
    )
    by = flags.groupby("session_id", sort=False)
    return by.agg(
        visitor=("visitor_id", "first"),
        bought=("bought", "any"),
        added=("added", "any"),
        size=("bought", "size"),
    )


def test_events_are_canonical_sorted_and_say_simulated(demo: Demo) -> None:
    assert demo.events.schema.names == [*events.SCHEMA.names, "attr_simulated"]
    assert events.conform(demo.events).schema.names == demo.events.schema.names
    assert events.sort(demo.events).equals(demo.events)
    assert demo.events.schema.metadata[b"simulated"] == b"true"
    assert demo.events.schema.metadata[b"seed"] == b"7"
    assert pc.all(demo.events.column("consent")).as_py()
    assert pc.unique(demo.events.column("currency")).drop_null().to_pylist() == ["EUR"]


def test_truth_stands_row_by_row_beside_the_events(demo: Demo) -> None:
    for key in ("visitor_id", "session_id", "event_seq"):
        assert demo.truth.column(key).equals(demo.events.column(key))
    assert len(demo.intent) == demo.events.num_rows


def test_one_seed_gives_one_shop_whatever_the_threads(demo: Demo) -> None:
    again = simulate(visitors=45_000, days=28, seed=7, threads=1)
    assert again.events.equals(demo.events)
    assert again.truth.equals(demo.truth)
    assert not simulate(visitors=100, seed=8).events.equals(simulate(visitors=100, seed=7).events)


@settings(max_examples=20, deadline=None)
@given(
    few=st.integers(1, 40), more=st.integers(0, 40), days=st.integers(1, 60), seed=st.integers(0, 2**63 - 1)
)
def test_more_visitors_leave_the_first_ones_as_they_are(few: int, more: int, days: int, seed: int) -> None:
    small, large = simulate(few, days, seed), simulate(few + more, days, seed)
    assert large.events.slice(0, small.events.num_rows).equals(small.events)
    assert large.truth.slice(0, small.truth.num_rows).equals(small.truth)


def test_shares_are_those_of_a_believable_shop(sessions: pd.DataFrame) -> None:
    conversion, added = sessions["bought"].mean(), sessions["added"].mean()
    visits = sessions.groupby("visitor").size()
    assert 0.03 <= conversion <= 0.04
    assert 0.09 <= added <= 0.12
    assert 0.64 <= 1.0 - sessions["bought"].sum() / sessions["added"].sum() <= 0.71
    assert 6.0 <= sessions["size"].mean() <= 8.0
    assert sessions["size"].quantile(0.99) > 4 * sessions["size"].mean()
    assert sessions["size"].max() < MAX_EVENTS
    assert 0.20 <= (visits > 1).mean() <= 0.35


def test_days_have_a_rhythm_and_sessions_stay_within_them(frame: pd.DataFrame) -> None:
    starts = frame.loc[frame["event_seq"] == 0, "event_time"]
    by_hour = starts.dt.hour.value_counts()
    assert by_hour[20] > 5 * by_hour[3]
    by_weekday = starts.dt.weekday.value_counts()
    assert by_weekday[6] > by_weekday[4]
    first_day = pd.Timestamp("2025-03-03", tz="UTC")
    assert starts.min() >= first_day
    assert starts.max() < first_day + pd.Timedelta(days=28)
    gaps = frame.groupby("session_id", sort=False)["event_time"].diff().dt.total_seconds()
    assert gaps.max() < 1800.0


def test_sequence_counts_up_from_zero_in_each_session(frame: pd.DataFrame) -> None:
    counted = frame.groupby("session_id", sort=False).cumcount()
    assert (counted == frame["event_seq"]).all()


def test_purchases_are_what_lies_in_the_cart(frame: pd.DataFrame) -> None:
    signs = frame["event_name"].map({"add_to_cart": 1, "remove_from_cart": -1, "purchase": -1}).astype(float)
    moved = frame.assign(pieces=signs.fillna(0.0) * frame["quantity"].fillna(0.0))
    bought = moved[moved["event_name"] == "purchase"]
    assert bought["transaction_id"].notna().all()
    assert bought["transaction_id"].nunique() == bought["session_id"].nunique()
    assert not bought.duplicated(["transaction_id", "item_id"]).any()
    assert moved.loc[moved["event_name"] != "purchase", "transaction_id"].isna().all()
    left = (
        moved[moved["session_id"].isin(bought["session_id"])]
        .groupby(["session_id", "item_id"])["pieces"]
        .sum()
    )
    assert (left == 0).all()
    running = moved.dropna(subset=["item_id"]).groupby(["session_id", "item_id"])["pieces"].cumsum()
    assert (running >= 0).all()


def test_catalogue_is_readable_and_priced() -> None:
    items = shop_items()
    assert list(items.columns) == ["item_id", "name", "category", "list_price"]
    assert 280 <= len(items) <= 320
    assert items["category"].nunique() == 8
    assert items["item_id"].is_unique
    assert items["name"].is_unique
    assert items["list_price"].between(5, 400).all()


def test_some_prices_go_on_offer_and_some_never_change(frame: pd.DataFrame) -> None:
    prices = weekly_prices()
    changes = (prices != prices[0]).any(axis=0)
    assert 0.3 < changes.mean() < 0.7
    assert (prices <= shop_items()["list_price"].to_numpy()).all()
    seen = frame.dropna(subset=["item_id"]).groupby("item_id", observed=True)["price"].nunique()
    fixed = shop_items()["item_id"].to_numpy()[~(prices != prices[0]).any(axis=0)]
    assert (seen[seen.index.isin(fixed)] == 1).all()


@pytest.mark.parametrize(
    ("visitors", "days", "seed"), [(0, 28, 0), (10, 0, 0), (10, 28, -1), (10**9, 28, 0), (10, 10**6, 0)]
)
def test_numbers_out_of_range_are_refused(visitors: int, days: int, seed: int) -> None:
    with pytest.raises(InputError, match="demo shop was asked for"):
        simulate(visitors, days, seed)


def test_progress_ends_at_all_visitors() -> None:
    calls: list[tuple[int, int]] = []
    simulate(45_000, 7, 0, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(20_000, 45_000), (40_000, 45_000), (45_000, 45_000)]


def test_what_is_written_clean_reads_back_as_simulated(tmp_path: Path) -> None:
    files = write_demo(tmp_path, 300, 14, 3, truth=True, dirty=False)
    demo = simulate(300, 14, 3)
    assert files.events == tmp_path / "events.parquet"
    assert files.truth is not None
    read = pq.read_table(files.events)
    assert read.cast(EVENTS_SCHEMA).equals(demo.events.cast(EVENTS_SCHEMA))
    assert read.schema.metadata[b"simulated"] == b"true"
    assert read.schema.metadata[b"seed"] == b"3"
    assert pq.read_table(files.truth).equals(demo.truth)
    assert files.rows == demo.events.num_rows
    assert "SIMULATED" in (tmp_path / "README.txt").read_text(encoding="utf-8")
    assert pd.read_csv(files.items).equals(shop_items())
    assert files.ledger == {}


def test_csv_holds_the_same_events(tmp_path: Path) -> None:
    files = write_demo(tmp_path, 200, 14, 3, format="csv", dirty=False)
    read = pa.csv.read_csv(
        files.events,
        convert_options=pa.csv.ConvertOptions(
            strings_can_be_null=True, column_types={"event_date": pa.date32()}
        ),
    )
    demo = simulate(200, 14, 3).events
    for name in ("visitor_id", "event_name", "item_id", "price", "transaction_id"):
        assert read.column(name).to_pylist() == demo.column(name).to_pylist()
    same_time = pc.equal(
        read.column("event_time").cast(pa.timestamp("us", tz="UTC")), demo.column("event_time")
    )
    assert pc.all(same_time).as_py()


def test_a_large_shop_is_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_write, "VISITORS_PER_FILE", 20_000)
    files = write_demo(tmp_path, 45_000, 7, 2, truth=True, dirty=False)
    assert files.events == tmp_path / "events"
    assert [p.name for p in sorted(files.events.iterdir())] == [f"part-{i:05d}.parquet" for i in range(3)]
    assert pq.read_table(files.events).num_rows == files.rows
    assert pq.read_table(tmp_path / "truth").num_rows == files.rows
    monkeypatch.undo()
    write_demo(tmp_path, 50, 7, 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "README.txt",
        "dirt.json",
        "events.parquet",
        "items.csv",
    ]


def test_a_file_in_place_of_the_folder_and_an_unknown_format_are_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x", encoding="utf-8")
    with pytest.raises(SourceError, match="is a file"):
        write_demo(tmp_path / "taken", 10)
    with pytest.raises(SourceError, match="unknown"):
        write_demo(tmp_path, 10, format="xlsx")  # type: ignore[arg-type]


def test_prices_of_a_session_do_not_change_on_the_way(frame: pd.DataFrame) -> None:
    priced = frame.dropna(subset=["price"]).groupby(["session_id", "item_id"], observed=True)["price"]
    assert np.allclose(priced.max(), priced.min())
