"""Profiles: what a source's columns and event names mean, as data.

A profile is a TOML file. The ones that ship stand in the folder ``profiles``; a user's own mapping is
saved in the same form and works everywhere a profile's name does.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from buysignal.errors import ProfileError
from buysignal.events import ATTRIBUTE_PREFIX, SCHEMA
from buysignal.goals import ClickTask, Goal

Known = Literal["start", "during", "end"]
ColumnType = Literal["text", "number", "integer", "boolean", "time", "date"]

_SCHEMA_TYPES: dict[str, ColumnType] = {
    "event_time": "time",
    "event_date": "date",
    "event_seq": "integer",
    "price": "number",
    "quantity": "integer",
    "consent": "boolean",
}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnMap(_Strict):
    """Where one canonical column comes from.

    ``source`` names one or more source columns. Nested sources are paths: ``properties.order_id``,
    ``event_params[page_location]`` (a list of key and value), ``items[].price`` (one row per item).
    Names are compared without case, spaces and punctuation.
    """

    source: tuple[str, ...] = ()
    combine: Literal["first", "join", "ymd"] = Field(
        default="first",
        description=(
            "first: the first that is not empty; join: the first source, ':' and the first of the others "
            "that is not empty; ymd: year, month and day"
        ),
    )
    type: ColumnType | None = None
    unit: Literal["cents", "micros"] | None = Field(default=None, description="of an amount")
    format: str | None = Field(default=None, description="strptime format of a time or date")
    values: dict[str, str] = Field(default_factory=dict, description="source code -> readable value")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        """``visitor_id = "uid"`` is short for ``visitor_id = {source = ["uid"]}``."""
        if isinstance(data, str):
            return {"source": (data,)}
        if isinstance(data, list):
            return {"source": tuple(data)}
        if isinstance(data, dict) and isinstance(data.get("source"), str):
            return {**data, "source": (data["source"],)}
        return data

    def type_for(self, name: str) -> ColumnType:
        """The type of the canonical column ``name``."""
        return self.type or _SCHEMA_TYPES.get(name, "text")


class Identify(_Strict):
    """What tells this source from others: columns, and values by regular expression."""

    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    values: dict[str, str] = Field(default_factory=dict, description="column -> pattern of its cells")


class Layout(_Strict):
    """Column names of a file without a header, told by the patterns of its cells."""

    columns: tuple[str, ...]
    patterns: tuple[str, ...]
    event_name: str | None = None

    @model_validator(mode="after")
    def _one_pattern_per_column(self) -> Layout:
        if len(self.columns) != len(self.patterns):
            raise ValueError(f"{len(self.columns)} columns but {len(self.patterns)} patterns")
        return self


class Roles(_Strict):
    """Session level: the columns that are neither features nor targets."""

    time: str | None = None
    session: str | None = None
    visitor: str | None = None


class Profile(_Strict):
    """One known format. See ``profiles/*.toml`` for examples."""

    name: str
    title: str
    level: Literal["event", "session"] = "event"
    identify: Identify = Identify()
    required: tuple[str, ...] = ("visitor_id", "event_name")
    columns: dict[str, ColumnMap]
    layouts: tuple[Layout, ...] = ()
    items: str | None = Field(default=None, description="path of a list unfolded to one row per item")
    event_names: dict[str, str] = Field(default_factory=dict)
    event_name: str | None = None
    timezone: str = "UTC"
    decimal: Literal[".", ",", "auto"] = "auto"
    currency: str | None = None
    rates: dict[str, float] = Field(default_factory=dict)
    max_price: float = 1_000_000.0
    goals: tuple[Goal, ...] = ()
    proxies: tuple[Goal, ...] = ()
    click_tasks: tuple[ClickTask, ...] = ()
    known: dict[str, Known] = Field(default_factory=dict)
    late: Literal["refuse", "compare"] = Field(
        default="refuse", description="columns known too late: left out, or shown in a second, flagged table"
    )
    roles: Roles = Roles()

    @model_validator(mode="after")
    def _canonical_names(self) -> Profile:
        if self.level == "session":
            return self
        for name in self.columns:
            if name not in SCHEMA.names and not name.startswith(ATTRIBUTE_PREFIX):
                raise ValueError(
                    f"'{name}' is no events column{did_you_mean(name, SCHEMA.names)}; "
                    f"allowed: {', '.join(SCHEMA.names)} and {ATTRIBUTE_PREFIX}*"
                )
        return self


def did_you_mean(name: str, candidates: list[str] | tuple[str, ...]) -> str:
    """Return ``" (did you mean 'x'?)"``, or nothing when no candidate is close.

    >>> did_you_mean("visitorid", ["visitor_id", "price"])
    " (did you mean 'visitor_id'?)"
    """
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return f" (did you mean '{close[0]}'?)" if close else ""


@lru_cache(maxsize=1)
def builtin_profiles() -> dict[str, Profile]:
    """Return the profiles that ship, by name."""
    folder = resources.files("buysignal.sources").joinpath("profiles")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    profiles = [_parse(f.read_text("utf-8"), f.name) for f in files]
    return {p.name: p for p in profiles}


def folded(column: str) -> str:
    """Return a column name without case, spaces and punctuation, as names are compared.

    >>> folded("page 1 (main category)") == folded("page1_main_category")
    True
    """
    return re.sub(r"[^a-z0-9\[\]]", "", column.casefold())


def load_profile(name_or_path: str | Path) -> Profile:
    """Return a profile that ships or was kept, by name, or one saved in a TOML file.

    Raises:
        ProfileError: no such profile or file, or the file is no valid profile.
    """
    from buysignal.sources.own import folder, own_profiles

    builtin = builtin_profiles()
    if str(name_or_path) in builtin:
        return builtin[str(name_or_path)]
    path = Path(name_or_path)
    if not path.is_file():
        kept = own_profiles()
        if str(name_or_path) in kept:
            return kept[str(name_or_path)]
        broken = folder() / f"{path.name}.toml"
        path = broken if path.name == str(name_or_path) and broken.is_file() else path
    if not path.is_file():
        raise ProfileError(
            f"there is no profile '{name_or_path}'{did_you_mean(str(name_or_path), list(builtin))}",
            allowed=f"{', '.join(builtin)}, or the path of a saved profile",
            todo="name one of these, or leave the profile out to have it detected",
        )
    return parse_profile(path)


def parse_profile(path: Path) -> Profile:
    """Return the profile in a TOML file.

    Raises:
        ProfileError: it cannot be read, or is no valid profile.
    """
    try:
        return _parse(path.read_text("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise ProfileError(f"the profile {path} is not UTF-8 text", todo="save it again as UTF-8") from error
    except OSError as error:
        raise ProfileError(
            f"the profile {path} cannot be read: {error.strerror}", todo="check its permissions"
        ) from error


def save_profile(profile: Profile, path: Path) -> None:
    """Write ``profile`` as TOML; ``load_profile(path)`` gives an equal profile back.

    Raises:
        ProfileError: the file cannot be written.
    """
    try:
        path.write_text(profile_toml(profile), encoding="utf-8")
    except OSError as error:
        raise ProfileError(
            f"the profile cannot be written to {path}: {error.strerror}", todo="choose another path"
        ) from error


def profile_toml(profile: Profile) -> str:
    """Return ``profile`` as the TOML that ``save_profile`` writes."""
    import tomli_w

    return tomli_w.dumps(_without_none(profile.model_dump(mode="json", exclude_defaults=True)))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_none(v) for v in value]
    return value


def _parse(text: str, origin: str) -> Profile:
    try:
        return Profile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"the profile {origin} is no TOML: {error}", todo="mend that line") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the profile"
        raise ProfileError(
            f"the profile {origin} does not hold together at '{place}': {first['msg']}",
            allowed="the fields of the profiles that ship with buysignal",
            todo="mend that field",
        ) from error
