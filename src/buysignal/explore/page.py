"""`explore.html`: the exploration as one self-contained page, each chart with its data to download."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from buysignal import __version__
from buysignal.errors import SourceError
from buysignal.explore import words
from buysignal.explore.chart import Chart
from buysignal.explore.draw import figure_of, is_wide
from buysignal.explore.exploration import Exploration
from buysignal.explore.export import chart_csv
from buysignal.report_html import inline_svg
from buysignal.sources.read import Progress


def write_explore_html(
    found: Exploration, path: Path, *, title: str, files: Sequence[str] = (), progress: Progress | None = None
) -> None:
    """Write the exploration as one HTML file that needs nothing else: no network, no script, no font.

    Raises:
        SourceError: the file cannot be written.
    """
    page = render_explore_html(found, title=title, files=files, progress=progress)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise SourceError(
            f"the report cannot be written to {path}: {error.strerror}", todo="choose another path"
        ) from error


def render_explore_html(
    found: Exploration, *, title: str, files: Sequence[str] = (), progress: Progress | None = None
) -> str:
    """Return the page; every text of the data is escaped.

    Args:
        title: what was explored, such as the profile's title.
        files: names of the files it came from, for the foot of the page.
        progress: called with the share done and what is being drawn.
    """
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("buysignal.explore", "."), PackageLoader("buysignal.report_html", ".")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kept"] = lambda text: text.replace(" %", "\N{NO-BREAK SPACE}%")
    facts = found.facts
    return environment.get_template("template.html").render(
        title=title,
        facts=facts,
        lines=facts.lines(),
        left_out=words.listed(facts.left_out) if facts.left_out else "",
        sections=_sections(found, progress or (lambda _share, _text: None)),
        version=__version__,
        files=files,
    )


def _sections(found: Exploration, tell: Progress) -> list[dict[str, Any]]:
    """Return the sections with their charts drawn."""
    total, sections = sum(1 for _ in found.charts), []
    done = 0
    for section in found.sections:
        charts = []
        for chart in section.charts:
            tell(done / total, f"drawing {chart.title.lower()}")
            charts.append(_drawn(chart))
            done += 1
        sections.append(
            {"key": section.key, "title": section.title, "missing": section.missing, "charts": charts}
        )
    tell(1.0, "drawn")
    return sections


def _drawn(chart: Chart) -> dict[str, Any]:
    alt = f"{chart.title}: {chart.sentence}"
    return {
        "chart": chart,
        "wide": is_wide(chart),
        "svg": inline_svg(figure_of(chart, words_too=False), chart.key, alt),
        "csv": base64.b64encode(chart_csv(chart)).decode("ascii"),
    }
