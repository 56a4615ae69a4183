"""What a streaming query needs of its session: connector, settings, the bundle, and how its visitors lie."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from buysignal.bundle import Bundle
from buysignal.errors import DependencyError, SourceError
from buysignal.spark.files import put
from buysignal.spark.streaming_settings import StreamSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONNECTOR = "org.apache.spark:spark-sql-kafka-0-10_2.13:{}"
NEWEST_CONNECTOR = "4.2.0"
"""Of those on Maven Central; later Sparks work with it."""

_ROCKS = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
_NOTE = "buysignal.json"


def packages(settings: StreamSettings) -> dict[str, str]:
    """The session's settings, with the connector that Spark fetches from Maven Central where it is needed."""
    conf = dict(settings.conf)
    if settings.uses_kafka and not {"spark.jars", "spark.jars.packages"} & set(conf):
        if find_spec("pyspark") is None:
            raise DependencyError("pyspark", "spark")
        conf["spark.jars.packages"] = connector()
    return conf


def connector() -> str:
    """Return the connector to Kafka for this Spark, by its name on Maven Central."""
    import pyspark

    own = pyspark.__version__
    newer = _numbers(own) > _numbers(NEWEST_CONNECTOR)
    return CONNECTOR.format(NEWEST_CONNECTOR if newer else own)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def partitions_of(spark: SparkSession, settings: StreamSettings) -> int:
    """Return how many pieces the visitors lie in, as the checkpoint says; a new one keeps what is asked."""
    place = f"{settings.checkpoint.rstrip('/')}/{_NOTE}"
    path = spark.sparkContext._jvm.org.apache.hadoop.fs.Path(place)
    asked = settings.partitions or spark.sparkContext.defaultParallelism
    if not path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()).exists(path):
        put(spark, json.dumps({"source": settings.source, "partitions": asked}).encode(), place)
        return asked
    note = json.loads("".join(row.value for row in spark.read.text(place).collect()))
    if note["source"] != settings.source:
        raise SourceError(
            f"the checkpoint {settings.checkpoint} is that of a query on {note['source']}",
            allowed="a checkpoint that belongs to this query alone",
            todo="name another folder with --checkpoint",
        )
    if settings.partitions not in (None, note["partitions"]):
        raise SourceError(
            f"the visitors of {settings.checkpoint} lie in {note['partitions']} partitions",
            allowed="as many for as long as the checkpoint lives",
            todo="leave --partitions out, or begin anew with another --checkpoint",
        )
    return int(note["partitions"])


@contextmanager
def configured(spark: SparkSession, partitions: int) -> Iterator[None]:
    """Set what the query needs; it takes the session's settings with it when it starts."""
    wanted = {
        "spark.sql.shuffle.partitions": str(partitions),
        "spark.sql.streaming.stateStore.providerClass": _ROCKS,
        # Without messages there is nothing to do; entries that are too old go with the next ones.
        "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    }
    before = {key: spark.conf.get(key, None) for key in wanted}
    for key, value in wanted.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            spark.conf.unset(key) if old is None else spark.conf.set(key, old)


@contextmanager
def handed_out(spark: SparkSession, bundle: Bundle, folder: Path) -> Iterator[str]:
    """Give every worker the bundle's files; yields the name of their folder there."""
    name = f"buysignal-{bundle.version}"
    with tempfile.TemporaryDirectory(prefix="buysignal-") as temporary:
        copy = Path(temporary) / name
        copy.mkdir()
        for file in sorted(folder.iterdir()):
            if file.is_file():
                shutil.copyfile(file, copy / file.name)
        spark.sparkContext.addFile(str(copy), recursive=True)
        yield name
