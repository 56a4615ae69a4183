"""What the command refuses before it reads a score."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from buysignal.cli import app
from buysignal.errors import InputError
from shop import Shop

BASE = ("--bootstrap", "127.0.0.1:1", "--secret-env", "HOOK")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--url", "http://127.0.0.1:9/", "--hot", "60%"), "inside the own network"),
        (("--url", "ftp://shop.example/", "--hot", "60%"), "no webhook's address"),
        (("--url", "http://127.0.0.1:9/", "--allow-private"), "there is no rule"),
        (("--url", "http://127.0.0.1:9/", "--allow-private", "--cart", "50"), "has no currency"),
        (("--url", "http://127.0.0.1:9/", "--allow-private", "--hot", "60%", "--since", "30"), "has no unit"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    shop: Shop, options: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "a long random text of our own")
    result = CliRunner().invoke(app, ["alert", str(shop.folder), *BASE, *options])
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)


def test_an_empty_secret_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    options = ["--url", "http://127.0.0.1:9/", "--allow-private", "--hot", "60%"]
    result = CliRunner().invoke(app, ["alert", str(shop.folder), *BASE, *options])
    assert "environment variable HOOK is empty" in str(result.exception)


def test_every_option_the_page_names_exists() -> None:
    docs = Path(__file__).parents[2] / "docs"
    section = (
        (docs / "cli.md").read_text(encoding="utf-8").split("## `buysignal alert", 1)[1].split("\n## ")[0]
    )
    named = set(re.findall(r"(?<![\w-])(--[a-z][\w-]+)", (docs / "live.md").read_text(encoding="utf-8")))
    assert {"--cart", "--allow-private"} <= named <= set(re.findall(r"--[a-z][\w-]+", section))
