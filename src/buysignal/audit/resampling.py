"""SMOTE before the split: test rows made by interpolating between train rows.

SMOTE (Chawla et al. 2002) puts a synthetic row on the straight line between two rows of the rarer
class. When it runs before the split, test rows lie *exactly* on segments between train rows, which
measured rows in two or more finely resolved columns never do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

from buysignal.audit.finding import Finding
from buysignal.audit.view import percent
from buysignal.samples import Samples

CHECK = "resampled_before_split"
RESAMPLERS = ("smote", "adasyn", "oversampl", "undersampl", "resampl", "nearmiss", "tomek")
PROBES, NEIGHBOURS, CANDIDATES = 200, 25, 20_000
EPS = float(np.finfo(np.float32).eps)

Array = npt.NDArray[np.float64]


def resampled_before_split(
    train: Samples, test: Samples | None, declared: bool | None = None, provenance: Sequence[str] = ()
) -> Finding:
    """Return whether rows were resampled before train and test were parted.

    Args:
        declared: what the caller knows; None where it does not.
        provenance: the steps the rows went through, in order, such as ("load", "smote", "split").
    """
    if declared or _declared_early(provenance):
        detail = (
            "The rows were resampled before the split, so the test rows are not what a shop would see, and "
            "some are made from train rows. Resample inside the training fold only."
        )
        return Finding(check=CHECK, verdict="leak", detail=detail)
    if test is None or train.y is None or test.y is None:
        return Finding(check=CHECK, verdict="ok", detail="No resampling before the split is declared.")
    rare = int(np.mean(np.r_[train.y, test.y]) <= 0.5)
    counts = [segments(train, test, label) for label in (rare, 1 - rare)]
    found, other = max(counts, key=lambda c: c.share), min(counts, key=lambda c: c.share)
    if found.hits >= 8 and found.share >= 0.1 and found.share > 4 * other.share:
        return _leak(train, test, found)
    detail = "No sign of rows made up by interpolation (SMOTE) in the test rows."
    return Finding(check=CHECK, verdict="ok", detail=detail, evidence=found.evidence())


def _declared_early(provenance: Sequence[str]) -> bool:
    steps = [step.lower() for step in provenance]
    splits = [i for i, step in enumerate(steps) if "split" in step]
    resamples = [i for i, step in enumerate(steps) if any(word in step for word in RESAMPLERS)]
    return bool(splits and resamples and min(resamples) < min(splits))


@dataclass(frozen=True)
class Segments:
    """How many of the test rows looked at, of one class, lie between two train rows of that class."""

    label: int
    rows: int
    hits: int

    @property
    def share(self) -> float:
        return self.hits / max(self.rows, 1)

    def evidence(self) -> dict[str, float]:
        return {"test_rows_tried": float(self.rows), "test_rows_on_segments": float(self.hits)}


def segments(train: Samples, test: Samples, label: int) -> Segments:
    """Count test rows of the class ``label`` that are exact interpolations of train rows.

    Neighbours are sought both in the raw and in the standardised columns, since either may have
    been interpolated in; being on a line is the same in both.
    """
    assert train.y is not None
    assert test.y is not None
    numbers = [i for i, name in enumerate(train.names) if name not in train.categories]
    rng = np.random.default_rng(0)
    theirs = _rows(train.X, train.y == label, numbers, CANDIDATES, rng)
    mine = _rows(test.X, test.y == label, numbers, PROBES, rng)
    fine = _fine(np.concatenate([theirs, mine]))
    if fine.sum() < 2 or len(theirs) < 3 or len(mine) == 0:
        return Segments(label, len(mine), 0)
    spread = theirs.std(axis=0) + 1e-12
    hit = np.zeros(len(mine), dtype=np.bool_)
    for scale in (np.ones_like(spread), spread):
        count = min(NEIGHBOURS, len(theirs))
        near = NearestNeighbors(n_neighbors=count).fit(theirs / scale)
        for row, ids in enumerate(near.kneighbors(mine / scale, return_distance=False)):
            hit[row] = hit[row] or _on_segment(mine[row], theirs[ids], fine)
    return Segments(label, len(mine), int(hit.sum()))


def _rows(
    X: npt.NDArray[np.float32],
    of_class: npt.NDArray[np.bool_],
    numbers: list[int],
    most: int,
    rng: np.random.Generator,
) -> Array:
    rows = X[of_class][:, numbers].astype(np.float64)
    rows = rows[~np.isnan(rows).any(axis=1)]
    return rows[rng.choice(len(rows), most, replace=False)] if len(rows) > most else rows


def _fine(rows: Array) -> npt.NDArray[np.bool_]:
    """Columns with so many different values that three rows are not in line by chance."""
    distinct = np.array([len(np.unique(rows[:, j])) for j in range(rows.shape[1])])
    return np.asarray(distinct >= max(20, 0.1 * len(rows)))


def _on_segment(row: Array, near: Array, fine: npt.NDArray[np.bool_]) -> bool:
    """Whether ``row`` is strictly between two of the ``near`` rows, up to float32 rounding.

    Two or more fine columns must change along the segment. A whole number in the other columns may
    have been cut or rounded from the interpolation, as happens when an integer column is resampled.
    """
    first, second = np.triu_indices(len(near), 1)
    a, b = near[first], near[second]
    step = b - a
    widest = np.argmax(np.abs(step[:, fine]), axis=1)
    at = np.arange(len(step))
    with np.errstate(divide="ignore", invalid="ignore"):
        u = (row[fine][widest] - a[:, fine][at, widest]) / step[:, fine][at, widest]
    u = np.where(np.isfinite(u), u, -1.0)
    off = np.abs(a + u[:, None] * step - row)
    size = np.maximum(np.maximum(np.abs(a), np.abs(b)), np.abs(row))
    allowed = 4 * EPS * size + 1e-9
    exact = off <= allowed
    whole = (row == np.round(row)) & ~fine
    moved = (np.abs(step) > 100 * allowed) & fine
    good = (exact | (whole & (off < 1))).all(axis=1) & (u > 1e-4) & (u < 1 - 1e-4) & (moved.sum(axis=1) >= 2)
    return bool(good.any())


def _leak(train: Samples, test: Samples, found: Segments) -> Finding:
    assert train.y is not None
    assert test.y is not None
    share = float(np.mean(np.r_[train.y, test.y]))
    balanced = abs(share - 0.5) < 0.005
    broken = broken_integers(train, found.label)
    more = f"; both answers are equally frequent ({share:.1%})" if balanced else ""
    if broken:
        more += f"; `{broken[0]}` is a whole number in real rows but not in these"
    detail = (
        f"{percent(found.hits, found.rows)} of {found.rows:,} test rows of the resampled class lie exactly "
        f"on the line between two train rows{more}: SMOTE ran before the split, so test rows were made from "
        "train rows. Resample inside the training fold only."
    )
    evidence = {**found.evidence(), "share_of_yes": round(share, 4)}
    return Finding(check=CHECK, verdict="leak", columns=tuple(broken), detail=detail, evidence=evidence)


def broken_integers(samples: Samples, label: int) -> list[str]:
    """Return numeric columns that are whole in the other class but often not in class ``label``."""
    assert samples.y is not None
    names = []
    for i, name in enumerate(samples.names):
        if name in samples.categories:
            continue
        ours, others = samples.X[samples.y == label, i], samples.X[samples.y != label, i]
        others = others[~np.isnan(others)]
        whole = len(np.unique(others)) >= 3 and bool(np.all(others == np.round(others)))
        if whole and np.nanmean(ours != np.round(ours)) > 0.05:
            names.append(name)
    return names
