"""Rows that cannot be mended go to the rejects, with file, line, raw row, reason and hint."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buysignal.errors import SourceError
from buysignal.sources import load, load_profile

HEADER = "visitor_id,session_id,event_time,event_name,item_id,price,quantity,currency\n"
GOOD = "v1,s1,2024-03-01T09:00:00Z,view_item,a,5,1,EUR\n"


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "events.csv"
    path.write_text(HEADER + GOOD + "".join(f"{line}\n" for line in lines))
    return path


ONE_BAD_ROW = {
    "negative_price": "v1,s1,2024-03-01T09:01:00Z,view_item,a,-5,1,EUR",
    "absurd_price": "v1,s1,2024-03-01T09:01:00Z,view_item,a,99999999,1,EUR",
    "bad_number": "v1,s1,2024-03-01T09:01:00Z,view_item,a,cheap,1,EUR",
    "bad_quantity": "v1,s1,2024-03-01T09:01:00Z,view_item,a,5,-1,EUR",
    "bad_time": "v1,s1,2024-02-31T09:01:00Z,view_item,a,5,1,EUR",
    "impossible_time": "v1,s1,2924-02-01T09:01:00Z,view_item,a,5,1,EUR",
    "unknown_currency": "v1,s1,2024-03-01T09:01:00Z,view_item,a,5,1,JPY",
    "wrong_cell_count": "v1,s1,2024-03-01T09:01:00Z,view_item,a,5,1,EUR,extra",
    "duplicate_event": GOOD.strip(),
    "session_of_two_visitors": "v2,s1,2024-03-01T09:01:00Z,view_item,a,5,1,EUR",
    "missing": ",s1,2024-03-01T09:01:00Z,view_item,a,5,1,EUR",
    "broken_quotes": 'v1,s1,2024-03-01T09:01:00Z,view_item,"a"b,5,1,EUR',
}


@pytest.mark.parametrize(("reason", "row"), ONE_BAD_ROW.items())
def test_bad_row_is_rejected_with_its_line_and_text(tmp_path, reason, row):
    after = "v1,s1,2024-03-01T09:05:00Z,view_item,c,6,1,EUR"
    loaded = load(write(tmp_path, row, after))
    assert (loaded.rows_in, loaded.rows_kept, loaded.rows_rejected) == (3, 2, 1)
    reject = loaded.rejects.to_pylist()[0]
    assert reject["reason"] == reason
    assert reject["line"] == 3
    assert reject["raw"] == row
    assert reject["hint"]
    assert reject["file"].endswith("events.csv")


@pytest.mark.parametrize("cell", ["12 EUR", "$5", "nan5", "inf", "1e999", "0x10", "1_000", "five", "--5"])
def test_text_in_a_number(tmp_path, cell):
    loaded = load(write(tmp_path, f"v1,s1,2024-03-01T09:01:00Z,view_item,a,{cell},1,EUR"))
    assert loaded.rejects.by_reason() == {"bad_number": 1}
    assert loaded.rejects.to_pylist()[0]["column"] == "price"


def test_half_a_piece_is_no_quantity(tmp_path):
    loaded = load(write(tmp_path, "v1,s1,2024-03-01T09:01:00Z,view_item,a,5,1.5,EUR"))
    assert loaded.rejects.to_pylist()[0]["column"] == "quantity"


@pytest.mark.parametrize("cell", ["", "NULL", "null", "None", "NaN", "  "])
def test_empty_price_is_missing_not_wrong(tmp_path, cell):
    loaded = load(write(tmp_path, f"v1,s1,2024-03-01T09:01:00Z,view_item,a,{cell},1,EUR"))
    assert loaded.table.column("price").to_pylist() == [5.0, None]


def test_session_stays_with_the_visitor_of_most_rows(tmp_path):
    other = [f"v2,s1,2024-03-01T09:0{i}:00Z,view_item,a,5,1,EUR" for i in range(1, 4)]
    loaded = load(write(tmp_path, *other))
    assert loaded.table.column("visitor_id").to_pylist() == ["v2"] * 3
    assert loaded.rejects.to_pylist()[0]["raw"] == GOOD.strip()


def test_unclosed_quote_costs_one_row_only(tmp_path):
    rows = [f"v1,s1,2024-03-01T10:{i:02}:00Z,view_item,c,6,1,EUR" for i in range(60)]
    broken = 'v1,s1,2024-03-01T09:01:00Z,view_item,"a,5,1,EUR'
    loaded = load(write(tmp_path, broken, *rows))
    assert loaded.rows_kept == 61
    assert [(r["line"], r["reason"], r["raw"]) for r in loaded.rejects.to_pylist()] == [
        (3, "broken_quotes", broken)
    ]


def test_lines_are_right_after_empty_ones_and_in_later_files(tmp_path):
    (tmp_path / "a.csv").write_text(HEADER + GOOD + "\n\n" + ONE_BAD_ROW["bad_number"] + "\n")
    (tmp_path / "b.csv").write_text(HEADER + GOOD.replace("v1,s1", "v9,s9") + ONE_BAD_ROW["bad_time"] + "\n")
    loaded = load([tmp_path / "a.csv", tmp_path / "b.csv"])
    found = [(Path(r["file"]).name, r["line"], r["reason"]) for r in loaded.rejects.to_pylist()]
    assert found == [("a.csv", 5, "bad_number"), ("b.csv", 3, "bad_time")]


def test_broken_json_line(tmp_path):
    path = tmp_path / "events.jsonl"
    good = '{"visitor_id": "v", "event_name": "search", "event_time": "2024-03-01T09:00:00Z"}\n'
    path.write_text(good + '{"visitor_id": \n' + good.replace("09:00", "09:01"))
    loaded = load(path)
    assert loaded.rows_kept == 2
    assert [(r["line"], r["reason"]) for r in loaded.rejects.to_pylist()] == [(2, "broken_json")]


def test_parquet_rejects_name_file_and_row(tmp_path):
    import duckdb

    for i in (1, 2):
        price = "-1.0" if i == 2 else "1.0"
        duckdb.sql(
            f"COPY (SELECT 'v' || n AS visitor_id, 'view_item' AS event_name, {price} AS price, "
            f"TIMESTAMPTZ '2024-03-01 09:00:00+00' AS event_time FROM range({i}) t(n)) "
            f"TO '{tmp_path}/part-{i}.parquet'"
        )
    loaded = load(tmp_path)
    assert [(Path(r["file"]).name, r["line"]) for r in loaded.rejects.to_pylist()] == [
        ("part-2.parquet", 1),
        ("part-2.parquet", 2),
    ]
    assert '"price":-1.0' in loaded.rejects.to_pylist()[0]["raw"]


def test_order_tells_equal_clicks_of_the_eshop_apart(tmp_path):
    header = (
        "year,month,day,order,country,session_id,page1_main_category,page2_clothing_model,colour,location,"
    )
    header += "model_photography,price,price_2,page\n"
    row = "2008,4,1,{},29,1,1,A13,1,5,1,28,2,1\n"
    path = tmp_path / "e.csv"
    path.write_text(header + row.format(1) + row.format(2) + row.format(2))
    loaded = load(path)
    assert loaded.rows_kept == 2
    assert loaded.rejects.by_reason() == {"duplicate_event": 1}


def test_text_in_a_number_of_a_session_table(tmp_path):
    sample = Path(__file__).parent.parent / "fixtures" / "profiles" / "uci-shoppers.csv"
    path = tmp_path / "s.csv"
    path.write_text(sample.read_text().replace("798.33", "long"))
    loaded = load(path)
    assert loaded.rejects.by_reason() == {"bad_number": 1}
    assert loaded.rejects.to_pylist()[0]["column"] == "ProductRelated_Duration"
    assert loaded.rows_kept == 2


def test_max_price_is_the_profiles(tmp_path):
    dear = load_profile("generic").model_copy(update={"max_price": 1e9})
    path = write(tmp_path, ONE_BAD_ROW["absurd_price"])
    assert load(path, profile=dear).rows_rejected == 0


def test_written_rejects_can_be_read_and_hold_no_formula(tmp_path):
    row = "=1+1,s1,2024-03-01T09:01:00Z,view_item,a,-5,1,EUR"
    loaded = load(write(tmp_path, row))
    loaded.rejects.write(tmp_path / "rejects.csv")
    with (tmp_path / "rejects.csv").open(newline="") as stream:
        written = list(csv.DictReader(stream))
    assert written[0]["raw"] == "'" + row
    assert (written[0]["line"], written[0]["reason"]) == ("3", "negative_price")


def test_rejects_into_no_folder(tmp_path):
    loaded = load(write(tmp_path))
    with pytest.raises(SourceError, match=r"cannot be written to.*What to do: choose another path"):
        loaded.rejects.write(tmp_path / "no" / "rejects.csv")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.sampled_from([GOOD.strip(), *ONE_BAD_ROW.values(), "", '"', ",,,,,,,", "v1"]),
            st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=40),
        ),
        max_size=30,
    )
)
def test_no_line_is_ever_lost(tmp_path, lines):
    """Whatever stands in the file, each line that is not empty is kept or rejected."""
    path = tmp_path / "any.csv"
    path.write_text(HEADER + GOOD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    loaded = load(path, profile="generic")
    assert loaded.rows_in == loaded.rows_kept + loaded.rows_rejected
    joined = sum(r["raw"].count("\n") for r in loaded.rejects.to_pylist())
    joined += sum(v.count("\n") for r in loaded.table.to_pylist() for v in r.values() if isinstance(v, str))
    filled = 1 + sum(bool(line.strip()) for line in lines)
    assert loaded.rows_in + joined >= filled >= loaded.rows_in
