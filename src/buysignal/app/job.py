"""Training in the background, so that the page stays alive and the run can be stopped."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal

from buysignal.errors import BuysignalError
from buysignal.sources.read import Progress
from buysignal.training import Trained

Work = Callable[[Progress], Trained]
Status = Literal["running", "done", "failed", "stopped"]

ONE_AT_A_TIME = threading.Lock()
"""Two trainings at once take longer than one after the other, and starve the pages."""

FAILED = "The training broke off through a fault in buysignal. The server's log has the details."


class StoppedError(Exception):
    """The user asked the training to stop."""


class TrainingJob:
    """One training run on its own thread.

    Args:
        work: does the training and calls the given progress at each step.
        label: what the result will be called.
    """

    def __init__(self, work: Work, label: str) -> None:
        self.label = label
        self.share = 0.0
        self.text = "starting"
        self.status: Status = "running"
        self.error = ""
        self.result: Trained | None = None
        self.started = time.monotonic()
        self._work = work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="training", daemon=True)

    def start(self) -> TrainingJob:
        """Begin, and return at once."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask the run to stop; it does so before its next step."""
        self._stop.set()
        self.text = "stopping after this step"

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the end."""
        self._thread.join(seconds)

    @property
    def stopping(self) -> bool:
        return self._stop.is_set() and self.status == "running"

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.started

    def _progress(self, share: float, text: str) -> None:
        if self._stop.is_set():
            raise StoppedError
        self.share, self.text = min(max(share, 0.0), 1.0), text

    def _queue(self) -> None:
        while not ONE_AT_A_TIME.acquire(timeout=0.2):
            self._progress(0.0, "waiting for another training on this machine")

    def _run(self) -> None:
        try:
            self._queue()
            try:
                self._progress(0.0, "starting")
                self.result = self._work(self._progress)
            finally:
                ONE_AT_A_TIME.release()
            self.status = "done"
        except StoppedError:
            self.status = "stopped"
        except BuysignalError as error:
            self.error, self.status = str(error), "failed"
        except Exception:
            logging.getLogger(__name__).exception("training failed")
            self.error, self.status = FAILED, "failed"
