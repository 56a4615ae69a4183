"""Training: sources in; leaderboard, champion, bundle and reports out. The only place that wires it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from buysignal import __version__
from buysignal.report import Report
from buysignal.sources.read import Loaded, load
from buysignal.training.dataset import dataset_of, same_columns
from buysignal.training.options import Options, Progress
from buysignal.training.outcome import Outcome
from buysignal.training.runs import run_events, run_table

__all__ = ["Options", "Trained", "train", "train_loaded"]

Paths = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Trained:
    """What a run leaves behind.

    Attributes:
        path: the bundle's folder; it holds ``report.json`` and ``report.html`` too.
        report: every figure.
    """

    path: Path
    report: Report


def train(
    paths: Paths,
    *,
    test: Paths | None = None,
    out: str | Path,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Read, learn, judge, and write the champion with its reports.

    Args:
        paths: files or folders to learn from.
        test: files to judge on, where they come apart; else a later part of ``paths`` is kept for it.
        out: folder of the bundle; replaced only when everything has succeeded.
        options: see ``Options``.
        progress: called with the share done, 0 to 1, and what begins.

    Raises:
        InputError: the data cannot be read, or cannot answer the goal.
    """
    options = options or Options()
    options.check()
    tell = progress or (lambda _share, _text: None)
    tell(0.0, "reading")
    loaded = load(
        paths, profile=options.profile, mapping=options.mapping, rates=options.rates,
        most_rows=options.most_rows, progress=lambda _share, text: tell(0.0, text),
    )  # fmt: skip
    tested = None
    if test:
        tested = load(test, profile=loaded.profile)
        same_columns(loaded, tested)
    return train_loaded(loaded, test=tested, out=out, options=options, progress=progress)


def train_loaded(
    loaded: Loaded,
    *,
    test: Loaded | None = None,
    out: str | Path,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Do as ``train`` with sources that have been read already."""
    options = options or Options()
    options.check()
    run = run_events if loaded.profile.level == "event" else run_table
    outcome = run(loaded, test, options, progress)
    if progress is not None:
        progress(0.93, "writing bundle and reports")
    report = Report(
        dataset=dataset_of(loaded, test),
        goal=outcome.goal_note(),
        tables=outcome.tables,
        notes=[*([] if loaded.drawn is None else [loaded.drawn]), *outcome.notes],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
        settings=options.told() | {"test_files": [] if test is None else [path.name for path in test.paths]},
    )
    path = _write(outcome, report, Path(out))
    if progress is not None:
        progress(1.0, "done")
    return Trained(path, report)


def _write(outcome: Outcome, report: Report, out: Path) -> Path:
    from buysignal.bundle import save
    from buysignal.report_html import write_report_html

    path = save(outcome.bundle(report), out)
    report.save(path / "report.json")
    write_report_html(report, path / "report.html")
    return path
