"""Files and folders without what is to go: each file in place, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from buysignal.errors import InputError, SourceError
from buysignal.history.folder import JOURNAL
from buysignal.privacy.marks import Asked, marked
from buysignal.privacy.rewrite import beside_of, put_in_place, rewritten
from buysignal.sources.files import DATA_SUFFIXES, PACKED_SUFFIXES
from buysignal.sources.profile import Profile

Progress = Callable[[float, str], None]

NOT_DATA = ("manifest.json", "report.json", "registry.json", JOURNAL)
"""Files of models and of folders of parts, which hold no rows."""


@dataclass(frozen=True)
class FileDone:
    """What became of a file.

    Attributes:
        rows: that it held, lines that are no rows included.
        removed: of these; with ``dry_run`` those that would be.
        problem: why nothing could be done; None where it was looked at.
        failed: the problem is no other kind of file that lay in a folder, but one to be solved.
    """

    path: Path
    rows: int = 0
    removed: int = 0
    problem: str | None = None
    failed: bool = False


def remove(
    paths: Sequence[Path],
    asked: Asked,
    *,
    lacks: str,
    profile: str | Profile | None = None,
    mapping: Mapping[str, str] | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[FileDone]:
    """Remove rows from files, and from those below folders; returns what became of each.

    A file is replaced as a whole once its successor was read again and holds exactly the other rows; one that
    holds none of the rows is not touched. What cannot be read is told and left as it is.

    Args:
        lacks: what is said of a file that does not hold what is asked about.
        dry_run: count only.

    Raises:
        SourceError: a path does not exist.
    """
    tell = progress or (lambda _share, _text: None)
    files = [(file, path.is_file()) for path in paths for file in _below(path)]
    done = []
    for number, (file, named) in enumerate(files):
        tell(number / len(files), str(file))
        try:
            one = _from_file(file, asked, lacks, profile, mapping or {}, dry_run)
            done.append(replace(one, failed=named and one.problem is not None))
        except InputError as error:
            done.append(FileDone(file, problem=str(error), failed=True))
    return done


def _below(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise SourceError(f"there is no file {path}", allowed="an existing file or folder")
    if path.is_file():
        yield path
        return
    wanted = DATA_SUFFIXES | PACKED_SUFFIXES
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.is_file() and not hidden and file.suffix.lower() in wanted and file.name not in NOT_DATA:
            yield file


def _from_file(
    given: Path,
    asked: Asked,
    lacks: str,
    profile: str | Profile | None,
    mapping: Mapping[str, str],
    dry_run: bool,
) -> FileDone:
    path = given.resolve()
    if path.stat().st_size == 0:
        return FileDone(given)
    with marked(path, asked, profile=profile, mapping=mapping) as marks, beside_of(path) as beside:
        if not marks.knows:
            return FileDone(given, marks.rows, problem=lacks)
        if marks.gone and not dry_run:
            rewritten(path, beside, marks)
            _check(beside, given, asked, marks.rows - marks.gone, marks.profile or profile, mapping)
            put_in_place(beside, path)
        return FileDone(given, marks.rows, marks.gone)


def _check(
    beside: Path,
    given: Path,
    asked: Asked,
    rows: int,
    profile: str | Profile | None,
    mapping: Mapping[str, str],
) -> None:
    """Read what was written.

    Raises:
        SourceError: it does not hold the other rows, and nothing else.
    """
    if rows == 0:
        return
    with marked(beside, asked, profile=profile, mapping=mapping) as again:
        if (again.rows, again.gone) != (rows, 0):
            raise SourceError(
                f"{given} cannot be rewritten row by row, and stays as it is",
                todo="export it again as Parquet or plain CSV",
            )


def forget_in_journals(paths: Sequence[Path], ids: Sequence[str], *, dry_run: bool = False) -> int:
    """Blank the names of visitors in the journals of finished folders of parts; returns how many.

    A folder that is not finished needs them to go on, and keeps them until it is.
    """
    found = 0
    for journal in (file for path in paths if path.is_dir() for file in path.rglob(JOURNAL)):
        entries = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
        theirs = [entry for entry in entries if entry.get("last_visitor") in ids]
        finished = json.loads((journal.parent / "manifest.json").read_text(encoding="utf-8"))["summary"]
        if not theirs or not finished:
            continue
        found += len(theirs)
        for entry in theirs:
            entry["last_visitor"] = ""
        if not dry_run:
            with beside_of(journal) as beside:
                lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries]
                beside.write_text("".join(lines), encoding="utf-8")
                put_in_place(beside, journal)
    return found
