"""Public data sets: verified, unpacked, split as the usual files are; with a sentence where it fails."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from buysignal.errors import SourceError
from buysignal.sources import download, load

SAMPLES = Path(__file__).parent.parent / "fixtures" / "profiles"
ROWS = 40


@pytest.fixture
def small_shop(tmp_path, monkeypatch):
    """A small archive in the form of the published one, known to the table by its own checksum."""
    header, *rows = (SAMPLES / "uci-eshop.csv").read_text().splitlines()
    text = "\r\n".join([header, *(rows[0].replace(";1;A13", f";1;A{i}") for i in range(ROWS))]) + "\r\n"
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("e-shop clothing 2008.csv", text)
    known = replace(download.DATASETS["uci-eshop"], sha256=hashlib.sha256(archive.read_bytes()).hexdigest())
    monkeypatch.setitem(download.DATASETS, "uci-eshop", known)
    return archive


def test_split_is_four_fifths_and_holds_every_row_once(small_shop, tmp_path):
    train, test = download.get("uci-eshop", to=tmp_path / "data", source=small_shop)
    assert (train.name, test.name) == ("train_data.csv", "test_data.csv")
    found = [set(load(path).table.column("item_id").to_pylist()) for path in (train, test)]
    assert [len(items) for items in found] == [32, 8]
    assert not found[0] & found[1]


def test_address_is_as_good_as_a_file(small_shop, tmp_path):
    files = download.get("uci-eshop", to=tmp_path / "data", source=small_shop.as_uri())
    assert all(path.is_file() for path in files)


def test_changed_bytes_are_refused(small_shop, tmp_path):
    raw = bytearray(small_shop.read_bytes())
    raw[40] ^= 1
    small_shop.write_bytes(raw)
    with pytest.raises(SourceError, match=r"its SHA-256 is .*What to do: fetch it again.*--from FILE"):
        download.get("uci-eshop", to=tmp_path / "data", source=small_shop)
    assert not (tmp_path / "data").exists()


def test_unknown_name_says_the_near_one(tmp_path):
    with pytest.raises(
        SourceError, match=r"no data set 'uci-shop'.*did you mean.*Allowed: uci-eshop, uci-shoppers"
    ):
        download.get("uci-shop", to=tmp_path)


def test_missing_file(tmp_path):
    with pytest.raises(SourceError, match=r"there is no file .*nothing\.zip.*What to do"):
        download.get("uci-eshop", to=tmp_path, source=tmp_path / "nothing.zip")


def test_no_network_says_how_to_go_on(tmp_path):
    with pytest.raises(SourceError) as caught:
        download.get("uci-eshop", to=tmp_path, source="http://127.0.0.1:9/archive.zip")
    assert "cannot be fetched" in str(caught.value)
    assert "dataset/553" in (caught.value.todo or "")
    assert "--from FILE" in (caught.value.todo or "")


def test_archive_of_something_else(tmp_path):
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as packed:
        packed.writestr("x.csv", "a,b\n")
    with pytest.raises(SourceError, match="what came is not the archive of uci-shoppers"):
        download.get("uci-shoppers", to=tmp_path, source=other)


def test_real_split_equals_the_usual_files_row_for_row(real_data, tmp_path):
    folder = real_data / "uci_eshop"
    files = download.get("uci-eshop", to=tmp_path, source=folder / "clickstream_data_for_online_shopping.zip")
    for path in files:
        with gzip.open(folder / f"{path.name}.gz") as expected:
            assert path.read_bytes() == expected.read(), path.name


def test_real_shoppers_from_the_plain_file(real_data, tmp_path):
    with gzip.open(real_data / "uci_shoppers" / "online_shoppers_intention.csv.gz") as packed:
        (tmp_path / "plain.csv").write_bytes(packed.read())
    (path,) = download.get("uci-shoppers", to=tmp_path / "out", source=tmp_path / "plain.csv")
    assert load(path).rows_kept == 12_330
