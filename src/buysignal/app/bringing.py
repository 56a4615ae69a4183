"""Bringing data in: the demo shop, a public data set, or uploaded files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol
from uuid import uuid4

import pyarrow as pa
import streamlit as st

from buysignal.app.state import Source
from buysignal.check import check_loaded
from buysignal.errors import BuysignalError, SourceError
from buysignal.sources import download
from buysignal.sources.demo import write_demo
from buysignal.sources.read import Loaded, Progress, load
from buysignal.sources.rejects import Rejects
from buysignal.training.dataset import simulated

UPLOAD_TYPES = ("csv", "tsv", "txt", "dat", "psv", "json", "jsonl", "ndjson", "parquet", "pq", "gz", "zip")

DEMO_DAYS = 28
_CHUNK = 1024 * 1024


class Upload(Protocol):
    """A file that came through the browser."""

    name: str

    def read(self, size: int = -1, /) -> bytes: ...


@st.cache_resource(max_entries=3, show_spinner=False)  # type: ignore[untyped-decorator]
def _simulated(visitors: int, seed: int) -> Loaded:
    """Return the demo shop as it is read from disk; the same for everyone who asks for the same."""
    with TemporaryDirectory(prefix="buysignal-demo-") as scratch:
        files = write_demo(Path(scratch), visitors, DEMO_DAYS, seed)
        return without_folder(load(files.events), Path(scratch))


def demo_shop(visitors: int, seed: int = 0) -> Source:
    """Return the simulated shop, dirty on purpose."""
    loaded = _simulated(visitors, seed)
    label = f"Demo shop, {visitors:,} visitors"
    return Source(label, loaded, check_loaded(loaded), simulated=True, token=uuid4().hex)


def public(name: str, archive: Upload | None, folder: Path, progress: Progress) -> Source:
    """Fetch a public data set (or unpack the given archive) into ``folder`` and read it.

    Raises:
        SourceError: no network, or other bytes than the published ones.
    """
    given = None if archive is None else _stored(archive, folder)
    try:
        files = download.get(name, to=folder / name, source=given, progress=_part(progress, 0.0, 0.5))
    except SourceError as error:
        raise _for_page(error, folder) from error
    test = "test_data.csv" if name == "uci-eshop" else None
    title = download.DATASETS[name].title
    return _read(files, folder, title, progress=_part(progress, 0.5, 1.0), test_name=test)


def uploaded(
    files: Iterable[Upload],
    folder: Path,
    progress: Progress,
    *,
    profile: str | None = None,
    mapping: Mapping[str, str] | None = None,
) -> Source:
    """Write what came through the browser into ``folder``, and read it.

    Raises:
        InputError: it cannot be read; the sentence names the user's file.
    """
    paths = [_stored(file, folder) for file in files]
    if not paths:
        raise SourceError("no file was chosen", todo="choose one or more files, then read them")
    label = paths[0].name if len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more"
    return _read(paths, folder, label, progress=progress, profile=profile, mapping=mapping)


def part_of(source: Source, path: Path) -> Loaded:
    """Read one file of a source again, by the source's profile."""
    return without_folder(load(path, profile=source.loaded.profile), path.parent)


def _read(
    paths: Sequence[Path],
    folder: Path,
    label: str,
    *,
    progress: Progress,
    profile: str | None = None,
    mapping: Mapping[str, str] | None = None,
    test_name: str | None = None,
) -> Source:
    try:
        loaded = load(paths, profile=profile, mapping=mapping, progress=progress)
    except BuysignalError as error:
        raise _for_page(error, folder) from error
    loaded = without_folder(loaded, folder)
    return Source(
        label, loaded, check_loaded(loaded), simulated(loaded), tuple(paths), test_name, token=uuid4().hex
    )


def _stored(file: Upload, folder: Path) -> Path:
    """Write an upload to disk in pieces, by its own name alone."""
    name = Path(file.name.replace("\\", "/")).name or "upload"
    target = folder / name
    if target.exists():
        raise SourceError(f"two files are called {name}", todo="rename one of them")
    with target.open("wb") as out:
        while chunk := file.read(_CHUNK):
            out.write(chunk)
    return target


def without_folder(loaded: Loaded, folder: Path) -> Loaded:
    """Return ``loaded`` with file names as the user knows them, not as the server keeps them."""
    table = loaded.rejects.table
    names = [_plain(name, folder) for name in table.column("file").to_pylist()]
    position = table.column_names.index("file")
    rejects = Rejects(table.set_column(position, table.schema.field("file"), pa.array(names, pa.string())))
    return replace(loaded, rejects=rejects, paths=tuple(Path(p.name) for p in loaded.paths))


def _plain(text: str, folder: Path) -> str:
    return text.replace(f"{folder.resolve()}/", "").replace(f"{folder}/", "")


def _for_page(error: BuysignalError, folder: Path) -> SourceError:
    """Return the same sentence without the server's folder, and without what only a terminal can do."""
    todo = error.todo or ""
    for terminal, page in _TERMINAL_WORDS.items():
        todo = todo.replace(terminal, page)
    return SourceError(
        _plain(error.came, folder), allowed=error.allowed and _plain(error.allowed, folder), todo=todo or None
    )


_TERMINAL_WORDS = {
    "then: buysignal data get uci-eshop --from FILE": "then give the archive here",
    "then: buysignal data get uci-shoppers --from FILE": "then give the archive here",
    "map it:": "fill in its name under “My columns have other names”:",
}


def _part(progress: Progress, start: float, stop: float) -> Progress:
    return lambda share, text: progress(start + (stop - start) * share, text)
