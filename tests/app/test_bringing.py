"""Uploads: written in pieces under their own names, read by the library, said in the user's words."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest

from buysignal.app import bringing
from buysignal.errors import BuysignalError, SourceError
from buysignal.sources import download, load
from shop import Shop


class File(io.BytesIO):
    def __init__(self, name: str, content: bytes) -> None:
        super().__init__(content)
        self.name = name


def silent(_share: float, _text: str) -> None:
    """Take progress and say nothing."""


CSV = (
    b"visitor_id,event_time,event_name,item_id,price\n"
    b"a,2025-03-01T10:00:00Z,view_item,i1,10\n"
    b"a,2025-03-01T10:01:00Z,purchase,i1,-3\n"
)


def test_an_upload_is_read_as_the_library_reads_the_file(shop: Shop, tmp_path: Path) -> None:
    upload = File("events.parquet", shop.events.read_bytes())
    source = bringing.uploaded([upload], tmp_path, silent)
    expected = load(shop.events)
    assert source.loaded.table.equals(expected.table)
    assert source.check.rows_in == expected.rows_in
    assert source.simulated
    assert source.label == "events.parquet"


def test_rejects_name_the_users_file_and_not_the_servers_folder(tmp_path: Path) -> None:
    source = bringing.uploaded([File("mine.csv", CSV)], tmp_path, silent)
    (reject,) = source.loaded.rejects.to_pylist()
    assert (reject["file"], reject["line"], reject["reason"]) == ("mine.csv", 3, "negative_price")
    assert [path.name for path in source.loaded.paths] == ["mine.csv"]
    assert str(tmp_path) not in str(source.loaded.paths)


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.csv", b""), ("noise.parquet", b"\x00\x01noise"), ("half.csv.gz", b"\x1f\x8b\x08\x00broken")],
)
def test_a_file_that_cannot_be_read_is_named_without_the_folder(
    name: str, content: bytes, tmp_path: Path
) -> None:
    with pytest.raises(BuysignalError) as refused:
        bringing.uploaded([File(name, content)], tmp_path, silent)
    assert name in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("name", ["../../evil.csv", "..\\evil.csv", "/etc/evil.csv"])
def test_a_name_cannot_lead_out_of_the_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    bringing.uploaded([File(name, CSV)], folder, silent)
    assert [p.name for p in folder.iterdir()] == ["evil.csv"]
    assert [p.name for p in tmp_path.iterdir()] == ["inside"]


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="two files are called"):
        bringing.uploaded([File("a.csv", CSV), File("x/a.csv", CSV)], tmp_path, silent)


def test_other_column_names_are_mapped(tmp_path: Path) -> None:
    renamed = CSV.replace(b"visitor_id", b"uid")
    with pytest.raises(BuysignalError, match="What your columns mean"):
        bringing.uploaded([File("a.csv", renamed)], tmp_path, silent, profile="generic")
    folder = tmp_path / "again"
    folder.mkdir()
    source = bringing.uploaded([File("a.csv", renamed)], folder, silent, mapping={"visitor_id": "uid"})
    assert source.check.rows_kept == 1


def test_without_a_network_it_asks_for_the_archive_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = dataclasses.replace(download.DATASETS["uci-eshop"], url="http://127.0.0.1:9/archive.zip")
    monkeypatch.setitem(download.DATASETS, "uci-eshop", nowhere)
    with pytest.raises(SourceError, match="then give the archive here") as refused:
        bringing.public("uci-eshop", None, tmp_path, silent)
    assert "--from" not in str(refused.value)


def test_a_public_data_set_from_its_archive(real_data: Path, tmp_path: Path) -> None:
    archive = real_data / "uci_eshop" / "clickstream_data_for_online_shopping.zip"
    source = bringing.public("uci-eshop", File(archive.name, archive.read_bytes()), tmp_path, silent)
    assert source.check.rows_kept == 165_474
    assert source.check.purchases == 0
    assert source.test_name == "test_data.csv"
    assert {path.name for path in source.paths} == {"train_data.csv", "test_data.csv"}


def test_the_demo_shop_is_labelled_and_dirty() -> None:
    source = bringing.demo_shop(300)
    assert source.simulated
    assert source.check.currency == "EUR"
    assert source.check.rows_in == source.check.rows_kept + source.check.rows_rejected
    assert source.loaded is bringing.demo_shop(300).loaded
