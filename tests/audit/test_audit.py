"""Every mistake is planted in clean samples, found and named; clean samples raise nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import ADASYN, SMOTE

from buysignal.audit import Finding, audit
from buysignal.errors import SamplesError
from buysignal.samples import Samples, concatenate

from .shop import BOUGHT, clean, parted, shuffled, with_column

Pair = tuple[Samples, Samples]


def bad(findings: list[Finding]) -> list[Finding]:
    return [f for f in findings if f.verdict != "ok"]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("target", ["y", "revenue"])
def test_clean_samples_raise_nothing(seed: int, target: str) -> None:
    train, test = parted(clean(seed, rows=3_000 + 200 * seed))
    assert bad(audit(train, test, target=target)) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_random_split_of_single_visits_is_only_a_look_into_the_future(seed: int) -> None:
    samples = clean(seed)
    samples = replace(samples, visitor=samples.session)
    assert [f.check for f in bad(audit(*shuffled(samples, seed), target="y"))] == ["future"]


def column(samples: Samples, name: str) -> np.ndarray:
    return samples.X[:, samples.names.index(name)]


def threshold_per_category(samples: Samples) -> Pair:
    cut = np.array([48, 52, 43, 60])[column(samples, "category").astype(int)]
    return parted(replace(samples, y=(column(samples, "price") >= cut).astype(np.int8)))


def threshold(samples: Samples) -> Pair:
    return parted(replace(samples, y=(column(samples, "seconds") <= 60).astype(np.int8)))


def item_fixes_answer(samples: Samples) -> Pair:
    answer = np.random.default_rng(5).random(200) < 0.3
    return parted(replace(samples, y=answer[column(samples, "item").astype(int)].astype(np.int8)))


def channel_and_category_fix_answer(samples: Samples) -> Pair:
    answer = np.random.default_rng(6).random((8, 4)) < 0.5
    at = column(samples, "channel").astype(int), column(samples, "category").astype(int)
    return parted(replace(samples, y=answer[at].astype(np.int8)))


def larger_than_another(samples: Samples) -> Pair:
    limit = np.random.default_rng(7).gamma(3, 20, len(samples))
    samples = with_column(samples, "limit", limit)
    y = column(samples, "seconds") > column(samples, "limit")
    return parted(replace(samples, y=y.astype(np.int8)))


def few_exceptions(samples: Samples) -> Pair:
    train, test = threshold_per_category(samples)
    y = train.y.copy()
    y[::500] = 1 - y[::500]
    return replace(train, y=y), test


def strong_column(samples: Samples) -> Pair:
    noise = np.random.default_rng(8).normal(0, 0.22, len(samples))
    return parted(with_column(samples, "confirmation_pages", samples.y + noise))


def strong_category(samples: Samples) -> Pair:
    rng = np.random.default_rng(9)
    codes = np.where(rng.random(len(samples)) < 0.04, rng.integers(0, 6, len(samples)), 3 * samples.y)
    samples = with_column(samples, "last_page", codes)
    levels = tuple(f"page {i}" for i in range(6))
    return parted(replace(samples, categories={**samples.categories, "last_page": levels}))


def late_column(samples: Samples) -> Pair:
    train, test = parted(samples)
    known = {"seconds": "end", "price": "during"}
    return replace(train, known=known), replace(test, known=known)


def sessions_torn(samples: Samples) -> Pair:
    samples = replace(samples, session=np.arange(len(samples)) // 2 + 7, visitor=np.full(len(samples), -1))
    return shuffled(samples, 0)


def visitors_torn(samples: Samples) -> Pair:
    return shuffled(samples, 0)


def copied_rows(samples: Samples) -> Pair:
    train, test = parted(samples)
    copies = train.subset(np.arange(40))
    fresh = replace(copies, visitor=copies.visitor + 10**6, session=copies.session + 10**6)
    return train, concatenate(fresh, test)


def copied_with_another_time(samples: Samples) -> Pair:
    train, test = parted(samples)
    X, y, spent = test.X.copy(), test.y.copy(), test.revenue.copy()
    X[:40], y[:40], spent[:40] = train.X[:40], train.y[:40], train.revenue[:40]
    return train, replace(test, X=X, y=y, revenue=spent)


def oversampled_then_split(samples: Samples) -> Pair:
    rare = np.flatnonzero(samples.y == 0)
    more = samples.subset(np.random.default_rng(0).choice(rare, 800))
    both = concatenate(samples, more)
    own = np.arange(len(both), dtype=np.int64)
    return shuffled(replace(both, visitor=own + 5, session=own + 5), 0)


def test_before_train(samples: Samples) -> Pair:
    return parted(samples)[::-1]


test_before_train.__test__ = False


PLANTED: list[tuple[Callable[[Samples], Pair], str, str, tuple[str, ...], tuple[str, ...]]] = [
    (
        threshold_per_category,
        "function_of_columns",
        "tautology",
        ("price", "category"),
        ("`bought` is 1 exactly when `price` ≥ 4", "in trousers", "in skirts", "in blouses", "in sale"),
    ),
    (threshold, "function_of_columns", "tautology", ("seconds",), ("exactly when `seconds` ≤ ",)),
    (
        item_fixes_answer,
        "function_of_columns",
        "tautology",
        ("item",),
        ("`item` alone fixes `bought` (200 values, one answer each: item ", "→ yes", "→ no"),
    ),
    (
        channel_and_category_fix_answer,
        "function_of_columns",
        "tautology",
        ("category", "channel"),
        ("`category` and `channel` together fix `bought` (32 combinations",),
    ),
    (
        larger_than_another,
        "function_of_columns",
        "tautology",
        ("seconds", "limit"),
        ("`bought` is 1 exactly when `seconds` > `limit`",),
    ),
    (
        few_exceptions,
        "function_of_columns",
        "tautology",
        ("price", "category"),
        (" of the rows when `price` ",),
    ),
    (strong_column, "single_column", "leak", ("confirmation_pages",), ("alone reaches ROC-AUC 0.9",)),
    (strong_category, "single_column", "leak", ("last_page",), ("`last_page` alone reaches ROC-AUC",)),
    (
        late_column,
        "known_too_late",
        "leak",
        ("seconds",),
        ("`seconds` is known only when the visit is over",),
    ),
    (
        sessions_torn,
        "sessions_in_both",
        "leak",
        (),
        ("sessions stand in both train and test", " % of the test rows"),
    ),
    (visitors_torn, "visitors_in_both", "leak", (), ("visitors stand in both train and test",)),
    (copied_rows, "equal_rows", "leak", (), ("40 test rows", "copies")),
    (copied_with_another_time, "equal_rows", "leak", (), ("40 test rows", "copies")),
    (oversampled_then_split, "equal_rows", "leak", (), ("copies, not chance",)),
    (test_before_train, "future", "leak", (), ("train rows (100 %) are later than 2024-03-01",)),
]


@pytest.mark.parametrize(
    ("plant", "check", "verdict", "columns", "words"), PLANTED, ids=[p[0].__name__ for p in PLANTED]
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_planted_is_found_and_named(
    plant: Callable[[Samples], Pair],
    check: str,
    verdict: str,
    columns: tuple[str, ...],
    words: tuple[str, ...],
    seed: int,
) -> None:
    found = [f for f in bad(audit(*plant(clean(seed)), target="y")) if f.check == check]
    assert [(f.verdict, f.columns) for f in found] == [(verdict, columns)]
    for word in words:
        assert word in found[0].detail


@pytest.mark.parametrize(
    ("amount", "columns", "words"),
    [
        (
            lambda s: 7.0 + column(s, "item") % 23,
            ("item",),
            "`item` alone fixes `spent` (200 values, one value each",
        ),
        (
            lambda s: column(s, "price") * column(s, "clicks"),
            ("price", "clicks"),
            "`spent` is `price` × `clicks`",
        ),
        (
            lambda s: column(s, "price") + column(s, "clicks"),
            ("price", "clicks"),
            "`spent` is `price` + `clicks`",
        ),
        (lambda s: column(s, "seconds") / column(s, "clicks"), ("seconds", "clicks"), "`seconds` / `clicks`"),
        (lambda s: 1.19 * column(s, "price"), ("price",), "`spent` is 1.19 × `price`"),
        (
            lambda s: 3 * column(s, "category") + column(s, "channel"),
            ("category", "channel"),
            "together fix `spent`",
        ),
    ],
    ids=["item", "product", "sum", "ratio", "tax", "two categories"],
)
def test_an_amount_that_columns_fix_is_a_tautology(
    amount: Callable[[Samples], np.ndarray], columns: tuple[str, ...], words: str
) -> None:
    samples = clean(1)
    samples = replace(samples, revenue=amount(samples).astype(np.float64))
    found = bad(audit(*parted(samples), target="revenue"))
    assert {f.verdict for f in found} <= {"tautology", "leak"}
    assert found[0].verdict == "tautology"
    assert found[0].columns == columns
    assert words in found[0].detail


def test_an_amount_that_one_column_nearly_gives_away_is_a_leak() -> None:
    samples = clean(2)
    noisy = samples.revenue * np.random.default_rng(0).normal(1, 0.03, len(samples))
    found = bad(audit(*parted(with_column(samples, "basket", noisy)), target="revenue"))
    assert [(f.check, f.verdict, f.columns) for f in found] == [("single_column", "leak", ("basket",))]


def test_page_values_are_called_what_they_are() -> None:
    samples = with_column(clean(1), "PageValues", np.random.default_rng(0).random(4_000))
    train, _ = parted(replace(samples, known={"PageValues": "end"}))
    found = bad(audit(train, target="y"))
    assert found[0].detail.startswith(
        "`PageValues` is computed from the transactions of the visit; it is known"
    )
    own = bad(audit(train, target="y", reasons={"PageValues": "comes from the till"}))
    assert own[0].detail.startswith("`PageValues` comes from the till;")


def unnamed(samples: Samples, whole: bool, resampler: SMOTE | ADASYN) -> Samples:
    """Resample the numeric columns, as a notebook does before train_test_split."""
    numbers = ["price", "clicks", "seconds", "scroll"]
    frame = samples.frame()[numbers]
    frame[["price", "clicks"]] = frame[["price", "clicks"]].astype("int64" if whole else "float64")
    frame, y = resampler.fit_resample(frame, samples.y)
    n = len(frame)
    return Samples(
        X=frame.to_numpy(dtype=np.float32),
        names=tuple(numbers),
        y=np.asarray(y, dtype=np.int8),
        revenue=None,
        time=np.full(n, "NaT", dtype="datetime64[us]"),
        session=np.arange(n) + 5,
        visitor=np.arange(n) + 5,
        k=np.ones(n, dtype=np.int32),
        unit="session",
        goal=BOUGHT,
        source_row=np.arange(n),
    )


@pytest.mark.parametrize(
    "whole", [False, True], ids=["interpolated whole numbers", "cut back to whole numbers"]
)
@pytest.mark.parametrize(
    "resampler",
    [SMOTE(random_state=0), ADASYN(random_state=0), SMOTE(sampling_strategy=0.7, random_state=0)],
    ids=["smote", "adasyn", "smote to 0.7"],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_smote_before_the_split_is_seen_in_the_rows(
    resampler: SMOTE | ADASYN, whole: bool, seed: int
) -> None:
    samples = clean(seed, rows=3_000)
    keep = (samples.y == 0) | (np.random.default_rng(seed).random(3_000) < 0.25)
    resampled = unnamed(samples.subset(keep), whole, resampler)
    found = [
        f for f in bad(audit(*shuffled(resampled, 0), target="y")) if f.check == "resampled_before_split"
    ]
    assert [f.verdict for f in found] == ["leak"]
    assert "on the line between two train rows" in found[0].detail
    assert ("clicks" in found[0].columns) is not whole


def test_smote_inside_the_training_rows_is_no_leak() -> None:
    train, test = parted(clean(1))
    train, test = (s.drop(["category", "channel", "item", "days_since"]) for s in (train, test))
    X, y = SMOTE(random_state=0).fit_resample(train.X, train.y)
    extra = train.subset(np.zeros(len(X) - len(train), dtype=np.int64))
    resampled = replace(concatenate(train, extra), X=X, y=y)
    assert [f.check for f in bad(audit(resampled, test, target="y"))] == []


@pytest.mark.parametrize(
    ("steps", "early"),
    [
        (("load", "SMOTE", "split"), True),
        (("load", "random oversampling", "time split", "fit"), True),
        (("load", "split", "smote", "fit"), False),
        (("load", "split"), False),
    ],
)
def test_the_declared_order_of_steps_is_believed(steps: tuple[str, ...], early: bool) -> None:
    found = bad(audit(*parted(clean(1)), target="y", provenance=steps))
    assert [f.check for f in found] == (["resampled_before_split"] if early else [])


def test_what_the_caller_knows_is_believed() -> None:
    found = bad(audit(*parted(clean(1)), target="y", resampled_before_split=True))
    assert [(f.check, f.verdict) for f in found] == [("resampled_before_split", "leak")]


def test_returning_visitors_in_time_order_are_a_warning() -> None:
    samples = clean(1)
    samples = replace(samples, visitor=np.arange(len(samples)) % 1_000)
    found = bad(audit(samples.subset(np.arange(3_000)), samples.subset(np.arange(3_000, 4_000)), target="y"))
    assert [(f.check, f.verdict) for f in found] == [("visitors_in_both", "warning")]
    assert "1,000 visitors stand in both train and test (100 % of the test rows)" in found[0].detail


def test_without_a_clock_the_order_cannot_be_checked() -> None:
    samples = clean(1)
    samples = replace(samples, time=np.full(len(samples), "NaT", dtype="datetime64[us]"))
    found = bad(audit(*parted(samples), target="y"))
    assert [(f.check, f.verdict) for f in found] == [("future", "warning")]
    assert "cannot be checked" in found[0].detail


def test_a_few_train_rows_beyond_the_cut_are_a_warning() -> None:
    train, test = parted(clean(1))
    time = train.time.copy()
    time[-10:] = test.time[200]
    found = bad(audit(replace(train, time=time), test, target="y"))
    assert [(f.check, f.verdict) for f in found] == [("future", "warning")]


def test_an_id_that_is_unique_raises_nothing() -> None:
    samples = with_column(clean(3), "visit_id", np.arange(4_000) * 17.0)
    assert bad(audit(*parted(samples), target="y")) == []


def test_a_visitor_number_that_only_repeats_its_own_answer_raises_nothing() -> None:
    samples = clean(3, rows=3_999)
    per_visitor = np.random.default_rng(0).random(2_000) < 0.3
    samples = replace(samples, y=per_visitor[samples.visitor].astype(np.int8))
    assert bad(audit(*parted(with_column(samples, "visitor_number", samples.visitor)), target="y")) == []


def test_rows_equal_by_chance_raise_nothing() -> None:
    train, test = (s.drop(["item", "price", "seconds", "scroll", "days_since"]) for s in parted(clean(4)))
    findings = audit(train, test, target="y")
    assert "no more than chance brings" in next(f.detail for f in findings if f.check == "equal_rows")


def test_prefixes_that_look_the_same_at_other_moments_are_no_copies() -> None:
    train, test = (replace(s, unit="prefix") for s in copied_with_another_time(clean(4)))
    assert bad(audit(train, test, target="y")) == []


def test_a_rule_is_found_among_many_columns_and_many_rows() -> None:
    samples = clean(5, rows=60_000)
    for i in range(40):
        samples = with_column(samples, f"noise_{i}", np.random.default_rng(i).random(60_000))
    found = [f for f in bad(audit(*threshold_per_category(samples), target="y")) if f.verdict == "tautology"]
    assert [f.columns for f in found] == [("price", "category")]


def test_everything_checked_leaves_a_finding_and_the_worst_comes_first() -> None:
    train, test = threshold_per_category(clean(1))
    findings = audit(train, test, target="y")
    assert findings[0].verdict == "tautology"
    assert {f.check for f in findings} == {
        "function_of_columns", "single_column", "known_too_late", "sessions_in_both", "visitors_in_both",
        "equal_rows", "future", "resampled_before_split",
    }  # fmt: skip


def test_samples_without_the_target_are_refused() -> None:
    with pytest.raises(SamplesError, match="no 'revenue' to audit"):
        audit(replace(clean(1), revenue=None), target="revenue")


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 60), seed=st.integers(0, 1_000), constant=st.booleans())
def test_tiny_samples_raise_nothing_and_do_not_fail(rows: int, seed: int, constant: bool) -> None:
    samples = clean(seed, rows=rows)
    if constant:
        samples = replace(samples, X=np.zeros_like(samples.X))
    findings = audit(samples, samples.subset(np.zeros(0, dtype=np.int64)), target="y")
    assert {f.verdict for f in findings} <= {"ok", "warning"}


def nowhere(rows: int) -> np.ndarray:
    return np.zeros(rows, dtype=bool)


def in_few_rows(rows: int) -> np.ndarray:
    return np.arange(rows) % 97 == 0


@pytest.mark.parametrize("known", [nowhere, in_few_rows])
@pytest.mark.parametrize("target", ["y", "revenue"])
def test_a_number_that_is_hardly_ever_known_is_no_rule(
    known: Callable[[int], np.ndarray], target: str
) -> None:
    """A small shop may not know a feature once: a visitor's past on its first days, a price without looks."""
    samples = clean(3, rows=400)
    seldom = np.where(known(len(samples)), 1.0, np.nan)
    assert bad(audit(*parted(with_column(samples, "seldom", seldom)), target=target)) == []
