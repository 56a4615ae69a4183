"""Rules over visits: when they fire, and that they fire once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal.alerts.rules import CartAtRisk, HotVisit, rules_of
from buysignal.alerts.thresholds import cents_of, millionths_of
from buysignal.alerts.told import ToldOnDisk
from buysignal.alerts.visits import OpenVisits
from buysignal.alerts.watch import Told, Watch
from buysignal.errors import InputError, SourceError, UnitError

from .scores import MINUTE, answer, filled


def watch(*, told: Told | None = None, gap: str = "30m", **rules: str) -> Watch:
    return Watch(OpenVisits(gap), rules_of("EUR", **rules), currency="EUR", told=told)  # type: ignore[arg-type]


def test_a_cart_is_at_risk_once_its_visitor_has_not_clicked_for_so_long() -> None:
    found = watch(cart="50 EUR", below="20%", idle="10m")
    assert found.take(filled(), 5 * MINUTE) == []
    assert found.tick(15 * MINUTE - 1) == []
    (alert,) = found.tick(15 * MINUTE)
    assert alert.body["rule"] == "cart_at_risk"
    assert alert.body["noticed_at"] == "1970-01-01T00:15:00+00:00"
    assert alert.body["sentence"] == (
        "A cart of 60.00 EUR lies untouched for 10 minutes; the probability of conversion is 10.0%."
    )
    assert (alert.body["cart_value"], alert.body["currency"], alert.body["simulated"]) == (60.0, "EUR", True)
    assert found.tick(25 * MINUTE) == []


def test_a_click_in_time_starts_the_wait_anew() -> None:
    found = watch(cart="50 EUR", idle="10m")
    found.take(filled(), 0)
    found.tick(9 * MINUTE)
    found.take(filled(clicks=2), 9 * MINUTE)
    assert found.tick(18 * MINUTE) == []
    assert len(found.tick(19 * MINUTE)) == 1


def test_a_visit_is_told_of_once_by_each_rule_however_often_it_fits() -> None:
    found = watch(cart="50 EUR", idle="10m", hot="5%")
    rules = [alert.body["rule"] for alert in found.take(filled(), 0)]
    rules += [alert.body["rule"] for alert in found.take(filled(clicks=2), MINUTE)]
    rules += [alert.body["rule"] for minute in range(60) for alert in found.tick(minute * MINUTE)]
    found.take(filled(clicks=3), 61 * MINUTE)
    rules += [alert.body["rule"] for alert in found.tick(80 * MINUTE)]
    assert rules == ["hot_visit", "cart_at_risk"]


@pytest.mark.parametrize(
    "score",
    [
        filled(value=49.99),
        filled(probability=0.2),
        filled(already_bought=True),
        answer(cart_value=60.0),
    ],
    ids=["too little", "likely enough", "bought", "empty"],
)
def test_what_is_no_cart_at_risk(score: dict[str, object]) -> None:
    found = watch(cart="50 EUR", below="20%", idle="10m")
    found.take(score, 0)
    assert found.tick(20 * MINUTE) == []


def test_the_bounds_themselves_are_compared_in_whole_cents_and_millionths() -> None:
    found = watch(cart="59.97 EUR", below="30%", idle="10m", hot="30%")
    assert found.take(filled("a", value=19.99 * 3, probability=0.1 + 0.2 - 1e-3), 0) == []
    assert len(found.tick(10 * MINUTE)) == 1
    # 0.1 + 0.2 is a little more than 0.3 in binary, and no less likely for that.
    assert len(found.take(filled("b", probability=0.1 + 0.2), 11 * MINUTE)) == 1
    assert len(found.take(filled("c", probability=0.3), 11 * MINUTE)) == 1


@given(st.integers(0, 10**9), st.integers(0, 100_0000))
def test_amounts_and_shares_are_read_to_the_last_digit(amount: int, share: int) -> None:
    assert cents_of(f"{amount // 100}.{amount % 100:02} EUR", "EUR") == amount
    assert millionths_of(f"{share // 10_000}.{share % 10_000:04}%") == share


def test_a_wait_longer_than_the_session_gap_keeps_the_visit() -> None:
    found = watch(cart="50 EUR", idle="2h", gap="30m")
    found.take(filled(), 0)
    assert found.tick(60 * MINUTE) == []
    assert found.visits.open() == []
    assert len(found.tick(120 * MINUTE)) == 1


def test_rules_that_come_later_see_the_visits_under_way() -> None:
    found = Watch(OpenVisits("30m"), currency="EUR")
    found.take(filled("old"), 0)
    found.take(filled("new"), 15 * MINUTE)
    found.tick(16 * MINUTE)
    found.use(rules_of("EUR", cart="50 EUR", idle="10m"))
    told = [alert for minute in range(16, 60) for alert in found.tick(minute * MINUTE)]
    assert [alert.body["visitor_id"] for alert in told] == ["new"]


def test_a_proxy_is_never_called_conversion() -> None:
    found = watch(hot="50%", cart="50 EUR")
    (alert,) = found.take(filled(probability=0.9, proxy=True, goal="add_to_cart_later"), 0)
    assert alert.body["proxy"] is True
    assert alert.body["sentence"] == (
        "The probability (proxy: add_to_cart_later, not conversion) is 90.0% after 1 click."
    )


def test_what_was_told_is_remembered_in_a_file(tmp_path: Path) -> None:
    for expected in (1, 0):
        told = ToldOnDisk(tmp_path / "told")
        found = watch(told=told, hot="50%")
        assert len(found.take(filled(probability=0.9), 0)) == expected
        told.close()
    (tmp_path / "other").write_text("no such file " * 100)
    with pytest.raises(SourceError, match="cannot remember alerts"):
        ToldOnDisk(tmp_path / "other")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({}, "there is no rule"),
        ({"cart": "50"}, "has no currency"),
        ({"cart": "50 USD"}, "is in USD"),
        ({"cart": "50.005 EUR"}, "is no amount"),
        ({"cart": "50 EUR", "below": "0.2"}, "is no share"),
        ({"cart": "50 EUR", "idle": "10"}, "has no unit"),
        ({"cart": "50 EUR", "idle": "30d"}, "is no live visit"),
        ({"hot": "101%"}, "is no share"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(rules: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        rules_of("EUR", **rules)  # type: ignore[arg-type]


def test_without_a_currency_amounts_have_none() -> None:
    assert rules_of(None, cart="50", hot="60%") == (
        CartAtRisk(5_000, 200_000, "10m", None), HotVisit(600_000),
    )  # fmt: skip
    with pytest.raises(UnitError, match="is in EUR"):
        rules_of(None, cart="50 EUR")
