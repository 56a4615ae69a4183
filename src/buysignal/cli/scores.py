"""Commands that use a bundle on visits: score, segments, explain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from buysignal.cli.options import BundlePath, Json, MapOption, Paths, ProfileOption, RateOption, mapped
from buysignal.cli.root import app
from buysignal.cli.terminal import console, plain, progress_bar
from buysignal.errors import BundleError


@app.command()
def score(
    bundle: BundlePath,
    paths: Paths,
    out: Annotated[Path | None, typer.Option(help="CSV or Parquet; the screen if unset.")] = None,
    reasons: Annotated[bool, typer.Option(help="Say what moves each score (slower).")] = False,
    every_event: Annotated[bool, typer.Option(help="A score after every event, not only the last.")] = False,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rate: RateOption = None,
    as_json: Json = False,
) -> None:
    """Score the visits in a file as they stand at their last event."""
    from buysignal import bundle as bundles
    from buysignal import scoring
    from buysignal.sources.rates import parse_rates

    rates = parse_rates(rate or [])
    with progress_bar("Scoring", as_json) as step:
        scored = scoring.score_paths(
            bundles.load(bundle), paths, profile=profile, mapping=mapped(mapping), rates=rates,
            reasons=reasons, every_event=every_event, progress=step,
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
