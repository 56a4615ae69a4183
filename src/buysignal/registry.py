"""A shop's models over time: every version kept, one of them the champion, each change with its reason.

A folder: ``versions/VERSION`` are bundles, ``champion`` is a copy of the one in use, for doors that watch a
folder, and ``registry.json`` says which is what and how it came about. It is replaced as a whole, so a reader
finds the state before a change or after it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from buysignal import bundle as bundles
from buysignal.bundle import Bundle, folder_beside, put_in_place
from buysignal.errors import BundleError, InputError

STATE = "registry.json"
CHAMPION = "champion"
VERSIONS = "versions"

What = Literal["added", "promoted", "kept", "rolled back"]


class Change(BaseModel):
    """One line of the history: what happened to which version, and why."""

    model_config = ConfigDict(extra="forbid")

    at: str
    what: What
    version: str
    before: str | None = Field(default=None, description="the champion until then")
    why: str = ""
    run: str | None = Field(default=None, description="fingerprint of the run that decided so")


class State(BaseModel):
    """What ``registry.json`` holds."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = 1
    champion: str | None = None
    challenger: str | None = None
    history: list[Change] = Field(default_factory=list)


class Registry:
    """The models of a folder.

    Args:
        folder: is made when the first model comes.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @property
    def state(self) -> State:
        """What is on file.

        Raises:
            BundleError: it was changed by hand and cannot be read.
        """
        file = self.folder / STATE
        if not file.is_file():
            return State()
        try:
            return State.model_validate_json(file.read_bytes())
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"])) or "its beginning"
            raise BundleError(
                f"{STATE} of '{self.folder}' cannot be read at {place}; the champion's folder is untouched",
                todo="restore the file, or put 'registry.json' aside and add the models again",
            ) from error

    @property
    def champion_folder(self) -> Path:
        """Where the champion lies for whoever serves it."""
        return self.folder / CHAMPION

    def path(self, version: str) -> Path:
        """Return the folder of a version.

        Raises:
            BundleError: there is no such version.
        """
        found = self.folder / VERSIONS / version
        if Path(version).name != version or not found.is_dir():
            known = ", ".join(self.versions()) or "none yet"
            raise BundleError(f"there is no version '{version}'", allowed=known, todo="choose one of them")
        return found

    def versions(self) -> list[str]:
        """Return the versions, the oldest first."""
        order = {change.version: at for at, change in reversed(list(enumerate(self.state.history)))}
        kept = self.folder / VERSIONS
        there = [one.name for one in kept.iterdir() if one.is_dir()] if kept.is_dir() else []
        return sorted((name for name in there if not name.startswith(".")), key=lambda v: order.get(v, -1))

    def champion(self) -> Bundle | None:
        """Return the model in use, every byte verified; None where there is none yet.

        Raises:
            BundleError: its version is damaged.
        """
        version = self.state.champion
        return None if version is None else bundles.load(self.path(version))

    def add(self, bundle: Path, *, why: str = "", run: str | None = None) -> str:
        """Take in a bundle as the challenger; returns its version.

        Raises:
            BundleError: it is no bundle, or was changed.
        """
        version = bundles.load(bundle).version
        place = self.folder / VERSIONS / version
        if not place.is_dir():
            copy_bundle(bundle, place)
        self._note("added", version, why, run, challenger=version)
        return version

    def promote(self, version: str, *, why: str, run: str | None = None) -> None:
        """Make a version the champion; doors that watch the folder exchange it by themselves.

        Raises:
            BundleError: there is no such version, or it is damaged: then nothing changes.
        """
        self._put_up(version)
        self._note("promoted", version, why, run, champion=version)

    def keep(self, version: str, *, why: str, run: str | None = None) -> None:
        """Note that a challenger was not promoted."""
        self._note("kept", version, why, run)

    def roll_back(self, *, why: str = "") -> str:
        """Return to the champion before this one; returns its version.

        Raises:
            InputError: there was none before.
        """
        state = self.state
        before = next(
            (
                change.before
                for change in reversed(state.history)
                # Promoted anew, as after a repair, a champion has itself before it.
                if change.what == "promoted" and change.version == state.champion != change.before
            ),
            None,
        )
        if before is None:
            raise InputError(
                "there is no earlier champion to return to", todo="promote a version of 'buysignal models'"
            )
        self._put_up(before)
        self._note("rolled back", before, why, None, champion=before)
        return before

    def run_of(self, fingerprint: str) -> Change | None:
        """Return how an earlier run with the same data and settings ended; None where there was none."""
        ended = ("promoted", "kept")
        return next(
            (c for c in reversed(self.state.history) if c.run == fingerprint and c.what in ended), None
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the registry for one who changes it; the lock goes with the process that holds it.

        Raises:
            InputError: another one holds it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise InputError(
                f"another retraining is under way in '{self.folder}'", todo="wait until it has ended"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _put_up(self, version: str) -> None:
        source = self.path(version)
        # Verified before it takes the place of one that works.
        bundles.load(source)
        copy_bundle(source, self.champion_folder)

    def _note(
        self, what: What, version: str, why: str, run: str | None, *, champion: str | None = None,
        challenger: str | None = None,
    ) -> None:  # fmt: skip
        state = self.state
        now = datetime.now(UTC).isoformat(timespec="seconds")
        state.history.append(
            Change(at=now, what=what, version=version, before=state.champion, why=why, run=run)
        )
        state.champion = champion or state.champion
        state.challenger = challenger or state.challenger
        if champion is not None and state.challenger == champion:
            state.challenger = None
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".{STATE}.new"
        beside.write_text(json.dumps(state.model_dump(), indent=1) + "\n", encoding="utf-8")
        beside.replace(self.folder / STATE)


def copy_bundle(source: Path, place: Path) -> None:
    """Copy a bundle's folder; the copy appears as a whole."""
    folder = folder_beside(place)
    try:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        put_in_place(folder, place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
