"""Bundles as zip: what goes out comes in again; what is no bundle is refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from buysignal.app import bundles
from buysignal.errors import BundleError
from shop import Shop


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def files_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_downloaded_bundle_opens_again_and_scores_the_same(shop: Shop, tmp_path: Path) -> None:
    again = bundles.unpacked(bundles.zipped(shop.folder), "mine.zip", tmp_path)
    original, copy = shop.bundle, again.bundle
    assert again.label == "mine"
    assert again.report is not None
    assert copy.version == original.version
    np.testing.assert_array_equal(
        copy.probability(copy.typical[None]), original.probability(original.typical[None])
    )


def test_a_zip_with_one_folder_inside_is_taken_too(shop: Shop, tmp_path: Path) -> None:
    content = packed({f"demo/{name}": data for name, data in files_of(shop.folder).items()})
    assert bundles.unpacked(content, "demo.zip", tmp_path).bundle.version == shop.bundle.version


def test_a_changed_byte_is_refused_by_the_users_name_of_it(shop: Shop, tmp_path: Path) -> None:
    files = files_of(shop.folder)
    name = next(name for name in files if name.endswith(".onnx"))
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    with pytest.raises(BundleError, match=r"'mine'.*SHA-256") as refused:
        bundles.unpacked(packed(files), "mine.zip", tmp_path)
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize(
    "files",
    [
        {"../evil.txt": b"x"},
        {"/etc/evil.txt": b"x", "manifest.json": b"{}"},
        {"a/manifest.json": b"{}", "b/conversion.onnx": b"x"},
        {"notes.txt": b"no bundle"},
        {},
    ],
    ids=["parent", "absolute", "two folders", "other files", "empty"],
)
def test_what_is_no_bundle_is_refused_and_nothing_is_written_elsewhere(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    with pytest.raises(BundleError):
        bundles.unpacked(packed(files), "x.zip", folder)
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]


def test_a_bomb_is_stopped_by_what_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_FILE_BYTES", 3_000_000)
    content = packed({"manifest.json": b"\0" * 40_000_000})
    assert len(content) < 100_000
    with pytest.raises(BundleError, match="more than a bundle can hold"):
        bundles.unpacked(content, "bomb.zip", tmp_path)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 4_000_000


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    content = packed({f"{i}.bin": b"x" for i in range(bundles.MAX_FILES + 1)})
    with pytest.raises(BundleError, match="files"):
        bundles.unpacked(content, "many.zip", tmp_path)


def test_noise_is_no_zip(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be unpacked"):
        bundles.unpacked(b"PK\x03\x04 no zip after all", "noise.zip", tmp_path)


def test_the_demo_bundle_comes_first(models: Path) -> None:
    (models / "aaa").mkdir()
    (models / "aaa" / "manifest.json").write_bytes((models / "demo" / "manifest.json").read_bytes())
    (models / "no-bundle").mkdir()
    assert [path.name for path in bundles.found()] == ["demo", "aaa"]
