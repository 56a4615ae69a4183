"""What the commands share that also run on a Spark cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from buysignal.cli.options import mapped
from buysignal.cli.terminal import console, plain
from buysignal.errors import SourceError

if TYPE_CHECKING:
    from buysignal.sources.profile import Profile
    from buysignal.spark import Options, Outcome

Places = Annotated[
    list[str], typer.Argument(help="Files or folders: CSV, Parquet, JSON lines, gz, zip; on Spark Parquet.")
]
EngineOption = Annotated[Literal["local", "spark"], typer.Option(help="This machine, or a Spark cluster.")]
MasterOption = Annotated[
    str | None, typer.Option(help="Spark's master, such as local[2] or yarn; as configured if unset.")
]
ConfOption = Annotated[
    list[str] | None, typer.Option("--conf", help="A setting of Spark's, key=value; may be repeated.")
]


def only_on_spark(engine: str, master: str | None, conf: list[str] | None) -> None:
    """Refuse Spark's options where it does not run.

    Raises:
        SourceError: one was given.
    """
    if engine != "spark" and (master is not None or conf):
        raise SourceError(
            f"{'--master' if master is not None else '--conf'} is an option of Spark",
            allowed="it together with --engine spark",
            todo="add --engine spark, or leave it out",
        )


def spark_options(
    profile: str | Profile | None,
    mapping: list[str] | None,
    rate: list[str] | None,
    master: str | None,
    conf: list[str] | None,
) -> Options:
    """Return the options of a run on the cluster."""
    from buysignal.sources.rates import parse_rates
    from buysignal.spark import Options

    return Options(profile, mapped(mapping), parse_rates(rate or []), master, mapped(conf))


def print_outcome(outcome: Outcome, what: str, as_json: bool) -> None:
    """Show what a run on the cluster wrote."""
    if as_json:
        found = {
            "out": outcome.out, "rows_in": outcome.rows_in, what: outcome.rows,
            "refused_consent": outcome.refused, "rejected": outcome.rejected,
            "profile": outcome.profile.name, "currency": outcome.currency,
        }  # fmt: skip
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    console().print(
        f"{outcome.rows_in:,} rows in: {outcome.rows_rejected:,} rejected, {outcome.refused:,} left out "
        f"without consent. [bold]{outcome.rows:,} {what}[/] in {plain(outcome.out)}."
    )
