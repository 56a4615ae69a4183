"""Docstrings as this house writes them, put into the form that the site's reader of docstrings knows.

Two habits differ from Google's style: arguments that share a sentence stand in one line (``low, high: its
ends``), and examples stand at the end without a heading. Loaded by mkdocstrings, see ``mkdocs.yml``.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

from griffe import Extension

SHARED = re.compile(r"^(?P<pad> +)(?P<names>\w+(?:, \w+)+): (?P<text>.*(?:\n(?P=pad) +.*)*)", re.MULTILINE)
EXAMPLE = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


class HouseDocstrings(Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute, where it has one."""
        if obj.docstring is not None:
            obj.docstring.value = rewritten(obj.docstring.value)


def rewritten(docstring: str) -> str:
    """Return a docstring with a line per argument and headed examples.

    >>> print(rewritten("Args:\\n    low, high: its ends."))
    Args:
        low: its ends.
        high: its ends.
    """
    return EXAMPLE.sub(_headed, SHARED.sub(_apart, docstring))


def _apart(line: re.Match[str]) -> str:
    return "\n".join(f"{line['pad']}{name}: {line['text']}" for name in line["names"].split(", "))


def _headed(example: re.Match[str]) -> str:
    return "Examples:\n" + textwrap.indent(example[0], "    ")
