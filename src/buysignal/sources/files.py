"""From what a user names (files, folders, archives) to plain files that can be read."""

from __future__ import annotations

import gzip
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Literal

from buysignal.errors import SourceError

Kind = Literal["text", "parquet", "json"]

TEXT_SUFFIXES = {".csv", ".tsv", ".txt", ".dat", ".psv"}
JSON_SUFFIXES = {".json", ".jsonl", ".ndjson"}
PARQUET_SUFFIXES = {".parquet", ".pq"}
DATA_SUFFIXES = TEXT_SUFFIXES | JSON_SUFFIXES | PARQUET_SUFFIXES
PACKED_SUFFIXES = {".gz", ".zip"}

BOMB_RATIO = 300
BOMB_MIN_BYTES = 64 * 1024 * 1024
"""Deflated clickstreams shrink 5 to 50 times; more than BOMB_RATIO beyond this size is no data."""
MIN_FREE_BYTES = 512 * 1024 * 1024
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class SourceFile:
    """One readable file.

    Attributes:
        name: what the user knows it by, for messages and rejects (``a.zip/b.csv`` inside an archive).
        path: where its unpacked bytes are.
        kind: how its content is to be read.
        named: whether the user named this very file, rather than a folder or archive around it.
    """

    name: str
    path: Path
    kind: Kind
    named: bool = True


def open_files(paths: Sequence[str | Path], scratch: Path) -> list[SourceFile]:
    """Return every data file named by ``paths``, unpacked into ``scratch`` where packed.

    Raises:
        SourceError: a path does not exist, a folder holds no data, an archive is damaged, protected
            or unpacks to an absurd size, or a file is empty.
    """
    if not paths:
        raise SourceError("no file was named", allowed="one or more files or folders", todo="name one")
    found: list[SourceFile] = []
    for path in paths:
        files = _walk(Path(path))
        for file in files:
            inside = list(_open(file, scratch, len(found)))
            named = len(inside) == 1 and not Path(path).is_dir()
            found.extend(replace(one, named=named) for one in inside)
    return found


def _walk(path: Path) -> list[Path]:
    if path.is_dir():
        files = [
            p
            for p in sorted(path.rglob("*"))
            if p.is_file()
            and not any(part.startswith((".", "_")) for part in p.relative_to(path).parts)
            and p.suffix.lower() in DATA_SUFFIXES | PACKED_SUFFIXES
        ]
        data = [p for p in files if p.suffix.lower() not in {".txt", ".json"}]
        files = data or files
        if not files:
            raise SourceError(
                f"the folder {path} holds no data files",
                allowed="CSV, Parquet or JSON lines, also as .gz or .zip",
                todo="name the folder that holds the export",
            )
        return files
    if not path.exists():
        raise SourceError(
            f"there is no file {path}", allowed="an existing file or folder", todo="check the path"
        )
    return [path]


def _open(path: Path, scratch: Path, position: int) -> Iterator[SourceFile]:
    try:
        if path.stat().st_size == 0:
            raise empty(str(path))
        with path.open("rb") as stream:
            magic = stream.read(4)
        if magic[:2] == b"\x1f\x8b":
            target = scratch / f"{position}-{path.stem}"
            with gzip.open(path, "rb") as packed:
                _copy_bounded(packed, target, str(path), path.stat().st_size)
            yield _plain(path.name.removesuffix(".gz"), str(path), target)
        elif magic == b"PK\x03\x04":
            yield from _unzip(path, scratch, position)
        else:
            yield _plain(path.name, str(path), path)
    except PermissionError as error:
        raise SourceError(f"{path} may not be read", todo="change its permissions") from error


def _plain(file_name: str, shown: str, path: Path) -> SourceFile:
    if path.stat().st_size == 0:
        raise empty(shown)
    with path.open("rb") as stream:
        magic = stream.read(4)
    suffix = Path(file_name).suffix.lower()
    if magic == b"PAR1":
        return SourceFile(shown, path, "parquet")
    if suffix in PARQUET_SUFFIXES:
        raise SourceError(
            f"{shown} is called Parquet but is none", allowed="a Parquet file", todo="export it again"
        )
    if suffix in JSON_SUFFIXES or magic.lstrip()[:1] in (b"{", b"["):
        return SourceFile(shown, path, "json")
    return SourceFile(shown, path, "text")


def empty(shown: str) -> SourceError:
    """The error for a file without a byte."""
    return SourceError(
        f"{shown} is empty", allowed="a header and at least one row", todo="export the file again"
    )


def _unzip(path: Path, scratch: Path, position: int) -> Iterator[SourceFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            for number, member in enumerate(_data_members(archive, path)):
                if member.flag_bits & 1:
                    raise SourceError(
                        f"{path} is protected by a password", todo="unpack it first, then name the files"
                    )
                target = scratch / f"{position}-{number}-{Path(member.filename).name}"
                with archive.open(member) as packed:
                    _copy_bounded(packed, target, str(path), max(member.compress_size, 1))
                yield _plain(member.filename, f"{path}/{member.filename}", target)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise damaged(str(path)) from error


def _data_members(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """The members that hold data; plain text is taken only where nothing else is there."""
    members = [
        m
        for m in archive.infolist()
        if not m.is_dir() and not any(p.startswith((".", "__MACOSX")) for p in Path(m.filename).parts)
    ]
    suffixes = DATA_SUFFIXES - {".txt", ".dat"}
    data = [m for m in members if Path(m.filename).suffix.lower() in suffixes]
    data = data or [m for m in members if Path(m.filename).suffix.lower() in DATA_SUFFIXES]
    if not data:
        raise SourceError(
            f"the archive {path} holds no data files",
            allowed="CSV, Parquet or JSON lines inside",
            todo="unpack it and name the data file",
        )
    return data


def damaged(shown: str) -> SourceError:
    """The error for an archive that breaks off or does not unpack."""
    return SourceError(
        f"{shown} is damaged: it breaks off or does not unpack",
        allowed="a complete .gz or .zip",
        todo="copy or download it again",
    )


def _copy_bounded(packed: IO[bytes] | gzip.GzipFile, target: Path, shown: str, packed_bytes: int) -> None:
    """Unpack into ``target``, counting what really comes out rather than what a header promises."""
    written = 0
    try:
        with target.open("wb") as out:
            while chunk := packed.read(_CHUNK):
                written += len(chunk)
                if written > BOMB_MIN_BYTES and written > BOMB_RATIO * packed_bytes:
                    raise SourceError(
                        f"{shown} unpacks to more than {BOMB_RATIO} times its size, as no clickstream does",
                        allowed=f"at most {BOMB_RATIO} times the packed size",
                        todo="look at the archive, and unpack it by hand if you trust it",
                    )
                if (
                    written % (64 * _CHUNK) < _CHUNK
                    and shutil.disk_usage(target.parent).free < MIN_FREE_BYTES
                ):
                    raise SourceError(
                        f"{shown} unpacks to more than the disk can hold",
                        todo="free some space, or set TMPDIR to a larger disk",
                    )
                out.write(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise damaged(shown) from error
