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


FOREIGN = b"klant,when,action,sku,amount,cur\n" + b"".join(
    b"k%d,2025-03-0%dT10:00:00Z,%s,i1,%s,%s\n" % (i, 1 + i, word, price, code)
    for i, (word, price, code) in enumerate(
        [
            (b"view", b"5", b"EUR"),
            (b"order", b"5", b"EUR"),
            (b"order", b"8", b"USD"),
            (b"order", b"x", b"EUR"),
        ]
    )
)


def foreign(folder: Path) -> bringing.Source:
    names = {"visitor_id": "klant", "event_time": "when", "event_name": "action", "price": "amount"}
    mapping = names | {"item_id": "sku", "currency": "cur"}
    return bringing.uploaded([File("shop.csv", FOREIGN)], folder, silent, mapping=mapping)


def test_files_that_no_profile_reads_wait_for_a_person(tmp_path: Path) -> None:
    paths = bringing.stored([File("shop.csv", FOREIGN)], tmp_path, silent)
    with pytest.raises(BuysignalError) as refused:
        bringing.read(paths, tmp_path, "shop.csv", progress=silent)
    waiting = bringing.waiting(paths, tmp_path, refused.value)
    assert waiting is not None
    assert waiting.seen.forms[0].columns == ("klant", "when", "action", "sku", "amount", "cur")
    assert "What your columns mean" in str(waiting.why)


def test_a_broken_file_waits_for_nobody(tmp_path: Path) -> None:
    paths = bringing.stored([File("empty.csv", b"")], tmp_path, silent)
    with pytest.raises(BuysignalError) as refused:
        bringing.read(paths, tmp_path, "empty.csv", progress=silent)
    assert bringing.waiting(paths, tmp_path, refused.value) is None


def test_rates_convert_and_mended_rows_stay_mended(tmp_path: Path) -> None:
    source = foreign(tmp_path)
    assert source.check.rejects_by_reason == {"bad_number": 1, "unknown_currency": 1}
    bad = next(r for r in source.loaded.rejects.to_pylist() if r["reason"] == "bad_number")
    mended = bringing.mended(source, {(bad["file"], bad["line"]): bad["raw"].replace(",x,", ",6,")})
    assert mended.check.rejects_by_reason == {"unknown_currency": 1}
    again = bringing.reread(mended, silent, rates={"USD": 0.5})
    assert again.check.rejects_by_reason == {}
    assert (again.check.rows_in, again.check.rows_kept) == (4, 4)
    assert sorted(again.loaded.table.column("price").to_pylist()) == [4, 5, 5, 6]
    assert source.check.rows_rejected == 2


def test_progress_goes_up_while_files_are_copied(tmp_path: Path) -> None:
    told: list[float] = []
    files = [File("a.csv", b"x" * 9_000_000), File("b.csv", b"y" * 5_000_000)]
    for file, size in zip(files, (9_000_000, 5_000_000), strict=True):
        file.size = size  # type: ignore[attr-defined]
    bringing.stored(files, tmp_path, lambda share, _: told.append(share))
    assert told == sorted(told)
    assert len(told) >= 4
    assert told[-1] == pytest.approx(1)
