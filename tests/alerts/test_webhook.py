"""Posting to a real receiver: signed, retried, bounded, and to nowhere it may not go."""

from __future__ import annotations

import json
import logging
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buysignal.alerts import address
from buysignal.alerts.address import is_public, target_of
from buysignal.alerts.post_box import Backoff, PostBox
from buysignal.alerts.signature import HEADER, sign, verify
from buysignal.alerts.watch import Alert
from buysignal.alerts.webhook import Fate, Webhook, secret_of
from buysignal.errors import InputError

from .receiver import receiving

SECRET = b"a long random text of our own"
QUICK = Backoff(first_s=0.01, most_s=0.05, attempts=4)
PAGE = (Path(__file__).parents[2] / "docs" / "live.md").read_text(encoding="utf-8")


def alert(number: int = 1) -> Alert:
    return Alert(f"id{number}", {"id": f"id{number}", "rule": "hot_visit", "sentence": "Grüße"})


def hook(url: str, **options: object) -> Webhook:
    return Webhook(url, SECRET, **{"allow_private": True, "timeout_s": 2.0, **options})  # type: ignore[arg-type]


def test_an_alert_comes_as_signed_json() -> None:
    with receiving(204) as receiver:
        assert hook(receiver.url).post(alert()).fate is Fate.TAKEN
    assert receiver.alerts == [alert().body]
    (headers,) = receiver.headers
    assert headers["path"] == "/hook?shop=1"
    assert headers["Content-Type"] == "application/json"
    assert verify(SECRET, receiver.bodies[0], headers[HEADER])
    assert not verify(b"another secret", receiver.bodies[0], headers[HEADER])
    assert not verify(SECRET, receiver.bodies[0] + b" ", headers[HEADER])


@given(body=st.binary(max_size=200), at=st.integers(0, 2**40), late=st.integers(-1_000, 1_000))
def test_a_signature_holds_for_its_body_and_for_five_minutes(body: bytes, at: int, late: int) -> None:
    header = sign(SECRET, body, at)
    assert verify(SECRET, body, header, now=at + late) is (abs(late) <= 300)
    assert not verify(SECRET, body + b"x", header, now=at)
    moved = header.replace(f"t={at}", f"t={at + 1}")
    assert not verify(SECRET, body, moved, now=at)


@pytest.mark.parametrize("header", ["", "t=1", "v1=ab", "t=x,v1=ab", "t=²,v1=ab", "t=1,v1=é", ",,=,"])
def test_a_header_that_is_none_is_no_signature(header: str) -> None:
    assert not verify(SECRET, b"{}", header, now=1)


def example() -> str:
    (found,) = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_receivers_example_of_the_page_verifies_what_is_sent() -> None:
    names: dict[str, object] = {}
    exec(example(), names)
    is_ours = names["is_ours"]
    with receiving(204) as receiver:
        hook(receiver.url).post(alert())
    header = receiver.headers[0][HEADER]
    assert is_ours(SECRET, receiver.bodies[0], header)  # type: ignore[operator]
    assert not is_ours(SECRET, receiver.bodies[0] + b"x", header)  # type: ignore[operator]
    assert not is_ours(b"other", receiver.bodies[0], header)  # type: ignore[operator]
    old = sign(SECRET, b"{}", int(time.time()) - 600)
    assert not is_ours(SECRET, b"{}", old)  # type: ignore[operator]
    assert len(example().splitlines()) <= 12


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 301, 307])
def test_what_the_receiver_refuses_is_not_sent_again(status: int) -> None:
    with receiving(status, location="http://127.0.0.1:1/") as receiver:
        box = PostBox(hook(receiver.url), backoff=QUICK)
        box.put(alert())
        counts = box.close(5)
    assert (counts.refused, counts.retried, len(receiver.bodies)) == (1, 0, 1)
    assert counts.problem == f"127.0.0.1:{receiver.port} answered {status}"


def test_what_the_receiver_cannot_take_now_is_sent_again_and_signed_anew() -> None:
    with receiving(500, 503, 200) as receiver:
        box = PostBox(hook(receiver.url), backoff=QUICK)
        box.put(alert())
        counts = box.close(5)
    assert (counts.taken, counts.retried, counts.problem) == (1, 2, "")
    assert {body["id"] for body in receiver.alerts} == {"id1"}
    assert all(
        verify(SECRET, body, headers[HEADER])
        for body, headers in zip(receiver.bodies, receiver.headers, strict=True)
    )


def test_an_answer_that_takes_too_long_and_a_receiver_that_is_away_are_tried_again_and_given_up() -> None:
    quick = Backoff(first_s=0.01, most_s=0.02, attempts=2)
    with receiving(200, delay_s=0.5) as receiver:
        box = PostBox(hook(receiver.url, timeout_s=0.1), backoff=quick)
        box.put(alert())
        assert box.close(5).given_up == 1
    away = PostBox(hook(receiver.url), backoff=quick)
    away.put(alert())
    counts = away.close(5)
    assert (counts.given_up, counts.retried) == (1, 1)
    assert "gave no answer" in counts.problem


def test_one_that_waits_for_another_try_holds_up_no_other() -> None:
    with receiving(500, 200) as receiver:
        box = PostBox(hook(receiver.url), backoff=Backoff(first_s=60, most_s=60, attempts=2))
        for number in range(4):
            box.put(alert(number))
        until = time.monotonic() + 10
        while box.counts.taken < 3 and time.monotonic() < until:
            time.sleep(0.01)
        counts = box.close()
    assert counts.taken >= 3
    assert counts.taken + counts.dropped == 4


def test_the_queue_is_bounded_and_drops_are_counted() -> None:
    with receiving(200, delay_s=0.2) as receiver:
        box = PostBox(hook(receiver.url), room=3)
        taken = [box.put(alert(number)) for number in range(10)]
        counts = box.close(5)
    assert sum(taken) == counts.taken == len(receiver.bodies) == 3
    assert counts.dropped == 7
    assert not box.put(alert())


@given(attempts=st.integers(1, 40), drawn=st.floats(0, 1))
def test_pauses_grow_to_a_bound(attempts: int, drawn: float) -> None:
    backoff = Backoff(first_s=1, most_s=60)
    assert 0 <= backoff.pause_s(attempts, drawn) <= min(2.0 ** (attempts - 1), 60)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://10.1.2.3/", "http://0.0.0.0/",
        "http://192.168.0.1/", "http://169.254.169.254/latest", "http://[::ffff:127.0.0.1]/", "http://2130706433/",
    ],
)  # fmt: skip
def test_the_own_network_is_closed_unless_it_is_allowed(url: str) -> None:
    with pytest.raises(InputError, match="inside the own network"):
        hook(url, allow_private=False).check()
    posted = hook(url, allow_private=False).post(alert())
    assert posted.fate is Fate.REFUSED
    assert "inside the own network" in posted.why


def test_a_name_is_checked_with_every_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that pointed to the world and now points home leads nowhere."""
    real = address.socket.getaddrinfo
    with receiving(200) as receiver:
        monkeypatch.setattr(
            address.socket,
            "getaddrinfo",
            lambda host, *rest, **kinds: real("127.0.0.1", *rest, **kinds),
        )
        webhook = hook(f"http://shop.example:{receiver.port}/", allow_private=False)
        assert webhook.post(alert()).fate is Fate.REFUSED
        assert hook(f"http://shop.example:{receiver.port}/").post(alert()).fate is Fate.TAKEN
    assert len(receiver.bodies) == 1
    assert receiver.headers[0]["Host"] == f"shop.example:{receiver.port}"


@pytest.mark.parametrize(
    "url",
    ["ftp://shop.example/", "file:///etc/passwd", "shop.example/hook", "http://", "https://u:w@shop.example/",
     "http://shop.example:port/", "http://shop.example/a b", "http://shop.example/\r\nX: y",
     "javascript:alert(1)"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="no webhook's address"):
        hook(url)


@given(st.ip_addresses())
def test_only_what_is_reached_from_everywhere_is_public(number: object) -> None:
    if is_public(str(number)):
        assert number.is_global  # type: ignore[attr-defined]
        assert not number.is_private  # type: ignore[attr-defined]


def test_what_cannot_be_sent_is_refused_and_the_box_goes_on() -> None:
    with receiving(204) as receiver:
        box = PostBox(hook(receiver.url), backoff=QUICK)
        box.put(Alert("nan", {"probability": float("nan")}))
        box.put(alert())
        counts = box.close(5)
    assert (counts.refused, counts.taken) == (1, 1)
    with pytest.raises(InputError, match="is not known"):
        hook("http://shop..example/").check()


def test_secret_and_address_are_never_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOOK", SECRET.decode())
    with caplog.at_level(logging.DEBUG), receiving(500) as receiver:
        webhook = Webhook(f"{receiver.url}&token=hush", secret_of("HOOK"), allow_private=True)
        box = PostBox(webhook, backoff=Backoff(0.01, 0.01, 2))
        box.put(alert())
        said = f"{webhook!r} {box.close(5)} {caplog.text} {json.dumps(receiver.headers)}"
    assert SECRET.decode() not in said
    assert "hush" not in repr(webhook)
    for value, why in (("", "is empty"), ("short", "fewer than 16")):
        monkeypatch.setenv("HOOK", value)
        with pytest.raises(InputError, match=why):
            secret_of("HOOK")
    assert target_of("https://shop.example/x?y").path == "/x?y"
