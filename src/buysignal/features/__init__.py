"""Features: one compiled fold over a visitor's events, a row after every event."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from buysignal import sessions
from buysignal.features.catalogue import CATALOGUE, CATALOGUE_VERSION, NAMES, Feature, feature
from buysignal.features.vocabulary import CrossFit, Vocabulary, fit_cross, fit_vocabulary

CHUNKS = 64
"""Pieces the visitors are dealt out in: enough for the threads to finish together."""


def fold(events: pa.Table, vocabulary: Vocabulary, cross: CrossFit | None = None) -> npt.NDArray[np.float32]:
    """Return one row of features per event, shape (n, f) float32, columns as ``NAMES``.

    Row i depends on the events of its session up to and including i, on what the visitor had done in
    other sessions before this one began, and on ``vocabulary``; on nothing later.

    Args:
        events: conformed events as ``sessions.assign`` leaves them.
        vocabulary: levels and priors from the training period.
        cross: tables that keep a training session from seeing its own outcome in the priors.
    """
    # Numba is loaded by the first fold, not by the first import.
    from buysignal.features.encode import encode
    from buysignal.features.kernel import fold_all

    out = np.empty((events.num_rows, len(NAMES)), dtype=np.float32)
    if events.num_rows == 0:
        return out
    where = sessions.layout(events)
    if cross is None:
        item_priors, category_priors = vocabulary.item_priors[None], vocabulary.category_priors[None]
        table_of_session = np.zeros(where.sessions, dtype=np.int8)
    else:
        item_priors, category_priors = cross.item_priors, cross.category_priors
        table_of_session = cross.table_of_session
    fold_all(
        encode(events, vocabulary),
        where.session_starts,
        where.visitor_starts,
        table_of_session,
        item_priors,
        category_priors,
        even_chunks(where),
        out,
    )
    return out


def even_chunks(where: sessions.Layout) -> npt.NDArray[np.int64]:
    """Cut the visitors into at most ``CHUNKS`` pieces of about as many events each."""
    first_rows = where.session_starts[where.visitor_starts]
    targets = np.linspace(0, first_rows[-1], CHUNKS + 1)
    return np.unique(np.searchsorted(first_rows, targets).clip(0, where.visitors))


__all__ = [
    "CATALOGUE",
    "CATALOGUE_VERSION",
    "NAMES",
    "CrossFit",
    "Feature",
    "Vocabulary",
    "feature",
    "fit_cross",
    "fit_vocabulary",
    "fold",
]
