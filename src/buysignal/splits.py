"""Splits: which rows a model learns from, is tuned on, and is judged on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError
from buysignal.samples import Samples
from buysignal.units import duration_us

Rows = npt.NDArray[np.int64]
Keep = Literal["none", "session", "visitor"]

LEAST_ROWS = 10
"""Fewer rows than this on any side teach or prove nothing."""


@dataclass(frozen=True, eq=False)
class Split:
    """Row positions of the three slices, which share no row.

    Attributes:
        train: models are fitted here.
        validate: champion, calibration and threshold are chosen here.
        test: scored once.
        sentence: how they were parted, for captions.
        test_from: the moment (UTC) before which all that was learned from began; None where the slices
            are not parted by time.
    """

    train: Rows
    validate: Rows
    test: Rows
    sentence: str
    test_from: np.datetime64 | None = None


@dataclass(frozen=True)
class TimeCuts:
    """The moments that part sessions by time.

    Attributes:
        validate_from: training sessions began before it.
        test_from: validation sessions began before it, test sessions at it or later.
        gap: time left empty before each moment.
    """

    validate_from: np.datetime64
    test_from: np.datetime64
    gap: np.timedelta64

    def sides(
        self, start: npt.NDArray[np.datetime64], end: npt.NDArray[np.datetime64]
    ) -> npt.NDArray[np.int8]:
        """Return 0 for train, 1 for validate, 2 for test and -1 for sessions that reach over a moment.

        Args:
            start: (sessions,) first moment of each; NaT where unknown.
            end: (sessions,) last moment of each.
        """
        side = np.full(len(start), -1, np.int8)
        side[start >= self.test_from] = 2
        before = (start < self.test_from) & (end < self.test_from - self.gap)
        side[before & (start >= self.validate_from)] = 1
        side[before & (start < self.validate_from) & (end < self.validate_from - self.gap)] = 0
        return side


def time_cuts(
    start: npt.NDArray[np.datetime64],
    end: npt.NDArray[np.datetime64],
    *,
    test_share: float = 0.2,
    validate_share: float = 0.15,
    cut: str | None = None,
    gap: str = "0s",
) -> TimeCuts:
    """Return the moments for sessions with a time; arguments as for ``time_split``.

    Raises:
        SamplesError: no session ends before the cut, or all start at one moment.
        UnitError: ``gap`` has no unit.
    """
    space = np.timedelta64(duration_us(gap, "gap"), "us")
    moment = _quantile_moment(start, 1 - test_share) if cut is None else _moment(cut)
    before = (start < moment) & (end < moment - space)
    if not before.any():
        raise SamplesError(f"no session ends before {_say(moment)}", todo="choose a later cut")
    return TimeCuts(_quantile_moment(start[before], 1 - validate_share), moment, space)


def time_split(
    samples: Samples,
    *,
    test_share: float = 0.2,
    validate_share: float = 0.15,
    cut: str | None = None,
    gap: str = "0s",
) -> Split:
    """Train on sessions before a moment, test on sessions that start at it or later.

    Sessions stay whole. A session that starts before the cut and reaches into the gap before it, or
    over it, is left out; so are rows without a time. The validation slice is the last
    ``validate_share`` of what comes before the cut, parted in the same way.

    Args:
        samples: rows with times.
        test_share: share of the sessions after the cut, where no ``cut`` is given.
        validate_share: share of the remaining sessions that validate.
        cut: the moment itself, UTC, such as "2017-06-24" or "2017-06-24T12:00:00".
        gap: time left empty before each cut, such as "7d"; at least the horizon of the goal.

    Raises:
        SamplesError: no times, a slice is left with too few rows, or training has one class only.
        UnitError: ``gap`` has no unit.
    """
    known = ~np.isnat(samples.time)
    if not known.any():
        raise SamplesError(
            "no row has a time, so there is no earlier and later",
            todo="split by k-fold with sessions kept whole instead",
        )
    start, end, code = _session_spans(samples, known)
    cuts = time_cuts(start, end, test_share=test_share, validate_share=validate_share, cut=cut, gap=gap)
    side = cuts.sides(start, end)
    rows = np.full(len(samples), -1)
    rows[known] = side[code]
    left_out = int((rows == -1).sum())
    sentence = f"{_units(samples)} before {_say(cuts.test_from)} / from then on"
    if cuts.gap:
        sentence += f", gap {gap}"
    if left_out:
        sentence += f"; {left_out:,} rows that reach over a cut or have no time are left out"
    train, validate, test = (np.flatnonzero(rows == part) for part in range(3))
    return checked(samples, train, validate, test, sentence, cuts.test_from)


def row_split(
    samples: Samples, *, test_share: float = 0.2, validate_share: float = 0.15, seed: int = 0
) -> Split:
    """Part rows at random, as the classic exercise does; sessions stand on both sides.

    Raises:
        SamplesError: too few rows, or training has one class only.
    """
    order = np.random.default_rng(seed).permutation(len(samples))
    n_test = round(len(samples) * test_share)
    n_validate = round((len(samples) - n_test) * validate_share)
    test, validate, train = np.split(order, [n_test, n_test + n_validate])
    sentence = f"rows at random, {test_share:.0%} test (sessions may stand on both sides)"
    return checked(samples, np.sort(train), np.sort(validate), np.sort(test), sentence)


def fixed_split(
    n_train: int,
    n_test: int,
    *,
    validate_share: float = 0.15,
    seed: int = 0,
    groups: npt.NDArray[np.int64] | None = None,
) -> Split:
    """The files given as train and test, the second behind the first.

    The validation slice is drawn from the training rows, by ``groups`` (n_train,) where given.

    Raises:
        SamplesError: too few rows.

    >>> split = fixed_split(100, 20)
    >>> len(split.train), len(split.validate), split.test[0]
    (85, 15, np.int64(100))
    """
    if min(n_train, n_test) < LEAST_ROWS:
        raise _too_few(min(n_train, n_test))
    code = np.arange(n_train) if groups is None else np.unique(groups[:n_train], return_inverse=True)[1]
    drawn = np.random.default_rng(seed).permutation(code.max() + 1)
    chosen = np.zeros(len(drawn), dtype=bool)
    chosen[drawn[: round(len(drawn) * validate_share)]] = True
    inside = chosen[code]
    return Split(
        np.flatnonzero(~inside),
        np.flatnonzero(inside),
        np.arange(n_train, n_train + n_test),
        "the files given as train and test",
    )


def kfold(
    samples: Samples,
    *,
    folds: int = 5,
    seed: int = 0,
    group: Keep = "session",
    validate_share: float = 0.15,
) -> list[Split]:
    """Cross-validation: every row is tested once; classes are stratified where there is a ``y``.

    With ``group`` the rows of one session or visitor are kept together. Validation rows are drawn
    from each fold's training rows in the same manner.

    Raises:
        SamplesError: too few rows or groups for ``folds``, or one class only.
    """
    if len(samples) < folds * LEAST_ROWS:
        raise _too_few(len(samples), f"at least {folds * LEAST_ROWS} for {folds} folds")
    _both_classes(samples, np.arange(len(samples)), "the data")
    rows = np.arange(len(samples))
    kept = {"none": "", "session": ", sessions kept whole", "visitor": ", visitors kept whole"}[group]
    sentence = f"{folds}-fold cross-validation{'' if samples.y is None else ', stratified'}{kept}"
    splits = []
    for number, (rest, test) in enumerate(_folds(samples, rows, folds, seed, group)):
        inner_folds = max(2, round(1 / validate_share))
        train, validate = next(_folds(samples, rest, inner_folds, seed + 1 + number, group))
        splits.append(checked(samples, rest[train], rest[validate], test, sentence))
    return splits


def inner_split(samples: Samples, rows: Rows, *, share: float = 0.25, seed: int = 0) -> tuple[Rows, Rows]:
    """Part training rows once more, for choosing hyper-parameters: ``(fit, judge)`` positions.

    By time where rows have times (the later judge), else visitors at random.
    """
    time = samples.time[rows]
    if not np.isnat(time).any() and time.min() < time.max():
        moment = _quantile_moment(np.sort(time), 1 - share)
        codes = samples.session[rows]
        late = np.isin(codes, np.unique(codes[time >= moment]))
    else:
        groups, code = np.unique(samples.visitor[rows], return_inverse=True)
        late = (np.random.default_rng(seed).random(len(groups)) < share)[code]
    return rows[~late], rows[late]


def _folds(samples: Samples, rows: Rows, folds: int, seed: int, group: Keep) -> Iterator[tuple[Rows, Rows]]:
    from sklearn import model_selection

    codes = {"none": None, "session": samples.session, "visitor": samples.visitor}[group]
    kind = ("" if samples.y is None else "Stratified") + ("" if codes is None else "Group")
    splitter = getattr(model_selection, f"{kind}KFold")(n_splits=folds, shuffle=True, random_state=seed)
    target = np.zeros(len(rows)) if samples.y is None else samples.y[rows]
    groups = None if codes is None else codes[rows]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            parts = list(splitter.split(np.zeros(len(rows)), target, groups))
    except ValueError as error:
        raise SamplesError(f"the data cannot be parted into {folds} folds: {error}") from error
    yield from parts


def _session_spans(
    samples: Samples, known: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.datetime64], Rows]:
    """Return first and last moment of each session with a time, and the session of each such row."""
    codes, code = np.unique(samples.session[known], return_inverse=True)
    micros = samples.time[known].astype("datetime64[us]").astype(np.int64)
    start = np.full(len(codes), np.iinfo(np.int64).max)
    end = np.full(len(codes), np.iinfo(np.int64).min + 1)
    np.minimum.at(start, code, micros)
    np.maximum.at(end, code, micros)
    return start.astype("datetime64[us]"), end.astype("datetime64[us]"), code


def _quantile_moment(start: npt.NDArray[np.datetime64], share: float) -> np.datetime64:
    ordered = np.sort(start)
    position = min(int(np.ceil(len(ordered) * share)), len(ordered) - 1)
    moment = ordered[position]
    if moment == ordered[0]:
        later = ordered[ordered > moment]
        if not len(later):
            raise SamplesError("all sessions start at the same moment", todo="split by k-fold instead")
        moment = later[0]
    return moment


def _moment(cut: str) -> np.datetime64:
    allowed = "such as 2017-06-24 or 2017-06-24T12:00:00"
    try:
        moment: np.datetime64 = np.datetime64(cut, "us")
    except ValueError as error:
        raise SamplesError(f"the cut '{cut}' is no moment", allowed=allowed) from error
    if np.isnat(moment):
        raise SamplesError(f"the cut '{cut}' is no moment", allowed=allowed)
    return moment


def _say(moment: np.datetime64) -> str:
    text = str(moment.astype("datetime64[s]")).replace("T", " ")
    return text.removesuffix(" 00:00:00")


def _units(samples: Samples) -> str:
    return "sessions that end" if samples.unit == "prefix" else "sessions"


def checked(
    samples: Samples,
    train: Rows,
    validate: Rows,
    test: Rows,
    sentence: str,
    test_from: np.datetime64 | None = None,
) -> Split:
    """Return the split.

    Raises:
        SamplesError: a slice has too few rows, or training has one class only.
    """
    for name, rows in (("training", train), ("validation", validate), ("test", test)):
        if len(rows) < LEAST_ROWS:
            raise _too_few(len(rows), f"at least {LEAST_ROWS} in the {name} slice")
    _both_classes(samples, train, "the training slice")
    return Split(train, validate, test, sentence, test_from)


def _too_few(n: int, allowed: str | None = None) -> SamplesError:
    return SamplesError(
        f"there are only {n:,} rows",
        allowed=allowed or f"at least {LEAST_ROWS} each to train and to test",
        todo="bring more data, or move the cut",
    )


def _both_classes(samples: Samples, rows: Rows, where: str) -> None:
    if samples.y is None:
        return
    positives = int(samples.y[rows].sum())
    if positives == 0 or positives == len(rows):
        answer = "no" if positives == 0 else "yes"
        raise SamplesError(
            f"in {where} every row has the same answer ({answer}) to: {samples.goal.sentence}",
            allowed="rows of both kinds",
            todo="bring a longer period, or choose another goal",
        )


def merge(splits: Sequence[Split]) -> Rows:
    """Return all test rows of a cross-validation, in fold order."""
    return np.concatenate([split.test for split in splits])
