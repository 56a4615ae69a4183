"""`report.html`: the report as one self-contained page, drawn from the report alone."""

from __future__ import annotations

import io
import re
import threading
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from buysignal.plots import caption_of, pictures_of
from buysignal.plots.style import FAINT, GRID, INK, PALETTE
from buysignal.report import Report, Table
from buysignal.report_html import words
from buysignal.wording import readable

__all__ = ["inline_svg", "render_report_html", "write_report_html"]

_SVG_SETTINGS = threading.Lock()
"""matplotlib takes its SVG options from global settings only; one picture at a time changes them."""


_THEMED = (
    (INK, "--ink"),
    (FAINT, "--faint"),
    (GRID, "--line"),
    (PALETTE[0], "--mark"),
    (PALETTE[2], "--mark-2"),
)


def write_report_html(report: Report, path: Path) -> None:
    """Write ``report`` as one HTML file that needs nothing else: no network, no script, no font."""
    path.write_text(render_report_html(report), encoding="utf-8")


def render_report_html(report: Report) -> str:
    """Return the page; every text from the report is escaped."""
    environment = Environment(
        loader=PackageLoader("buysignal.report_html", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = words.code_spans
    template = environment.get_template("template.html")
    return template.render(
        report=report,
        statement=words.statement(report),
        who_buys=words.who_buys(report),
        facts=words.facts(report.dataset),
        sections=[_section(report, table, number) for number, table in enumerate(report.tables, start=1)],
        readable=readable,
        glossary=words.GLOSSARY,
    )


def _section(report: Report, table: Table, number: int) -> dict[str, Any]:
    found = [line for line in table.audit if line.verdict != "ok"]
    return {
        "id": f"table-{number}",
        "table": table,
        "question": words.question(report, table),
        "facts": words.table_facts(table),
        "headline": words.headline(table),
        "verdict": words.worst_verdict(table),
        "found": found,
        "passed": [line for line in table.audit if line.verdict == "ok"],
        "board": words.leaderboard(table),
        "slices": [
            (title, words.slices(table, rows))
            for title, rows in ((words.by_steps(table), table.per_k), ("By cart", table.per_cart))
            if rows
        ],
        "total": words.total(report, table),
        "segments": words.segments(report, table),
        "caption": caption_of(report, table).text,
        "pictures": [
            {"alt": picture.alt, "svg": inline_svg(picture.figure, f"p{number}-{picture.name}", picture.alt)}
            for picture in pictures_of(report, table, captions=False)
        ],
    }


def inline_svg(figure: Figure, prefix: str, alt: str) -> Markup:
    """Return the figure as SVG whose ids are unique on the page and whose darker colours follow the theme."""
    buffer = io.StringIO()
    figure.patch.set_alpha(0)
    with _SVG_SETTINGS, rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg)
    for colour, variable in _THEMED:
        svg = svg.replace(colour, f"var({variable})")
    svg = re.sub(r'(<svg [^>]*?)width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?)height="[^"]*"', r"\1", svg, count=1)
    label = Markup.escape(alt)
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))
