"""Profiles a user keeps: detected next time, named in every door, and never in the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from buysignal.cli import app
from buysignal.errors import ProfileError
from buysignal.sources import load, load_profile
from buysignal.sources.own import FOLDER, keep, own_profiles

FOREIGN = (
    "uid,when,action,sku,amount\na,2025-03-01T10:00:00Z,view,i1,10\na,2025-03-01T10:01:00Z,order,i1,10\n"
)
MAP = {"visitor_id": "uid", "event_time": "when", "event_name": "action", "item_id": "sku", "price": "amount"}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kept"
    monkeypatch.setenv(FOLDER, str(folder))
    return folder


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    path.write_text(FOREIGN)
    return path


def test_the_same_columns_are_read_by_it_next_time(kept: Path, foreign: Path) -> None:
    with pytest.raises(ProfileError, match="no known format"):
        load(foreign)
    loaded = load(foreign, mapping=MAP)
    profile = keep(loaded.profile, "my-shop", loaded.forms[0].columns)
    again = load(foreign)
    assert (again.profile, again.confidence) == (profile, 1.0)
    assert load_profile("my-shop") == profile
    assert list(kept.iterdir()) == [kept / "my-shop.toml"]


def test_other_files_are_still_read_by_what_fits_them(kept: Path, foreign: Path) -> None:
    loaded = load(foreign, mapping=MAP)
    keep(loaded.profile, "my-shop", loaded.forms[0].columns)
    sample = Path(__file__).parents[1] / "fixtures" / "profiles" / "rees46.csv"
    assert load(sample).profile.name == "rees46"


def test_of_equals_the_users_own_comes_first(kept: Path) -> None:
    sample = Path(__file__).parents[1] / "fixtures" / "profiles" / "rees46.csv"
    loaded = load(sample)
    keep(loaded.profile, "ours", loaded.forms[0].columns)
    assert load(sample).profile.name == "ours"


@pytest.mark.parametrize("name", ["", "My Shop", "../evil", "a" * 41, "generic"])
def test_a_bad_name_is_one_sentence(kept: Path, name: str) -> None:
    with pytest.raises(ProfileError, match="choose another name"):
        keep(load_profile("generic"), name, ["visitor_id", "event_name"])
    assert not kept.exists()


def test_a_broken_profile_stops_nothing_until_it_is_asked_for(kept: Path) -> None:
    kept.mkdir()
    (kept / "broken.toml").write_text("name = ")
    assert own_profiles() == {}
    sample = Path(__file__).parents[1] / "fixtures" / "profiles" / "rees46.csv"
    assert load(sample).profile.name == "rees46"
    with pytest.raises(ProfileError, match="no TOML"):
        load_profile("broken")


def test_from_the_command_line(kept: Path, foreign: Path) -> None:
    runner = CliRunner()
    maps = [part for name, source in MAP.items() for part in ("--map", f"{name}={source}")]
    saved = runner.invoke(app, ["check", str(foreign), *maps, "--save-profile", "my-shop", "--json"])
    assert saved.exit_code == 0, saved.output
    checked = runner.invoke(app, ["check", str(foreign), "--json"])
    assert json.loads(checked.output)["profile"] == "my-shop"
    listed = json.loads(runner.invoke(app, ["profiles", "--json"]).output)
    assert {"name": "my-shop", "title": "Your profile 'my-shop'", "kept": True} in listed
