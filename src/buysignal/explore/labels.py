"""Texts inside pictures: cut to fit, and nothing in them read as a formula."""

from __future__ import annotations

from typing import Any

from buysignal.explore import words
from buysignal.explore.chart import Format


def short(text: str, most: int = 26) -> str:
    """Return a text of the user's as a label: on one line, cut to length, dollar signs as they are.

    >>> short("a" * 40, 10), short("$x$")
    ('aaaaaaaaa…', '\\\\$x\\\\$')
    """
    line = "".join(c if c.isprintable() else " " for c in text)
    cut = line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
    return cut.replace("$", r"\$")


def value_text(value: float, kind: Format, currency: str | None = None) -> str:
    """Return a value as it is written beside its bar or in its cell; nothing where it is not known.

    >>> value_text(0.1234, "share"), value_text(1234, "count"), value_text(0.00012, "share")
    ('12 %', '1,234', '<0.1 %')
    """
    if value != value:
        return ""
    if kind == "share":
        return words.share(value).replace("less than ", "<")
    if kind == "count":
        return f"{value:,.0f}"
    if kind == "money":
        return words.money(value, currency)
    return words.duration(value) if kind == "seconds" else words.number(round(value, 3))


def slant(axes: Any) -> None:
    """Write the names below the axis aslant, so that long ones stand side by side."""
    axes.tick_params(axis="x", labelrotation=35)
    for label in axes.get_xticklabels():
        label.set_ha("right")
        label.set_rotation_mode("anchor")
