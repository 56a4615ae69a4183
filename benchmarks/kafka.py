"""Scores over a real Apache Kafka broker: how many events a worker takes, and how soon a score is there.

The events of a demo shop are sent keyed by visitor. *Steady state*: the events lie in the topic, and one
worker reads, scores and commits them; measured are those after the first tenth, between commits. Broker and
worker share two cores. Once the events lie there in order of time, as a shop's do; once in the order that is
hardest on a worker: first the first event of every visitor, then the second of each, so that no visitor comes
twice in a batch, as if all visitors of four weeks were there at once.
*Produce to score*: events are sent at 2,000 a second, and each is timed from before it is sent until a reader
of committed scores has its score; sender, broker, worker and reader share two cores; the first seconds are
left out.

``--rounds 20`` measures nothing and proves something: workers, now and then the broker, are killed with
``kill -9`` at random moments under load and started again; so is a worker that ended because it found no
broker when it started. In the end the topic of scores, read committed, must hold exactly one score for every
event, each equal to that of one undisturbed worker.

Run: ``python benchmarks/kafka.py [--events 200000] [--seconds 30] [--rounds 0]``. Needs Java and Maven.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import orjson

from _kafka import Broker, Pair, producer, read, reader, running, send_all, start_worker
from _process import CORES
from _results import Row, write_results
from buysignal import bundle
from buysignal.sources.demo import write_demo
from buysignal.sources.read import load
from buysignal.stream.client import Settings
from buysignal.stream.replay import in_time_order, messages
from buysignal.stream.scored import Arrived, BatchScorer
from buysignal.stream.worker import Worker
from buysignal.training import Options, train

EVENTS_A_VISITOR = 9
RATE = 2_000
WARM_S = 5.0
PARTITIONS = 4
EACH_BROKER_ROUND = 4
QUICK = ("--config", "session.timeout.ms=3000", "--config", "transaction.timeout.ms=3000")


def main(events: int, seconds: float, rounds: int) -> None:
    """Train, measure, write the results; with rounds, prove and print."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with (
        tempfile.TemporaryDirectory(prefix="buysignal-kafka-") as name,
        running(Path(name) / "data") as broker,
    ):
        folder = Path(name)
        print("training on a demo shop", flush=True)
        learned = write_demo(folder / "learned", 4_000, 28, seed=0).events
        made = train(learned, out=folder / "bundle", options=Options(fast=True, imbalance="none")).path
        wanted = max(events, round(RATE * (seconds + WARM_S)))
        played = write_demo(folder / "played", 1 + wanted // EVENTS_A_VISITOR, 28, seed=1).events
        in_time = list(messages(in_time_order(load(played).table)))
        pairs = interleaved(in_time)
        if rounds:
            prove(broker, made, pairs[:events], rounds)
            return
        natural = steady(broker, made, in_time[:events], "time")
        hardest = steady(broker, made, pairs[:events], "hardest")
        write_results("kafka", [natural, hardest, soon(broker, made, pairs, seconds)])


def interleaved(pairs: list[Pair]) -> list[Pair]:
    """Return the first events of all visitors, then the second ones, and so on."""
    seen: Counter[str] = Counter()
    numbered = []
    for pair in pairs:
        seen[pair[0]] += 1
        numbered.append((seen[pair[0]], pair))
    return [pair for _, pair in sorted(numbered, key=lambda one: one[0])]


ORDERS = {"time": "one worker, in order of time", "hardest": "one worker, hardest order"}


def steady(broker: Broker, made: Path, pairs: list[Pair], order: str) -> Row:
    """Return how many events a second one worker takes."""
    broker.topic(order, PARTITIONS)
    send_all(broker, order, pairs)
    settings = Settings(broker.address, order, f"{order}-scores", group=order)
    begun: list[tuple[float, int]] = []

    def over(done: object) -> bool:
        count = worker.done.scored + worker.done.dead + worker.done.refused
        if count >= len(pairs) // 10:
            begun.append((time.monotonic(), count))
        return count >= len(pairs)

    worker = Worker(bundle.load(made), settings)
    worker.run(over)
    (first, already), (last, count) = begun[0], begun[-1]
    rate = (count - already) / (last - first)
    case = ORDERS[order]
    print(f"steady state, {case}: {rate:,.0f} events/s", flush=True)
    return Row(benchmark="kafka", metric="events_per_s", value=rate, n=count - already, case=case)


def soon(broker: Broker, made: Path, pairs: list[Pair], seconds: float) -> Row:
    """Return the 99th percentile of the time from before an event is sent until its score is read."""
    broker.topic("soon", 1)
    broker.topic("soon-scores", 1)
    worker = start_worker(broker, made, "soon")
    told = reader(broker, "soon-scores")
    send_all(broker, "soon", pairs[:100])
    read(told, 90, 60)
    count = round(RATE * (seconds + WARM_S))
    sent_at = np.zeros(count)
    sending = threading.Thread(target=send_steadily, args=(broker, "soon", pairs[100 : 100 + count], sent_at))
    sending.start()
    waited: list[float] = []
    quiet_since = time.monotonic()
    # In the only partition an event's offset is its number; 100 were sent before.
    while sending.is_alive() or time.monotonic() - quiet_since < 3:
        for message in told.consume(1_000, 0.005):
            now = quiet_since = time.monotonic()
            at = orjson.loads(message.value())["offset"] - 100
            if at >= RATE * WARM_S:
                waited.append(now - sent_at[at])
    told.close()
    worker.terminate()
    worker.wait()
    p50, p99 = np.percentile(waited, [50, 99]) * 1_000
    print(f"produce to score at {RATE:,} events/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms", flush=True)
    return Row(benchmark="kafka", metric="p99_ms", value=float(p99), n=len(waited), case=f"{RATE:,} events/s")


def send_steadily(broker: Broker, topic: str, pairs: list[Pair], sent_at: np.ndarray) -> None:
    """Send ``RATE`` events a second, a few every two milliseconds, and note when each was handed over."""
    sender = producer(broker)
    begun = time.monotonic()
    for at, (key, value) in enumerate(pairs[: len(sent_at)]):
        ahead = begun + at / RATE - time.monotonic()
        if ahead > 0.002:
            sender.poll(0)
            time.sleep(ahead)
        sent_at[at] = time.monotonic()
        sender.produce(topic, value, key)
    sender.flush(30)


def prove(broker: Broker, made: Path, pairs: list[Pair], rounds: int) -> None:
    """Kill and start again under load; exactly one score for each event must come out, the right one."""
    broker.topic("proof", PARTITIONS)
    broker.topic("proof-scores", PARTITIONS)
    # Every other worker has a name: it takes its partitions back, the others' are shared out anew.
    names: list[tuple[str, ...]] = [("--name", "first"), ()]
    workers = [proving(broker, made, name) for name in names]
    sending = threading.Thread(target=send_slowly, args=(broker, "proof", pairs, rounds))
    sending.start()
    try:
        kill_and_start(broker, made, workers, names, rounds)
        sending.join()
        revive(broker, made, workers, names)
        compare(broker, made, len(pairs))
    finally:
        end(workers)


def proving(broker: Broker, made: Path, name: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start a worker whose transactions are small, and that is soon missed."""
    return start_worker(broker, made, "proof", "--batch", "200", *QUICK, *name)


def revive(
    broker: Broker, made: Path, workers: list[subprocess.Popen[bytes]], names: list[tuple[str, ...]]
) -> None:
    """Start workers again that ended by themselves, as a supervisor does: who finds no broker says so."""
    for which, worker in enumerate(workers):
        if worker.poll() is not None:
            print(f"worker {which + 1} had ended with code {worker.returncode}", flush=True)
            workers[which] = proving(broker, made, names[which])


def kill_and_start(
    broker: Broker,
    made: Path,
    workers: list[subprocess.Popen[bytes]],
    names: list[tuple[str, ...]],
    rounds: int,
) -> None:
    """Kill a worker, or now and then the broker, at random moments, and start it again."""
    dice = random.Random(0)
    for number in range(1, rounds + 1):
        time.sleep(dice.uniform(2, 6))
        revive(broker, made, workers, names)
        if number % EACH_BROKER_ROUND == 0:
            broker.kill()
            time.sleep(dice.uniform(0, 2))
            broker.start()
            print(f"round {number}: the broker", flush=True)
            continue
        which = dice.randrange(len(workers))
        workers[which].kill()
        workers[which].wait()
        workers[which] = proving(broker, made, names[which])
        print(f"round {number}: worker {which + 1}", flush=True)


def send_slowly(broker: Broker, topic: str, pairs: list[Pair], rounds: int) -> None:
    """Send all events over about the time that the rounds take."""
    sender = producer(broker)
    pause = rounds * 4.5 / max(len(pairs), 1)
    for at, (key, value) in enumerate(pairs):
        sender.produce(topic, value, key)
        if at % 100 == 0:
            sender.poll(0)
            time.sleep(100 * pause)
    if sender.flush(120):
        raise RuntimeError("the broker did not take all events")


def compare(broker: Broker, made: Path, count: int) -> None:
    """Hold the committed scores against those of one undisturbed scorer."""
    score = BatchScorer(bundle.load(made))
    arrived = [
        Arrived(m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value())
        for m in read(reader(broker, "proof"), count, 60)
    ]
    places = {(m.partition, m.offset) for m in arrived}
    assert len(arrived) == len(places) == count, f"{len(arrived):,} of {count:,} events in the topic"
    shelves = {partition: score.shelf(0) for partition in range(PARTITIONS)}
    expected = {(r["partition"], r["offset"]): r for _, r in score(arrived, shelves).scores}
    found = read(reader(broker, "proof-scores"), len(expected), 120)
    replies = [orjson.loads(message.value()) for message in found]
    times = Counter((r["partition"], r["offset"]) for r in replies)
    lost, twice = expected.keys() - times.keys(), [place for place, n in times.items() if n > 1]
    worst = max(abs(expected[r["partition"], r["offset"]]["probability"] - r["probability"]) for r in replies)
    print(f"{len(expected):,} events with a score to come: {len(lost)} lost, {len(twice)} twice, "
          f"largest difference {worst:.2g}", flush=True)  # fmt: skip
    assert not lost
    assert not twice
    assert worst <= 1e-6


def end(workers: list[subprocess.Popen[bytes]]) -> None:
    """End the workers."""
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=200_000, help="that lie in the topic")
    parser.add_argument("--seconds", type=float, default=30.0, help="of sending at a fixed rate")
    parser.add_argument("--rounds", type=int, default=0, help="of kill -9, in place of measuring")
    given = parser.parse_args()
    main(given.events, given.seconds, given.rounds)
