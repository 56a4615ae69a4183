"""The state function: a micro-batch of a bucket's messages, and what is kept of their visitors.

The rules (late, duplicate, consent, bad messages) are those of ``stream.scored``, and what is kept of a
visitor are the bytes of ``features.visitor``: this file only carries both to where Spark wants them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from buysignal import bundle as bundles
from buysignal.pseudonyms import Pseudonyms
from buysignal.stream.message import json_reader, json_writer
from buysignal.stream.scored import Arrived, BatchScorer, Dead
from buysignal.stream.shelf import Shelf

if TYPE_CHECKING:
    from pyspark.sql.streaming.stateful_processor import MapState, StatefulProcessorHandle

TOLD = pa.schema(
    [
        pa.field("visitor_id", pa.string()),
        pa.field("value", pa.binary()),
        pa.field("reason", pa.string()),
        pa.field("column", pa.string()),
        pa.field("hint", pa.string()),
        pa.field("place", pa.string()),
        pa.field("part", pa.int64()),
        pa.field("at", pa.int64()),
        pa.field("key", pa.binary()),
        pa.field("refused", pa.int64()),
    ]
)
"""A row is a score as JSON, a message that has none with the reason, or how many events were refused."""

NEVER = 1 << 62

_scorers: dict[tuple[str, int], BatchScorer] = {}
"""Bundles this worker has read, by the folder that Spark gave it."""


class VisitorState:
    """What Spark calls with the messages of a bucket (a processor of ``transformWithStateInPandas``).

    Each visitor is an entry of the bucket's map; the entry lives ``forget_ms`` after it was last written.

    Args:
        bundle: name of the folder among those that Spark has handed to its workers.
        recommend: items suggested with each score.
        forget_ms: milliseconds.
        of_files: places are told as file, block and row.
        ids: what ids are hashed by; None leaves them.
    """

    def __init__(
        self, bundle: str, recommend: int, forget_ms: int, of_files: bool, ids: Pseudonyms | None = None
    ) -> None:
        self._bundle = bundle
        self._recommend = recommend
        self._forget_ms = forget_ms
        self._of_files = of_files
        self._ids = ids
        self._visitors: MapState | None = None

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Name what is kept."""
        self._visitors = handle.getMapState("visitors", "visitor string", "kept binary", self._forget_ms)

    def handleInputRows(  # noqa: N802
        self, key: Any, rows: Iterator[pd.DataFrame], timerValues: Any
    ) -> Iterator[pd.DataFrame]:
        """Yield what comes of the messages, a row each with the columns of ``TOLD``."""
        found = pd.concat(list(rows), ignore_index=True)
        found = found.sort_values(["turn", "place", "part", "at"], kind="stable", ignore_index=True)
        score = _scorer(self._bundle, self._recommend, self._ids)
        shelf = score.shelf(0)
        self._restore(shelf, found["visitor"])
        outcome = score(_arrived(found), {0: shelf})
        self._keep(shelf)
        refused = (*[None] * (len(TOLD) - 1), outcome.refused)
        told = [*self._scores(outcome.scores, found), *_dead(outcome.dead, found), refused]
        yield pd.DataFrame(told, columns=TOLD.names, dtype=object)

    def close(self) -> None:
        """Nothing is left open."""

    def _restore(self, shelf: Shelf, visitors: pd.Series) -> None:
        assert self._visitors is not None
        for given in visitors.unique():
            visitor = given if self._ids is None else self._ids(given)
            kept = self._visitors.getValue((visitor,))
            if kept is not None:
                shelf.restore(visitor, bytes(kept[0]))

    def _keep(self, shelf: Shelf) -> None:
        assert self._visitors is not None
        for visitor, content in shelf.changes(NEVER):
            if content is None:
                self._visitors.removeKey((visitor,))
            else:
                self._visitors.updateValue((visitor,), (content,))

    def _scores(self, scores: list[tuple[str, Any]], found: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
        loads, dumps = json_reader(), json_writer()
        places, parts, ats = (found[name].tolist() for name in ("place", "part", "at"))
        for visitor, said in scores:
            reply = said if isinstance(said, dict) else loads(said)
            at = reply["offset"]
            if self._of_files:
                del reply["partition"], reply["offset"]
                reply.update(file=places[at], block=parts[at], row=ats[at])
            else:
                reply.update(partition=parts[at], offset=ats[at])
            yield visitor, dumps(reply), None, None, None, places[at], parts[at], ats[at], None, None


def _arrived(found: pd.DataFrame) -> list[Arrived]:
    """The messages, their row in place of the offset: in one bucket it names them all."""
    keys = [key if isinstance(key, bytes) else None for key in found["key"]]
    rows = zip(range(len(found)), found["arrived_ms"].tolist(), keys, found["value"], strict=True)
    return [Arrived(0, at, arrived, key, value) for at, arrived, key, value in rows]


def _dead(dead: list[Dead], found: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    places, parts, ats = (found[name].tolist() for name in ("place", "part", "at"))
    for message, reason, column, hint in dead:
        at = message.offset
        yield None, message.value, reason, column, hint, places[at], parts[at], ats[at], message.key, None


def _scorer(name: str, recommend: int, ids: Pseudonyms | None) -> BatchScorer:
    from pyspark import SparkFiles

    if (name, recommend) not in _scorers:
        folder = Path(SparkFiles.get(name))
        _scorers[name, recommend] = BatchScorer(bundles.load(folder), recommend, ids=ids)
    return _scorers[name, recommend]
