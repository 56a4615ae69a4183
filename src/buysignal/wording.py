"""Words that pictures, pages and the terminal share, apart from the drawing so that none waits for it."""

from __future__ import annotations

from buysignal.report import GoalNote, Table

NEXT_LOOK = "which item the visitor looks at next"


def base_name(table: Table) -> str:
    """Return what the base rate of the table is a share of."""
    return "with an amount" if table.task == "revenue" else "base rate"


def goal_sentence(goal: GoalNote, table: Table) -> str:
    """Return what the table answers: the amount in revenue tables, else the yes/no sentence."""
    if table.task == "revenue" and goal.value_sentence:
        return goal.value_sentence
    return NEXT_LOOK if table.task == "next_item" else goal.sentence


def answers_goal(table: Table) -> bool:
    """Return whether the table answers the goal: what is looked at next is neither conversion nor a proxy."""
    return table.task != "next_item"


def share_text(share: float) -> str:
    """Return a share as people write it.

    >>> share_text(0.0391), share_text(0.5)
    ('3.9 %', '50 %')
    """
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def readable(name: str) -> str:
    """Return a model or metric name for people.

    >>> readable("logistic_regression"), readable("xgboost (smote)"), readable("mlp")
    ('Logistic regression', 'XGBoost (SMOTE)', 'MLP')
    """
    words = name.replace("_", " ").strip()
    for plain, proper in _PROPER.items():
        words = words.replace(plain, proper)
    return words[:1].upper() + words[1:]


_PROPER = {
    "xgboost": "XGBoost",
    "smote": "SMOTE",
    "mlp": "MLP",
    "dbscan": "DBSCAN",
    "kmeans": "K-means",
    "vmis knn": "VMIS-kNN",
    "markov": "Markov chain",
    "gru": "GRU",
}
