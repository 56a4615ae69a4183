"""buysignal explore, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from buysignal.cli import app
from buysignal.errors import SamplesError
from shop import Shop


def run(*words: object) -> str:
    done = CliRunner().invoke(app, ["explore", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_writes_the_page_and_says_what_is_in_it(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "explore.html"
    told = json.loads(run(shop.events, "--out", out, "--device", "mobile", "--from", "2025-03-10", "--json"))
    assert told["simulated"] is True
    assert " of " in told["facts"]["Visits (of all)"]
    charts = {key for section in told["sections"] for key in section["charts"]}
    page = out.read_text(encoding="utf-8")
    assert all(f'id="{key}"' in page for key in charts)
    assert {"funnel-steps", "paths-event-flow", "cohorts-weeks"} <= charts


def test_a_filter_that_nothing_passes_is_one_sentence(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(SamplesError, match="no visit passes these filters"):
        run(shop.events, "--out", tmp_path / "x.html", "--country", "nowhere")
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize("words", [("--from", "May"), ("--where", "Month")])
def test_what_is_misspelled_is_one_sentence(shop: Shop, tmp_path: Path, words: tuple[str, str]) -> None:
    from buysignal.errors import InputError

    with pytest.raises(InputError, match="is no"):
        run(shop.events, "--out", tmp_path / "x.html", *words)
