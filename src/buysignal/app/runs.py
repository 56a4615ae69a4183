"""The runs a user can look at side by side: of this session, on this machine, and brought along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import streamlit as st

from buysignal.app import bundles, state
from buysignal.app.state import Model
from buysignal.compare import main_tables
from buysignal.errors import SourceError
from buysignal.report import Report
from buysignal.wording import readable


@dataclass(frozen=True, eq=False)
class Run:
    """One training run.

    Attributes:
        label: what the user sees, different for every run.
        report: its figures.
        open: gives its model; None where only the report was brought.
        in_use: whether the pages speak of it now.
    """

    label: str
    report: Report
    open: Callable[[], Model] | None
    in_use: bool = False


def remember(model: Model) -> None:
    """Keep the model among this session's runs; a newer one of the same folder takes its place."""
    held = cast("dict[str, Model]", st.session_state.setdefault("runs", {}))
    held[str(model.bundle.path)] = model


def bring(name: str, content: bytes) -> str:
    """Add a run that was uploaded, a bundle as zip or a report.json, and return its label.

    Raises:
        BundleError: the zip is no bundle.
        SourceError: the file is no report, or the bundle came without one.
    """
    brought = cast("dict[str, Run]", st.session_state.setdefault("brought_runs", {}))
    if name.lower().endswith(".zip"):
        model = bundles.unpacked(content, name, state.new_folder("brought"))
        if model.report is None:
            raise SourceError(f"{name} holds no report, so there are no figures to compare")
        brought[name] = Run(_label(model.label, model.report, "brought"), model.report, lambda: model)
    else:
        path = state.new_folder("brought") / Path(name).name
        path.write_bytes(content)
        report = Report.load(path)
        brought[name] = Run(_label(Path(name).stem, report, "brought"), report, None)
    return brought[name].label


def all_runs() -> list[Run]:
    """Return every run with a report, the one in use first; none stands there twice."""
    used = state.model()
    seen: set[str] = set()
    runs: list[Run] = []
    held = cast("dict[str, Model]", st.session_state.get("runs", {}))
    for model in [*([used] if used is not None else []), *reversed(held.values())]:
        place = str(model.bundle.path.resolve())
        if model.report is not None and place not in seen:
            mine = "in use" if model is used else "this session"
            runs.append(
                Run(_label(model.label, model.report, mine), model.report, _given(model), model is used)
            )
        seen.add(place)
    stored = [found for found in map(_found, bundles.found()) if found is not None]
    runs += [run for place, run in stored if place not in seen]
    runs += list(cast("dict[str, Run]", st.session_state.get("brought_runs", {})).values())
    return _told_apart(runs)


def _given(model: Model) -> Callable[[], Model]:
    return lambda: model


def _found(path: Path) -> tuple[str, Run] | None:
    try:
        report = Report.load(path / "report.json")
    except SourceError:
        return None
    here = "this machine's champion" if path.name == bundles.champion() else "on this machine"
    return str(path.resolve()), Run(_label(path.name, report, here), report, lambda: bundles.opened(path))


def _label(name: str, report: Report, where: str) -> str:
    table = main_tables(report).get("conversion")
    model = f" · {readable(table.champion)}" if table is not None and table.champion else ""
    return f"{name}{model} ({where})"


def _told_apart(runs: list[Run]) -> list[Run]:
    """Return the runs with a number behind labels that stand there twice."""
    counts: dict[str, int] = {}
    found = []
    for run in runs:
        counts[run.label] = counts.get(run.label, 0) + 1
        number = counts[run.label]
        label = run.label if number == 1 else f"{run.label}, {number}"
        found.append(Run(label, run.report, run.open, run.in_use))
    return found
