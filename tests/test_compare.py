from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal.compare import Side, compare, difference_interval, main_tables, same_data
from buysignal.report import GoalNote, Report
from shop import Shop


def changed(report: Report, **figures: float) -> Report:
    """A run on the same rows whose champion has other figures, their intervals moved along."""
    copy = report.model_copy(deep=True)
    row = next(r for r in copy.table("prefix: purchase").rows if r.champion)
    for metric, step in figures.items():
        low, high = row.intervals[metric]
        assert row.metrics[metric] is not None
        assert low is not None
        assert high is not None
        row.metrics[metric] += step  # type: ignore[operator]
        row.intervals[metric] = (low + step, high + step)
    return copy


def part(a: Report, b: Report, task: str = "conversion"):  # type: ignore[no-untyped-def]
    return next(p for p in compare(Side("A", a), Side("B", b)).parts if p.task == task)


def test_a_run_beside_itself_is_the_same_and_may_be_compared(shop: Shop) -> None:
    found = compare(Side("A", shop.report), Side("B", shop.report))
    assert [p.task for p in found.parts] == ["conversion", "revenue", "next_item", "segments"]
    assert found.alone == ()
    for one in found.parts:
        assert one.obstacles == ()
        assert {d.change for d in one.differences} == {0.0}
        assert all(d.better == "" for d in one.differences)
    who = found.parts[0]
    assert who.sentence == "Both have the same log loss."
    assert {"k=1", "with_cart"} <= set(who.slices)
    assert set(who.curves) == {"roc", "precision_recall", "calibration", "lift", "gain"}
    assert set(who.curves["roc"]) == {"A", "B"}


def test_a_difference_beyond_chance_is_said_and_one_within_it_too(shop: Shop) -> None:
    far = part(shop.report, changed(shop.report, log_loss=-0.5, roc_auc=0.9))
    by_name = {d.metric: d for d in far.differences}
    assert (by_name["log_loss"].better, by_name["roc_auc"].better) == ("b", "b")
    assert by_name["log_loss"].change == pytest.approx(-0.5)
    assert far.sentence == "B is better by log loss, by more than chance in the test rows explains."
    near = part(shop.report, changed(shop.report, log_loss=0.001))
    assert near.sentence == "A has the better log loss, but by no more than chance in the test rows explains."
    assert part(shop.report, changed(shop.report, log_loss=0.5)).differences[6].better == "a"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"goal": "cart"}, "different questions: A “the visitor buys later in this session”, B “"),
        ({"data": {"rows_kept": 12}}, "come from different data"),
        ({"data": {"revenue": 1.0}}, "come from different data"),
        ({"data": {"simulated": False}}, "A was trained on simulated data, B was not."),
        ({"table": {"split": "five folds"}}, "tested on different rows"),
        ({"table": {"n_test": 7}}, "tested on different rows"),
        ({"table": {"base_rate": 0.5}}, "not equally frequent"),
        ({"table": {"unit": "session"}}, "One row is a prefix in A and a session in B"),
    ],
)
def test_figures_that_may_not_be_compared_come_without_a_difference(
    shop: Shop, change: dict[str, object], said: str
) -> None:
    other = shop.report.model_copy(deep=True)
    table = other.table("prefix: purchase")
    if "goal" in change:
        note = GoalNote(name="cart", sentence="something goes into the cart", proxy=True)
        other.goal = table.goal = note
    for name, value in change.get("data", {}).items():  # type: ignore[attr-defined]
        setattr(other.dataset, name, value)
    for name, value in change.get("table", {}).items():  # type: ignore[attr-defined]
        setattr(table, name, value)
    found = part(shop.report, other)
    assert any(said in sentence for sentence in found.obstacles), found.obstacles
    assert found.sentence.startswith("These figures may not be compared")
    assert all(d.change is None and d.interval is None and d.better == "" for d in found.differences)
    assert [d.b for d in found.differences]
    assert found.curves == {}
    assert found.slices == {}


def test_what_is_worth_knowing_is_remarked(shop: Shop) -> None:
    other = shop.report.model_copy(deep=True)
    table = other.table("prefix: purchase")
    table.audit[0].verdict = "leak"
    table.validation_choice = "xgboost"
    other.settings = {**other.settings, "fast": False}
    said = " ".join(part(shop.report, other).remarks)
    assert "calls the figures of B a leak" in said
    assert "would have chosen XGBoost" in said
    assert "fast: True in A, False in B" in said


def test_a_question_only_one_run_answers_is_named(shop: Shop) -> None:
    other = shop.report.model_copy(deep=True)
    other.tables = [t for t in other.tables if t.task != "revenue"]
    assert compare(Side("A", shop.report), Side("B", other)).alone == ("Only A answers: how much",)


def test_the_table_of_the_bundle_is_taken_not_the_exercise_before_it(shop: Shop) -> None:
    report = shop.report.model_copy(deep=True)
    exercise = report.table("prefix: purchase").model_copy(update={"unit": "click", "name": "click: price"})
    report.tables.insert(0, exercise)
    assert main_tables(report)["conversion"].name == "prefix: purchase"
    assert main_tables(report)["segments"].name == "segments"


NUMBERS = st.floats(-1e3, 1e3)
WIDTHS = st.floats(0, 1e3)


@given(NUMBERS, WIDTHS, WIDTHS, NUMBERS, WIDTHS, WIDTHS)
def test_the_interval_holds_the_difference_and_turns_round_with_it(
    a: float, a_down: float, a_up: float, b: float, b_down: float, b_up: float
) -> None:
    ours, theirs = (a - a_down, a + a_up), (b - b_down, b + b_up)
    low, high = difference_interval(a, ours, b, theirs)
    assert low <= b - a <= high
    back = difference_interval(b, theirs, a, ours)
    assert (-back[1], -back[0]) == pytest.approx((low, high))


def test_the_interval_covers_the_true_difference_of_two_means() -> None:
    """Two independent samples with a true difference of 1, 600 times."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(600):
        a, b = rng.normal(0, 1, 60), rng.normal(1, 2, 60)
        bounds = [(m - h, m + h) for m, h in ((s.mean(), 1.96 * s.std(ddof=1) / 60**0.5) for s in (a, b))]
        low, high = difference_interval(a.mean(), bounds[0], b.mean(), bounds[1])
        inside += low <= 1 <= high
    assert 0.92 <= inside / 600 <= 0.98


def test_data_is_the_same_whether_its_report_was_stored_or_not(shop: Shop) -> None:
    stored = shop.report.dataset
    assert stored.revenue is not None
    assert same_data(stored, stored.model_copy(update={"revenue": stored.revenue * (1 + 1e-9)}))
    assert not same_data(stored, stored.model_copy(update={"revenue": stored.revenue * 1.01}))
