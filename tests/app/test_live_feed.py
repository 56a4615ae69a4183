"""Feeds of the live page: a replay, and whoever answers it."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pytest

from alerts.receiver import receiving
from buysignal import scoring, sources
from buysignal.alerts.post_box import PostBox
from buysignal.alerts.rules import rules_of
from buysignal.alerts.visits import OpenVisits
from buysignal.alerts.watch import Watch
from buysignal.alerts.webhook import Webhook
from buysignal.app import live_feed
from buysignal.app.live_doors import Served, TopicFeed
from buysignal.app.live_feed import Feed
from buysignal.app.live_history import BAND_NAMES, MOST_POINTS, History
from buysignal.app.live_replay import Pacer, ReplayFeed, Scored
from buysignal.bundle import Bundle
from buysignal.errors import InputError, SourceError
from serve.conftest import Server
from serve.conftest import started as serving
from shop import Shop

SECRET = b"a long random text of our own"


@pytest.fixture(scope="module")
def bundle(shop: Shop) -> Bundle:
    return shop.bundle


@pytest.fixture(scope="module")
def table(shop: Shop) -> pa.Table:
    """The first two days of the demo shop."""
    found = sources.load(shop.events).table
    times = found.column("event_time").to_numpy()
    return found.filter(pa.array(times < times.min() + np.timedelta64(2, "D")))


def watch_of(bundle: Bundle) -> Watch:
    return Watch(OpenVisits(bundle.session_gap), currency=bundle.goal.currency, replayed=True)


def played(feed: Feed) -> Feed:
    feed.start().wait(120)
    return feed


def until(holds: Callable[[], bool], within: float = 60.0) -> bool:
    ends = time.monotonic() + within
    while not holds() and time.monotonic() < ends:
        time.sleep(0.02)
    return holds()


def test_a_replay_ends_with_batchs_scores_and_what_was_bought(bundle: Bundle, table: pa.Table) -> None:
    watch = watch_of(bundle)
    watch.visits.keep = 10**15
    feed = played(ReplayFeed(watch, table, Scored(bundle), "x", pace=math.inf))
    assert (feed.status, feed.share) == ("done", 1.0)
    agreed = table.filter(table.column("consent"))
    batch = scoring.score(bundle, agreed).table.set_index("session_id")
    visits = {visit.session_id: visit for visit in watch.visits.kept()}
    assert visits
    assert set(visits) <= set(batch.index)
    for session, visit in visits.items():
        assert visit.probability == pytest.approx(batch.loc[session, "probability"], abs=1e-6)
        assert visit.bought == batch.loc[session, "already_bought"]
    assert watch.visits.buyers == batch["already_bought"].sum() > 0
    assert feed.events == table.num_rows
    assert feed.refused == table.num_rows - agreed.num_rows


def test_what_came_before_is_known_and_not_played(bundle: Bundle, table: pa.Table) -> None:
    times = table.column("event_time").to_numpy()
    cut = times.min() + np.timedelta64(1, "D")
    watch = watch_of(bundle)
    watch.visits.keep = 10**15
    feed = played(ReplayFeed(watch, table, Scored(bundle), "x", pace=math.inf, begin=cut))
    assert feed.events == (times >= cut).sum()
    batch = scoring.score(bundle, table.filter(table.column("consent"))).table.set_index("session_id")
    for visit in watch.visits.kept():
        assert visit.probability == pytest.approx(batch.loc[visit.session_id, "probability"], abs=1e-6)


def test_the_history_has_few_points_and_their_bands_are_all_who_have_not_bought(
    bundle: Bundle, table: pa.Table
) -> None:
    feed = played(ReplayFeed(watch_of(bundle), table, Scored(bundle), "x", pace=math.inf))
    drawn = feed.history.table()
    assert 50 < len(drawn) <= MOST_POINTS
    assert drawn["time"].is_monotonic_increasing
    assert drawn["bought"].is_monotonic_increasing
    assert drawn["bought"].iloc[-1] == pytest.approx(feed.watch.visits.bought)
    still = [visit for visit in feed.watch.visits.open() if not visit.bought]
    assert drawn[list(BAND_NAMES)].iloc[-1].sum() == len(still)


def test_a_long_history_is_thinned_where_it_is_old() -> None:
    visits, history = OpenVisits("30m"), History()
    for moment in range(1, 3 * MOST_POINTS):
        visits.advance(moment * 1_000_000)
        history.note(visits)
    drawn = history.table()
    assert len(drawn) <= MOST_POINTS
    assert drawn["time"].is_unique
    assert drawn["time"].iloc[-1].timestamp() == 3 * MOST_POINTS - 1


def test_a_replay_is_paused_hurried_and_stopped(bundle: Bundle, table: pa.Table) -> None:
    feed = ReplayFeed(watch_of(bundle), table, Scored(bundle), "x", pace=1000.0)
    feed.start()
    assert until(lambda: feed.events > 5)
    feed.pause()
    assert until(lambda: feed.status == "paused")
    events, now = feed.events, feed.now
    time.sleep(0.4)
    assert (feed.events, feed.now) == (events, now)
    feed.change_pace(math.inf)
    feed.resume()
    assert until(lambda: feed.events > events + 500)
    feed.change_pace(1.0)
    feed.stop()
    feed.wait(10)
    assert feed.status == "stopped"
    assert feed.events < table.num_rows


def test_the_shops_time_goes_with_the_pace_and_stands_while_held() -> None:
    pacer = Pacer(1_000_000, 1000.0)
    assert pacer.now() == 1_000_000
    pacer.go()
    time.sleep(0.01)
    assert pacer.now() >= 1_000_000 + 10_000_000
    pacer.hold()
    held = pacer.now()
    time.sleep(0.01)
    assert pacer.now() == held
    pacer.change(math.inf, 0)
    pacer.go()
    assert math.isinf(pacer.now())
    pacer.change(1.0, 5_000_000)
    assert pacer.now() == pytest.approx(5_000_000, abs=1_000_000)


def test_a_feed_that_nobody_looks_at_ends(
    bundle: Bundle, table: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_feed, "UNWATCHED_S", 0.2)
    feed = played(ReplayFeed(watch_of(bundle), table, Scored(bundle), "x", pace=1.0))
    assert feed.status == "stopped"
    assert "nobody has looked" in feed.sentence


def test_alerts_of_a_replay_say_so_and_end_with_it(bundle: Bundle, table: pa.Table) -> None:
    with receiving(204) as receiver:
        feed = ReplayFeed(watch_of(bundle), table, Scored(bundle), "x", pace=math.inf)
        webhook = Webhook(receiver.url, SECRET, allow_private=True)
        feed.tell(
            rules_of(bundle.goal.currency, cart=f"20 {bundle.goal.currency}", idle="5m"), PostBox(webhook)
        )
        played(feed)
        assert feed.box is not None
        counts = feed.box.counts
    assert counts.taken == len(receiver.alerts) > 0
    assert counts.waiting == 0
    assert all(alert["replayed"] and alert["simulated"] for alert in receiver.alerts)
    ids = [alert["id"] for alert in receiver.alerts]
    assert len(ids) == len(set(ids))


@pytest.fixture(scope="module")
def server(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("fastapi", reason="the extra 'api' is not installed")
    keys = {"SHOP_KEY": "right"}
    log = tmp_path_factory.mktemp("live") / "log"
    with serving(shop.folder, log, "--api-key-env", "SHOP_KEY", environment=keys) as found:
        yield found


def test_a_server_answers_the_replay_as_the_bundle_does(
    bundle: Bundle, table: pa.Table, server: Server
) -> None:
    some = table.slice(0, 400)
    found = []
    for answers in (Scored(bundle), Served(server.url, "right", "test")):
        watch = watch_of(bundle)
        watch.visits.keep = 10**15
        feed = played(ReplayFeed(watch, some, answers, "x", pace=math.inf))
        assert feed.status == "done", feed.sentence
        found.append({visit.session_id: visit for visit in watch.visits.kept()})
    here, there = found
    assert here.keys() == there.keys()
    for session, visit in here.items():
        assert there[session].probability == pytest.approx(visit.probability, abs=1e-6)
        assert (there[session].cart_value, there[session].spent) == (visit.cart_value, visit.spent)


def test_a_wrong_key_ends_the_feed_with_the_servers_sentence(
    bundle: Bundle, table: pa.Table, server: Server
) -> None:
    feed = played(ReplayFeed(watch_of(bundle), table, Served(server.url, "wrong", "t"), "x", pace=math.inf))
    assert feed.status == "failed"
    assert "key" in feed.sentence
    with pytest.raises(InputError, match="no server's address"):
        Served("localhost:8000", None, "t")


def test_a_server_that_stands_still_is_said_and_no_event_is_lost_or_counted_twice(
    bundle: Bundle, table: pa.Table, server: Server
) -> None:
    """The request that was under way is sent again with its id, and the server took it already."""
    some, watch = table.slice(500, 300), watch_of(bundle)
    watch.visits.keep = 10**15
    answers = Served(server.url, "right", "still", timeout_s=1.0)
    feed = ReplayFeed(watch, some, answers, "x", pace=20_000.0).start()
    assert until(lambda: feed.events > 10)
    server.process.send_signal(signal.SIGSTOP)
    try:
        assert until(lambda: feed.status == "lost")
        assert "no answer" in feed.sentence
        before = feed.events
        assert before < some.num_rows
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert isinstance(feed, ReplayFeed)
    feed.change_pace(math.inf)
    feed.wait(60)
    assert (feed.status, feed.events) == ("done", some.num_rows)
    alone = watch_of(bundle)
    alone.visits.keep = 10**15
    played(ReplayFeed(alone, some, Scored(bundle), "x", pace=math.inf))
    clicks = {visit.key: visit.clicks for visit in watch.visits.kept()}
    assert clicks == {visit.key: visit.clicks for visit in alone.visits.kept()}


def test_a_topic_that_cannot_be_opened_is_said(bundle: Bundle) -> None:
    def opened() -> None:
        raise SourceError("no Kafka broker answers")

    feed = played(TopicFeed(watch_of(bundle), opened, "x"))  # type: ignore[arg-type]
    assert (feed.status, feed.sentence) == ("failed", "no Kafka broker answers.")
