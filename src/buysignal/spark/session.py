"""The Spark session: the one that runs already, or one of our own that is stopped at the end."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from buysignal.errors import DependencyError, InputError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS_PER_BATCH = 100_000
"""Rows that go from Spark to Python at a time: each batch costs a query plan of a few milliseconds."""

NEEDED = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(ROWS_PER_BATCH),
    # Spark's own default is the old form of times, which names no zone.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}
"""What the answers, or their speed, depend on; set in a session of others too, and put back afterwards."""

OWN = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "2g",
    "spark.executorEnv.NUMBA_NUM_THREADS": "1",
}
"""What a session of our own has besides, unless asked otherwise."""


@contextmanager
def opened_session(
    master: str | None = None, conf: Mapping[str, str] | None = None
) -> Iterator[SparkSession]:
    """Yield a Spark session.

    A session that runs already (a notebook's, or that of ``spark-submit``) is used as it is; ``master``
    and ``conf`` then say nothing new. Otherwise one is started, and stopped at the end.

    Args:
        master: such as ``local[2]``, ``yarn`` or ``k8s://…``; None leaves it to Spark's configuration.
        conf: Spark's own settings, on top of ours.

    Raises:
        DependencyError: pyspark is not installed.
        InputError: Java is not installed, or Spark does not start.
    """
    session_class = _session_class()
    running = _running(session_class)
    spark = running or _start(session_class, master, conf or {})
    before = {key: spark.conf.get(key, None) for key in NEEDED}
    for key, value in NEEDED.items():
        spark.conf.set(key, value)
    try:
        yield spark
    finally:
        if running is None:
            spark.stop()
        else:
            _put_back(spark, before)


def _session_class() -> type[SparkSession]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            from pyspark.sql import SparkSession
    except ImportError as error:
        raise DependencyError("pyspark", "spark") from error
    return SparkSession


def _running(session_class: type[SparkSession]) -> SparkSession | None:
    """The session of this thread, or one on the context that another thread has started."""
    from pyspark import SparkContext

    active = session_class.getActiveSession()
    if active is None and SparkContext._active_spark_context is not None:
        active = session_class.builder.getOrCreate()
    return active


def _start(session_class: type[SparkSession], master: str | None, conf: Mapping[str, str]) -> SparkSession:
    _require_java()
    if (master or "").startswith("local"):
        # Workers have to be the interpreter that has buysignal; on a cluster its place differs.
        os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    builder = session_class.builder.appName("buysignal")
    if master:
        builder = builder.master(master)
    for key, value in {**OWN, **NEEDED, **conf}.items():
        builder = builder.config(key, value)
    try:
        spark = builder.getOrCreate()
    except Exception as error:
        raise InputError(
            f"Spark does not start with master '{master}': {_first_line(error)}",
            allowed="local[N], yarn, spark://HOST:PORT, k8s://HOST:PORT",
            todo="check the master, and that spark-submit itself works there",
        ) from error
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    found = (Path(home) / "bin" / "java").exists() if home else shutil.which("java") is not None
    if not found:
        where = f"JAVA_HOME is {home}, where none is" if home else "none is on the path"
        raise InputError(
            f"Spark needs Java, and {where}",
            allowed="Java 17 or newer",
            todo="install it, or set JAVA_HOME; without Spark leave out --engine spark",
        )


def _put_back(spark: SparkSession, before: Mapping[str, str | None]) -> None:
    for key, value in before.items():
        if value is None:
            spark.conf.unset(key)
        else:
            spark.conf.set(key, value)
