"""What monitoring found, as a page for people and as figures for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from buysignal.drift import Shift
from buysignal.errors import SourceError
from buysignal.monitor.finding import Finding, Watch
from buysignal.report_html.cards import Card, Grid, Section
from buysignal.wording import readable, share_text

SHOWN = 20

_MEANING = (
    "PSI (population stability index) says how far the values of a column moved between its bins; KS is the "
    "largest distance between the two cumulative curves. A limit is what chance alone passes once in a "
    "hundred looks at all columns together, and never below 0.1: smaller shifts are rarely worth an action.",
)


def card_of(watch: Watch, name: str) -> Card:
    """Return the page about a bundle called ``name``."""
    first = f"proxy: {watch.goal} — not conversion" if watch.proxy else f"conversion: {watch.goal}"
    simulated = ["learned from simulated data: no figure is of a real shop"] * watch.simulated
    return Card(
        title=name,
        labels=(first, *simulated),
        sections=(_outcome(watch), _checks(watch), _columns(watch), Section("How to read it", _MEANING)),
        kind="Monitoring",
    )


def _outcome(watch: Watch) -> Section:
    window = "" if watch.since is None else f" Window: {watch.since} to {watch.until}."
    said = f"{watch.visits:,} visits of {watch.visitors:,} visitors, model {watch.bundle_version}.{window}"
    return Section(watch.sentence, (said, *watch.notes))


def _checks(watch: Watch) -> Section:
    rows = tuple((readable(one.check), one.verdict, one.sentence) for one in watch.findings)
    return Section("Checks", grids=(("", Grid(("Check", "Verdict", "What was seen"), rows)),))


def _columns(watch: Watch) -> Section:
    titles = ("Column", "PSI", "Limit", "KS", "Limit of KS", "Missing then", "Missing now", "Verdict")
    shown = (watch.score_shift, *watch.shifts[:SHOWN])
    rest = len(watch.shifts) - SHOWN
    more = (f"{rest} more columns moved less.",) if rest > 0 else ()
    return Section("Columns, the farthest first", more, grids=(("", Grid(titles, tuple(map(_row, shown)))),))


def _row(one: Shift) -> tuple[str, ...]:
    return (
        one.name, f"{one.psi:.3f}", f"{one.psi_limit:.3f}",
        "–" if one.ks is None else f"{one.ks:.3f}", "–" if one.ks_limit is None else f"{one.ks_limit:.3f}",
        share_text(one.missing_before), share_text(one.missing_now), "alarm" if one.drifted else "ok",
    )  # fmt: skip


def prometheus(watch: Watch) -> str:
    """Return the figures in Prometheus' text format, for the node exporter's textfile collector."""
    lines = [
        "# HELP buysignal_monitor_alarm Whether a check is out of bounds (1), fine (0) or unknown (-1).",
        "# TYPE buysignal_monitor_alarm gauge",
        *(f'buysignal_monitor_alarm{{check="{one.check}"}} {_number(one)}' for one in watch.findings),
        "# HELP buysignal_monitor_psi Population stability index of a column.",
        "# TYPE buysignal_monitor_psi gauge",
        *_psis(watch),
        "# HELP buysignal_monitor_visits Visits looked at.",
        "# TYPE buysignal_monitor_visits gauge",
        f"buysignal_monitor_visits {watch.visits}",
    ]
    return "\n".join(lines) + "\n"


def _number(one: Finding) -> int:
    return {"alarm": 1, "ok": 0, "unknown": -1}[one.verdict]


def _psis(watch: Watch) -> Iterator[str]:
    for one in (watch.score_shift, *watch.shifts):
        name = one.name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        yield f'buysignal_monitor_psi{{column="{name}"}} {one.psi:.6g}'


def write_prometheus(watch: Watch, path: Path) -> None:
    """Write the figures so that no reader finds half a file.

    Raises:
        SourceError: the place cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(prometheus(watch), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise SourceError(
            f"{path} cannot be written: {error.strerror}", todo="choose another place"
        ) from error
