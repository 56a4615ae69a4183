"""Features: one compiled fold over a visitor's events, a row after every event."""

from __future__ import annotations

from buysignal.features.catalogue import CATALOGUE, CATALOGUE_VERSION, NAMES, Feature, feature
from buysignal.features.columns import feature_columns
from buysignal.features.run import fold, warm_up
from buysignal.features.vocabulary import CrossFit, Vocabulary, fit_cross, fit_vocabulary

__all__ = [
    "CATALOGUE",
    "CATALOGUE_VERSION",
    "NAMES",
    "CrossFit",
    "Feature",
    "Vocabulary",
    "feature",
    "feature_columns",
    "fit_cross",
    "fit_vocabulary",
    "fold",
    "warm_up",
]
