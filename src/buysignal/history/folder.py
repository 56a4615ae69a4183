"""A folder of parts: what is finished stays finished, and the same command goes on where it stopped.

``manifest.json`` says what the folder is made of and from; ``parts.jsonl`` gets one line per finished
part. A part is written under another name and put in place whole, before its line is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from buysignal.errors import SourceError
from buysignal.sources.damage import explanation, is_full

MANIFEST = "manifest.json"
JOURNAL = "parts.jsonl"
SCHEMA_VERSION = 1

_ROWS_PER_GROUP = 131_072


@dataclass
class PartsFolder:
    """Parts on their way.

    Attributes:
        path: the folder.
        about: what is made and from what; a run goes on only where it is the same.
        parts: one entry per finished part, in order.
        summary: what the whole run found; empty until it is complete.
    """

    path: Path
    about: dict[str, Any]
    parts: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return bool(self.summary)

    def add(self, entry: dict[str, Any]) -> None:
        """Note a part as finished."""
        with (self.path / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.parts.append(entry)

    def finish(self, summary: dict[str, Any]) -> None:
        """Note the whole as complete."""
        self.summary = summary
        _write_manifest(self)

    def place(self, kind: str, number: int) -> Path:
        """Return where part ``number`` of ``kind`` (a folder below this one) lies."""
        return self.path / kind / f"part-{number:05d}.parquet"


def open_folder(path: Path, about: dict[str, Any], *, fresh: bool = False) -> PartsFolder:
    """Return the folder with what is finished in it; a new one where there is none.

    Args:
        path: made if need be.
        about: JSON values; see ``PartsFolder``.
        fresh: begin anew whatever is there.

    Raises:
        SourceError: the folder holds something else, or parts made from something else.
    """
    if path.exists() and not path.is_dir():
        raise SourceError(f"{path} is a file", allowed="a folder", todo="name another one with --out")
    manifest = path / MANIFEST
    if path.exists() and any(path.iterdir()) and not _is_ours(manifest):
        raise SourceError(
            f"the folder {path} holds other files",
            allowed="a new folder, or one that the same command began",
            todo="name another one with --out",
        )
    if fresh and path.exists():
        shutil.rmtree(path)
    if manifest.is_file():
        return _resumed(path, about)
    folder = PartsFolder(path, about)
    with told(path):
        path.mkdir(parents=True, exist_ok=True)
        _write_manifest(folder)
    return folder


def _resumed(path: Path, about: dict[str, Any]) -> PartsFolder:
    found = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    wanted = json.loads(json.dumps(about))
    differs = sorted(k for k in {*wanted, *found["about"]} if wanted.get(k) != found["about"].get(k))
    if differs:
        raise SourceError(
            f"the parts in {path} were made with other {', '.join(differs)}",
            allowed="the same input and settings, to go on",
            todo="use --fresh to begin anew, or name another folder with --out",
        )
    return PartsFolder(path, about, _journal(path), found["summary"])


def _journal(path: Path) -> list[dict[str, Any]]:
    """Read the finished parts; a last line torn by a crash is none."""
    journal = path / JOURNAL
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True) if journal.is_file() else []
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        journal.write_text("".join(whole), encoding="utf-8")
    return [json.loads(line) for line in whole]


def _is_ours(manifest: Path) -> bool:
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("schema_version") == SCHEMA_VERSION and "about" in found


def _write_manifest(folder: PartsFolder) -> None:
    content = {"schema_version": SCHEMA_VERSION, "about": folder.about, "summary": folder.summary}
    beside = folder.path / f".{MANIFEST}"
    beside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(folder.path / MANIFEST)


def write_part(table: pa.Table, place: Path, *, floats: Sequence[str] = ()) -> None:
    """Write a part whole or not at all.

    Args:
        table: its rows.
        place: the file.
        floats: columns that nobody looks rows up by, and so need no statistics.

    Raises:
        SourceError: the disk is full, or the place cannot be written to.
    """
    beside = place.with_name(f".{place.name}")
    words = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
    ordered = [name for name in table.column_names if name not in set(floats)]
    with told(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            table, beside, compression="lz4", use_dictionary=words, write_statistics=ordered,
            row_group_size=_ROWS_PER_GROUP, write_batch_size=_ROWS_PER_GROUP,
        )  # fmt: skip
        beside.replace(place)


def read_part(place: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a part that was finished.

    Raises:
        SourceError: it is gone or damaged.
    """
    try:
        table = pq.read_table(place, columns=None if columns is None else list(columns))
        return table.unify_dictionaries()
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(
            f"the finished part {place} cannot be read: {str(error).splitlines()[0]}",
            todo="use --fresh to begin anew",
        ) from error


@contextmanager
def told(place: Path) -> Iterator[None]:
    """Turn errors of writing to ``place`` into one sentence."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise explanation(error) from error
        raise SourceError(
            f"{place} cannot be written: {error.strerror or error}", todo="choose another place"
        ) from error
