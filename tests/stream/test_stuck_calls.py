"""Calls that do not come back, and troubles that are told."""

from __future__ import annotations

from threading import Event

import pytest

from buysignal.stream.client import BeginAnewError, within
from buysignal.stream.condition import Condition


def test_a_call_that_does_not_come_back_is_left_alone() -> None:
    never = Event()
    with pytest.raises(BeginAnewError, match=r"has not come back for 0\.05 seconds"):
        within(never.wait, 0.05)
    never.set()


def test_what_a_call_gives_or_raises_is_its_own() -> None:
    assert within(lambda: None) is None
    assert within(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(lambda: 1 // 0)


def test_troubles_are_told_when_they_come_and_go_and_not_again() -> None:
    told: list[str | None] = []
    condition = Condition(lambda: told.append(condition.because))
    condition.trouble("broker", "no broker answers")
    condition.trouble("broker", "no broker answers")
    condition.trouble("bundle", "it cannot be read")
    condition.well("broker")
    condition.well("broker")
    condition.well("bundle")
    assert told == ["no broker answers", "no broker answers; it cannot be read", "it cannot be read", None]
