"""Structured logs: one JSON object a line, without ids, addresses or bodies."""

from __future__ import annotations

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
