"""New data in; a challenger trained, held against the champion on what neither knows, promoted or not."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import bundle as bundles
from buysignal.bundle import Bundle
from buysignal.errors import InputError, SamplesError
from buysignal.fingerprint import fingerprint
from buysignal.manifest import MANIFEST
from buysignal.registry import Registry
from buysignal.retrain.judge import Judged, When, judge
from buysignal.sources.read import Loaded, load
from buysignal.training import Options, train_loaded
from buysignal.training.options import Progress
from buysignal.units import duration_us

__all__ = ["Judged", "Retrained", "Rule", "retrain"]

MOST_REJECTED = 0.2
"""Share of rows that may be unreadable; beyond, something is wrong with the export and not with the shop."""


@dataclass(frozen=True)
class Rule:
    """When a challenger takes over.

    Attributes:
        when: "better" (the interval of its gain is above 0), or "not-worse" (not worse by more than
            ``margin``, and fresher).
        margin: share of the champion's log loss that counts as no loss.
        sealed: the latest stretch of the data, which the challenger does not learn from.
    """

    when: When = "better"
    margin: float = 0.01
    sealed: str = "7d"


@dataclass(frozen=True)
class Retrained:
    """How a run ended.

    Attributes:
        version: of the challenger.
        promoted: whether it is the champion now.
        judged: both on the sealed slice; None for a first model, and for a run that had ended before.
        sentence: what happened and why.
        again: the same data and settings were run before, and nothing was done.
    """

    version: str
    promoted: bool
    judged: Judged | None
    sentence: str
    again: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "version": self.version, "promoted": self.promoted, "again": self.again,
            "sentence": self.sentence, "judged": None if self.judged is None else self.judged.as_json(),
        }  # fmt: skip


def retrain(
    registry: Registry,
    paths: Sequence[str | Path],
    *,
    options: Options | None = None,
    rule: Rule | None = None,
    progress: Progress | None = None,
) -> Retrained:
    """Train on new data, and let the better model serve.

    The champion's profile, goal and pause between visits are kept. A run that was interrupted after its
    training goes on from there; one with the same data and settings that has ended is not repeated.

    Args:
        registry: the shop's models.
        paths: files of events, those of the last weeks or months.
        options: of the training; ``cut``, goal, profile and pause are set here.

    Raises:
        InputError: the data is unusable, older than the champion knows, or another retraining is under way.
            The champion goes on serving in every case.
    """
    rule, options = rule or Rule(), options or Options()
    tell = progress or (lambda _share, _text: None)
    files = [Path(path) for path in paths]
    with registry.locked():
        champion = registry.champion()
        run = fingerprint(files, {**options.told(), "rule": vars(rule)})
        ended = registry.run_of(run)
        if ended is not None:
            return Retrained(
                ended.version, ended.what == "promoted", None,
                f"This data was retrained on before: {ended.why}", again=True,
            )  # fmt: skip
        tell(0.0, "reading")
        loaded = load(
            files,
            profile=options.profile or (None if champion is None else champion.profile),
            rates=options.rates,
        )
        _usable(loaded)
        sealed_from = _sealed_from(loaded, rule, champion)
        challenger = _trained(registry, run, loaded, _options(options, champion, sealed_from), tell)
        return _decided(registry, run, champion, challenger, loaded, rule, sealed_from)


def _decided(
    registry: Registry, run: str, champion: Bundle | None, challenger: Bundle, loaded: Loaded, rule: Rule,
    sealed_from: np.datetime64,
) -> Retrained:  # fmt: skip
    if champion is None:
        version = registry.add(challenger.path, why="the first model", run=run)
        registry.promote(version, why="the first model", run=run)
        _put_aside(registry, run)
        return Retrained(version, True, None, "The first model serves from now on.")
    events = loaded.table.filter(pc.fill_null(loaded.table.column("consent"), True))
    judged = judge(champion, challenger, events, sealed_from=sealed_from, margin=rule.margin)
    version = registry.add(challenger.path, why=judged.sentence, run=run)
    promoted = judged.promotes(rule.when) and version != champion.version
    (registry.promote if promoted else registry.keep)(version, why=judged.sentence, run=run)
    _put_aside(registry, run)
    end = "It serves from now on." if promoted else "The champion stays."
    return Retrained(version, promoted, judged, f"{judged.sentence} {end}")


def _trained(registry: Registry, run: str, loaded: Loaded, options: Options, tell: Progress) -> Bundle:
    """Return the challenger of this run; one that an interrupted run has left is taken up."""
    place = _workshop(registry, run)
    if not (place / MANIFEST).is_file():
        train_loaded(loaded, out=place, options=options, progress=tell)
    return bundles.load(place)


def _workshop(registry: Registry, run: str) -> Path:
    return registry.folder / "under-way" / run


def _put_aside(registry: Registry, run: str) -> None:
    shutil.rmtree(_workshop(registry, run), ignore_errors=True)


def _options(options: Options, champion: Bundle | None, sealed_from: np.datetime64) -> Options:
    cut = str(sealed_from.astype("datetime64[s]"))
    if champion is None:
        return replace(options, cut=cut)
    return replace(
        options, cut=cut, goal=champion.goal.name, session_gap=champion.session_gap, profile=champion.profile
    )


def _usable(loaded: Loaded) -> None:
    if loaded.profile.level != "event":
        raise SamplesError(
            "this file holds session rows",
            allowed="events",
            todo="train on session tables with 'buysignal train'",
        )
    share = loaded.rows_rejected / max(loaded.rows_in, 1)
    if share > MOST_REJECTED:
        raise InputError(
            f"{share:.0%} of the rows cannot be read",
            allowed=f"up to {MOST_REJECTED:.0%}",
            todo="look at them with 'buysignal check', and mend the export",
        )


def _sealed_from(loaded: Loaded, rule: Rule, champion: Bundle | None) -> np.datetime64:
    time = loaded.table.column("event_time")
    if time.null_count == len(time):
        raise SamplesError("these events have no time, so there is no later slice", todo="add 'event_time'")
    last = pc.max(time).cast(pa.timestamp("us")).value
    sealed = np.datetime64((last - duration_us(rule.sealed, "sealed")) // 1_000_000, "s")
    learned = None if champion is None else champion.manifest.test_from
    if learned is not None and sealed < np.datetime64(learned.replace(tzinfo=None), "s"):
        raise InputError(
            f"the champion has learned from events up to {learned:%Y-%m-%d %H:%M}, after the slice begins "
            f"({sealed})",
            allowed="data that reaches further than the champion's by the sealed stretch",
            todo=f"wait for more data, or seal less than {rule.sealed}",
        )
    return sealed
