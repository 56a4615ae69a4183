"""The topics a group works on: found, or made where they are its own."""

from __future__ import annotations

from typing import Any

from buysignal.errors import SourceError
from buysignal.stream.client import ANSWER_S, Settings, kafka, unreachable

_COMPACTED = {
    "cleanup.policy": "compact",
    "segment.bytes": str(64 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.3",
}


def prepare(settings: Settings) -> int:
    """Make the topics that are missing; returns how many partitions the events have.

    The changelog has a partition for each of the events'. Scores and dead letters that are made here, too.

    Raises:
        SourceError: no broker answers, there are no events, or the changelog has other partitions.
    """
    admin = kafka().admin.AdminClient(settings.common())
    found = partitions(admin, settings)
    count = found.get(settings.events, 0)
    if not count:
        raise SourceError(
            f"there is no topic '{settings.events}'",
            allowed=", ".join(sorted(found)) or "no topic is there yet",
            todo="create it, or name another with --in",
        )
    kept = found.get(settings.changelog, count)
    if kept != count:
        raise SourceError(
            f"'{settings.events}' has {count} partitions, and '{settings.changelog}' has {kept}",
            allowed="as many of both: the state of a visitor lies beside its events",
            todo="use a new --group, which reads the events from their beginning",
        )
    wanted: dict[str, dict[str, str]] = {
        settings.changelog: _COMPACTED, settings.scores: {}, settings.dead: {},
    }  # fmt: skip
    create(admin, {name: config for name, config in wanted.items() if name not in found}, count)
    return count


def partitions(admin: Any, settings: Settings) -> dict[str, int]:
    """Return every topic and how many partitions it has.

    Raises:
        SourceError: no broker answers.
    """
    try:
        listed = admin.list_topics(timeout=ANSWER_S).topics
    except kafka().KafkaException as error:
        raise unreachable(settings, error.args[0].str()) from error
    return {name: len(topic.partitions) for name, topic in listed.items()}


def create(admin: Any, wanted: dict[str, dict[str, str]], count: int) -> None:
    """Create topics with ``count`` partitions each; another worker may do so at the same moment.

    Raises:
        SourceError: the brokers refuse.
    """
    library = kafka()
    if not wanted:
        return
    topics = [library.admin.NewTopic(name, count, config=config) for name, config in wanted.items()]
    for name, made in admin.create_topics(topics, operation_timeout=ANSWER_S).items():
        try:
            made.result()
        except library.KafkaException as error:
            if error.args[0].code() != library.KafkaError.TOPIC_ALREADY_EXISTS:
                raise SourceError(
                    f"the topic '{name}' cannot be created: {error.args[0].str()}",
                    todo="create it by hand, or give this user the right to",
                ) from error
