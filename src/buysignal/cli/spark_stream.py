"""The command that scores a stream on a Spark cluster."""

from __future__ import annotations

import signal
import time
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from buysignal.cli.cluster import ConfOption, MasterOption
from buysignal.cli.options import BundlePath, mapped
from buysignal.cli.root import app
from buysignal.cli.terminal import error_console, plain

if TYPE_CHECKING:
    from buysignal.spark.streaming import Streamed

TELL_S = 10.0


@app.command("spark-stream")
def spark_stream(
    bundle: BundlePath,
    source: Annotated[str, typer.Option("--in", help="kafka:TOPIC, or a folder that files come into.")],
    sink: Annotated[str, typer.Option("--out", help="kafka:TOPIC, or a folder.")],
    checkpoint: Annotated[
        str, typer.Option(help="Folder of this query's own: with it the query goes on where it ended.")
    ],
    bootstrap: Annotated[str | None, typer.Option(help="Kafka brokers, such as localhost:9092.")] = None,
    rejects: Annotated[
        str | None, typer.Option(help="Topic of messages without a score; TOPIC-dead if unset.")
    ] = None,
    files: Annotated[
        Literal["parquet", "json"], typer.Option(help="What the files are; JSON: an event a line.")
    ] = "parquet",
    until_empty: Annotated[bool, typer.Option("--until-empty", help="Score what is there, and end.")] = False,
    every: Annotated[
        str | None, typer.Option(help="From one micro-batch to the next, such as 10s; no pause if unset.")
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, help="Messages of a micro-batch, at most.")] = 100_000,
    files_at_once: Annotated[int, typer.Option(min=1, help="Files of a micro-batch, at most.")] = 100,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Pieces the visitors lie in; one a core if unset.")
    ] = None,
    recommend: Annotated[int, typer.Option(min=0, max=100, help="Items suggested with each score.")] = 0,
    forget_after: Annotated[str, typer.Option(help="Visitors not seen for so long are forgotten.")] = "90d",
    kafka: Annotated[
        list[str] | None, typer.Option("--kafka", help="A setting of Kafka's Java client, key=value.")
    ] = None,
    master: MasterOption = None,
    conf: ConfOption = None,
) -> None:
    """Score a stream of events on a Spark cluster, by the rules of 'buysignal stream'.

    To a folder each score is written exactly once, to a topic at least once. Ctrl-C ends after the
    micro-batch in work; the same command goes on from there.
    """
    from buysignal import bundle as bundles
    from buysignal.spark.streaming import stream
    from buysignal.spark.streaming_settings import StreamSettings

    settings = StreamSettings(
        source, sink, checkpoint, rejects, bootstrap, files, at_once, files_at_once, every, until_empty,
        forget_after, recommend, partitions, mapped(kafka), master, mapped(conf),
    ).checked()  # fmt: skip
    loaded = bundles.load(bundle)
    if loaded.manifest.dataset.simulated:
        from buysignal.console import SIMULATED

        error_console().print(SIMULATED)
    label = f"{loaded.goal.name} (proxy)" if loaded.goal.proxy else loaded.goal.name
    error_console().print(plain(f"Scoring '{label}' from {source} to {sink}; checkpoint {checkpoint}."))
    stop = Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda number, frame: stop.set())
    done = stream(bundle, settings, stop=stop, tell=_Teller())
    error_console().print(plain(f"Ended: {_said(done)}."))


class _Teller:
    """Says now and then what was done."""

    def __init__(self) -> None:
        self._next = time.monotonic() + TELL_S
        self._batches = 0

    def __call__(self, done: Streamed) -> None:
        if done.batches > self._batches and time.monotonic() >= self._next:
            self._next, self._batches = time.monotonic() + TELL_S, done.batches
            error_console().print(plain(_said(done)))


def _said(done: Streamed) -> str:
    return (
        f"{done.events:,} messages in {done.batches:,} micro-batches: {done.scored:,} scores, "
        f"{done.rejected:,} rejected, {done.refused:,} refused consent"
    )
