"""Rejected rows, mended and fed in again: what is good is kept, and every row is accounted for."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from buysignal.cli import app
from buysignal.errors import SourceError
from buysignal.sources import Loaded, load, raw
from buysignal.sources.form import FileForm
from buysignal.sources.mend import Place, form_by_file, mend

HEADER = "visitor_id,session_id,event_time,event_name,item_id,price,quantity,currency,attr_code\n"
GOOD = "v1,s1,2024-03-01T09:00:00Z,view_item,a,5,1,EUR,x07\n"
BAD = {
    "bad_number": "v1,s1,2024-03-01T09:01:00Z,view_item,b,cheap,1,EUR,x08",
    "bad_time": "v1,s1,2024-02-31T09:02:00Z,purchase,b,5,1,EUR,x09",
    "wrong_cell_count": "v1,s1,2024-03-01T09:03:00Z,view_item,b,5,1,EUR,x10,extra",
    "missing": ",s1,2024-03-01T09:04:00Z,view_item,b,5,1,EUR,x11",
}


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    path.write_text(HEADER + GOOD + "".join(f"{row}\n" for row in BAD.values()))
    return path


def place_of(loaded: Loaded, reason: str) -> tuple[Place, str]:
    reject = next(r for r in loaded.rejects.to_pylist() if r["reason"] == reason)
    return (reject["file"], reject["line"]), reject["raw"]


def edited(loaded: Loaded, reason: str, **changes: str) -> dict[Place, str]:
    """The reject of that reason with some of its cells changed."""
    place, row = place_of(loaded, reason)
    form = form_by_file(loaded.forms)[place[0]]
    cells = {**raw.split(row, form), **changes}
    return {place: raw.join(cells, row, form)}


def balanced(loaded: Loaded) -> bool:
    return loaded.rows_in == loaded.rows_kept + loaded.rows_rejected == 5


def test_mended_rows_are_kept_and_every_row_is_accounted_for(dirty: Path) -> None:
    loaded = load(dirty)
    rows = edited(loaded, "bad_number", price="12.50") | edited(
        loaded, "bad_time", event_time="2024-03-01T09:02:00Z"
    )
    rows |= edited(loaded, "wrong_cell_count", **{raw.SURPLUS: ""})
    done = mend(loaded, rows)
    assert (done.fed, done.good) == (3, 3)
    assert balanced(done.loaded)
    assert done.loaded.table.column("price").to_pylist() == [5.0, 12.5, 5.0, 5.0]
    assert done.loaded.table.column("attr_code").to_pylist() == ["x07", "x08", "x09", "x10"]
    assert done.loaded.table.schema == loaded.table.schema
    assert done.loaded.rejects.by_reason() == {"missing": 1}


def test_mending_comes_to_what_a_clean_file_gives(dirty: Path, tmp_path: Path) -> None:
    loaded = load(dirty)
    done = mend(loaded, edited(loaded, "bad_number", price="12.50"))
    whole = tmp_path / "clean" / "events.csv"
    whole.parent.mkdir()
    whole.write_text(HEADER + GOOD + BAD["bad_number"].replace("cheap", "12.50") + "\n")
    clean = load(whole)
    columns = [c for c in clean.table.column_names if c != "event_seq"]
    assert done.loaded.table.select(columns).to_pylist() == clean.table.select(columns).to_pylist()


def test_a_row_that_is_still_bad_is_rejected_again_at_its_place(dirty: Path) -> None:
    loaded = load(dirty)
    rows = edited(loaded, "bad_number", price="-4")
    done = mend(loaded, rows)
    assert (done.fed, done.good) == (1, 0)
    assert balanced(done.loaded)
    place, row = place_of(done.loaded, "negative_price")
    assert {place: row} == rows


def test_a_row_that_equals_a_kept_one_is_a_duplicate(dirty: Path) -> None:
    loaded = load(dirty)
    place, _ = place_of(loaded, "bad_number")
    done = mend(loaded, {place: GOOD.strip()})
    assert done.good == 0
    assert balanced(done.loaded)
    assert place_of(done.loaded, "duplicate_event") == (place, GOOD.strip())
    assert done.loaded.duplicates == 1


def test_two_rows_mended_to_the_same_are_one_event(dirty: Path) -> None:
    loaded = load(dirty)
    row = GOOD.strip().replace("09:00", "09:30")
    done = mend(loaded, {place_of(loaded, reason)[0]: row for reason in ("bad_number", "bad_time")})
    assert done.good == 1
    assert balanced(done.loaded)


def test_a_session_does_not_change_hands(dirty: Path) -> None:
    loaded = load(dirty)
    done = mend(loaded, edited(loaded, "missing", visitor_id="v2"))
    assert done.good == 0
    assert done.loaded.rejects.by_reason()["session_of_two_visitors"] == 1
    assert mend(loaded, edited(loaded, "missing", visitor_id="v1")).good == 1


def test_semicolons_and_decimal_commas_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    head = "visitor_id;event_time;event_name;item_id;price\n"
    path.write_text(head + "a;2024-03-01T09:00:00Z;view_item;i;9,50\na;2024-13-01;view_item;i;12,50\n")
    loaded = load(path)
    done = mend(loaded, edited(loaded, "bad_time", event_time="2024-03-01T09:05:00Z"))
    assert done.loaded.table.column("price").to_pylist() == [9.5, 12.5]


def test_parquet_rows_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    duckdb.sql(
        "COPY (SELECT 'v' AS visitor_id, 'view_item' AS event_name, unnest([1.0, -2.0]) AS price, "
        "'x42' AS attr_code, true AS attr_new, TIMESTAMPTZ '2024-03-01 09:00:00+00' AS event_time) "
        f"TO '{path}'"
    )
    loaded = load(path)
    done = mend(loaded, edited(loaded, "negative_price", price="2.0"))
    assert done.good == 1
    assert done.loaded.table.column("attr_code").to_pylist() == ["x42", "x42"]
    assert done.loaded.table.column("attr_new").to_pylist() == [True, True]
    assert done.loaded.table.schema == loaded.table.schema


def test_json_lines_even_broken_ones(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    good = '{"visitor_id": "v", "event_name": "search", "event_time": "2024-03-01T09:00:00Z"}'
    path.write_text(good + '\n{"visitor_id": \n')
    loaded = load(path)
    place, row = place_of(loaded, "broken_json")
    form = form_by_file(loaded.forms)[place[0]]
    assert raw.split(row, form) == {raw.WHOLE: row}
    done = mend(loaded, {place: good.replace("09:00", "09:01")})
    assert (done.good, done.loaded.rows_rejected) == (1, 0)


def test_a_session_table_takes_its_rows_back(tmp_path: Path) -> None:
    sample = Path(__file__).parents[1] / "fixtures" / "profiles" / "uci-shoppers.csv"
    path = tmp_path / "s.csv"
    path.write_text(sample.read_text().replace("798.33", "long"))
    loaded = load(path)
    place, row = place_of(loaded, "bad_number")
    done = mend(loaded, {place: row.replace("long", "798.33")})
    assert (done.loaded.rows_in, done.loaded.rows_rejected) == (loaded.rows_in, 0)
    assert done.loaded.table.schema == loaded.table.schema


def test_a_file_without_header(tmp_path: Path) -> None:
    sample = Path(__file__).parents[1] / "fixtures" / "profiles" / "yoochoose-clicks.dat"
    first = sample.read_text().splitlines()[0]
    path = tmp_path / "yoochoose-clicks.dat"
    path.write_text(sample.read_text() + first.rsplit(",", 1)[0] + "\n")
    loaded = load(path)
    place, row = place_of(loaded, "wrong_cell_count")
    done = mend(loaded, {place: f"{row},0".replace(":", ":", 1)})
    assert done.loaded.rows_in == loaded.rows_in
    assert done.loaded.rejects.by_reason() == {"duplicate_event": 1}


def test_rows_that_were_never_rejected_are_refused(dirty: Path) -> None:
    with pytest.raises(SourceError, match="none of these rows"):
        mend(load(dirty), {("events.csv", 999): "x"})


plain = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)


@given(st.lists(plain, min_size=2, max_size=5), st.sampled_from([",", ";", "\t", "|"]))
def test_cells_survive_being_joined_and_split(cells: list[str], separator: str) -> None:
    form = FileForm(("f",), "text", separator, {f"c{i}": () for i in range(len(cells))}, {})
    row = raw.join(dict(zip(form.columns, cells, strict=True)), "", form)
    assert list(raw.split(row, form).values()) == cells


def test_from_the_command_line(dirty: Path, tmp_path: Path) -> None:
    rejects, out = tmp_path / "rejects.csv", tmp_path / "mended.csv"
    runner = CliRunner()
    assert runner.invoke(app, ["check", str(dirty), "--rejects", str(rejects)]).exit_code == 0
    with rejects.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["raw"] = row["raw"].replace("cheap", "3").replace("02-31", "03-01")
    with rejects.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    done = runner.invoke(app, ["mend", str(dirty), "--rejects", str(rejects), "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.output)
    assert (facts["fed"], facts["good"], facts["rows_in"], facts["rows_rejected"]) == (2, 2, 5, 2)
    assert load([dirty, out]).rows_kept == 3
