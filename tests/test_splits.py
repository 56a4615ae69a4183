from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buysignal.errors import SamplesError, UnitError
from buysignal.splits import Split, fixed_split, inner_split, kfold, row_split, time_split
from made import made_samples


def parts(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return split.train, split.validate, split.test


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), per_session=st.integers(1, 7), hours=st.integers(0, 20))
def test_time_split_never_trains_on_the_future(seed: int, per_session: int, hours: int) -> None:
    samples = made_samples(700, seed=seed, per_session=per_session, base=0.0)
    rng = np.random.default_rng(seed)
    longer = samples.time + rng.integers(0, 7200, len(samples)).astype("timedelta64[s]")
    samples = replace(samples, time=longer)
    split = time_split(samples, gap=f"{hours}h")
    space = np.timedelta64(hours, "h")
    train, validate, test = parts(split)
    assert samples.time[train].max() + space < samples.time[validate].min()
    assert samples.time[validate].max() + space < samples.time[test].min()
    for first, second in ((train, validate), (train, test), (validate, test)):
        assert not set(samples.session[first]) & set(samples.session[second])


def test_time_split_leaves_out_a_session_that_reaches_over_the_cut() -> None:
    samples = made_samples(600, per_session=6, base=0.0)
    cut = samples.time[300] + np.timedelta64(90, "s")
    reaching = int(samples.session[300])
    split = time_split(samples, cut=str(cut))
    assert reaching not in samples.session[np.concatenate(parts(split))]
    assert "left out" in split.sentence


def test_time_split_at_a_day_says_the_day() -> None:
    split = time_split(made_samples(2000, base=0.0), cut="2026-03-01")
    assert "2026-03-01 /" in split.sentence
    assert split.test_from == np.datetime64("2026-03-01")
    assert fixed_split(100, 20).test_from is None


def test_sessions_of_one_day_stay_on_one_side() -> None:
    samples = made_samples(400, base=0.0)
    samples = replace(samples, time=samples.time.astype("datetime64[D]").astype("datetime64[us]"))
    split = time_split(samples)
    days = [set(samples.time[rows]) for rows in parts(split)]
    assert not days[0] & days[1]
    assert not days[1] & days[2]


def test_rows_without_time_are_left_out_and_no_time_at_all_is_refused() -> None:
    samples = made_samples(400, base=0.0)
    time = samples.time.copy()
    time[::4] = np.datetime64("NaT")
    split = time_split(replace(samples, time=time))
    assert not np.isin(np.arange(0, 400, 4), np.concatenate(parts(split))).any()
    time[:] = np.datetime64("NaT")
    with pytest.raises(SamplesError, match="no row has a time"):
        time_split(replace(samples, time=time))


def test_a_gap_without_unit_and_a_cut_that_is_no_moment_are_refused() -> None:
    samples = made_samples(400, base=0.0)
    with pytest.raises(UnitError):
        time_split(samples, gap="30")
    with pytest.raises(SamplesError, match="is no moment"):
        time_split(samples, cut="tomorrow")


def test_row_split_parts_all_rows() -> None:
    samples = made_samples(1000)
    rows = np.concatenate(parts(row_split(samples, seed=1)))
    assert sorted(rows) == list(range(1000))
    assert len(row_split(samples, test_share=0.3).test) == 300


def test_fixed_split_keeps_groups_of_the_training_file_together() -> None:
    groups = np.arange(200) // 4
    split = fixed_split(200, 50, groups=groups)
    assert not set(groups[split.train]) & set(groups[split.validate])
    assert list(split.test) == list(range(200, 250))


@pytest.mark.parametrize("group", ["none", "session", "visitor"])
def test_kfold_tests_every_row_once_and_keeps_groups(group: str) -> None:
    samples = made_samples(900, per_session=3, base=0.0)
    splits = kfold(samples, group=group)  # type: ignore[arg-type]
    assert sorted(np.concatenate([split.test for split in splits])) == list(range(900))
    codes = {"none": np.arange(900), "session": samples.session, "visitor": samples.visitor}[group]
    for split in splits:
        seen = [set(codes[rows]) for rows in parts(split)]
        assert not seen[0] & seen[1]
        assert not seen[0] & seen[2]
        assert not seen[1] & seen[2]


def test_kfold_is_the_classic_stratified_one() -> None:
    from sklearn.model_selection import StratifiedKFold

    samples = made_samples(500)
    ours = [split.test for split in kfold(samples, group="none", seed=0)]
    classic = StratifiedKFold(5, shuffle=True, random_state=0).split(samples.X, samples.y)
    assert all(np.array_equal(a, b) for a, (_, b) in zip(ours, classic, strict=True))


def test_inner_split_judges_on_later_sessions() -> None:
    samples = made_samples(600, per_session=3)
    fit, judge = inner_split(samples, np.arange(600))
    assert samples.time[fit].max() < samples.time[judge].min()
    assert not set(samples.session[fit]) & set(samples.session[judge])


def test_too_few_rows_and_one_class_are_refused_in_words() -> None:
    samples = made_samples(300)
    with pytest.raises(SamplesError, match="only"):
        kfold(samples.subset(np.arange(20)))
    with pytest.raises(SamplesError, match="only"):
        fixed_split(100, 3)
    alone = replace(samples, y=np.zeros(300, np.int8))
    for split in (time_split, row_split, kfold):
        with pytest.raises(SamplesError, match=r"same answer \(no\) to: the visitor buys"):
            split(alone)
