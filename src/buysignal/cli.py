"""The command line: thin commands, one library call each.

Modules are imported inside the commands, so that ``buysignal --help`` answers at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from buysignal import __version__
from buysignal.errors import BuysignalError, ProfileError

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="buysignal",
    help="Will this visitor buy? Clickstream in; conversion, revenue and segments out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Public data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")

Paths = Annotated[list[Path], typer.Argument(help="Files or folders: CSV, Parquet, JSON lines, gz, zip.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for pipes.")]
ProfileOption = Annotated[str | None, typer.Option("--profile", help="Profile name, or a saved TOML file.")]
MapOption = Annotated[list[str] | None, typer.Option("--map", help="canonical=source, e.g. visitor_id=uid.")]
GapOption = Annotated[str, typer.Option(help="Longest pause within a session, with its unit.")]


def main() -> None:
    """Run the command line; mistakes in what was brought in end with one sentence and exit code 2."""
    try:
        app()
    except BuysignalError as error:
        _error_console().print(f"[bold red]Error:[/] {_plain(str(error))}", soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        _error_console().print("Interrupted; nothing half-written is left behind.")
        sys.exit(130)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"buysignal {__version__}")
        raise typer.Exit()


@app.command()
def check(
    paths: Paths,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Write rejected rows, with reasons, here (CSV).")
    ] = None,
    save_profile: Annotated[Path | None, typer.Option(help="Keep the mapping as a profile here.")] = None,
    session_gap: GapOption = "30m",
    as_json: Json = False,
) -> None:
    """Read data and say what is in it, what was rejected and why, and what it can answer."""
    from buysignal.check import check_loaded
    from buysignal.sources.profile import save_profile as save
    from buysignal.sources.read import load

    with progress_bar("Reading", as_json) as step:
        loaded = load(paths, profile=profile, mapping=_mapping(mapping), progress=step)
        result = check_loaded(loaded, session_gap=session_gap)
    if rejects is not None:
        loaded.rejects.write(rejects)
    if save_profile is not None:
        save(loaded.profile, save_profile)
    if as_json:
        typer.echo(json.dumps(result.model_dump(mode="json"), indent=2, ensure_ascii=False))
    else:
        from buysignal.console import print_check

        print_check(result, console())


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("demo"),
    visitors: Annotated[int, typer.Option(min=1, help="How many visitors.")] = 20_000,
    days: Annotated[int, typer.Option(min=1, help="Over how many days.")] = 28,
    seed: Annotated[int, typer.Option(help="The same seed gives the same shop.")] = 0,
    truth: Annotated[bool, typer.Option(help="Write the exact probabilities too.")] = False,
    dirty: Annotated[bool, typer.Option(help="Plant duplicates, bots, nulls and the like.")] = True,
    file_format: Annotated[
        Literal["parquet", "csv"], typer.Option("--format", help="parquet or csv.")
    ] = "parquet",
    as_json: Json = False,
) -> None:
    """Simulate the demo shop: events of visitors with hidden intent. Always labelled simulated."""
    from buysignal.sources.demo import write_demo

    with progress_bar("Simulating", as_json) as step:
        files = write_demo(
            out, visitors, days, seed, truth=truth, dirty=dirty, format=file_format,
            progress=lambda done, total: step(done / total, "visitors"),
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps({"out": str(out), "events": files.rows, "simulated": True}))
    else:
        console().print(f"Simulated {files.rows:,} events of {visitors:,} visitors into [bold]{out}[/].")
        console().print(f"Next: buysignal train {files.events} --out models/demo")


@data_app.command("get")
def data_get(
    name: Annotated[str, typer.Argument(help="uci-eshop or uci-shoppers.")],
    to: Annotated[Path | None, typer.Option(help="Folder to write.")] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="A file or URL instead of the archive.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fetch a public data set, verify its checksum and unpack it."""
    from buysignal.sources.download import get

    target = to or Path("data") / name
    with progress_bar(f"Fetching {name}", as_json) as step:
        files = get(name, to=target, source=source, progress=step)
    if as_json:
        typer.echo(json.dumps({"name": name, "files": [str(f) for f in files]}))
    else:
        for file in files:
            console().print(f"wrote {file}")


@app.command()
def train(
    paths: Paths,
    out: Annotated[Path, typer.Option(help="Folder for the bundle and reports.")],
    test: Annotated[list[Path] | None, typer.Option(help="Test files, where they come apart.")] = None,
    goal: Annotated[str | None, typer.Option(help="Goal or proxy to learn; the first possible one.")] = None,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    fast: Annotated[bool, typer.Option(help="Fewer trees, no search: for a first look.")] = False,
    impute: Annotated[
        Literal["mean", "median", "mode"], typer.Option(help="Missing values: mean, median or mode.")
    ] = "median",
    imbalance: Annotated[
        Literal["none", "class_weight", "smote", "undersample", "compare"],
        typer.Option(help="How a rare class is treated; compare tries all."),
    ] = "compare",
    cut: Annotated[str | None, typer.Option(help="Test on what starts at this date, UTC.")] = None,
    include_late: Annotated[bool, typer.Option(help="Use columns known too late; they are flagged.")] = False,
    session_gap: GapOption = "30m",
    track: Annotated[str | None, typer.Option(help="MLflow server; SQLite in this folder if unset.")] = None,
    no_track: Annotated[bool, typer.Option("--no-track", help="Do not log to MLflow.")] = False,
    seed: Annotated[int, typer.Option(help="Of everything that draws lots.")] = 0,
    as_json: Json = False,
) -> None:
    """Train every candidate, judge it honestly, and write the champion as a bundle."""
    from buysignal import training
    from buysignal.training import Options

    options = Options(
        goal=goal,
        profile=profile,
        mapping=_mapping(mapping),
        fast=fast,
        impute=impute,
        imbalance=imbalance,
        cut=cut,
        include_late=include_late,
        session_gap=session_gap,
        seed=seed,
    )
    with progress_bar("Training", as_json) as step:
        result = training.train(paths, test=test, out=out, options=options, progress=step)
        note = None if no_track else _track(result, track, step)
    if as_json:
        typer.echo(result.report.model_dump_json(exclude_none=True))
    else:
        from buysignal.console import print_report

        print_report(result.report, console())
        console().print(f"\nBundle, report.json and report.html are in [bold]{out}[/].")
        if note:
            console().print(note)


def _track(result: Any, uri: str | None, step: Callable[[float, str], None]) -> str | None:
    from buysignal import tracking

    if uri is None and not tracking.installed():
        return "Not tracked: MLflow is not installed (pip install 'buysignal[track]')."
    step(0.97, "logging to MLflow")
    try:
        return tracking.log_training(result.report, result.path, uri=uri)
    except BuysignalError as error:
        # The bundle is finished: a tracking server that is away must not look like a failed training.
        return f"Not tracked: {error}"


@app.command()
def score(
    bundle: Annotated[Path, typer.Argument(help="A folder that train wrote.")],
    paths: Paths,
    out: Annotated[Path | None, typer.Option(help="CSV or Parquet; the screen if unset.")] = None,
    reasons: Annotated[bool, typer.Option(help="Say what moves each score (slower).")] = False,
    every_event: Annotated[bool, typer.Option(help="A score after every event, not only the last.")] = False,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    as_json: Json = False,
) -> None:
    """Score the visits in a file as they stand at their last event."""
    from buysignal import bundle as bundles
    from buysignal import scoring

    with progress_bar("Scoring", as_json) as step:
        scored = scoring.score_paths(
            bundles.load(bundle), paths, profile=profile, mapping=_mapping(mapping), reasons=reasons,
            every_event=every_event, progress=step,
        )  # fmt: skip
    if out is not None:
        scoring.write_scores(scored.table, out)
    if as_json:
        typer.echo(scored.table.to_json(orient="records", date_format="iso"))
    else:
        from buysignal.console import print_scores

        print_scores(scored, out, console())


@app.command()
def segments(
    bundle: Annotated[Path, typer.Argument(help="A folder that train wrote.")],
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Visits to assign; none prints the table.")
    ] = None,
    members: Annotated[Path | None, typer.Option(help="Write who belongs to which segment (CSV).")] = None,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    as_json: Json = False,
) -> None:
    """Show the named segments of a bundle, and which visits belong to them."""
    from buysignal import bundle as bundles
    from buysignal import scoring
    from buysignal.console import print_segments

    loaded = bundles.load(bundle)
    table = scoring.segment_table(loaded)
    if paths:
        with progress_bar("Assigning", as_json) as step:
            scored = scoring.score_paths(
                loaded, paths, profile=profile, mapping=_mapping(mapping), progress=step
            )
        table = scoring.segment_counts(loaded, scored.table)
        if members is not None:
            scoring.write_scores(scoring.membership(scored.table), members)
    if as_json:
        typer.echo(table.to_json(orient="records"))
    else:
        print_segments(table, loaded, console())


@app.command()
def explain(
    bundle: Annotated[Path, typer.Argument(help="A folder that train wrote.")],
    paths: Paths,
    session: Annotated[str, typer.Option(help="The session (or row number) to explain.")],
    profile: ProfileOption = None,
    mapping: MapOption = None,
    as_json: Json = False,
) -> None:
    """Say, click by click, how the score of one visit moved and why it is what it is."""
    from buysignal import bundle as bundles
    from buysignal import scoring

    with progress_bar("Scoring", as_json) as step:
        story = scoring.explain_session(
            bundles.load(bundle), paths, session, profile=profile, mapping=_mapping(mapping), progress=step
        )
    if as_json:
        typer.echo(json.dumps(story.as_json(), ensure_ascii=False))
    else:
        from buysignal.console import print_story

        print_story(story, console())


@app.command("app")
def open_app(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Open the web app."""
    from buysignal.app.launch import launch

    raise typer.Exit(launch(port=port, browser=browser))


def _mapping(pairs: list[str] | None) -> dict[str, str]:
    found = {}
    for pair in pairs or []:
        name, separator, source = pair.partition("=")
        if not separator or not name or not source:
            raise ProfileError(
                f"--map {pair} is no mapping", allowed="canonical=source, such as visitor_id=uid"
            )
        found[name.strip()] = source.strip()
    return found


def console() -> Console:
    """Return the terminal for results."""
    from rich.console import Console

    return Console()


def _error_console() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


@contextmanager
def progress_bar(title: str, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """Show progress on the error stream, so that what is piped stays clean."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[at]}"),
    )
    with Progress(*columns, console=_error_console(), disable=quiet, transient=True) as bar:
        task = bar.add_task(title, total=1.0, at="")
        yield lambda share, text: bar.update(task, completed=share, at=text)
