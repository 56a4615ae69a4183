"""What the commands refuse before they ask a broker."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from buysignal.cli import app
from buysignal.errors import BuysignalError


def refused(*arguments: str) -> str:
    """The sentence that a command ends with."""
    error = CliRunner().invoke(app, list(arguments)).exception
    assert isinstance(error, BuysignalError)
    return str(error)


@pytest.mark.parametrize("pace", ["fast", "0x", "100"])
def test_a_pace_is_real_max_or_a_factor(pace: str, tmp_path: Path) -> None:
    said = refused("replay", str(tmp_path), "--bootstrap", "127.0.0.1:1", "--pace", pace)
    assert said == f"'{pace}' is no pace. Allowed: real, max, or a factor such as 100x."


def test_a_setting_of_the_client_is_key_and_value(tmp_path: Path) -> None:
    said = refused("replay", str(tmp_path), "--bootstrap", "127.0.0.1:1", "--config", "tls")
    assert said.startswith("--config tls is no setting. Allowed: key=value")
