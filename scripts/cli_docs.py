"""Write docs/cli.md from the commands' own signatures, so that the page cannot drift.

Run: ``python scripts/cli_docs.py``. A test compares the page with what this renders.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import typer
from typer.models import ArgumentInfo, ParameterInfo

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from buysignal.cli import app  # noqa: E402  (after the path above)

PAGE = ROOT / "docs" / "cli.md"
HEAD = """# Command line

Written by `scripts/cli_docs.py` from the commands themselves.

Results go to standard output, progress to standard error. Mistakes in what was brought in end with \
one sentence and exit code 2; an interrupt ends with 130. `--help` explains any command, `--version` \
prints the version.
"""
WORDS = {Path: "PATH", int: "NUMBER", float: "NUMBER", str: "TEXT"}


def render() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(_section(path, command) for path, command in _commands(app, "buysignal"))])


def _commands(group: typer.Typer, path: str) -> Iterator[tuple[str, Callable[..., None]]]:
    for command in group.registered_commands:
        if command.callback is not None:
            yield f"{path} {command.name or command.callback.__name__}", command.callback
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            yield from _commands(inner.typer_instance, f"{path} {inner.name}")


def _section(path: str, command: Callable[..., None]) -> str:
    hints = typing.get_type_hints(command, include_extras=True)
    params = [_Param(p, hints[p.name]) for p in inspect.signature(command).parameters.values()]
    usage = " ".join([path, *(p.usage for p in params if p.is_argument), "[OPTIONS]"])
    rows = [f"| {p.names} | {p.meaning} | {p.default} |" for p in params]
    head = ["| | meaning | if not given |", "| --- | --- | --- |"]
    return "\n".join(
        [f"## `{path}`", "", inspect.getdoc(command) or "", "", "```", usage, "```", "", *head, *rows, ""]
    )


class _Param:
    """One argument or option as the page shows it."""

    def __init__(self, parameter: inspect.Parameter, hint: Any) -> None:
        self.name = parameter.name
        annotation, self.info = _parts(hint)
        self.is_argument = isinstance(self.info, ArgumentInfo)
        self.required = parameter.default is inspect.Parameter.empty
        self.value = parameter.default
        self.many = typing.get_origin(annotation) is list
        self.type = typing.get_args(annotation)[0] if self.many else annotation

    @property
    def usage(self) -> str:
        name = self.name.upper() + ("..." if self.many else "")
        return name if self.required else f"[{name}]"

    @property
    def names(self) -> str:
        if self.is_argument:
            return f"`{self.usage}`"
        # Within Annotated, typer keeps the first name it is given where a default would stand.
        told = [self.info.default, *(self.info.param_decls or ())]
        given = [name for name in told if isinstance(name, str) and name.startswith("--")]
        name = given[0] if given else f"--{self.name.replace('_', '-')}"
        if self.type is bool:
            return f"`{name}`" if given else f"`{name}` / `--no-{name[2:]}`"
        return f"`{name} {self._values}`"

    @property
    def _values(self) -> str:
        if typing.get_origin(self.type) is Literal:
            return "{" + ",".join(typing.get_args(self.type)) + "}"
        return WORDS[self.type]

    @property
    def meaning(self) -> str:
        many = " May be given several times." if self.many and not self.is_argument else ""
        return f"{self.info.help}{many}"

    @property
    def default(self) -> str:
        if self.required:
            return "must be given"
        if self.type is bool:
            return "yes" if self.value else "no"
        return "" if self.value is None else f"`{self.value}`"


def _parts(hint: Any) -> tuple[Any, ParameterInfo]:
    """Return the plain type, without None, and what typer was told about it."""
    annotation, *told = typing.get_args(hint)
    (info,) = (one for one in told if isinstance(one, ParameterInfo))
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        (annotation,) = (one for one in typing.get_args(annotation) if one is not type(None))
    return annotation, info


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
