"""Training in the background: it ends, stops, fails in one sentence, and one runs at a time."""

from __future__ import annotations

import threading
from pathlib import Path

from buysignal.app.job import FAILED, TrainingJob
from buysignal.errors import SamplesError
from buysignal.sources.read import Progress
from buysignal.training import Trained
from shop import Shop


def test_it_tells_how_far_it_is_and_keeps_the_result(shop: Shop) -> None:
    halfway, go_on = threading.Event(), threading.Event()

    def work(progress: Progress) -> Trained:
        progress(0.5, "half")
        halfway.set()
        assert go_on.wait(20)
        return Trained(shop.folder, shop.report)

    job = TrainingJob(work, "test").start()
    assert halfway.wait(20)
    assert (job.status, job.share, job.text) == ("running", 0.5, "half")
    go_on.set()
    job.wait(20)
    assert job.status == "done"
    assert job.result is not None
    assert job.result.path == shop.folder


def test_stopping_ends_it_at_the_next_step(shop: Shop) -> None:
    begun, stopped = threading.Event(), threading.Event()
    reached: list[str] = []

    def work(progress: Progress) -> Trained:
        begun.set()
        assert stopped.wait(20)
        progress(0.3, "next")
        reached.append("beyond")
        return Trained(shop.folder, shop.report)

    job = TrainingJob(work, "test").start()
    assert begun.wait(20)
    job.stop()
    assert job.stopping
    stopped.set()
    job.wait(20)
    assert job.status == "stopped"
    assert job.result is None
    assert reached == []


def test_what_the_library_refuses_is_its_sentence() -> None:
    def work(progress: Progress) -> Trained:
        raise SamplesError("only one class came", todo="bring buyers too")

    job = TrainingJob(work, "test").start()
    job.wait(20)
    assert (job.status, job.error) == ("failed", "only one class came. What to do: bring buyers too.")


def test_a_fault_shows_no_trace() -> None:
    def work(progress: Progress) -> Trained:
        raise ZeroDivisionError("secret detail")

    job = TrainingJob(work, "test").start()
    job.wait(20)
    assert (job.status, job.error) == ("failed", FAILED)


def test_a_second_training_waits_for_the_first(tmp_path: Path, shop: Shop) -> None:
    order: list[str] = []
    first_runs, release = threading.Event(), threading.Event()

    def first(progress: Progress) -> Trained:
        first_runs.set()
        assert release.wait(20)
        order.append("first")
        return Trained(shop.folder, shop.report)

    def second(progress: Progress) -> Trained:
        order.append("second")
        return Trained(shop.folder, shop.report)

    one = TrainingJob(first, "one").start()
    assert first_runs.wait(20)
    two = TrainingJob(second, "two").start()
    two.wait(0.6)
    assert two.status == "running"
    assert "waiting" in two.text
    release.set()
    one.wait(20)
    two.wait(20)
    assert order == ["first", "second"]
