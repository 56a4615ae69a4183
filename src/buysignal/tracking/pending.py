"""What waits to be logged: a folder a training, complete in itself, so that nothing hangs on a server.

A training is put down here before a server is asked, and taken away when the server has all of it. So it
waits here, whatever comes between: a server that is away, a wrong password, a process that is killed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from buysignal.errors import InputError
from buysignal.registry import copy_bundle
from buysignal.tracking.facts import Facts

FOLDER_VARIABLE = "BUYSIGNAL_PENDING"
FOLDER = "mlruns-pending"
NOTE = "note.json"


class Note(BaseModel):
    """What is to be done: log a training, or let the aliases follow a folder of models.

    Neither holds an address: passwords may be part of it, and it may have changed until then.
    """

    model_config = ConfigDict(extra="forbid")

    at: str
    name: str | None = Field(default=None, description="in the model registry; by the goal where null")
    bundle: str | None = Field(default=None, description="folder beside this file, of a training")
    facts: Facts = Field(default_factory=Facts)
    enters: bool = Field(default=True, description="whether the model gets an alias by itself")
    follows: str | None = Field(default=None, description="folder of models whose aliases are wanted")


def pending_folder() -> Path:
    """Return where notes lie: ``BUYSIGNAL_PENDING``, or ``mlruns-pending`` in the current directory."""
    return Path(os.environ.get(FOLDER_VARIABLE) or FOLDER)


def note_training(bundle: Path, facts: Facts, *, name: str | None = None, enters: bool = True) -> Path:
    """Put down a training with a copy of its bundle; returns its place."""
    now = datetime.now(UTC)
    place = pending_folder() / f"{now:%Y%m%dT%H%M%S%f}-{os.getpid()}"
    copy_bundle(bundle, place / bundle.resolve().name)
    note = Note(
        at=now.isoformat(timespec="seconds"), name=name, bundle=bundle.resolve().name, facts=facts,
        enters=enters,
    )  # fmt: skip
    return _written(place, note)


def note_registry(folder: Path, *, name: str | None = None) -> Path:
    """Put down that aliases are to follow a folder of models; there is one such note a folder."""
    there = str(folder.resolve())
    place = pending_folder() / f"registry-{hashlib.sha256(there.encode()).hexdigest()[:16]}"
    return _written(place, Note(at=datetime.now(UTC).isoformat(timespec="seconds"), name=name, follows=there))


def waiting() -> list[Path]:
    """Return the places of all notes: trainings, the oldest first, then folders of models."""
    return sorted(note.parent for note in pending_folder().glob(f"*/{NOTE}"))


def read(place: Path) -> Note:
    """Return a note.

    Raises:
        InputError: it was changed by hand and cannot be read.
    """
    try:
        return Note.model_validate_json((place / NOTE).read_bytes())
    except (OSError, ValidationError) as error:
        raise InputError(
            f"'{place / NOTE}' cannot be read", todo=f"restore it, or put '{place}' aside and sync again"
        ) from error


@contextmanager
def taken(place: Path) -> Iterator[bool]:
    """Hold a note for one process; gives False where another one has it, or has done it."""
    lock = FileLock(place / ".lock", timeout=0)
    if not (place / NOTE).is_file():
        yield False
        return
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield (place / NOTE).is_file()
    finally:
        lock.release()


def done(place: Path) -> None:
    """Take a note away; the note itself goes first, so that half a removal is no note any more."""
    (place / NOTE).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    folder = pending_folder()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _written(place: Path, note: Note) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    beside = place / f".{NOTE}.new"
    beside.write_text(note.model_dump_json(indent=1) + "\n", encoding="utf-8")
    beside.replace(place / NOTE)
    return place
