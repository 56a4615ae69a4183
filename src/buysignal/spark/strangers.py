"""Session ids that several visitors use: the rule of one machine, decided over all rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buysignal.errors import SourceError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REASON = "session_of_two_visitors:session_id"

MOST = 5_000_000
"""Visitors in others' sessions that can be sent to every worker; more of them are no mistakes of a few."""


def foreign(rows: DataFrame) -> DataFrame | None:
    """Return (session_id, visitor_id) of visitors in a session that is another's; None if there are none.

    The session stays with the visitor who has most of its rows, of equals the first in order of the id.

    Raises:
        SourceError: the session ids are not unique at all.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as sf

    named = rows.where(sf.col("session_id").isNotNull())
    both = named.groupBy("session_id").agg(sf.min("visitor_id").alias("a"), sf.max("visitor_id").alias("b"))
    shared = both.where("a <> b").select("session_id")
    found = shared.limit(MOST + 1).count()
    if not found:
        return None
    if found > MOST:
        raise SourceError(
            f"more than {MOST:,} session ids are used by several visitors",
            allowed="session ids that belong to one visitor each",
            todo="do not map session_id, so that sessions are made from pauses",
        )
    mine = named.join(sf.broadcast(shared), "session_id").groupBy("session_id", "visitor_id").count()
    best = Window.partitionBy("session_id").orderBy(sf.desc("count"), "visitor_id")
    ranked = mine.withColumn("rank", sf.row_number().over(best))
    return ranked.where("rank > 1").select("session_id", "visitor_id").localCheckpoint()
