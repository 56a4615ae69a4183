"""The profiles a user keeps: a folder of TOML files, looked into by every door."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from buysignal.errors import ProfileError
from buysignal.sources.profile import (
    Identify,
    Profile,
    builtin_profiles,
    folded,
    parse_profile,
    save_profile,
)

FOLDER = "BUYSIGNAL_PROFILES"
"""Environment variable: the folder of kept profiles; in the user's settings where unset."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def folder() -> Path:
    """Return where profiles are kept; it need not exist."""
    from typer import get_app_dir

    given = os.environ.get(FOLDER)
    return Path(given) if given else Path(get_app_dir("buysignal")) / "profiles"


def own_profiles() -> dict[str, Profile]:
    """Return the kept profiles by name; a file that is no profile is passed over.

    Asked for by its name, such a file says what is wrong with it.
    """
    found: dict[str, Profile] = {}
    try:
        files = sorted(folder().glob("*.toml"))
    except OSError:
        return found
    for file in files:
        try:
            profile = parse_profile(file)
        except ProfileError:
            continue
        if profile.name not in builtin_profiles():
            found[profile.name] = profile
    return found


def keep(profile: Profile, name: str, columns: Iterable[str]) -> Profile:
    """Keep ``profile`` under ``name``, so that files with the same ``columns`` are read by it next time.

    Raises:
        ProfileError: the name is taken by a profile that ships or has other signs than allowed, or the
            file cannot be written.
    """
    kept = named(profile, name, columns)
    place = folder()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProfileError(
            f"the folder {place} cannot be made: {error.strerror}", todo=f"set {FOLDER} to another folder"
        ) from error
    save_profile(kept, place / f"{kept.name}.toml")
    return kept


def named(profile: Profile, name: str, columns: Iterable[str]) -> Profile:
    """Return ``profile`` under a name of its own, recognised by the columns it reads from ``columns``.

    Raises:
        ProfileError: the name is taken by a profile that ships, or has other signs than allowed.
    """
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise ProfileError(
            f"'{name}' is no name for a profile",
            allowed="small letters, digits, - and _, at most 40 of them, such as my-shop",
            todo="choose another name",
        )
    if name in builtin_profiles():
        raise ProfileError(
            f"the profile '{name}' ships with buysignal", todo="choose another name, such as my-shop"
        )
    present = list(columns)
    read = {folded(source) for mapping in profile.columns.values() for source in mapping.source}
    title = profile.title if profile.name == name else f"Your profile '{name}'"
    identify = Identify(
        all=tuple(c for c in present if folded(c) in read),
        any=tuple(c for c in present if folded(c) not in read),
    )
    if not identify.all:
        identify = profile.identify
    return profile.model_copy(update={"name": name, "title": title, "identify": identify})
