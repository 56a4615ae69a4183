"""Every profile that ships reads its own hand-written sample, and is found without being named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from buysignal.errors import ProfileError
from buysignal.sources import Profile, builtin_profiles, load, load_profile, save_profile
from buysignal.sources.profile import ColumnMap

SAMPLES = Path(__file__).parent.parent / "fixtures" / "profiles"

FILES = {
    "uci-eshop": ["uci-eshop.csv"],
    "uci-shoppers": ["uci-shoppers.csv"],
    "gstore": ["gstore.csv"],
    "rees46": ["rees46.csv"],
    "retailrocket": ["retailrocket.csv"],
    "yoochoose": ["yoochoose-clicks.dat", "yoochoose-buys.dat"],
    "ga4": ["ga4.jsonl"],
    "snowplow": ["snowplow.csv"],
    "segment": ["segment.jsonl"],
    "generic": ["generic.csv"],
    "demo-shop": ["demo-shop.csv"],
}


def read(name: str):
    return load([SAMPLES / file for file in FILES[name]])


def rows(name: str) -> list[dict]:
    return read(name).table.to_pylist()


def test_every_profile_has_a_sample():
    assert set(FILES) == set(builtin_profiles())


@pytest.mark.parametrize("name", FILES)
def test_own_sample_is_detected_and_wholly_kept(name):
    loaded = read(name)
    assert loaded.profile.name == name
    assert loaded.confidence >= 0.85
    assert loaded.rows_kept == loaded.rows_in > 0
    assert loaded.rows_rejected == 0


@pytest.mark.parametrize("name", FILES)
def test_saved_profile_loads_back_equal(name, tmp_path):
    profile = load_profile(name)
    save_profile(profile, tmp_path / "mine.toml")
    assert load_profile(tmp_path / "mine.toml") == profile


def test_eshop_codes_become_words_and_the_day_stands_for_the_clock():
    first, second, third = rows("uci-eshop")
    assert (first["visitor_id"], first["session_id"], first["event_seq"]) == ("1", "1", 1)
    assert first["event_time"] is None
    assert first["event_date"] == date(2008, 4, 1)
    assert (first["event_name"], first["item_id"], first["category"]) == ("view_item", "A13", "trousers")
    assert (first["price"], first["currency"], first["attr_price_2"]) == (28.0, "USD", 2)
    assert (second["attr_colour"], second["attr_location"]) == ("brown", "top middle")
    assert (third["country"], third["attr_photography"]) == ("Czech Republic", "profile")


def test_both_spellings_of_the_eshop_file_give_the_same_events():
    assert load(SAMPLES / "uci-eshop-train.csv").table.equals(read("uci-eshop").table)


def test_eshop_offers_proxies_and_click_tasks_but_no_real_goal():
    profile = load_profile("uci-eshop")
    assert profile.goals == ()
    assert [p.name for p in profile.proxies] == ["next_above_average", "keeps_browsing"]
    assert all(p.proxy for p in profile.proxies)
    assert {t.name: t.task for t in profile.click_tasks} == {"price_2": "conversion", "price": "revenue"}
    naming = {"item_id", "price", "attr_price_2", "attr_colour"}
    assert all(naming <= set(t.hide) for t in profile.click_tasks)


def test_shoppers_columns_keep_their_names_and_types():
    first, second, third = rows("uci-shoppers")
    assert (second["ProductRelated"], second["PageValues"]) == (27.0, 22.92)
    assert (second["OperatingSystems"], second["Month"]) == ("2", "Mar")
    assert (second["Weekend"], second["Revenue"], first["Revenue"]) == (True, True, False)
    assert third == first


def test_shoppers_equal_sessions_are_kept_and_counted():
    loaded = read("uci-shoppers")
    assert (loaded.rows_kept, loaded.duplicates) == (3, 1)
    assert loaded.profile.known["PageValues"] == "end"
    assert loaded.profile.known["Month"] == "start"


def test_gstore_knows_only_three_columns_at_the_start():
    loaded = read("gstore")
    assert sorted(c for c, known in loaded.profile.known.items() if known == "start") == [
        "channel_grouping",
        "visit_number",
        "visit_start_time",
    ]
    second = loaded.table.to_pylist()[1]
    assert second["visit_start_time"] == datetime(2017, 5, 1, 7, 8, 52, tzinfo=UTC)
    assert second["revenue_usd"] == 43.98
    assert loaded.table.column("mean_price_usd").null_count == 1


def test_rees46_events_are_sorted_by_visitor_and_time():
    names = [(r["visitor_id"], r["event_name"]) for r in rows("rees46")]
    assert names == [
        ("519107250", "view_item"),
        ("541312140", "view_item"),
        ("541312140", "add_to_cart"),
        ("541312140", "purchase"),
    ]


def test_rees46_category_falls_back_to_its_number():
    assert {r["category"] for r in rows("rees46")} == {"2103807459595387724", "furniture.living_room.sofa"}


def test_retailrocket_reads_milliseconds():
    first = rows("retailrocket")[0]
    assert first["event_time"] == datetime(2015, 6, 2, 5, 2, 12, 117000, tzinfo=UTC)
    assert rows("retailrocket")[-1]["transaction_id"] == "4000"


def test_yoochoose_clicks_and_buys_become_one_stream():
    found = [(r["session_id"], r["event_name"], r["item_id"]) for r in rows("yoochoose")]
    assert found == [
        ("1", "view_item", "214536502"),
        ("1", "view_item", "214536500"),
        ("1", "purchase", "214536500"),
        ("1", "purchase", "214536502"),
        ("2", "view_item", "214662742"),
    ]


def test_ga4_order_becomes_one_row_per_item():
    loaded = read("ga4")
    bought = [r for r in loaded.table.to_pylist() if r["event_name"] == "purchase"]
    assert [(r["item_id"], r["price"], r["quantity"]) for r in bought] == [
        ("GGOEGAAX0037", 22.0, 2),
        ("GGOEYAAJ0035", 12.0, 1),
    ]
    assert {r["transaction_id"] for r in bought} == {"T-1"}
    assert loaded.mended["items"] == 1
    assert loaded.rows_in == 4


def test_ga4_session_is_user_and_session_number():
    assert {r["session_id"] for r in rows("ga4")} == {"1026454.4271112504:661084800"}
    assert rows("ga4")[0]["consent"] is True


def test_ga4_flat_export_gives_the_same_session():
    flat = load(SAMPLES / "ga4-flat.csv")
    assert flat.profile.name == "ga4"
    assert flat.table.column("session_id").to_pylist() == ["1026454.4271112504:661084800"] * 2


def test_ga4_nested_parquet_reads_as_its_json(tmp_path):
    import duckdb

    path = tmp_path / "ga4.parquet"
    source = SAMPLES / "ga4.jsonl"
    duckdb.sql(f"COPY (SELECT * FROM read_json('{source}', sample_size=-1)) TO '{path}' (FORMAT parquet)")
    columns = ["event_time", "event_name", "item_id", "price", "quantity", "session_id", "transaction_id"]
    assert load(path).table.select(columns).equals(read("ga4").table.select(columns))


def test_snowplow_items_carry_the_amount_and_the_order_row_none():
    bought = [r for r in rows("snowplow") if r["event_name"] == "purchase"]
    assert [(r["transaction_id"], r["price"], r["quantity"]) for r in bought] == [
        ("o9", None, None),
        ("o9", 89.9, 1),
    ]


def test_segment_times_with_offset_come_to_utc():
    loaded = read("segment")
    second = loaded.table.to_pylist()[1]
    assert second["event_name"] == "view_item"
    assert second["event_time"] == datetime(2023, 5, 1, 10, 0, 20, tzinfo=UTC)
    assert loaded.mended["time_zone"] == 1


def test_generic_keeps_attributes_with_their_types():
    first = rows("generic")[0]
    assert (first["attr_discount"], first["attr_campaign"]) == (0.1, "spring")
    assert rows("generic")[3]["consent"] is False


def test_demo_shop_is_told_from_other_events_and_its_dollars_become_euros():
    loaded = read("demo-shop")
    assert loaded.currency == "EUR"
    assert loaded.mended == {"currency": 1}
    assert loaded.table.column("attr_simulated").to_pylist() == [True] * 4
    bought = [r for r in loaded.table.to_pylist() if r["event_name"] == "purchase"]
    assert bought[0]["price"] == pytest.approx(59.90 / 1.10)


def test_unknown_profile_says_which_there_are():
    with pytest.raises(ProfileError, match=r"no profile 'uci-shop'.*did you mean.*Allowed: .*ga4.*What to"):
        load_profile("uci-shop")


def test_profile_that_is_no_toml(tmp_path):
    (tmp_path / "mine.toml").write_text("name = ")
    with pytest.raises(ProfileError, match="is no TOML"):
        load_profile(tmp_path / "mine.toml")


def test_profile_with_an_unknown_column_names_the_near_one():
    with pytest.raises(ValueError, match=r"'visitorid' is no events column \(did you mean 'visitor_id'\?\)"):
        Profile(name="x", title="x", columns={"visitorid": ColumnMap(source=("a",))})


def test_profile_with_an_unknown_field(tmp_path):
    (tmp_path / "mine.toml").write_text('name = "x"\ntitle = "x"\ncolour = 1\n[columns]\nprice = "p"\n')
    with pytest.raises(ProfileError, match=r"does not hold together at 'colour'.*What to do: mend"):
        load_profile(tmp_path / "mine.toml")
