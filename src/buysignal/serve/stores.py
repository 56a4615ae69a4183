"""Where visitors are remembered, by what was set; and which kind of bundle a folder holds."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buysignal.manifest import read_manifest
from buysignal.serve.answers import Answers
from buysignal.serve.in_use import BundleInUse, tried_live
from buysignal.serve.live_scores import LiveScorer
from buysignal.serve.logs import Log
from buysignal.serve.metrics import Metrics
from buysignal.serve.session_rows import tried_rows
from buysignal.serve.settings import MEMORY, Settings
from buysignal.serve.state import MemoryState

if TYPE_CHECKING:
    from buysignal.serve.redis_state import RedisState


def store_of(settings: Settings, log: Log) -> MemoryState | RedisState:
    """Return what remembers visitors; a Redis need not answer yet.

    Raises:
        InputError: its address cannot be read.
    """
    if settings.store == MEMORY:
        return MemoryState(settings.state)
    from buysignal.serve.redis_link import RedisLink
    from buysignal.serve.redis_state import RedisState

    return RedisState(RedisLink(settings.store, log), settings.state)


def answers_of(in_use: BundleInUse[LiveScorer], state: MemoryState | RedisState, metrics: Metrics) -> Answers:
    """Return what answers for a bundle that reads events: at once from memory, awaited from elsewhere."""
    if isinstance(state, MemoryState):
        return Answers(in_use, state, metrics)
    from buysignal.serve.shared_answers import SharedAnswers

    return SharedAnswers(in_use, state, metrics)


def bundle_in_use(path: Path, log: Log) -> BundleInUse[Any]:
    """Return the bundle of a folder; only one of its kind, of rows with the same columns, may take over.

    Raises:
        BundleError: there is none, or it cannot be read.
    """
    if read_manifest(path).catalogue_version is not None:
        return BundleInUse(path, log, tried_live)
    in_use = BundleInUse(path, log, tried_rows)
    in_use.tried = partial(tried_rows, like=in_use.scorer.columns)
    return in_use
