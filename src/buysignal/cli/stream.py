"""The commands that work on Kafka: scores of a topic's events, and files played into a topic."""

from __future__ import annotations

import signal
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from buysignal.cli.options import BundlePath, MapOption, Paths, ProfileOption, RateOption, mapped
from buysignal.cli.root import app
from buysignal.cli.terminal import error_console, plain, progress_bar
from buysignal.errors import SourceError

if TYPE_CHECKING:
    from buysignal.stream.worker import Done

TELL_S = 10.0

Format = Annotated[str, typer.Option("--format", help="Of messages: json or avro.")]
Registry = Annotated[
    str | None, typer.Option("--schema-registry", help="Address of the schema registry, for avro.")
]

Bootstrap = Annotated[str, typer.Option(help="Kafka brokers, such as localhost:9092.")]
Config = Annotated[
    list[str] | None, typer.Option("--config", help="A setting of librdkafka, key=value; may be repeated.")
]


@app.command()
def stream(
    bundle: BundlePath,
    bootstrap: Bootstrap,
    events: Annotated[str, typer.Option("--in", help="Topic of events, keyed by visitor.")] = "events",
    scores: Annotated[str, typer.Option("--out", help="Topic of scores; made if missing.")] = "scores",
    dead: Annotated[
        str | None, typer.Option(help="Topic of messages that are no events; IN-dead if unset.")
    ] = None,
    group: Annotated[str, typer.Option(help="Workers of one group share the events.")] = "buysignal",
    name: Annotated[
        str | None, typer.Option(help="Of this worker alone: after a crash it goes on at once.")
    ] = None,
    recommend: Annotated[int, typer.Option(min=0, max=100, help="Items suggested with each score.")] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Messages of one transaction, at most.")] = 5_000,
    wait_ms: Annotated[int, typer.Option(min=1, help="How long a batch is waited for.")] = 20,
    forget_after: Annotated[str, typer.Option(help="Visitors not seen for so long are forgotten.")] = "90d",
    form: Format = "json",
    registry: Registry = None,
    health_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Answer /healthz, /readyz and /metrics here.")
    ] = None,
    health_host: Annotated[str, typer.Option(help="Address of these pages.")] = "127.0.0.1",
    watch: Annotated[bool, typer.Option(help="Exchange the bundle when its folder is replaced.")] = True,
    config: Config = None,
) -> None:
    """Score the events of a Kafka topic while visits go on, each exactly once.

    Start it as often as wanted with the same --group: the workers share the partitions, and a visitor's
    state moves with them. Ctrl-C ends after the batch in work.
    """
    from buysignal import bundle as bundles
    from buysignal.stream.client import Settings
    from buysignal.stream.health import health_served
    from buysignal.stream.worker import Worker

    settings = Settings(
        bootstrap, events, scores, dead, group, name, batch, wait_ms, forget_after=forget_after,
        recommend=recommend, format=form, registry=registry, config=kafka_settings(config),
    )  # fmt: skip
    loaded = bundles.load(bundle)
    worker = Worker(loaded, settings, _Teller(), watch=watch)
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda number, frame: worker.stop())
    if loaded.manifest.dataset.simulated:
        from buysignal.console import SIMULATED

        error_console().print(SIMULATED)
    label = f"{loaded.goal.name} (proxy)" if loaded.goal.proxy else loaded.goal.name
    error_console().print(plain(f"Scoring '{label}' from {events} to {scores}; group {group}."))
    with nullcontext() if health_port is None else health_served(worker, health_port, health_host) as port:
        if port is not None:
            error_console().print(plain(f"Health at http://{health_host}:{port}/readyz."))
        done = worker.run()
    error_console().print(plain(f"Ended: {_said(done)}."))


@app.command()
def replay(
    paths: Paths,
    bootstrap: Bootstrap,
    events: Annotated[str, typer.Option("--to", help="Topic; made if missing.")] = "events",
    pace: Annotated[str, typer.Option(help="real, max, or a factor such as 100x.")] = "100x",
    partitions: Annotated[int, typer.Option(min=1, help="Of the topic, if it is made.")] = 4,
    form: Format = "json",
    registry: Registry = None,
    config: Config = None,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    rate: RateOption = None,
) -> None:
    """Play files into a Kafka topic as events, in order of time, keyed by visitor."""
    from buysignal.sources.rates import parse_rates
    from buysignal.stream import replay as replaying
    from buysignal.stream.client import Settings

    replaying.pace_of(pace)
    settings = Settings(bootstrap, events, format=form, registry=registry, config=kafka_settings(config))
    with progress_bar("Replaying", quiet=False) as step:
        done = replaying.replay(
            paths, settings, pace=pace, new_partitions=partitions, profile=profile, mapping=mapped(mapping),
            rates=parse_rates(rate or []), progress=step,
        )  # fmt: skip
    error_console().print(
        plain(f"{done.events:,} events sent to {events} in {done.seconds:,.1f} s; "
              f"{done.rejected:,} rows of the files are no events.")
    )  # fmt: skip


class _Teller:
    """Says now and then what was done, and at once when something breaks."""

    def __init__(self) -> None:
        self._next = 0.0
        self._trouble = ""

    def __call__(self, done: Done) -> None:
        if done.trouble != self._trouble:
            self._trouble = done.trouble
            text = f"Waiting: {done.trouble}." if done.trouble else "Working again."
            error_console().print(plain(text))
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_S
            error_console().print(plain(_said(done)))


def _said(done: Done) -> str:
    return (
        f"{done.scored:,} scores, {done.dead:,} dead letters ({done.duplicates:,} came twice), "
        f"{done.refused:,} refused consent; {done.visitors:,} visitors in {done.partitions} partitions"
    )


def kafka_settings(pairs: list[str] | None) -> dict[str, str]:
    found = {}
    for pair in pairs or []:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise SourceError(f"--config {pair} is no setting", allowed="key=value")
        found[key.strip()] = value.strip()
    return found
