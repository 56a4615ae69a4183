"""What a run must tell to be repeated: the data's hash, the packages, the commit."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from buysignal.fingerprint import fingerprint

_GIT_SECONDS = 5


class Facts(BaseModel):
    """Taken when the training ends; a run that is logged later says what was true then."""

    model_config = ConfigDict(extra="forbid")

    data_hash: str | None = Field(default=None, description="over names and contents of the files read")
    packages: list[str] = Field(default_factory=list, description="name==version of all that is installed")
    git_commit: str | None = Field(default=None, description="of the working directory")
    git_changed: bool | None = Field(default=None, description="files differ from that commit")

    @property
    def environment_hash(self) -> str:
        """SHA-256 over the packages: equal where the same versions are installed."""
        return hashlib.sha256("\n".join(self.packages).encode()).hexdigest()


def facts_of(paths: Sequence[str | Path]) -> Facts:
    """Return what is true now of the files read, the environment and the working directory."""
    commit = _git("rev-parse", "HEAD")
    changed = None if commit is None else _git("status", "--porcelain", "--untracked-files=no")
    files = [Path(path) for path in paths]
    return Facts(
        data_hash=fingerprint(files, {}) if files else None,
        packages=installed_packages(),
        git_commit=commit,
        git_changed=None if changed is None else bool(changed),
    )


def installed_packages() -> list[str]:
    """Return ``name==version`` of every installed distribution, sorted."""
    found = {(one.metadata["Name"] or "").lower().replace("_", "-"): one.version for one in distributions()}
    return sorted(f"{name}=={version}" for name, version in found.items() if name)


def _git(*arguments: str) -> str | None:
    """Return what git says of the current directory; None where it is no working copy, or has no git."""
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=_GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
