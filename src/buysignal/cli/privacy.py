"""The commands that forget visitors, and what is older than it may be."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from buysignal.cli.options import Json, MapOption, Paths, ProfileOption, mapped
from buysignal.cli.root import app
from buysignal.cli.terminal import console, plain, progress_bar

if TYPE_CHECKING:
    from buysignal.privacy.files import FileDone
    from buysignal.privacy.models import ModelAsked
    from buysignal.privacy.state import StateDone

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")]


@app.command()
def forget(
    visitors: Annotated[
        list[str] | None, typer.Argument(help="Ids of visitors, as the data has them.")
    ] = None,
    ids: Annotated[
        Path | None, typer.Option(help="File with an id a line, '-' for the input: no shell remembers them.")
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="File or folder: data, scores, rejects; may be repeated.")
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(help="redis://…, http://… of a server, kafka://broker:9092/TOPIC; may be repeated."),
    ] = None,
    registry: Annotated[Path | None, typer.Option(help="Folder of the shop's models.")] = None,
    bundle: Annotated[list[Path] | None, typer.Option(help="A model; may be repeated.")] = None,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Remove visitors from files and from what live doors remember, and say which models know them.

    Files are rewritten in place, each as a whole or not at all; other rows stay byte for byte. Models are not
    changed: they hold no visitor's events, and the next training is without them.
    """
    from buysignal.errors import InputError
    from buysignal.privacy.files import forget_in_journals, remove
    from buysignal.privacy.marks import of_visitors
    from buysignal.privacy.models import models_asked
    from buysignal.privacy.state import forget_in_state
    from buysignal.privacy.whom import Whom

    whom = Whom.of([*(visitors or []), *_read(ids)])
    if not (data or state or registry or bundle):
        raise InputError(
            "nothing is named to forget them in", allowed="--data, --state, --registry, --bundle"
        )
    models = models_asked(registry, bundle or [], whom)
    with progress_bar("Forgetting", as_json) as step:
        files = remove(
            data or [], of_visitors(whom.cells(), whom.pattern()), lacks="it has no column of visitors",
            profile=profile, mapping=mapped(mapping), dry_run=dry_run, progress=step,
        )  # fmt: skip
    forget_in_journals(data or [], whom.ids, dry_run=dry_run)
    states = [forget_in_state(one, whom, dry_run=dry_run) for one in state or []]
    _tell(files, states, models, dry_run, as_json)


@app.command()
def retain(
    paths: Paths,
    older_than: Annotated[str, typer.Option(help="Age of what is removed, with its unit, such as 400d.")],
    profile: ProfileOption = None,
    mapping: MapOption = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Remove events older than an age from files, and written rejects that are older as a whole."""
    from buysignal.privacy.age import remove_older

    with progress_bar("Removing", as_json) as step:
        files = remove_older(
            paths, older_than, profile=profile, mapping=mapped(mapping), dry_run=dry_run, progress=step
        )
    _tell(files, [], [], dry_run, as_json)


def _read(ids: Path | None) -> list[str]:
    if ids is None:
        return []
    text = sys.stdin.read() if str(ids) == "-" else ids.read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip()]


def _tell(
    files: list[FileDone], states: list[StateDone], models: list[ModelAsked], dry_run: bool, as_json: bool
) -> None:
    """Say what was done; without any id, because what is printed may be kept."""
    failed = [one for one in files if one.failed]
    if as_json:
        typer.echo(json.dumps(_as_json(files, states, models, dry_run)))
    else:
        shown = console()
        word = "would go" if dry_run else "removed"
        for file in files:
            said = file.problem or f"{file.removed:,} of {file.rows:,} rows {word}"
            shown.print(plain(f"{file.path}: {said}"), soft_wrap=True)
        for state in states:
            known = state.visitors is not None
            said = (
                f"{state.visitors:,} visitors {word}"
                if known
                else "not asked"
                if dry_run
                else "workers forget them as they read on"
            )
            shown.print(plain(f"{state.place}: {said}"), soft_wrap=True)
        for model in models:
            serves = " (champion)" if model.champion else ""
            told = {"yes": "trained with them", "no": "not trained with them", "not known": "not known"}
            shown.print(plain(f"{model.path}{serves}: {told[model.trained_with]}"), soft_wrap=True)
    if failed:
        raise typer.Exit(1)


def _as_json(
    files: list[FileDone], states: list[StateDone], models: list[ModelAsked], dry_run: bool
) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "files": [
            {"path": str(f.path), "rows": f.rows, "removed": f.removed, "problem": f.problem} for f in files
        ],
        "states": [{"place": s.place, "visitors": s.visitors} for s in states],
        "models": [
            {
                "path": str(m.path), "version": m.version, "trained_with": m.trained_with,
                "visitors": m.visitors, "champion": m.champion,
            }
            for m in models
        ],
    }  # fmt: skip
