"""Running Spark jobs: progress while they run, an end when they are interrupted, errors as sentences."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from buysignal import errors
from buysignal.errors import BuysignalError, InputError, SourceError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

T = TypeVar("T")
Progress = Callable[[float, str], None]

_OURS = re.compile(r"^buysignal\.errors\.(\w+): (.+)$", re.MULTILINE)
_FILE = re.compile(r"(?:Encountered error while reading file|while reading file|Path:)\s*(\S+?)[.,]?(?:\s|$)")
POLL_SECONDS = 0.2
CANCEL_SECONDS = 10
"""What cancelled tasks are given to end, before the session is taken from under them."""


@dataclass
class Jobs:
    """Jobs of one run, one after the other.

    Attributes:
        progress: called with the share of all that is done, and what is being done.
        steps: (text, weight) of what is to come, in order; ``run`` takes the next.
    """

    spark: SparkSession
    progress: Progress | None
    steps: list[tuple[str, float]]
    done: float = field(default=0.0, init=False)
    told: float = field(default=0.0, init=False)

    def run(self, action: Callable[[], T]) -> T:
        """Do the next step, which starts Spark jobs, and return what it returns.

        Raises:
            BuysignalError: what a worker raised, as the same error.
            KeyboardInterrupt: after the jobs were cancelled.
        """
        from pyspark import InheritableThread

        text, weight = self.steps.pop(0)
        context = self.spark.sparkContext
        group = f"buysignal-{uuid.uuid4()}"
        found: list[T] = []
        failed: list[BaseException] = []

        def work() -> None:
            context.setJobGroup(group, f"buysignal: {text}", interruptOnCancel=True)
            try:
                found.append(action())
            except BaseException as error:
                failed.append(error)

        thread = InheritableThread(target=work, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                self._tell(group, text, weight)
                thread.join(POLL_SECONDS)
        except BaseException:
            context.cancelJobGroup(group)
            thread.join(CANCEL_SECONDS)
            raise
        if failed:
            raise as_sentence(failed[0]) from failed[0]
        self.done += weight
        self._say(self.done, text)
        return found[0]

    def _tell(self, group: str, text: str, weight: float) -> None:
        finished, all_tasks = self._tasks(group)
        share = finished / all_tasks if all_tasks else 0.0
        told = f"{text}: {finished:,} of {all_tasks:,} tasks" if all_tasks else text
        self._say(self.done + weight * share, told)

    def _say(self, share: float, text: str) -> None:
        # Spark plans further stages while it runs: what has been told is not taken back.
        self.told = max(self.told, min(share, 1.0))
        if self.progress is not None:
            self.progress(self.told, text)

    def _tasks(self, group: str) -> tuple[int, int]:
        """Return finished and known tasks of the group's jobs."""
        tracker = self.spark.sparkContext.statusTracker()
        jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(group)]
        stages = {stage for job in jobs if job is not None for stage in job.stageIds}
        known = [info for stage in stages if (info := tracker.getStageInfo(stage)) is not None]
        return sum(s.numCompletedTasks for s in known), sum(s.numTasks for s in known)


def as_sentence(error: BaseException) -> BaseException:
    """Return the error to show: what a worker raised of ours, or what Spark says, in one sentence."""
    if isinstance(error, BuysignalError) or not isinstance(error, Exception):
        return error
    text = str(error)
    ours = _OURS.findall(text)
    if ours:
        name, sentence = ours[-1]
        kind = getattr(errors, name, InputError)
        return kind(sentence) if issubclass(kind, InputError) else InputError(sentence)
    if "No space left on device" in text:
        return SourceError(
            "a worker's disk is full", todo="give Spark more local disk (spark.local.dir), or more machines"
        )
    file = _FILE.search(text)
    if "FAILED_READ_FILE" in text or file:
        shown = file.group(1) if file else "a file"
        return SourceError(
            f"{shown} cannot be read: {_cause(text)}",
            allowed="complete Parquet files that stay as they are while they are read",
            todo="copy or export it again",
        )
    return error


def _cause(text: str) -> str:
    caused = [line for line in text.splitlines() if line.strip().startswith("Caused by:")]
    line = caused[-1] if caused else text.strip().splitlines()[0]
    return line.strip().removeprefix("Caused by:").strip()[:300]
