"""Structured logs: one JSON object a line, without ids, addresses or bodies."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson


class Log:
    """Writes lines to a stream, standard error by default."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def info(self, what: str, **fields: Any) -> None:
        self._line("info", what, fields)

    def warning(self, what: str, **fields: Any) -> None:
        self._line("warning", what, fields)

    def error(self, what: str, **fields: Any) -> None:
        self._line("error", what, fields)

    def _line(self, level: str, what: str, fields: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = orjson.dumps({"time": now, "level": level, "what": what, **fields}, default=str)
        stream = self._stream or sys.stderr
        stream.write(text.decode() + "\n")
        stream.flush()


class AsLines(logging.Handler):
    """What libraries log, in the same form: their words alone, no traces."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        tell = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        tell(record.getMessage().strip(), source=record.name)


def take_over(log: Log, *names: str) -> None:
    """Let the loggers of these libraries write lines of ``log``, and nothing else."""
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers = [AsLines(log)]
        logger.propagate = False
