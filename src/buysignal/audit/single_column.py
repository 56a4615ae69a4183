"""One column that alone (nearly) gives the answer away."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from buysignal.audit.finding import Finding
from buysignal.audit.view import Column, View

CHECK = "single_column"
MAX_AUC, MAX_R2 = 0.97, 0.95
ROWS = 20_000

Array = npt.NDArray[np.float64]


def single_columns(view: View, skip: set[str]) -> list[Finding]:
    """Return a leak for each column whose held-out ROC-AUC is above 0.97, or R² above 0.95.

    A number is fitted by a shallow tree, a category by its mean target per level; both on one half
    of the visitors and judged on the other. Columns in ``skip`` are already known to be rules.
    """
    small = view.take(np.linspace(0, len(view) - 1, ROWS).astype(np.int64)) if len(view) > ROWS else view
    truth = small.target[~small.first]
    if len(truth) < 50 or truth.min() == truth.max():
        return [Finding(check=CHECK, verdict="ok", detail="Too few rows to judge single columns.")]
    findings = [
        finding
        for column in small.columns
        if column.name not in skip and (finding := _judge(small, column, truth)) is not None
    ]
    if findings:
        return findings
    limit = f"ROC-AUC {MAX_AUC}" if view.binary else f"R² {MAX_R2}"
    return [Finding(check=CHECK, verdict="ok", detail=f"No single column reaches {limit} on its own.")]


def _judge(view: View, column: Column, truth: Array) -> Finding | None:
    guess = _by_level(view, column) if column.categorical else _by_tree(view, column)
    if view.binary:
        score = float(roc_auc_score(truth, guess))
        if score <= MAX_AUC or score - 2 * _auc_error(score, truth) <= 0.9:
            return None
        name = "ROC-AUC"
    else:
        score = float(r2_score(truth, guess))
        if score <= MAX_R2 or (truth != np.median(truth)).sum() < 20:
            return None
        name = "R²"
    return Finding(
        check=CHECK,
        verdict="leak",
        columns=(column.name,),
        detail=f"`{column.name}` alone reaches {name} {score:.3f} for {view.words.noun} on rows it was not "
        "fitted on: it very probably contains the answer.",
        evidence={"roc_auc" if view.binary else "r2": round(score, 4), "held_out_rows": float(len(truth))},
    )


def _by_tree(view: View, column: Column) -> Array:
    x = column.values[:, None].astype(np.float64)
    model = DecisionTreeClassifier if view.binary else DecisionTreeRegressor
    tree = model(max_depth=6, min_samples_leaf=10, random_state=0)
    tree.fit(x[view.first], view.target[view.first])
    if view.binary:
        return np.asarray(tree.predict_proba(x[~view.first])[:, -1])
    return np.asarray(tree.predict(x[~view.first]))


def _by_level(view: View, column: Column) -> Array:
    """Mean target of each level, drawn towards the overall mean as if five more rows had it."""
    codes, target = column.codes[view.first], view.target[view.first]
    levels = len(column.levels)
    counts, sums = np.bincount(codes, minlength=levels), np.bincount(codes, weights=target, minlength=levels)
    return np.asarray(((sums + 5 * target.mean()) / (counts + 5))[column.codes[~view.first]])


def _auc_error(auc: float, truth: Array) -> float:
    """Standard error of a ROC-AUC (Hanley and McNeil 1982)."""
    yes, no = truth.sum(), len(truth) - truth.sum()
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (yes - 1) * (q1 - auc**2) + (no - 1) * (q2 - auc**2)
    return float(np.sqrt(max(variance, 0.0) / (yes * no)))
