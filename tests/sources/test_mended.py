"""What can be mended without guessing is mended, counted and said."""

from __future__ import annotations

import gzip
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from buysignal import events
from buysignal.errors import ProfileError
from buysignal.sources import load, load_profile

HEADER = "visitor_id,event_time,event_name,item_id,price,currency,page\n"
ROWS = (
    "v1,2024-03-01T09:00:00Z,view_item,a,59.90,EUR,/müller\n"
    "v1,2024-03-01T09:00:30Z,add_to_cart,a,59.90,EUR,/größe\n"
    "v2,2024-03-01T09:01:00Z,view_item,b,12.00,EUR,/\n"
)
CLEAN = HEADER + ROWS


def write(tmp_path: Path, content: str | bytes, name: str = "events.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def clean(tmp_path):
    return load(write(tmp_path, CLEAN, "clean.csv"))


def test_clean_file_mends_nothing(clean):
    assert clean.mended == {}
    assert (clean.rows_in, clean.rows_kept, clean.rows_rejected) == (3, 3, 0)
    assert events.conform(clean.table).equals(clean.table)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "utf-8-sig"])
def test_other_encodings_give_the_same_events(tmp_path, clean, encoding):
    loaded = load(write(tmp_path, CLEAN.encode(encoding)))
    assert loaded.table.equals(clean.table)
    assert loaded.mended["encoding"] > 0


def test_lines_of_two_encodings_in_one_file(tmp_path, clean):
    mixed = HEADER.encode() + b"".join(
        line.encode("latin-1" if i == 0 else "utf-8") for i, line in enumerate(ROWS.splitlines(keepends=True))
    )
    loaded = load(write(tmp_path, mixed))
    assert loaded.table.equals(clean.table)
    assert loaded.mended == {"encoding": 1}


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_give_the_same_events(tmp_path, clean, separator):
    loaded = load(write(tmp_path, CLEAN.replace(",", separator)))
    assert loaded.table.equals(clean.table)
    assert loaded.mended == {"separator": 1}


def test_spreadsheet_export_with_separator_line(tmp_path, clean):
    assert load(write(tmp_path, "sep=;\n" + CLEAN.replace(",", ";"))).table.equals(clean.table)


@pytest.mark.parametrize("ends", ["\r\n", "\n\n"])
def test_other_line_ends_give_the_same_events(tmp_path, clean, ends):
    assert load(write(tmp_path, CLEAN.replace("\n", ends))).table.equals(clean.table)


def test_file_without_last_line_break(tmp_path, clean):
    assert load(write(tmp_path, CLEAN.rstrip("\n"))).table.equals(clean.table)


@pytest.mark.parametrize("name", ["events.csv.gz", "events.zip", "folder"])
def test_packed_files_and_folders(tmp_path, clean, name):
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(CLEAN.encode()))
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "not data")
            archive.writestr("events.csv", CLEAN)
    else:
        path.mkdir()
        (path / ".hidden.csv").write_text("x")
        (path / "a.csv").write_text(HEADER + ROWS[: ROWS.index("v2")])
        (path / "b.csv").write_text(HEADER + ROWS[ROWS.index("v2") :])
    assert load(path).table.equals(clean.table)


def test_parquet_and_json_lines_give_the_same_events(tmp_path, clean):
    import duckdb

    source = tmp_path / "clean.csv"
    for kind in ("parquet", "json"):
        path = tmp_path / f"events.{kind}"
        duckdb.sql(f"COPY (SELECT * FROM read_csv('{source}', all_varchar=true)) TO '{path}' (FORMAT {kind})")
        assert load(path).table.equals(clean.table)


def test_json_list_is_read_like_json_lines(tmp_path):
    text = '[{"visitor_id": "v", "event_name": "search", "event_time": "2024-03-01T09:00:00Z"}]'
    assert load(write(tmp_path, text, "events.json")).rows_kept == 1


def test_parquet_part_files_come_in_order(tmp_path):
    import duckdb

    for i in range(3):
        duckdb.sql(
            f"COPY (SELECT 'v' AS visitor_id, 'page_view' AS event_name, '/{i}' AS page, "
            f"TIMESTAMPTZ '2024-03-01 09:00:00+00' AS event_time) TO '{tmp_path}/part-{i}.parquet'"
        )
    assert load(tmp_path).table.column("page").to_pylist() == ["/0", "/1", "/2"]


def test_decimal_commas(tmp_path):
    text = CLEAN.replace(",", ";").replace("59.90", "1.059,90").replace("12.00", "1.200")
    loaded = load(write(tmp_path, text))
    assert loaded.table.column("price").to_pylist() == [1059.9, 1059.9, 1200.0]
    assert loaded.mended == {"separator": 1, "decimal_comma": 2}


def test_points_stay_points_beside_a_lone_comma(tmp_path):
    text = CLEAN.replace(",", ";").replace("12.00", "12,50")
    assert load(write(tmp_path, text)).table.column("price").to_pylist() == [59.9, 59.9, 12.5]


def test_ambiguous_comma_is_not_guessed(tmp_path):
    loaded = load(write(tmp_path, CLEAN.replace(",", ";").replace("12.00", "1,234")))
    assert loaded.rejects.by_reason() == {"bad_number": 1}


def test_out_of_order_times_are_sorted_and_counted(tmp_path, clean):
    first, second, third = ROWS.splitlines(keepends=True)
    loaded = load(write(tmp_path, HEADER + second + first + third))
    assert loaded.table.column("event_name").to_pylist() == clean.table.column("event_name").to_pylist()
    assert loaded.mended == {"out_of_order": 1}


@pytest.mark.parametrize(
    "written",
    [
        "2024-03-01T11:00:00+02:00",
        "2024-03-01 11:00:00 +0200",
        "2024-03-01 04:00:00-05",
        "1709283600",
        "1709283600000",
    ],
)
def test_times_of_any_zone_come_to_utc(tmp_path, written):
    loaded = load(write(tmp_path, CLEAN.replace("2024-03-01T09:00:00Z", written)))
    assert loaded.table.column("event_time")[0].as_py() == datetime(2024, 3, 1, 9, tzinfo=UTC)
    assert loaded.mended.get("time_zone", 0) == (1 if "00" in written and ":" in written else 0)


def test_times_without_zone_are_in_the_profiles_zone(tmp_path):
    berlin = load_profile("generic").model_copy(update={"timezone": "Europe/Berlin"})
    loaded = load(write(tmp_path, CLEAN.replace("09:00:00Z", "10:00:00")), profile=berlin)
    assert loaded.table.column("event_time")[0].as_py() == datetime(2024, 3, 1, 9, tzinfo=UTC)


def test_time_format_of_a_profile(tmp_path):
    generic = load_profile("generic")
    column = generic.columns["event_time"].model_copy(update={"format": "%d.%m.%Y %H:%M"})
    own = generic.model_copy(update={"columns": {**generic.columns, "event_time": column}})
    text = HEADER + "v1,01.03.2024 09:00,view_item,a,1,EUR,/\nv1,31.02.2024 09:00,view_item,a,1,EUR,/\n"
    loaded = load(write(tmp_path, text), profile=own)
    assert loaded.table.column("event_time").to_pylist() == [datetime(2024, 3, 1, 9, tzinfo=UTC)]
    assert loaded.rejects.by_reason() == {"bad_time": 1}


def test_currencies_with_a_rate_are_converted(tmp_path):
    loaded = load(write(tmp_path, CLEAN.replace("12.00,EUR", "12.00,USD")), rates={"USD": 0.5})
    assert loaded.currency == "EUR"
    assert loaded.table.column("price").to_pylist() == [59.9, 59.9, 6.0]
    assert set(loaded.table.column("currency").to_pylist()) == {"EUR"}
    assert loaded.mended == {"currency": 1}


def test_mapping_names_other_columns(tmp_path, clean):
    text = CLEAN.replace("visitor_id,event_time,event_name", "uid,ts,action")
    mapping = {"visitor_id": "uid", "event_time": "ts", "event_name": "action"}
    loaded = load(write(tmp_path, text), mapping=mapping)
    assert loaded.table.equals(clean.table)


def test_mapping_on_top_of_a_profile(tmp_path, clean):
    loaded = load(
        write(tmp_path, CLEAN.replace("item_id", "article")),
        profile="generic",
        mapping={"item_id": "article"},
    )
    assert loaded.table.equals(clean.table)


def test_line_breaks_and_quotes_inside_cells(tmp_path):
    text = (
        HEADER
        + 'v1,2024-03-01T09:00:00Z,search,"24"" tv","1,50",EUR,"two\nlines"\n'
        + ROWS
        + "v3,nonsense,search,,,,\n"
    )
    loaded = load(write(tmp_path, text))
    first = loaded.table.to_pylist()[0]
    assert (first["item_id"], first["price"], first["page"]) == ('24" tv', 1.5, "two\nlines")
    assert [r["line"] for r in loaded.rejects.to_pylist()] == [7]


def test_other_files_of_a_folder_are_left_out_and_said(tmp_path, clean):
    folder = tmp_path / "export"
    folder.mkdir()
    write(folder, "item_id,name\na,Atlas\n", "items.csv")
    write(folder, "Exported by hand.\n", "readme.txt")
    write(folder, CLEAN)
    loaded = load(folder)
    assert loaded.table.equals(clean.table)
    assert [Path(name).name for name in loaded.left_out] == ["items.csv"]


def test_named_file_that_does_not_fit_is_not_left_out(tmp_path):
    items = write(tmp_path, "item_id,name\na,Atlas\n", "items.csv")
    with pytest.raises(ProfileError, match=r"items\.csv has no column for visitor_id"):
        load([write(tmp_path, CLEAN), items])


def test_columns_in_another_order_in_another_file(tmp_path):
    write(tmp_path, "event_name,price,visitor_id,event_time\nsearch,,v3,2024-03-01T09:00:00Z\n", "b.csv")
    write(tmp_path, CLEAN, "a.csv")
    loaded = load(tmp_path)
    assert loaded.table.column("visitor_id").to_pylist() == ["v1", "v1", "v2", "v3"]
    assert loaded.table.column("page").to_pylist()[-1] is None
