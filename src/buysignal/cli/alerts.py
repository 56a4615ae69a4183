"""The command that tells a webhook of carts at risk and hot visits."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from buysignal.cli.options import BundlePath
from buysignal.cli.root import app
from buysignal.cli.terminal import error_console, plain

if TYPE_CHECKING:
    from buysignal.alerts.run import Told
    from buysignal.alerts.scores_topic import Since

TELL_S = 10.0


@app.command()
def alert(
    bundle: BundlePath,
    url: Annotated[str, typer.Option(help="The webhook, http or https.")],
    secret_env: Annotated[
        str, typer.Option(help="Environment variable with the secret that alerts are signed with.")
    ],
    bootstrap: Annotated[str, typer.Option(help="Kafka brokers, such as localhost:9092.")],
    scores: Annotated[str, typer.Option("--in", help="Topic of scores, as stream writes them.")] = "scores",
    cart: Annotated[
        str | None, typer.Option(help="Carts at risk: worth at least this, such as '50 EUR'.")
    ] = None,
    below: Annotated[str, typer.Option(help="Their probability is smaller.")] = "20%",
    idle: Annotated[str, typer.Option(help="Their visitor has not clicked for so long.")] = "10m",
    hot: Annotated[
        str | None, typer.Option(help="Hot visits: the probability is at least this, such as 60%.")
    ] = None,
    since: Annotated[
        str, typer.Option(help="Where to begin in the topic: now, a time ago such as 30m, or beginning.")
    ] = "now",
    remember: Annotated[
        Path | None, typer.Option(help="File of alerts that were told, so that none comes twice.")
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="The webhook may lie inside the own network.")
    ] = False,
    config: Annotated[
        list[str] | None,
        typer.Option("--config", help="A setting of librdkafka, key=value; may be repeated."),
    ] = None,
) -> None:
    """Tell a webhook of carts at risk and hot visits, from the scores that stream writes.

    Each visit is told at most once by each rule, signed, and again after longer and longer pauses while the
    receiver does not answer. The bundle says what the scores are of: currency, session gap, goal.
    """
    from buysignal import bundle as bundles
    from buysignal.alerts.post_box import PostBox
    from buysignal.alerts.rules import rules_of
    from buysignal.alerts.run import AlertRun
    from buysignal.alerts.scores_topic import ScoresTopic
    from buysignal.alerts.told import ToldOnDisk
    from buysignal.alerts.visits import OpenVisits
    from buysignal.alerts.watch import Watch
    from buysignal.alerts.webhook import Webhook, secret_of
    from buysignal.cli.stream import kafka_settings
    from buysignal.stream.client import Settings
    from buysignal.units import duration_us

    loaded = bundles.load(bundle)
    rules = rules_of(loaded.goal.currency, cart=cart, below=below, idle=idle, hot=hot)
    begin: Since = "now"
    if since != "now":
        begin = "beginning" if since == "beginning" else duration_us(since, "since") / 1e6
    webhook = Webhook(url, secret_of(secret_env), allow_private=allow_private)
    webhook.check()
    told = None if remember is None else ToldOnDisk(remember)
    visits = OpenVisits(loaded.session_gap)
    watch = Watch(visits, rules, currency=loaded.goal.currency, told=told)
    topic = ScoresTopic(Settings(bootstrap, scores=scores, config=kafka_settings(config)), begin)
    run = AlertRun(topic, watch, PostBox(webhook), _Teller())
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda number, frame: run.stop())
    label = f"{loaded.goal.name} (proxy)" if loaded.goal.proxy else loaded.goal.name
    error_console().print(plain(f"Watching '{label}' in {scores}; alerts go to {webhook.target.name}."))
    done = run.run()
    error_console().print(plain(f"Ended: {_said(done)}."))


class _Teller:
    """Says now and then what was done, and at once when something breaks."""

    def __init__(self) -> None:
        self._next = 0.0
        self._said: dict[str, str] = {}

    def __call__(self, told: Told) -> None:
        self._changed("scores", told.trouble)
        self._changed("alerts", told.alerts.problem)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_S
            error_console().print(plain(_said(told)))

    def _changed(self, what: str, trouble: str) -> None:
        if trouble == self._said.get(what, ""):
            return
        self._said[what] = trouble
        text = f"Trouble with {what}: {trouble}." if trouble else f"No more trouble with {what}."
        error_console().print(plain(text))


def _said(told: Told) -> str:
    of = told.alerts
    lost = f", {of.refused:,} refused, {of.given_up:,} given up, {of.dropped:,} dropped"
    return (
        f"{told.scores:,} scores ({told.unreadable:,} unreadable), {told.open:,} visits open; "
        f"alerts: {of.taken:,} taken, {of.waiting:,} waiting{lost}"
    )
