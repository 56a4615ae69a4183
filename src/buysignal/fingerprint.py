"""The same data and the same settings: a run that has ended is not run again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


def fingerprint(paths: Sequence[Path], settings: dict[str, Any]) -> str:
    """Return a hash over the content of all files, in order of their names, and the settings."""
    found = hashlib.blake2b(digest_size=16)
    for file in sorted(_files(paths)):
        found.update(file.name.encode())
        with file.open("rb") as content:
            while chunk := content.read(_CHUNK):
                found.update(chunk)
    found.update(json.dumps(settings, sort_keys=True, default=str).encode())
    return found.hexdigest()


def _files(paths: Sequence[Path]) -> list[Path]:
    return [
        file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()
    ]
