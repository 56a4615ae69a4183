"""The exceptions buysignal raises on purpose.

BuysignalError
├── InputError            what was brought in cannot be used        (exit code 2)
│   ├── SourceError       a file or folder that cannot be read
│   ├── ProfileError      a profile or column mapping that does not fit
│   ├── EventsError       an events table that breaks its contract
│   ├── GoalError         a goal this data cannot answer
│   ├── SamplesError      too little, or only one class, to learn from
│   ├── UnitError         a bare number where a unit is needed
│   └── BundleError       a bundle that was changed, is too new or is no bundle
└── DependencyError       an optional extra that is not installed  (exit code 2)

Everything else that escapes is a bug, and shows its trace.
"""

from __future__ import annotations


class BuysignalError(Exception):
    """One sentence a user can act on: what came, what is allowed, what to do.

    >>> print(SourceError("events.csv is empty", allowed="a header and one row", todo="export again"))
    events.csv is empty. Allowed: a header and one row. What to do: export again.
    """

    def __init__(self, came: str, *, allowed: str | None = None, todo: str | None = None) -> None:
        self.came = came
        self.allowed = allowed
        self.todo = todo
        parts = [came.rstrip(".")]
        if allowed:
            parts.append(f"Allowed: {allowed.rstrip('.')}")
        if todo:
            parts.append(f"What to do: {todo.rstrip('.')}")
        super().__init__(". ".join(parts) + ".")


class InputError(BuysignalError):
    """What was brought in cannot be used."""


class SourceError(InputError):
    """A file or folder that cannot be read."""


class ProfileError(InputError):
    """A profile or column mapping that does not fit."""


class EventsError(InputError):
    """An events table that breaks its contract."""


class GoalError(InputError):
    """A goal this data cannot answer."""


class SamplesError(InputError):
    """Too little, or only one class, to learn from."""


class UnitError(InputError):
    """A bare number where a unit is needed."""


class BundleError(InputError):
    """A bundle that was changed, is too new, or is no bundle."""


class DependencyError(BuysignalError):
    """An optional extra that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"This needs the package '{package}', which is not installed",
            todo=f"pip install 'buysignal[{extra}]'",
        )
        self.package = package
        self.extra = extra
