"""Trained bundles: those on this machine, and those that come as a zip through the browser."""

from __future__ import annotations

import io
import os
import re
import shutil
import zipfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from buysignal import bundle as bundle_files
from buysignal import segment_names
from buysignal.app.state import Model
from buysignal.errors import BundleError, SourceError
from buysignal.manifest import MANIFEST, read_manifest
from buysignal.report import Report

MODELS = "BUYSIGNAL_MODELS"
"""Environment variable: the folder of trained bundles; ``models`` beside the start where unset."""

FIRST_CHOICE = "demo"
CHAMPION = "champion.txt"
"""Beside the bundles: the name of the one to open first."""

NAME = re.compile(r"[^\W_][\w .-]{0,59}(?<![ .])")

MAX_FILES = 60
MAX_FILE_BYTES = 200_000_000
MAX_BYTES = 500_000_000
_CHUNK = 1024 * 1024


def root() -> Path:
    """Return the folder of this machine's bundles; it need not exist."""
    return Path(os.environ.get(MODELS, "models"))


def found() -> list[Path]:
    """Return the bundles of this machine, its champion first, then the demo shop's."""
    folders = [path.parent for path in root().glob(f"*/{MANIFEST}")] if root().is_dir() else []
    shown = [path for path in folders if not path.name.startswith(".")]
    first = champion()
    return sorted(shown, key=lambda path: (path.name != first, path.name != FIRST_CHOICE, path.name))


def champion() -> str | None:
    """Return the name of the bundle that was chosen to be opened first on this machine, if one was."""
    try:
        return (root() / CHAMPION).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


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


def keep(model: Model, name: str, *, replace: bool = False) -> Path:
    """Store the model among this machine's bundles and make it the champion, which is opened first.

    Raises:
        BundleError: the name cannot be a folder's, is taken, or the folder cannot be written.
    """
    wanted = name.strip()
    if not NAME.fullmatch(wanted):
        raise BundleError(
            f"'{wanted[:60]}' cannot be a model's name" if wanted else "a model needs a name",
            allowed="1 to 60 letters, digits, spaces, dots, - or _, beginning with a letter or digit",
        )
    target = root() / wanted
    same = target.exists() and target.resolve() == model.bundle.path.resolve()
    if target.exists() and not same and not replace:
        raise BundleError(
            f"there is a model called '{wanted}' already", todo="replace it, or take another name"
        )
    try:
        root().mkdir(parents=True, exist_ok=True)
        if not same or renamed_since(model):
            stored(model, target)
        (root() / CHAMPION).write_text(f"{wanted}\n", encoding="utf-8")
    except OSError as error:
        raise BundleError(f"'{wanted}' cannot be saved: {error.strerror}") from error
    return target


def renamed_since(model: Model) -> bool:
    """Return whether the model's segments were renamed after it was stored."""
    return read_manifest(model.bundle.path).version != model.bundle.version


def stored(model: Model, out: Path) -> Path:
    """Write the model with its segments as they are named now, and its reports, to the folder ``out``.

    Raises:
        BundleError: ``out`` holds other files, or cannot be written.
    """
    if renamed_since(model):
        return segment_names.store(model.bundle, out)
    with TemporaryDirectory(prefix=".buysignal-", dir=out.parent) as folder:
        copy = Path(folder) / out.name
        shutil.copytree(model.bundle.path, copy)
        bundle_files.put_in_place(copy, out.resolve())
    return out


def zipped_model(model: Model) -> bytes:
    """Return the model as a zip, its segments as they are named now, its report included."""
    with TemporaryDirectory(prefix="buysignal-") as folder:
        return zipped(stored(model, Path(folder) / "bundle"))


def zipped(path: Path) -> bytes:
    """Return the bundle's folder as a zip, its report included."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.iterdir()):
            if file.is_file():
                archive.write(file, file.name)
    return buffer.getvalue()
