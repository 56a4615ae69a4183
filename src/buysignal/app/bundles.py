"""Trained bundles: those on this machine, and those that come as a zip through the browser."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path, PurePosixPath

from buysignal import bundle as bundle_files
from buysignal.app.state import Model
from buysignal.errors import BundleError, SourceError
from buysignal.manifest import MANIFEST
from buysignal.report import Report

MODELS = "BUYSIGNAL_MODELS"
"""Environment variable: the folder of trained bundles; ``models`` beside the start where unset."""

FIRST_CHOICE = "demo"

MAX_FILES = 60
MAX_FILE_BYTES = 200_000_000
MAX_BYTES = 500_000_000
_CHUNK = 1024 * 1024


def found() -> list[Path]:
    """Return the bundles of this machine, the demo shop's first."""
    root = Path(os.environ.get(MODELS, "models"))
    folders = [path.parent for path in root.glob(f"*/{MANIFEST}")] if root.is_dir() else []
    return sorted(folders, key=lambda path: (path.name != FIRST_CHOICE, path.name))


def opened(path: Path, label: str | None = None) -> Model:
    """Return the bundle in the folder ``path``, its hashes verified.

    Raises:
        BundleError: it is none, was changed, or is too new.
    """
    loaded = bundle_files.load(path)
    return Model(label or path.name, loaded, _report_beside(path))


def _report_beside(path: Path) -> Report | None:
    try:
        return Report.load(path / "report.json")
    except SourceError:
        return None


def unpacked(content: bytes, name: str, folder: Path) -> Model:
    """Unpack an uploaded zip into the empty ``folder`` and return the bundle in it.

    Only plain files of one folder are taken, and only as much as a bundle can hold; every file that
    scoring reads is verified by its hash before use.

    Raises:
        BundleError: the zip is damaged, larger than a bundle can be, or holds no bundle.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _extract(archive, folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BundleError(f"'{name}' cannot be unpacked", todo="download the bundle again") from error
    label = Path(name).stem
    try:
        return opened(folder, label)
    except BundleError as error:
        sentences = (error.came, error.allowed, error.todo)
        came, allowed, todo = (s and s.replace(str(folder), label) for s in sentences)
        raise BundleError(came or label, allowed=allowed, todo=todo) from error


def _extract(archive: zipfile.ZipFile, folder: Path) -> None:
    members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX")]
    parents = {PurePosixPath(m.filename).parent for m in members}
    if not members or len(parents) != 1 or ".." in next(iter(parents)).parts:
        raise BundleError(
            "this zip holds no bundle",
            allowed="the files of one bundle, in one folder",
            todo="take the zip that the Train page gives",
        )
    if len(members) > MAX_FILES:
        raise BundleError(f"this zip holds {len(members):,} files", allowed=f"at most {MAX_FILES}")
    left = MAX_BYTES
    for member in members:
        left -= _copy(archive, member, folder / PurePosixPath(member.filename).name, left)


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Unpack one file, counting what really comes out rather than what a header promises."""
    written = 0
    with archive.open(member) as packed, target.open("wb") as out:
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            if written > min(left, MAX_FILE_BYTES):
                raise BundleError(
                    f"'{member.filename}' unpacks to more than a bundle can hold",
                    allowed=f"{MAX_BYTES // 1_000_000} MB in all",
                    todo="take the zip that the Train page gives",
                )
            out.write(chunk)
    return written


def zipped(path: Path) -> bytes:
    """Return the bundle's folder as a zip, its report included."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.iterdir()):
            if file.is_file():
                archive.write(file, file.name)
    return buffer.getvalue()
