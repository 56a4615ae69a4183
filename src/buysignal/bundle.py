"""The bundle: a trained model as a folder that can be checked, moved and read without running code.

``manifest.json`` says what it is and holds the SHA-256 of every other file; models are ONNX, tables npz
without objects. Reports lie beside it and are not part of the contract.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from buysignal import __version__
from buysignal.draft import Draft
from buysignal.errors import BundleError
from buysignal.features.catalogue import CATALOGUE_VERSION
from buysignal.features.stored import vocabulary_arrays, vocabulary_from
from buysignal.features.vocabulary import Vocabulary
from buysignal.goals import Goal
from buysignal.known_graphs import only_known
from buysignal.manifest import MANIFEST, SCHEMA_VERSION, Manifest, package_versions, read_manifest
from buysignal.models.intervals import ConformalInterval
from buysignal.models.runtime import OnnxAmount, OnnxModel
from buysignal.models.segmentation import Segmentation
from buysignal.reference import Reference
from buysignal.report import SegmentProfile
from buysignal.sources.profile import Profile
from buysignal.step_windows import StepCodes

if TYPE_CHECKING:
    from buysignal.recommender import Recommender
    from buysignal.recommender.stored import Parts

PERCENTILES = 101
RECOMMENDER = "recommender.npz"
REFERENCE = "reference.npz"

Rows = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bundle:
    """A loaded bundle: what scores visits.

    Attributes:
        recommender_files: the verified files of the recommender, read when it is asked for.
        reference: what was normal in the test slice; None in bundles of earlier versions.
    """

    manifest: Manifest
    conversion: OnnxModel
    revenue: OnnxAmount | None
    interval: ConformalInterval | None
    segmentation: Segmentation | None
    vocabulary: Vocabulary | None
    path: Path
    recommender_files: dict[str, bytes] = field(default_factory=dict)
    reference: Reference | None = None

    @property
    def goal(self) -> Goal:
        return self.manifest.goal

    @property
    def profile(self) -> Profile:
        return self.manifest.profile

    @property
    def names(self) -> tuple[str, ...]:
        return self.manifest.names

    @property
    def categories(self) -> dict[str, tuple[str, ...]]:
        return self.manifest.categories

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def session_gap(self) -> str:
        return self.manifest.session_gap

    @property
    def reads_events(self) -> bool:
        """Whether it scores events (through the fold) or session rows."""
        return self.vocabulary is not None

    @property
    def has_revenue(self) -> bool:
        return self.revenue is not None

    @property
    def segment_method(self) -> str:
        return "no method" if self.segmentation is None else self.segmentation.method

    @property
    def segment_profiles(self) -> list[SegmentProfile]:
        return self.manifest.segments

    @cached_property
    def recommender(self) -> Recommender | None:
        """What is likely to be looked at next; None where the bundle has no recommender."""
        if self.manifest.recommender is None or RECOMMENDER not in self.recommender_files:
            return None
        from buysignal.recommender.stored import Parts, put_together

        graphs = {
            name.removeprefix("recommender-").removesuffix(".onnx"): content
            for name, content in self.recommender_files.items()
            if name != RECOMMENDER
        }
        arrays = _read_arrays(self.recommender_files[RECOMMENDER])
        return put_together(Parts(self.manifest.recommender, arrays, graphs))

    @cached_property
    def step_codes(self) -> StepCodes | None:
        """How the last events become numbers behind the features; None where features are all it reads."""
        if self.manifest.steps is None or self.vocabulary is None:
            return None
        return StepCodes.of(self.vocabulary, self.manifest.steps)

    @property
    def width(self) -> int:
        """How many numbers a row has: the features, and the last events where they are read."""
        return len(self.names) + (0 if self.step_codes is None else self.step_codes.layout.width)

    @cached_property
    def typical(self) -> Rows:
        """The typical visit, (width,) float32."""
        steps = [] if self.manifest.steps is None else self.manifest.steps["typical"]
        return np.array([np.nan if v is None else v for v in (*self.manifest.typical, *steps)], np.float32)

    def features_of(self, X: Rows) -> Rows:
        """Return the features alone of rows X (n, width)."""
        return X[:, : len(self.names)] if self.step_codes is not None else X

    def probability(self, X: Rows) -> Floats:
        """Return P(goal), shape (n,), of rows X (n, width).

        Raises:
            BundleError: the rows lack the last events, which this bundle reads.
        """
        if self.step_codes is not None and X.shape[1] != self.width:
            raise BundleError(
                f"rows of {X.shape[1]} numbers, where this bundle reads the last events of a visit, too",
                allowed=f"{self.width}: the features, and behind them {self.step_codes.length} events",
                todo="score events rather than features, or train without 'deep'",
            )
        return self.conversion.predict(X)

    def percentile(self, p: Floats) -> Floats:
        """Return where each score stands among those of the test slice, 0 to 100, shape (n,)."""
        grid = np.asarray(self.manifest.percentiles)
        return np.searchsorted(grid, p, side="right").clip(1, len(grid)) - 1.0

    def expected_revenue(self, X: Rows) -> Floats:
        """Return the expected amount still to come, shape (n,), in the goal's currency."""
        if self.revenue is None:
            raise BundleError("this bundle forecasts no revenue", todo="train on data with amounts")
        return self.revenue.predict(self.features_of(X))

    def revenue_interval(self, forecast: Floats) -> tuple[Floats, Floats] | None:
        """Return the ends of the interval around amounts (n,), or None where there is none."""
        return None if self.interval is None else self.interval.predict(forecast)


def save(draft: Draft, path: Path) -> Path:
    """Write a bundle to the folder ``path``, which is replaced only when all of it is written.

    Raises:
        BundleError: a stored model does not equal the trained one on real rows, or the folder cannot be
            written.
    """
    from buysignal.models.onnx import export_conversion, export_revenue

    conversion = export_conversion(draft.conversion, draft.check_rows)
    features = draft.check_rows[:, : len(draft.names)]
    revenue = None if draft.revenue is None else export_revenue(draft.revenue, features)
    path = path.resolve()
    folder = folder_beside(path)
    try:
        for group, exported in (("conversion", conversion), ("revenue", revenue)):
            for name, content in ({} if exported is None else exported.parts).items():
                (folder / f"{group}-{name}.onnx").write_bytes(content)
        if draft.vocabulary is not None:
            _write_arrays(folder / "vocabulary.npz", vocabulary_arrays(draft.vocabulary))
        if draft.segmentation is not None:
            _write_arrays(folder / "segments.npz", draft.segmentation.to_arrays())
        if draft.reference is not None:
            _write_arrays(folder / REFERENCE, draft.reference.to_arrays())
        recommender = _write_recommender(draft, folder)
        manifest = _manifest(
            draft, conversion.spec, None if revenue is None else revenue.spec, recommender, folder
        )
        if draft.visitors is not None:
            # Beside the contract: whoever hands the bundle on may take it out.
            manifest = manifest.model_copy(update={"visitors": draft.visitors.save(folder)})
        (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        put_in_place(folder, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return path


def _write_recommender(draft: Draft, folder: Path) -> dict[str, Any] | None:
    """Write the recommender's files; returns what the manifest says of it, None where there is none."""
    if draft.recommender is None:
        return None
    from buysignal.recommender.stored import prove, take_apart

    parts: Parts = take_apart(draft.recommender)
    prove(draft.recommender, parts, draft.check_visits)
    _write_arrays(folder / RECOMMENDER, parts.arrays)
    for name, content in parts.graphs.items():
        (folder / f"recommender-{name}.onnx").write_bytes(content)
    return parts.spec


def load(path: str | Path) -> Bundle:
    """Read a bundle and verify every byte of it.

    Raises:
        BundleError: it is no bundle, was changed, or comes from a newer version.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    contents = {name: _verified(folder, name, digest) for name, digest in manifest.files.items()}
    parts = {
        group: {
            name.removeprefix(f"{group}-").removesuffix(".onnx"): content
            for name, content in contents.items()
            if name.startswith(f"{group}-")
        }
        for group in ("conversion", "revenue")
    }
    own = {name: content for name, content in contents.items() if name.startswith("recommender")}
    arrays = {
        name: _read_arrays(content)
        for name, content in contents.items()
        if name.endswith(".npz") and name not in own
    }
    with only_known(folder):
        conversion = OnnxModel(manifest.conversion, parts["conversion"])
        revenue = None if manifest.revenue is None else OnnxAmount(manifest.revenue, parts["revenue"])
    return Bundle(
        manifest=manifest,
        conversion=conversion,
        revenue=revenue,
        interval=None if manifest.interval is None else ConformalInterval.from_dict(manifest.interval),
        segmentation=Segmentation.from_arrays(arrays["segments.npz"]) if "segments.npz" in arrays else None,
        vocabulary=vocabulary_from(arrays["vocabulary.npz"]) if "vocabulary.npz" in arrays else None,
        path=folder,
        recommender_files=own,
        reference=Reference.from_arrays(arrays[REFERENCE]) if REFERENCE in arrays else None,
    )


def _manifest(
    draft: Draft,
    conversion: dict[str, Any],
    revenue: dict[str, Any] | None,
    recommender: dict[str, Any] | None,
    folder: Path,
) -> Manifest:
    files = {file.name: digest(file.read_bytes()) for file in sorted(folder.iterdir())}
    numbers = [None if np.isnan(v) else float(v) for v in draft.typical]
    typical, steps = numbers[: len(draft.names)], numbers[len(draft.names) :]
    return Manifest(
        schema_version=SCHEMA_VERSION,
        buysignal_version=__version__,
        version=version_of(files, conversion, revenue, recommender),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        goal=draft.goal,
        profile=draft.profile,
        unit=draft.unit,
        names=draft.names,
        categories=draft.categories,
        catalogue_version=None if draft.vocabulary is None else CATALOGUE_VERSION,
        session_gap=draft.session_gap,
        dataset=draft.report.dataset,
        split=draft.split,
        test_from=draft.test_from,
        metrics={
            table.name: dict(row.metrics)
            for table in draft.report.tables
            for row in table.rows
            if row.champion
        },
        conversion=conversion,
        revenue=revenue,
        recommender=recommender,
        steps=None if draft.steps is None else draft.steps.to_dict() | {"typical": steps},
        interval=None if draft.interval is None else draft.interval.to_dict(),
        threshold=draft.threshold,
        percentiles=[float(v) for v in np.quantile(draft.tested_scores, np.linspace(0, 1, PERCENTILES))],
        typical=typical,
        segments=next((t.segments for t in draft.report.tables if t.name == "segments"), []),
        notes=draft.report.notes,
        packages=package_versions(),
        files=files,
    )


def _verified(folder: Path, name: str, expected: str) -> bytes:
    file = folder / name
    if Path(name).name != name or not file.is_file():
        raise BundleError(f"'{folder}' lacks the file '{name}'", todo="copy the whole folder, or train again")
    content = file.read_bytes()
    if digest(content) != expected:
        raise BundleError(
            f"'{name}' in '{folder}' was changed after training: its SHA-256 differs from the manifest's",
            todo="take the folder from where it was trained, or train again",
        )
    return content


def folder_beside(path: Path) -> Path:
    """Return a new folder beside ``path``, in which a bundle is written before it is put in place.

    Raises:
        BundleError: nothing can be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise BundleError(
            f"{path} cannot be written: {error.strerror}", todo="choose another place"
        ) from error


def put_in_place(folder: Path, path: Path) -> None:
    """Put the new folder in place of the old one; what else lies in the old one (reports) goes with it.

    Raises:
        BundleError: there are files at ``path`` that are no bundle.
    """
    folder.chmod(0o755)
    if path.exists():
        if not (path / MANIFEST).is_file() and any(path.iterdir()):
            raise BundleError(
                f"'{path}' holds other files",
                allowed="a new folder, or an earlier bundle",
                todo="choose another",
            )
        shutil.rmtree(path)
    folder.rename(path)


def _write_arrays(file: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    np.savez_compressed(file, allow_pickle=False, **arrays)


def _read_arrays(content: bytes) -> dict[str, npt.NDArray[Any]]:
    import io

    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def version_of(
    files: dict[str, str],
    conversion: dict[str, Any],
    revenue: dict[str, Any] | None,
    recommender: dict[str, Any] | None = None,
) -> str:
    """Return the version of a bundle: the start of a hash over all that its answers are made of."""
    read = [files, conversion, revenue, *([] if recommender is None else [recommender])]
    return digest(json.dumps(read, sort_keys=True).encode())[:12]


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file's content, as the manifest writes it."""
    return hashlib.sha256(content).hexdigest()
