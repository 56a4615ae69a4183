"""Commands that use a bundle on visits: score, segments, explain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from buysignal.cli.cluster import (
    ConfOption,
    EngineOption,
    MasterOption,
    Places,
    only_on_spark,
    print_outcome,
    spark_options,
)
from buysignal.cli.options import (
    BundlePath,
    FreshOption,
    Json,
    MapOption,
    MemoryOption,
    Paths,
    ProfileOption,
    RateOption,
    mapped,
    resumable,
)
from buysignal.cli.root import app
from buysignal.cli.terminal import console, plain, progress_bar
from buysignal.errors import BundleError, SourceError

if TYPE_CHECKING:
    from buysignal.bundle import Bundle
    from buysignal.goals import Goal
    from buysignal.history.settings import Reading
    from buysignal.score_parts import ScoreParts


@app.command()
def score(
    bundle: BundlePath,
    paths: Places,
    out: Annotated[
        str | None, typer.Option(help="CSV or Parquet, or a folder for parts; the screen if unset.")
    ] = None,
    reasons: Annotated[bool, typer.Option(help="Say what moves each score (slower).")] = False,
    every_event: Annotated[bool, typer.Option(help="A score after every event, not only the last.")] = False,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rate: RateOption = None,
    memory: MemoryOption = "2GB",
    fresh: FreshOption = False,
    engine: EngineOption = "local",
    master: MasterOption = None,
    conf: ConfOption = None,
    as_json: Json = False,
) -> None:
    """Score the visits in a file as they stand at their last event.

    Files larger than memory, and an --out that is a folder, are scored in parts; interrupted, the same
    command goes on behind the last finished part.
    """
    from buysignal import bundle as bundles
    from buysignal.history.settings import Reading
    from buysignal.score_parts import LARGE_ROWS, score_in_parts
    from buysignal.sources.rates import parse_rates

    only_on_spark(engine, master, conf)
    loaded = bundles.load(bundle)
    if engine == "spark":
        from buysignal import spark

        options = spark_options(profile, mapping, rate, master, conf)
        with progress_bar("Scoring", as_json) as step:
            outcome = spark.score(
                bundle, paths, _needed(out), reasons=reasons, every_event=every_event, options=options,
                progress=step,
            )  # fmt: skip
        if not as_json:
            _say_what(loaded.goal, loaded.manifest.dataset.simulated)
        print_outcome(outcome, "scores", as_json)
        return
    reading = Reading(
        tuple(Path(path) for path in paths), profile or loaded.profile, mapped(mapping),
        parse_rates(rate or []), loaded.session_gap, memory,
    )  # fmt: skip
    folder = out is not None and not Path(out).suffix
    if loaded.reads_events and (folder or reading.rows() > LARGE_ROWS):
        target = Path(_needed(out))
        with resumable(target), progress_bar("Scoring", as_json) as step:
            made = score_in_parts(
                loaded, reading, target, reasons=reasons, every_event=every_event, fresh=fresh, progress=step
            )
        _print_parts(made, as_json)
        return
    _score_at_once(loaded, reading, out, reasons, every_event, as_json)


def _score_at_once(
    bundle: Bundle, reading: Reading, out: str | None, reasons: bool, every_event: bool, as_json: bool
) -> None:
    from buysignal import scoring

    with progress_bar("Scoring", as_json) as step:
        scored = scoring.score_paths(
            bundle, reading.paths, profile=reading.profile, mapping=reading.mapping, rates=reading.rates,
            reasons=reasons, every_event=every_event, progress=step,
        )  # fmt: skip
    if out is not None:
        scoring.write_scores(scored.table, Path(out))
    if as_json:
        typer.echo(scored.table.to_json(orient="records", date_format="iso"))
    else:
        from buysignal.console import print_scores

        print_scores(scored, None if out is None else Path(out), console())


def _needed(out: str | None) -> str:
    if out is None:
        raise SourceError(
            "so many scores do not fit on a screen",
            allowed="--out with a folder, or a .parquet or .csv file",
            todo="name one",
        )
    return out


def _print_parts(made: ScoreParts, as_json: bool) -> None:
    totals = made.totals
    if as_json:
        found = {
            "out": str(made.path), "visits": made.visits, "rows_in": totals.rows_in, "events": totals.kept,
            "rejected": totals.rejected, "refused_consent": totals.refused, "goal": made.goal.name,
            "proxy": made.goal.proxy,
            "simulated": made.simulated, "went_on": made.went_on,
        }  # fmt: skip
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    _say_what(made.goal, made.simulated)
    if made.went_on:
        console().print("Went on behind what an earlier run had finished.")
    console().print(
        f"{totals.rows_in:,} rows in: {totals.kept:,} events, {totals.rejected:,} rejected, "
        f"{totals.refused:,} left out without consent. "
        f"[bold]{made.visits:,} scores[/] in {plain(str(made.path))}."
    )


def _say_what(goal: Goal, simulated: bool) -> None:
    """Say what the scores are of, and whether they are a real shop's."""
    from buysignal.console import SIMULATED

    if simulated:
        console().print(SIMULATED)
    kind = f"proxy '{plain(goal.name)}', not conversion" if goal.proxy else "conversion"
    console().print(f"Scores ({kind}): P({plain(goal.sentence)})")


@app.command()
def segments(
    bundle: BundlePath,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Visits to assign; none prints the table.")
    ] = None,
    members: Annotated[Path | None, typer.Option(help="Write who belongs to which segment (CSV).")] = None,
    rename: Annotated[
        list[str] | None, typer.Option(help="'found name=new name'; once for each segment to rename.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the bundle with the new names.")] = None,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rate: RateOption = None,
    as_json: Json = False,
) -> None:
    """Show the named segments of a bundle, and which visits belong to them; or rename them.

    Without visits each segment is shown with its size, outcome, stability and a suggested action. With
    ``--rename`` and ``--out`` the bundle is written anew with these names, and shown.
    """
    from buysignal import bundle as bundles
    from buysignal import scoring
    from buysignal.console import print_segments
    from buysignal.sources.rates import parse_rates

    rates = parse_rates(rate or [])
    loaded = bundles.load(_renamed(bundle, rename or [], out))
    table = scoring.segment_table(loaded)
    if paths:
        with progress_bar("Assigning", as_json) as step:
            scored = scoring.score_paths(
                loaded, paths, profile=profile, mapping=mapped(mapping), rates=rates, progress=step
            )
        table = scoring.segment_counts(loaded, scored.table)
        if members is not None:
            scoring.write_scores(scoring.membership(scored.table), members)
    if as_json:
        typer.echo(table.to_json(orient="records"))
    else:
        if out is not None:
            console().print(f"Written to [bold]{plain(str(out))}[/].")
        print_segments(table, loaded, console())


def _renamed(bundle: Path, pairs: list[str], out: Path | None) -> Path:
    """Return where the bundle with the new names is; that of ``bundle`` where nothing is to be renamed."""
    from buysignal import bundle as bundles
    from buysignal.segment_names import numbered, rename_segments

    if bool(pairs) != (out is not None):
        missing, given = ("--out", "--rename") if pairs else ("--rename", "--out")
        raise BundleError(
            f"{given} without {missing}", allowed="both: --rename 'found name=new name' --out NEWBUNDLE"
        )
    if out is None:
        return bundle
    return rename_segments(bundle, numbered(bundles.load(bundle), pairs), out)


@app.command()
def explain(
    bundle: BundlePath,
    paths: Paths,
    session: Annotated[str, typer.Option(help="The session (or row number) to explain.")],
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rate: RateOption = None,
    as_json: Json = False,
) -> None:
    """Say, click by click, how the score of one visit moved and why it is what it is."""
    from buysignal import bundle as bundles
    from buysignal import scoring
    from buysignal.sources.rates import parse_rates

    rates = parse_rates(rate or [])
    with progress_bar("Scoring", as_json) as step:
        story = scoring.explain_session(
            bundles.load(bundle), paths, session, profile=profile, mapping=mapped(mapping), rates=rates,
            progress=step,
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(story.as_json(), ensure_ascii=False))
    else:
        from buysignal.console import print_story

        print_story(story, console())
