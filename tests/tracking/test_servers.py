"""Which server is asked, and that no secret is shown."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buysignal.errors import InputError
from buysignal.tracking.servers import DEFAULT_URI, asked, configured, hide_secrets, refused, server_of

VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/"), min_size=4)


def test_the_nearest_word_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert server_of().uri == DEFAULT_URI
    assert not configured()
    monkeypatch.setenv("DAGSHUB_REPO", "anna/clicks")
    assert server_of().uri == "https://dagshub.com/anna/clicks.mlflow"
    # What dagshub.init sets.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://dagshub.com/ben/shop.mlflow")
    assert server_of().uri == "https://dagshub.com/ben/shop.mlflow"
    assert server_of("http://127.0.0.1:5000").uri == "http://127.0.0.1:5000"
    assert configured()


def test_a_token_goes_to_dagshub_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSHUB_REPO", "anna/clicks")
    monkeypatch.setenv("DAGSHUB_USER_TOKEN", "token-1234")
    both = {"MLFLOW_TRACKING_USERNAME": "token-1234", "MLFLOW_TRACKING_PASSWORD": "token-1234"}
    assert server_of().variables == both
    assert "token-1234" not in repr(server_of())
    assert server_of("http://127.0.0.1:5000").variables == {}
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "own")
    assert server_of().variables == {}


@pytest.mark.parametrize("repo", ["clicks", "anna/clicks/more", "https://dagshub.com/anna/clicks", "anna/"])
def test_what_is_no_repository_is_said(repo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSHUB_REPO", repo)
    with pytest.raises(InputError, match="owner/name"):
        server_of()


def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="the extra 'track' is not installed")
    monkeypatch.setenv("DAGSHUB_REPO", "anna/clicks")
    monkeypatch.setenv("DAGSHUB_USER_TOKEN", "token-1234")
    before = dict(os.environ)
    with asked(server_of()):
        assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "token-1234"
    assert dict(os.environ) == before


@given(user=VISIBLE, password=VISIBLE)
def test_addresses_are_shown_without_user_and_password(user: str, password: str) -> None:
    server = server_of(f"https://{user}:{password}@mlflow.example.org/shop")
    assert server.shown == "https://mlflow.example.org/shop"
    said = refused(server, OSError(f"{server.uri}/api/2.0 did not answer"))
    assert f"{user}:{password}" not in str(said) + repr(server)


@given(secret=VISIBLE)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_secrets_of_the_environment_are_taken_out(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", secret)
    assert secret not in hide_secrets(f"basic auth with {secret} failed").replace("***", "")
