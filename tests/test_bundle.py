"""Bundles: what is written is what is read, and what was changed is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from buysignal import bundle as bundles
from buysignal import features
from buysignal.errors import BundleError
from shop import Shop


@pytest.fixture
def copy(shop: Shop, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shop.folder, tmp_path / "copy"))


def test_a_bundle_says_what_it_is(shop: Shop) -> None:
    manifest = shop.bundle.manifest
    assert manifest.goal.name == "purchase"
    assert manifest.names == features.NAMES
    assert manifest.dataset.simulated
    assert manifest.goal.currency == "EUR"
    assert set(manifest.metrics) >= {"prefix: purchase", "prefix: revenue"}
    assert {"numpy", "scikit-learn", "onnxruntime"} <= set(manifest.packages)


def test_nothing_in_it_can_run_code(shop: Shop) -> None:
    kinds = {file.suffix for file in shop.folder.iterdir()}
    assert kinds <= {".onnx", ".npz", ".json", ".html"}


def test_percentiles_rise_with_the_score(shop: Shop) -> None:
    percentile = shop.bundle.percentile(np.array([0.0, 0.5, 1.0]))
    assert percentile[0] == 0
    assert percentile[-1] == 100
    assert (np.diff(percentile) >= 0).all()


@pytest.mark.parametrize("kind", [".onnx", ".npz"])
def test_changed_bytes_are_refused(copy: Path, kind: str) -> None:
    file = next(f for f in sorted(copy.iterdir()) if f.suffix == kind)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(BundleError, match=rf"'{file.name}' .* was changed after training"):
        bundles.load(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    next(f for f in copy.iterdir() if f.suffix == ".onnx").unlink()
    with pytest.raises(BundleError, match="lacks the file"):
        bundles.load(copy)


def test_a_newer_version_asks_for_an_update(copy: Path) -> None:
    _edit(copy, schema_version=99, buysignal_version="9.9.9")
    with pytest.raises(BundleError, match=r"newer version \(schema 99, buysignal 9.9.9\).*update buysignal"):
        bundles.load(copy)


def test_another_catalogue_asks_to_train_again(copy: Path) -> None:
    _edit(copy, catalogue_version=0)
    with pytest.raises(BundleError, match="feature catalogue 0"):
        bundles.load(copy)


def test_a_manifest_with_a_foreign_field_is_refused(copy: Path) -> None:
    _edit(copy, surprise=1)
    with pytest.raises(BundleError, match="was changed at 'surprise'"):
        bundles.load(copy)


def test_a_file_name_cannot_lead_out_of_the_folder(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["../outside.onnx"] = "0" * 64
    (copy / "manifest.json").write_text(json.dumps(manifest))
    (copy.parent / "outside.onnx").write_bytes(b"x")
    with pytest.raises(BundleError, match="lacks the file"):
        bundles.load(copy)


@pytest.mark.parametrize("content", ["", "[]", "not json"])
def test_a_broken_manifest_is_no_bundle(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(BundleError, match="cannot be read"):
        bundles.load(tmp_path)


def test_an_empty_folder_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is no bundle"):
        bundles.load(tmp_path)


def _edit(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}))
