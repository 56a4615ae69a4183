"""Where the live page's scores come from: the forms for a replay, a topic of Kafka and a REST server."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pyarrow.compute as pc
import streamlit as st

from buysignal.alerts.scores_topic import ScoresTopic, Since
from buysignal.alerts.visits import OpenVisits
from buysignal.alerts.watch import Watch
from buysignal.app import act_inputs, page
from buysignal.app.live_doors import Served, TopicFeed
from buysignal.app.live_feed import Feed
from buysignal.app.live_replay import Answers, ReplayFeed, Scored
from buysignal.app.state import Model, Source
from buysignal.errors import SourceError
from buysignal.outlook.amounts import learned_from

REPLAY, KAFKA, REST = "Replay a file", "Kafka", "REST server"
PACES = {"1×": 1.0, "10×": 10.0, "100×": 100.0, "1000×": 1000.0, "Fastest": math.inf}
UNSEEN, ALL = "After the training period", "At the beginning"
BEGIN: dict[str, Since] = {"Now": "now", "30 minutes ago": 1_800.0, "The beginning of the topic": "beginning"}

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT")
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")

SAID = {
    REPLAY: "Plays the events of your data or of the demo shop, each scored when its time comes, by what was "
    "known then.",
    KAFKA: "Reads the scores that `buysignal stream` writes, and only those that are committed.",
    REST: "Sends the events of a replay to a server that `buysignal serve` started, and shows its answers.",
}

Begun = Callable[[], Feed]


def chosen(used: Model) -> Begun | None:
    """Ask for a source; returns what starts it, once there is enough to start."""
    way = st.segmented_control(
        "Source", (REPLAY, KAFKA, REST), default=REPLAY, required=True, key="live_source"
    )
    st.caption(SAID[str(way)])
    if way == KAFKA:
        return _kafka(used)
    data = act_inputs.need_data(used)
    if data is None:
        return None
    if data.loaded.profile.level != "event":
        page.refuse(
            SourceError(
                "the data in use has a row per visit, which is over",
                allowed="events, click by click",
                todo="open the demo shop or a file of events on the Data page",
            )
        )
        return None
    return _replay(used, data) if way == REPLAY else _rest(used, data)


def _watch(used: Model, *, replayed: bool) -> Watch:
    bundle = used.bundle
    return Watch(OpenVisits(bundle.session_gap), currency=bundle.goal.currency, replayed=replayed)


def _replay(used: Model, data: Source) -> Begun:
    pace, begin = _pace_and_begin(used, data)

    def begun() -> Feed:
        answers: Answers = Scored(used.bundle)
        watch = _watch(used, replayed=True)
        return ReplayFeed(
            watch,
            data.loaded.table,
            answers,
            f"Replay of {data.label}",
            pace=pace,
            begin=begin,
            token=data.token,
        )

    return begun


def _rest(used: Model, data: Source) -> Begun:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        url = st.text_input("Server", "http://127.0.0.1:8000", key="live_url", width=280)
        key = st.text_input("API key, if it wants one", type="password", key="live_key", width=220)
    pace, begin = _pace_and_begin(used, data)

    def begun() -> Feed:
        answers: Answers = Served(url, key, data.token)
        label = f"{data.label}, answered by {url.strip()}"
        watch = _watch(used, replayed=True)
        return ReplayFeed(
            watch, data.loaded.table, answers, label, pace=pace, begin=begin, token=data.token, know=False
        )

    return begun


def _pace_and_begin(used: Model, data: Source) -> tuple[float, np.datetime64 | None]:
    """Ask how fast and from where; events without a clock know no pace."""
    table = data.loaded.table
    if table.column("event_time").null_count:
        st.caption("These events have no clock, so they are played as fast as possible.")
        return math.inf, None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pace = st.segmented_control("Pace", list(PACES), default="1000×", required=True, key="live_pace")
        begin = _begin(used, data)
    return PACES[str(pace)], begin


def _begin(used: Model, data: Source) -> np.datetime64 | None:
    times = pc.min_max(data.loaded.table.column("event_time")).as_py()
    first, last = (np.datetime64(times[end].replace(tzinfo=None), "us") for end in ("min", "max"))
    cut = used.bundle.manifest.test_from
    after = None if cut is None else np.datetime64(cut.replace(tzinfo=None), "us")
    if after is None or not first < after < last:
        said = learned_from(used.bundle, data.loaded, np.array([first]))[0]
        if said == "yes":
            st.caption("The model learned from these visits, so its scores look better here than they are.")
        return None
    way = st.segmented_control("Begin", (UNSEEN, ALL), default=UNSEEN, required=True, key="live_begin",
                               help="What the model learned from it also knows the end of; after that period "
                               "it is asked as it will be in earnest.")  # fmt: skip
    return after if way == UNSEEN else None


def _kafka(used: Model) -> Begun:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        bootstrap = st.text_input("Brokers", "localhost:9092", key="live_bootstrap", width=260)
        topic = st.text_input("Topic of scores", "scores", key="live_topic", width=180)
        since = st.selectbox("Begin", list(BEGIN), key="live_since", width=230)
    config = _secured()

    def begun() -> Feed:
        from buysignal.stream.client import Settings

        settings = Settings(bootstrap.strip(), scores=topic.strip(), config=config)
        label = f"Topic {topic.strip()} at {bootstrap.strip()}"
        watch = _watch(used, replayed=False)
        return TopicFeed(watch, lambda: ScoresTopic(settings, BEGIN[str(since)]), label)

    return begun


def _secured() -> dict[str, str]:
    """Ask how the brokers are secured.

    Four settings and no others: some of librdkafka's read files or load libraries, which is for whoever
    starts the app and not for whoever opens its page.
    """
    with st.expander("Secured cluster", icon=":material/lock:"):
        protocol = st.selectbox("Protocol", PROTOCOLS, key="live_protocol", width=220)
        if not str(protocol).startswith("SASL"):
            return {} if protocol == PROTOCOLS[0] else {"security.protocol": str(protocol)}
        with st.container(horizontal=True):
            mechanism = st.selectbox("Mechanism", MECHANISMS, key="live_mechanism", width=220)
            user = st.text_input("User", key="live_user", width=220)
            word = st.text_input("Password", type="password", key="live_password", width=220)
    return {
        "security.protocol": str(protocol), "sasl.mechanism": str(mechanism),
        "sasl.username": user, "sasl.password": word,
    }  # fmt: skip
