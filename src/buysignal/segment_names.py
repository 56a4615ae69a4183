"""Renaming segments: a bundle with names of one's own, the found ones kept as evidence."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from buysignal import bundle as bundles
from buysignal.bundle import Bundle
from buysignal.errors import BundleError, SourceError
from buysignal.manifest import MANIFEST
from buysignal.models.segmentation import Segmentation
from buysignal.report import Report, SegmentProfile, Table
from buysignal.trained_visitors import FILE as VISITORS

LONGEST = 60
ARRAYS = "segments.npz"
TABLE = "segments"


def renamed(bundle: Bundle, names: Mapping[int, str]) -> Bundle:
    """Return the bundle with segments called ``names`` (segment number → name), as if stored that way.

    Its version changes with the names, because scores carry them. The name a segment was found with stays
    in its profile as ``original``.

    Raises:
        BundleError: the bundle has no segments, a segment does not exist, or a name is empty, too long or
            taken.
    """
    if bundle.segmentation is None or not bundle.segment_profiles:
        raise BundleError("this bundle has no segments", todo="train on more visits")
    profiles = _profiles(bundle.segment_profiles, names)
    segmentation = _titled(bundle.segmentation, profiles)
    files = {**bundle.manifest.files, ARRAYS: bundles.digest(_arrays(segmentation))}
    manifest = bundle.manifest.model_copy(
        update={
            "segments": profiles,
            "files": files,
            "version": bundles.version_of(
                files, bundle.manifest.conversion, bundle.manifest.revenue, bundle.manifest.recommender
            ),
        }
    )
    return replace(bundle, manifest=manifest, segmentation=segmentation)


def numbered(bundle: Bundle, pairs: Sequence[str]) -> dict[int, str]:
    """Return ``found name=new name`` pairs as segment number → new name, ready for ``renamed``.

    A segment answers to the name it has and to the one it was found with.

    Raises:
        BundleError: a pair begins with no segment's name, or a segment is named twice.
    """
    profiles = bundle.segment_profiles
    called = {one.original: one.segment for one in profiles if one.original}
    called |= {one.name: one.segment for one in profiles}
    names: dict[int, str] = {}
    for pair in pairs:
        segment, name = _read_pair(pair, called)
        if segment in names:
            raise BundleError(f"'{pair}' renames a segment a second time", todo="give each one new name")
        names[segment] = name
    return names


def _read_pair(pair: str, called: Mapping[str, int]) -> tuple[int, str]:
    # A name may hold an equals sign of its own, so every one may be where the new name begins.
    parts = pair.split("=")
    for n in range(len(parts) - 1, 0, -1):
        found = " ".join("=".join(parts[:n]).split())
        if found in called:
            return called[found], "=".join(parts[n:])
    came = "begins with no segment's name" if len(parts) > 1 else "is no renaming"
    raise BundleError(
        f"'{pair}' {came}",
        allowed=" or ".join(f"'{name}=NEW NAME'" for name in called),
        todo="copy a name from the list of segments",
    )


def renamed_report(report: Report, profiles: list[SegmentProfile]) -> Report:
    """Return the report with its segments called as in ``profiles``."""
    called = {one.segment: one for one in profiles}
    tables = [_renamed_table(table, called) if table.name == TABLE else table for table in report.tables]
    return report.model_copy(update={"tables": tables})


def rename_segments(path: str | Path, names: Mapping[int, str], out: str | Path) -> Path:
    """Write the bundle at ``path`` to the folder ``out`` with segments called ``names``.

    Its reports are written anew with these names; models and figures are the same.

    Raises:
        BundleError: as ``renamed``, or a folder cannot be read or written.
    """
    loaded = bundles.load(path)
    return store(renamed(loaded, names), Path(out))


def store(bundle: Bundle, out: Path) -> Path:
    """Write a bundle that ``renamed`` gave to the folder ``out``, with its report where it has one.

    Raises:
        BundleError: ``out`` holds other files, or cannot be written.
    """
    out = out.resolve()
    folder = bundles.folder_beside(out)
    try:
        for name in (*bundle.manifest.files, VISITORS):
            if name != ARRAYS and (bundle.path / name).is_file():
                shutil.copyfile(bundle.path / name, folder / name)
        if bundle.segmentation is not None:
            (folder / ARRAYS).write_bytes(_arrays(bundle.segmentation))
        text = bundle.manifest.model_dump_json(indent=1) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        _reports(bundle, folder)
        bundles.put_in_place(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return out


def _reports(bundle: Bundle, folder: Path) -> None:
    from buysignal.report_html import write_report_html

    try:
        report = Report.load(bundle.path / "report.json")
    except SourceError:
        return
    report = renamed_report(report, bundle.segment_profiles)
    report.save(folder / "report.json")
    write_report_html(report, folder / "report.html")


def _profiles(profiles: list[SegmentProfile], names: Mapping[int, str]) -> list[SegmentProfile]:
    unknown = set(names) - {one.segment for one in profiles}
    if unknown:
        raise BundleError(
            f"there is no segment {min(unknown)}",
            allowed=", ".join(str(one.segment) for one in profiles),
        )
    changed = [_called(one, names[one.segment]) if one.segment in names else one for one in profiles]
    taken: set[str] = set()
    for one in changed:
        if one.name.casefold() in taken:
            raise BundleError(
                f"two segments would be called '{one.name}'", todo="give each a name of its own"
            )
        taken.add(one.name.casefold())
    return changed


def _called(one: SegmentProfile, wanted: str) -> SegmentProfile:
    name = " ".join(wanted.split())
    if not name or len(name) > LONGEST or not name.isprintable():
        came = f"'{name[:LONGEST]}' cannot be a segment's name" if name else "a segment needs a name"
        raise BundleError(came, allowed=f"1 to {LONGEST} printable letters", todo="choose a short name")
    found = one.original or one.name
    return one.model_copy(update={"name": name, "original": None if name == found else found})


def _titled(segmentation: Segmentation, profiles: list[SegmentProfile]) -> Segmentation:
    titles = segmentation.titles | {one.segment: one.name for one in profiles}
    return replace(segmentation, titles=titles)


def _arrays(segmentation: Segmentation) -> bytes:
    """Return the file's content; the same segments give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **segmentation.to_arrays())
    return buffer.getvalue()


def _renamed_table(table: Table, called: Mapping[int, SegmentProfile]) -> Table:
    pairs = [(one, called.get(one.segment, one)) for one in table.segments]
    names = {old.name: new.name for old, new in pairs}
    silhouette = {names.get(title, title): curve for title, curve in table.pictures.silhouette.items()}
    return table.model_copy(
        update={
            "segments": [
                old.model_copy(update={"name": new.name, "original": new.original}) for old, new in pairs
            ],
            "pictures": table.pictures.model_copy(update={"silhouette": silhouette}),
        }
    )
