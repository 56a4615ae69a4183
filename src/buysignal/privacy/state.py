"""Visitors taken out of what the live doors remember: a server's memory, a Redis, the workers of a topic."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from buysignal.client import Client, ServerError
from buysignal.errors import DependencyError, InputError, SourceError
from buysignal.privacy.whom import Whom

API_KEY = "BUYSIGNAL_API_KEY"
"""Environment variable with the key of the server that is asked to forget."""

KEYS = "buysignal:*"
"""Every key of every version of buysignal in a Redis."""

_AT_ONCE = 1_000
_SECONDS = 10.0


@dataclass(frozen=True)
class StateDone:
    """What became of a state.

    Attributes:
        place: its kind and host, without any password.
        visitors: that were there and are forgotten (with ``dry_run`` would be); None where that is not
            known: workers forget as they read on, and a server is not asked in a dry run.
    """

    place: str
    visitors: int | None


def forget_in_state(address: str, whom: Whom, *, dry_run: bool = False) -> StateDone:
    """Forget visitors where a live door keeps them.

    Args:
        address: ``redis://…`` or ``rediss://…`` of a Redis, ``http://…`` or ``https://…`` of a server
            (its key, where it wants one, in the variable ``BUYSIGNAL_API_KEY``), or
            ``kafka://broker:9092/TOPIC`` with the topic of events that workers read.
        dry_run: change nothing; what a server or workers hold cannot be counted without forgetting it.

    Raises:
        InputError: the address is none of these, or nobody answers there.
        DependencyError: the extra that speaks to it is not installed.
    """
    parts = urlsplit(address)
    place = f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")
    if parts.scheme in ("redis", "rediss", "unix"):
        return StateDone(place, _in_redis(address, place, whom, dry_run))
    if parts.scheme in ("http", "https"):
        return StateDone(place, None if dry_run else _in_server(address, whom))
    if parts.scheme == "kafka" and parts.path.strip("/"):
        if not dry_run:
            _in_topic(parts.netloc, parts.path.strip("/"), whom)
        return StateDone(f"{place}{parts.path}", None)
    raise InputError(
        "this is no place where visitors are remembered",
        allowed="redis://host:6379/0, http://host:8000, or kafka://broker:9092/TOPIC of the events",
        todo="for Spark's checkpoint name the topic that the query reads",
    )


def _in_redis(address: str, place: str, whom: Whom, dry_run: bool) -> int:
    """Delete the visitors' own keys, and those by which their open visits are found."""
    try:
        from redis import Redis
        from redis.exceptions import RedisError
    except ImportError:
        raise DependencyError("redis", "api") from None
    try:
        with Redis.from_url(address, socket_timeout=_SECONDS) as redis:
            ids = {one.encode() for one in whom.ids}
            visitors, keys = 0, []
            for some in _batches(redis.scan_iter(match=KEYS, count=_AT_ONCE)):
                theirs, visits = _theirs(redis, some, ids)
                visitors += theirs
                keys += visits
            if keys and not dry_run:
                redis.delete(*keys)
            return visitors
    except RedisError as error:
        kind = type(error).__name__
        raise SourceError(f"the Redis at {place} does not do what it should ({kind})") from error


def _theirs(redis: Any, keys: Sequence[bytes], ids: set[bytes]) -> tuple[int, list[bytes]]:
    """Return how many of the keys are visitors to forget, and all keys that are about them."""
    named = [key for key in keys if _of(key, b"visitor") in ids]
    visits = [key for key in keys if _of(key, b"visit") is not None]
    owners = redis.mget(visits) if visits else []
    return len(named), [*named, *(k for k, owner in zip(visits, owners, strict=True) if owner in ids)]


def _of(key: bytes, kind: bytes) -> bytes | None:
    """The id in a key such as ``buysignal:2.1:visitor:ID``; None where it is of another kind."""
    parts = key.split(b":", 3)
    return parts[3] if len(parts) == 4 and parts[2] == kind else None


def _batches(keys: Any) -> Any:
    some: list[bytes] = []
    for key in keys:
        some.append(key)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _in_server(address: str, whom: Whom) -> int:
    try:
        with Client(address, api_key=os.environ.get(API_KEY) or None) as client:
            return sum(client.forget(one) for one in whom.named)
    except ServerError as error:
        raise InputError(str(error).rstrip("."), todo="look at the server, and ask again") from error


def _in_topic(bootstrap: str, topic: str, whom: Whom) -> None:
    """Send a refusal of consent for each visitor to every partition.

    Workers forget who refuses, exactly once and with a tombstone in their changelog; in which partition a
    visitor is only the shop's own producer knows.
    """
    from buysignal.stream.client import ANSWER_S, Settings, kafka, unreachable
    from buysignal.stream.topics import partitions

    settings = Settings(bootstrap, events=topic)
    library = kafka()
    count = partitions(library.admin.AdminClient(settings.common()), settings).get(topic, 0)
    if not count:
        raise SourceError(f"there is no topic '{topic}'", todo="name the topic of events that workers read")
    producer = library.Producer({**settings.common(), "enable.idempotence": True})
    for one in whom.named:
        refusal = {"visitor_id": one, "event_name": "consent_withdrawn", "consent": False}
        for partition in range(count):
            producer.produce(topic, json.dumps(refusal).encode(), one, partition=partition)
    if producer.flush(ANSWER_S):
        raise unreachable(settings, "the refusals were not taken")
