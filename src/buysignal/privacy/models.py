"""Which models were trained with a visitor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from buysignal.manifest import read_manifest
from buysignal.privacy.whom import Whom
from buysignal.registry import Registry
from buysignal.trained_visitors import trained_visitors

Answer = Literal["yes", "no", "not known"]


@dataclass(frozen=True)
class ModelAsked:
    """What is known of one model.

    Attributes:
        trained_with: whether any of the visitors was among those it was trained with.
        visitors: how many of them were.
        champion: it is the one in use.
    """

    path: Path
    version: str
    trained_with: Answer
    visitors: int = 0
    champion: bool = False


def asked_of(bundle: Path, whom: Whom, *, champion: bool = False) -> ModelAsked:
    """Return what is known of a bundle.

    Raises:
        BundleError: it is none, or was changed.
    """
    manifest = read_manifest(bundle)
    known = trained_visitors(bundle, manifest.visitors)
    if known is None:
        return ModelAsked(bundle, manifest.version, "not known", champion=champion)
    # An id as named and its hash are one visitor; a model has learned from one of the two.
    found = min(sum(one in known for one in whom.ids), len(whom.named))
    return ModelAsked(bundle, manifest.version, "yes" if found else "no", found, champion)


def models_asked(registry: Path | None, bundles: Sequence[Path], whom: Whom) -> list[ModelAsked]:
    """Return what is known of every version of a registry, and of bundles.

    Raises:
        BundleError: one of them is damaged.
    """
    found = []
    if registry is not None:
        models = Registry(registry)
        champion = models.state.champion
        found = [asked_of(models.path(v), whom, champion=v == champion) for v in models.versions()]
    return found + [asked_of(bundle, whom) for bundle in bundles]
