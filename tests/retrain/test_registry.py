"""The registry: every version kept, one champion, each change with its reason, nothing lost when it fails."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from buysignal import bundle as bundles
from buysignal.errors import BundleError, InputError
from buysignal.registry import Registry
from shop import Shop


@pytest.fixture
def two(shop: Shop, proxied: Path, tmp_path: Path) -> tuple[Registry, str, str]:
    """A registry with two versions, the first of them the champion."""
    registry = Registry(tmp_path / "models")
    first, second = registry.add(shop.folder), registry.add(proxied / "bundle")
    registry.promote(first, why="the first")
    return registry, first, second


def test_the_champion_lies_where_doors_watch(two: tuple[Registry, str, str]) -> None:
    registry, first, second = two
    assert bundles.load(registry.champion_folder).version == first
    registry.promote(second, why="better")
    assert bundles.load(registry.champion_folder).version == second
    assert registry.versions() == [first, second]
    assert [change.what for change in registry.state.history] == ["added", "added", "promoted", "promoted"]
    assert (registry.champion_folder / "report.json").is_file()


def test_roll_back_returns_to_the_one_before(two: tuple[Registry, str, str]) -> None:
    registry, first, second = two
    with pytest.raises(InputError, match="no earlier champion"):
        registry.roll_back()
    registry.promote(second, why="better")
    assert registry.roll_back(why="orders fell") == first
    assert bundles.load(registry.champion_folder).version == first == registry.state.champion
    assert registry.state.history[-1].why == "orders fell"


def test_a_champion_promoted_anew_is_not_the_one_before_itself(two: tuple[Registry, str, str]) -> None:
    registry, first, second = two
    registry.promote(second, why="better")
    registry.promote(second, why="its folder was damaged")
    assert registry.roll_back() == first


def test_a_damaged_version_changes_nothing(two: tuple[Registry, str, str]) -> None:
    registry, first, second = two
    damaged = next(registry.path(second).glob("conversion-*.onnx"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match="SHA-256"):
        registry.promote(second, why="better")
    assert registry.state.champion == first
    assert bundles.load(registry.champion_folder).version == first


def test_a_registry_that_was_changed_by_hand_is_told(two: tuple[Registry, str, str]) -> None:
    registry, first, _ = two
    (registry.folder / "registry.json").write_text('{"champion": 7}')
    with pytest.raises(BundleError, match="champion's folder is untouched"):
        registry.state  # noqa: B018
    assert bundles.load(registry.champion_folder).version == first


@pytest.mark.parametrize("version", ["nothing", "../versions", ""])
def test_an_unknown_version_is_refused(two: tuple[Registry, str, str], version: str) -> None:
    with pytest.raises(BundleError):
        two[0].promote(version, why="")


def test_two_at_once_are_refused_and_a_dead_holder_frees_the_lock(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    code = (
        "import sys, time; from buysignal.registry import Registry\n"
        f"with Registry({str(tmp_path)!r}).locked(): print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another retraining"), registry.locked():
            pass
    finally:
        other.kill()
        other.wait()
    until = time.monotonic() + 10
    while True:
        try:
            with registry.locked():
                break
        except InputError:
            assert time.monotonic() < until
            time.sleep(0.1)
