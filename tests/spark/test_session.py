"""What stands in the way of Spark is said in one sentence; errors of workers arrive as they were."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from buysignal.errors import DependencyError, EventsError, InputError, SourceError
from buysignal.spark.jobs import as_sentence
from buysignal.spark.session import opened_session


def test_without_pyspark_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with (
        pytest.raises(DependencyError, match=r"pip install 'buysignal\[spark\]'"),
        opened_session("local[1]"),
    ):
        pass


def test_without_java_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match="Spark needs Java, and JAVA_HOME is"), opened_session("local[1]"):
        pass


def test_an_error_of_a_worker_is_the_same_error() -> None:
    said = "events column 'price' is text. Allowed: double."
    found = as_sentence(RuntimeError(f"Traceback\nbuysignal.errors.EventsError: {said}\n at Worker"))
    assert isinstance(found, EventsError)
    assert str(found) == said


def test_a_full_disk_is_said_to_be_full() -> None:
    found = as_sentence(RuntimeError("Caused by: java.io.IOException: No space left on device"))
    assert isinstance(found, SourceError)
    assert "disk is full" in str(found)


def test_what_is_not_known_stays_as_it_is() -> None:
    error = RuntimeError("something else")
    assert as_sentence(error) is error
