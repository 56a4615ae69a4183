"""A page of headings, points and tables: the model card, what monitoring found; as HTML or Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from buysignal.errors import SourceError
from buysignal.report_html import words

FORMATS = (".html", ".md")


@dataclass(frozen=True)
class Grid:
    """A table of texts; the first column names the row."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """One heading with its paragraphs, points and tables, in this order."""

    title: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    grids: tuple[tuple[str, Grid], ...] = ()


@dataclass(frozen=True)
class Card:
    """The page's content, without how it looks.

    Attributes:
        title: what it is about.
        labels: what must be said first: conversion or the proxy's name, simulated data.
        sections: in the order they are read.
        kind: what the page is, said before the title.
    """

    title: str
    labels: tuple[str, ...]
    sections: tuple[Section, ...]
    kind: str = "Model card"


def write_card(card: Card, path: Path) -> None:
    """Write the card as one HTML page or as Markdown, by the name's ending.

    Raises:
        SourceError: the name ends in neither, or the place cannot be written to.
    """
    if path.suffix not in FORMATS:
        raise SourceError(f"cannot write '{path.name}'", allowed="a name ending in .html or .md")
    text = render_html(card) if path.suffix == ".html" else render_markdown(card)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SourceError(
            f"{path} cannot be written: {error.strerror}", todo="choose another place"
        ) from error


def render_html(card: Card) -> str:
    """Return the card as one page that needs nothing else; every text is escaped."""
    environment = Environment(
        loader=PackageLoader("buysignal.report_html", "."),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["code"] = words.code_spans
    return environment.get_template("card.html").render(card=card)


def render_markdown(card: Card) -> str:
    """Return the card as Markdown."""
    lines = [f"# {card.kind}: {_plain(card.title)}", "", *[f"**{_plain(label)}**\n" for label in card.labels]]
    for section in card.sections:
        lines += [f"## {section.title}", ""]
        for paragraph in section.paragraphs:
            lines += [_plain(paragraph), ""]
        if section.points:
            lines += [*[f"- {_plain(point)}" for point in section.points], ""]
        for caption, grid in section.grids:
            lines += [*([f"**{_plain(caption)}**", ""] if caption else []), *_markdown_grid(grid), ""]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_grid(grid: Grid) -> Iterator[str]:
    yield f"| {' | '.join(map(_cell, grid.titles))} |"
    yield f"| {' | '.join(['---'] * len(grid.titles))} |"
    for row in grid.rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def _plain(text: str) -> str:
    """Return text so that Markdown shows it as it is; `names` stay code."""
    parts = " ".join(text.split()).split("`")
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r"([\\*_<\[])", r"\\\1", parts[i])
    return "`".join(parts)
