"""Bringing data in: the demo shop, a public data set, or uploaded files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol
from uuid import uuid4

import pyarrow as pa
import streamlit as st

from buysignal.app.state import Again, Source
from buysignal.check import check_loaded
from buysignal.errors import BuysignalError, ProfileError, SourceError
from buysignal.sources import download
from buysignal.sources.demo import write_demo
from buysignal.sources.look import Look, look
from buysignal.sources.mend import Place, mend
from buysignal.sources.profile import Profile
from buysignal.sources.read import Loaded, Progress, load
from buysignal.sources.rejects import Rejects
from buysignal.training.dataset import simulated

UPLOAD_TYPES = ("csv", "tsv", "txt", "dat", "psv", "json", "jsonl", "ndjson", "parquet", "pq", "gz", "zip")

DEMO_DAYS = 28
_CHUNK = 4 * 1024 * 1024


class Upload(Protocol):
    """A file that came through the browser."""

    name: str

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class Waiting:
    """Files that came and that no profile reads yet; a person has to say what their columns mean.

    Attributes:
        why: what the reader said.
        seen: their columns and first rows.
    """

    label: str
    paths: tuple[Path, ...]
    folder: Path
    why: BuysignalError
    seen: Look


@st.cache_resource(max_entries=3, show_spinner=False)  # type: ignore[untyped-decorator]
def _simulated(visitors: int, seed: int) -> Loaded:
    """Return the demo shop as it is read from disk; the same for everyone who asks for the same."""
    return _made(visitors, seed)


def _made(visitors: int, seed: int, **options: object) -> Loaded:
    with TemporaryDirectory(prefix="buysignal-demo-") as scratch:
        files = write_demo(Path(scratch), visitors, DEMO_DAYS, seed)
        return without_folder(load(files.events, **options), Path(scratch))  # type: ignore[arg-type]


def demo_shop(visitors: int, seed: int = 0) -> Source:
    """Return the simulated shop, dirty on purpose."""
    again: Again = partial(_made, visitors, seed)
    return _source(f"Demo shop, {visitors:,} visitors", _simulated(visitors, seed), again)


def public(name: str, archive: Upload | None, folder: Path, progress: Progress) -> Source:
    """Fetch a public data set (or unpack the given archive) into ``folder`` and read it.

    Raises:
        SourceError: no network, or other bytes than the published ones.
    """
    given = None if archive is None else stored([archive], folder, _part(progress, 0.0, 0.1))[0]
    try:
        files = download.get(name, to=folder / name, source=given, progress=_part(progress, 0.1, 0.5))
    except SourceError as error:
        raise for_page(error, folder) from error
    test = "test_data.csv" if name == "uci-eshop" else None
    title = download.DATASETS[name].title
    return read(files, folder, title, progress=_part(progress, 0.5, 1.0), test_name=test)


def uploaded(
    files: Iterable[Upload],
    folder: Path,
    progress: Progress,
    *,
    profile: str | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
) -> Source:
    """Write what came through the browser into ``folder``, and read it.

    Raises:
        InputError: it cannot be read; the sentence names the user's file.
    """
    paths = stored(files, folder, _part(progress, 0.0, 0.2))
    return read(
        paths, folder, label_of(paths), progress=_part(progress, 0.2, 1.0), profile=profile, mapping=mapping
    )


def label_of(paths: Sequence[Path]) -> str:
    """Return what files are called together."""
    return paths[0].name if len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more"


def stored(files: Iterable[Upload], folder: Path, progress: Progress) -> list[Path]:
    """Write uploads to disk in pieces, by their own names alone, and let go of each in memory.

    Raises:
        SourceError: there is none, or two have the same name.
    """
    given = list(files)
    if not given:
        raise SourceError(
            "no file has arrived",
            todo="choose one or more files, wait until they are uploaded, then read them",
        )
    sizes = [max(int(getattr(file, "size", 0)), 1) for file in given]
    paths, before = [], 0
    for file, size in zip(given, sizes, strict=True):
        part = _part(progress, before / sum(sizes), (before + size) / sum(sizes))
        paths.append(_stored(file, folder, size, part))
        forget(file)
        before += size
    return paths


def _stored(file: Upload, folder: Path, size: int, progress: Progress) -> Path:
    name = Path(file.name.replace("\\", "/")).name or "upload"
    target = folder / name
    if target.exists():
        raise SourceError(f"two files are called {name}", todo="rename one of them")
    written = 0
    with target.open("wb") as out:
        while chunk := file.read(_CHUNK):
            written += out.write(chunk)
            progress(min(written / size, 1.0), f"copying {name}")
    return target


def forget(file: Upload) -> None:
    """Let the server's memory go of an upload that lies on disk; it would stay until the page is closed."""
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context, file_id = get_script_run_ctx(suppress_warning=True), getattr(file, "file_id", None)
    # What keeps uploads elsewhere than in memory has no such method, and needs none.
    remove = getattr(getattr(context, "uploaded_file_mgr", None), "remove_file", None)
    if context is not None and remove is not None and file_id is not None:
        remove(session_id=context.session_id, file_id=file_id)
        empty(file)


def empty(file: object) -> None:
    """Give back the memory of one copy of an upload; the widget holds another one."""
    if isinstance(file, io.BytesIO):
        file.seek(0)
        file.truncate(0)


def part_of(source: Source, path: Path) -> Loaded:
    """Read one file of a source again, by the source's profile."""
    return without_folder(load(path, profile=source.loaded.profile), path.parent)


def read(
    paths: Sequence[Path],
    folder: Path,
    label: str,
    *,
    progress: Progress,
    profile: str | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    test_name: str | None = None,
) -> Source:
    """Read files that lie in ``folder``.

    Raises:
        InputError: they cannot be read; the sentence names the user's file.
    """
    loaded = _load(paths, folder, profile=profile, mapping=mapping, progress=_part(progress, 0.0, 0.9))
    progress(0.9, "checking what it can answer")
    return _source(label, loaded, partial(_load, paths, folder), tuple(paths), test_name)


def _load(paths: Sequence[Path], folder: Path, **options: object) -> Loaded:
    try:
        return without_folder(load(paths, **options), folder)  # type: ignore[arg-type]
    except BuysignalError as error:
        raise for_page(error, folder) from error


def waiting(paths: Sequence[Path], folder: Path, why: BuysignalError) -> Waiting | None:
    """Return the files to be mapped by a person; None where not their columns are what is wrong."""
    if not isinstance(why.__cause__, ProfileError):
        return None
    try:
        return Waiting(label_of(paths), tuple(paths), folder, why, look(paths))
    except SourceError:
        return None


def reread(
    source: Source,
    progress: Progress,
    *,
    profile: Profile | None = None,
    rates: Mapping[str, float] | None = None,
) -> Source:
    """Return the source read once more, by another profile or with rates; mended rows stay mended.

    Raises:
        InputError: it cannot be read so; the source stays as it is.
    """
    assert source.again is not None
    loaded = source.again(
        profile=profile or source.loaded.profile, rates=rates or {}, progress=_part(progress, 0.0, 0.9)
    )
    progress(0.9, "checking what it can answer")
    made = _source(source.label, loaded, source.again, source.paths, source.test_name)
    rejected = set(zip(*(loaded.rejects.table.column(c).to_pylist() for c in ("file", "line")), strict=True))
    still = {place: row for place, row in source.mends.items() if place in rejected}
    return mended(made, still) if still else made


def mended(source: Source, rows: Mapping[Place, str]) -> Source:
    """Return the source with mended rows fed in again.

    Raises:
        InputError: none of them is among the rejected rows.
    """
    loaded = mend(source.loaded, rows).loaded
    made = _source(source.label, loaded, source.again, source.paths, source.test_name)
    return replace(made, mends={**source.mends, **rows})


def _source(
    label: str,
    loaded: Loaded,
    again: Again | None,
    paths: tuple[Path, ...] = (),
    test_name: str | None = None,
) -> Source:
    return Source(
        label, loaded, check_loaded(loaded), simulated(loaded), paths, test_name, uuid4().hex, again
    )


def without_folder(loaded: Loaded, folder: Path) -> Loaded:
    """Return ``loaded`` with file names as the user knows them, not as the server keeps them."""
    table = loaded.rejects.table
    names = table.column("file").dictionary_encode().combine_chunks()
    plain = pa.array([_plain(name, folder) for name in names.dictionary.to_pylist()], pa.string())
    position = table.column_names.index("file")
    rejects = Rejects(table.set_column(position, table.schema.field("file"), plain.take(names.indices)))
    forms = tuple(form.renamed([_plain(name, folder) for name in form.names]) for form in loaded.forms)
    return replace(loaded, rejects=rejects, forms=forms, paths=tuple(Path(p.name) for p in loaded.paths))


def _plain(text: str, folder: Path) -> str:
    return text.replace(f"{folder.resolve()}/", "").replace(f"{folder}/", "")


def for_page(error: BuysignalError, folder: Path) -> SourceError:
    """Return the same sentence without the server's folder, and without what only a terminal can do."""
    todo = error.todo or ""
    for terminal, page in _TERMINAL_WORDS.items():
        todo = todo.replace(terminal, page)
    if todo.startswith("map it:"):
        todo = "say under “What your columns mean” which column that is"
    return SourceError(
        _plain(error.came, folder), allowed=error.allowed and _plain(error.allowed, folder), todo=todo or None
    )


_TERMINAL_WORDS = {
    "then: buysignal data get uci-eshop --from FILE": "then give the archive here",
    "then: buysignal data get uci-shoppers --from FILE": "then give the archive here",
    "name a profile, or map columns, such as visitor_id=… event_time=… event_name=…":
        "say under “What your columns mean” what they are",
}  # fmt: skip


def _part(progress: Progress, start: float, stop: float) -> Progress:
    return lambda share, text: progress(start + (stop - start) * share, text)
