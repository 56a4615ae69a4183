"""Few buying visits: simple models on few features, so that nothing is learned by heart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from buysignal import enough
from buysignal.evaluation import positive_sessions
from buysignal.models.conversion import NETWORK, SEQUENCE_MODELS
from buysignal.models.fitting import Plan
from buysignal.samples import Samples
from buysignal.splits import Split

FIRST_FEATURES = (
    "cart_items", "n_checkout_steps", "n_events", "past_purchases", "revisits", "seconds_since_start",
    "n_view_item", "price_mean",
)  # fmt: skip
"""Which features of a visit are read first. Named beforehand, because choosing them by the few purchases
there are would learn those by heart (Harrell 2015, Regression Modeling Strategies, section 4.3)."""

LEAST_VALIDATED = 5
"""Buying sessions on the validation slice below which scores are left as they are."""

NETWORK_SESSIONS = 500
"""Sessions that reach the goal below which no network enters: they learn single visits by heart, and as few
on the validation slice cannot tell (van der Ploeg, Austin & Steyerberg 2014, "Modern modelling techniques
are data hungry")."""

NETWORKS = (NETWORK, *SEQUENCE_MODELS)

SIMPLE_MODELS = ("logistic_regression", "decision_tree")
SIMPLE_AMOUNTS = ("mean", "ridge", "lasso")
SETTINGS: dict[str, dict[str, Any]] = {
    "logistic_regression": {"C": 0.1},
    "decision_tree": {"max_depth": 2, "min_samples_leaf": 40},
}


def few(samples: Samples, split: Split) -> bool:
    """Whether so few sessions of the training slice reach the goal that only simple models enter."""
    return positive_sessions(samples, split.train) < enough.ALL_CANDIDATES


def few_amounts(samples: Samples, split: Split) -> bool:
    """Whether so few sessions of the training slice have an amount to come."""
    assert samples.revenue is not None
    paid = samples.revenue[split.train] > 0
    return len(np.unique(samples.session[split.train][paid])) < enough.ALL_CANDIDATES


def simple_plan(plan: Plan, samples: Samples, split: Split) -> Plan:
    """Return ``plan`` with simple models only, where `few` says so; Platt's calibration, no vote.

    Below `NETWORK_SESSIONS` it has no networks, but for one that the user wants for a champion.
    """
    if not few(samples, split):
        left_out = [] if positive_sessions(samples, split.train) >= NETWORK_SESSIONS else NETWORKS
        kept = [name for name in plan.models if name not in left_out or name == plan.champion]
        return replace(plan, models=tuple(kept))
    return replace(
        plan,
        models=SIMPLE_MODELS,
        imbalances=("none",),
        compare=(),
        search=False,
        vote=False,
        keep=few_features(samples, split) if samples.unit == "prefix" else None,
        params=SETTINGS,
        calibration="platt" if positive_sessions(samples, split.validate) >= LEAST_VALIDATED else "none",
    )


def few_features(samples: Samples, split: Split) -> tuple[str, ...]:
    """Return the first features that vary among the training rows, one for every ten buying sessions."""
    allowed = enough.features_allowed(positive_sessions(samples, split.train))
    varying = [name for name in FIRST_FEATURES if name in samples.names and _varies(samples, split, name)]
    return tuple(varying[:allowed]) or samples.names[:1]


def _varies(samples: Samples, split: Split, name: str) -> bool:
    cells = samples.X[split.train, samples.names.index(name)]
    known = cells[~np.isnan(cells)]
    return bool(len(known)) and float(known.min()) < float(known.max())


def network_notes(deep: bool, plan: Plan, samples: Samples, split: Split) -> list[str]:
    """Return what the report says where networks were asked for and left out of ``plan``."""
    if not deep or any(name in plan.models for name in NETWORKS):
        return []
    return [
        f"No networks: {positive_sessions(samples, split.train):,} sessions that reach the goal to learn "
        f"from, and they enter from {NETWORK_SESSIONS} on (van der Ploeg, Austin & Steyerberg 2014)."
    ]


def few_notes(plan: Plan, samples: Samples, split: Split) -> list[str]:
    """Return what the report says of a run on few purchases."""
    if not few(samples, split):
        return []
    reached = positive_sessions(samples, split.train)
    read = "" if plan.keep is None else f" on {len(plan.keep)} features ({', '.join(plan.keep)})"
    more = enough.ALL_CANDIDATES - reached
    return [
        f"Few purchases: {reached} sessions that reach the goal to learn from. Only simple models compete, a "
        f"regularised logistic regression and a shallow tree{read}; a feature for every ten such sessions, "
        f"two at least (Peduzzi et al. 1996), named beforehand. {more} more to learn from are needed before "
        f"all candidates enter."
    ]
