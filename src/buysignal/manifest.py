"""The bundle's manifest: what it is, what it learned from, and the hash of every file that is read."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from buysignal.errors import BundleError
from buysignal.features.catalogue import CATALOGUE_VERSION
from buysignal.goals import Goal
from buysignal.report import Dataset, SegmentProfile
from buysignal.samples import Unit
from buysignal.sources.profile import Profile

SCHEMA_VERSION = 2
MANIFEST = "manifest.json"
_PACKAGES = (
    "numpy",
    "scikit-learn",
    "xgboost-cpu",
    "imbalanced-learn",
    "onnx",
    "onnxruntime",
    "duckdb",
    "numba",
)


class Manifest(BaseModel):
    """What stands in ``manifest.json``.

    Attributes:
        names, categories: the columns the models read, and the levels of the categorical ones.
        conversion, revenue: how the ONNX parts make a probability and an amount (`models.runtime`).
        steps: how the last events of a visit become numbers, where the model of the goal reads them in their
            order; ``typical`` among it is the window of the typical visit.
        recommender: kinds and settings of the model of the next look and its members; None without one.
        percentiles: (101,) scores of the test slice at each percent; no outcome is looked at.
        typical: (f,) the typical visit reasons are told against; null is missing.
        split, metrics: how the champion was judged, and its figures on the test slice.
        test_from: where the slices are parted by time, the moment from which on the champion has learned
            from nothing; None where they are not, or in bundles from before it was written down.
        visitors: how many visitors it was trained with, and the SHA-256 of the file of their marks; None in
            bundles of rows without visitors, and in those from before it was written down.
        files: name → SHA-256 of every file that scoring reads.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: int
    buysignal_version: str
    version: str = Field(description="of this bundle: the start of a hash over all of its files")
    created: str
    goal: Goal
    profile: Profile
    unit: Unit
    names: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    catalogue_version: int | None
    session_gap: str
    dataset: Dataset
    split: str
    test_from: AwareDatetime | None = None
    metrics: dict[str, dict[str, float | None]]
    conversion: dict[str, Any]
    revenue: dict[str, Any] | None
    recommender: dict[str, Any] | None = None
    steps: dict[str, Any] | None = None
    interval: dict[str, Any] | None
    threshold: float | None
    percentiles: list[float]
    typical: list[float | None]
    segments: list[SegmentProfile]
    notes: list[str]
    packages: dict[str, str]
    visitors: dict[str, Any] | None = None
    files: dict[str, str]


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a bundle's folder.

    Raises:
        BundleError: there is none, it was changed, or it comes from a newer version.
    """
    file = folder / MANIFEST
    if not file.is_file():
        raise BundleError(
            f"'{folder}' is no bundle: it has no {MANIFEST}",
            allowed="a folder that 'buysignal train' wrote",
            todo="train one, or check the path",
        )
    try:
        content = json.loads(file.read_bytes())
        schema = int(content["schema_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{MANIFEST} of '{folder}' cannot be read", todo="train again") from error
    if schema > SCHEMA_VERSION:
        raise BundleError(
            f"'{folder}' comes from a newer version (schema {schema}, buysignal "
            f"{content.get('buysignal_version', 'unknown')})",
            allowed=f"schema {SCHEMA_VERSION} or older",
            todo="update buysignal",
        )
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BundleError(f"{MANIFEST} of '{folder}' was changed at '{place}'", todo="train again") from error
    if manifest.catalogue_version not in (None, CATALOGUE_VERSION):
        raise BundleError(
            f"'{folder}' was trained on feature catalogue {manifest.catalogue_version}",
            allowed=f"catalogue {CATALOGUE_VERSION}",
            todo="train again with this version",
        )
    return manifest


def package_versions() -> dict[str, str]:
    """Return the versions of the packages a model depends on."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
