"""What is hopeless stops with one clear sentence: what came, what is allowed, what to do."""

from __future__ import annotations

import gzip
import os
import random
import zipfile
from pathlib import Path

import pytest

from buysignal.errors import InputError, ProfileError, SourceError
from buysignal.sources import load, text

HEADER = "visitor_id,event_time,event_name,price\n"
ROW = "v1,2024-03-01T09:00:00Z,view_item,5\n"


def refuse(paths, came: str, *, kind: type[InputError] = SourceError, **options) -> InputError:
    """Load must fail with a sentence that says ``came``, and what to do."""
    with pytest.raises(kind, match=came) as caught:
        load(paths, **options)
    assert caught.value.todo, "the sentence has to say what to do"
    assert "\n" not in str(caught.value)
    return caught.value


def write(tmp_path: Path, content: bytes | str, name: str = "events.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_missing_file(tmp_path):
    assert refuse(tmp_path / "no.csv", "there is no file").allowed


def test_no_file_at_all():
    assert refuse([], "no file was named").allowed


def test_folder_without_data(tmp_path):
    write(tmp_path, "x", "notes.md")
    assert refuse(tmp_path, "holds no data files").allowed


@pytest.mark.parametrize("name", ["events.csv", "events.parquet", "events.jsonl"])
def test_empty_file(tmp_path, name):
    assert refuse(write(tmp_path, b"", name), "is empty").allowed


def test_empty_inside_gz(tmp_path):
    refuse(write(tmp_path, gzip.compress(b""), "events.csv.gz"), "is empty")


def test_header_only(tmp_path):
    assert refuse(write(tmp_path, HEADER), "a header and nothing else").allowed


def test_only_empty_lines(tmp_path):
    assert refuse(write(tmp_path, "\n\n\n"), "only empty lines").allowed


@pytest.mark.parametrize("size", [300, 100_000])
def test_binary_noise(tmp_path, size):
    assert refuse(write(tmp_path, random.Random(0).randbytes(size)), "is binary, not text").allowed


def test_picture_called_csv(tmp_path):
    picture = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(64)
    refuse(write(tmp_path, picture), "is binary, not text")


def test_text_called_parquet(tmp_path):
    assert refuse(write(tmp_path, HEADER + ROW, "events.parquet"), "called Parquet but is none").allowed


def test_damaged_parquet(tmp_path):
    assert refuse(write(tmp_path, b"PAR1" + bytes(200), "e.parquet"), "is a damaged Parquet file").allowed


def test_truncated_gz(tmp_path):
    packed = gzip.compress((HEADER + ROW * 5000).encode())
    assert refuse(write(tmp_path, packed[: len(packed) // 2], "e.csv.gz"), "is damaged").allowed


def test_truncated_zip(tmp_path):
    path = tmp_path / "e.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("e.csv", os.urandom(3000).hex())
    path.write_bytes(path.read_bytes()[:-700])
    assert refuse(path, "is damaged").allowed


def test_zip_without_data(tmp_path):
    path = tmp_path / "e.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("picture.png", b"x")
    assert refuse(path, "holds no data files").allowed


@pytest.mark.parametrize("kind", ["zip", "gz"])
def test_bomb_is_stopped_while_it_unpacks(tmp_path, kind):
    path = tmp_path / f"bomb.{kind}"
    block = b"\n" * 1_000_000
    if kind == "zip":
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("bomb.csv", "w", force_zip64=True) as out,
        ):
            for _ in range(100):
                out.write(block)
    else:
        with gzip.open(path, "wb") as out:
            for _ in range(100):
                out.write(block)
    assert refuse(path, "unpacks to more than 300 times its size").allowed


def test_one_line_of_100_megabytes(tmp_path):
    path = tmp_path / "events.csv"
    noise = os.urandom(500_000).hex().encode()
    with path.open("wb") as out:
        out.write(HEADER.encode())
        for _ in range(100):
            out.write(noise)
    assert refuse(path, r"has a line of more than 2,000,000 bytes").allowed


def test_long_line_between_short_ones(tmp_path):
    content = HEADER + ROW + "x" * (text.MAX_LINE_BYTES + 1) + "\n" + ROW
    refuse(write(tmp_path, content), "has a line of more than")


def test_unknown_profile(tmp_path):
    error = refuse(write(tmp_path, HEADER + ROW), "no profile 'ga5'", kind=ProfileError, profile="ga5")
    assert "did you mean 'ga4'" in str(error)
    assert "generic" in (error.allowed or "")


def test_no_format_fits(tmp_path):
    error = refuse(write(tmp_path, "uid,when,what\n1,2,3\n"), "no known format fits", kind=ProfileError)
    assert "uid, when, what" in str(error)
    assert "retailrocket" in (error.allowed or "")


def test_required_column_that_nothing_maps_to(tmp_path):
    content = "visitorId,event_time,event_nam,price\n" + ROW
    error = refuse(write(tmp_path, content), "no column for event_name", kind=ProfileError, profile="generic")
    assert "did you mean 'event_nam'?" in str(error)
    assert "event_name=COLUMN" in (error.todo or "")


def test_mapping_to_a_column_that_is_not_there(tmp_path):
    error = refuse(
        write(tmp_path, HEADER + ROW),
        "no column 'visitor_idx'",
        kind=ProfileError,
        mapping={"visitor_id": "visitor_idx"},
    )
    assert "did you mean 'visitor_id'" in str(error)


def test_mapping_of_an_unknown_name(tmp_path):
    error = refuse(
        write(tmp_path, HEADER + ROW),
        "no column 'visitr_id'",
        kind=ProfileError,
        mapping={"visitr_id": "price"},
    )
    assert "did you mean 'visitor_id'" in str(error)


def test_no_row_is_kept(tmp_path):
    error = refuse(write(tmp_path, HEADER + "v1,yesterday,view_item,5\n" * 3), "none of the 3 rows")
    assert "bad_time 3" in str(error)
    assert "write 2024-05-31T13:45:00Z" in (error.todo or "")


def test_two_columns_of_one_name(tmp_path):
    assert refuse(write(tmp_path, "visitor_id,Price,price\nv,1,2\n"), "two columns called 'price'").allowed


def test_json_that_is_no_object(tmp_path):
    refuse(write(tmp_path, "1\n2\n", "e.jsonl"), "none of|no known format|no JSON", kind=InputError)


def test_broken_json_list(tmp_path):
    assert refuse(write(tmp_path, '[{"visitor_id": 1}, {', "e.json"), "no whole JSON list").allowed


def test_headerless_file_that_no_layout_fits(tmp_path):
    path = write(tmp_path, "1,2,3\n4,5,6\n")
    assert refuse(path, "has no header", kind=ProfileError, profile="yoochoose").allowed
