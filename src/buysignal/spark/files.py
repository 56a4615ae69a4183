"""Which Parquet files are read, with what in them, over Spark's own file systems (file, s3a, hdfs, …)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from buysignal.errors import SourceError
from buysignal.sources.files import DATA_SUFFIXES, PACKED_SUFFIXES, PARQUET_SUFFIXES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOOTER_THREADS = 8


@dataclass(frozen=True)
class ParquetFile:
    """One file.

    Attributes:
        name: what the user knows it by: the path that was given and what lies below.
        path: as Spark reads it.
        metadata_path: as ``_metadata.file_path`` says it.
        named: the user named this file, rather than a folder around it.
        footer: the schema the file holds, as Parquet writes it.
        rows: how many it holds.
    """

    name: str
    path: str
    metadata_path: str
    named: bool
    footer: str = ""
    rows: int = 0


def find(spark: SparkSession, paths: Sequence[str]) -> list[ParquetFile]:
    """Return the files in the order that one machine reads them in, footers read.

    Raises:
        SourceError: a path does not exist, holds something else than Parquet, or a file is damaged.
    """
    listed = [file for path in paths for file in _list(spark, path)]
    with ThreadPoolExecutor(FOOTER_THREADS) as pool:
        found = list(pool.map(lambda file: _with_footer(spark, file), listed))
    if not any(file.rows for file in found):
        raise SourceError(
            f"{found[0].name} holds no row", allowed="at least one row", todo="export the file again"
        )
    return found


def _list(spark: SparkSession, given: str) -> list[ParquetFile]:
    hadoop = spark.sparkContext._jvm.org.apache.hadoop.fs
    path = hadoop.Path(given)
    try:
        system = path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
        root = system.getFileStatus(path)
    except Exception as error:
        raise _no_such(given, error) from error
    if not root.isDirectory():
        whole = root.getPath().toString()
        return [ParquetFile(given, whole, _metadata_path(hadoop, whole), named=True)]
    below = root.getPath().toString().rstrip("/") + "/"
    relative = sorted(_data_files(_walk(system, root.getPath()), below), key=lambda name: name.split("/"))
    if not relative:
        raise SourceError(
            f"the folder {given} holds no Parquet files", allowed="Parquet files", todo="name their folder"
        )
    return [
        ParquetFile(f"{given.rstrip('/')}/{name}", below + name, _metadata_path(hadoop, below + name), False)
        for name in relative
    ]


def _walk(system: Any, folder: Any) -> Iterator[str]:
    listing = system.listFiles(folder, True)
    while listing.hasNext():
        yield listing.next().getPath().toString()


def _data_files(paths: Iterator[str], below: str) -> list[str]:
    """The data files by their path below the folder, hidden ones left out as on one machine."""
    names = [path.removeprefix(below) for path in paths]
    data = [
        name
        for name in names
        if not any(part.startswith((".", "_")) for part in name.split("/"))
        and _suffix(name) in DATA_SUFFIXES | PACKED_SUFFIXES
    ]
    return [name for name in data if _suffix(name) not in {".txt", ".json"}] or data


def _suffix(name: str) -> str:
    dot = name.rfind(".")
    return name[dot:].lower() if dot > name.rfind("/") + 1 else ""


def _metadata_path(hadoop: Any, path: str) -> str:
    """Spark's own canonical form, with ``%20`` for a blank."""
    return str(hadoop.Path(path).toUri().toString())


def _with_footer(spark: SparkSession, file: ParquetFile) -> ParquetFile:
    if _suffix(file.name) not in PARQUET_SUFFIXES and _suffix(file.name) in DATA_SUFFIXES | PACKED_SUFFIXES:
        raise _no_parquet(file.name)
    jvm: Any = spark.sparkContext._jvm
    conf = spark.sparkContext._jsc.hadoopConfiguration()
    try:
        source = jvm.org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(
            jvm.org.apache.hadoop.fs.Path(file.path), conf
        )
        reader = jvm.org.apache.parquet.hadoop.ParquetFileReader.open(source)
    except Exception as error:
        if "is not a Parquet file" in str(error) and _suffix(file.name) not in PARQUET_SUFFIXES:
            raise _no_parquet(file.name) from error
        raise SourceError(
            f"{file.name} is a damaged Parquet file",
            allowed="a complete Parquet file",
            todo="copy or export it again",
        ) from error
    try:
        footer = reader.getFileMetaData().getSchema().toString()
        rows = int(reader.getRecordCount())
    finally:
        reader.close()
    return ParquetFile(file.name, file.path, file.metadata_path, file.named, footer, rows)


def _no_parquet(name: str) -> SourceError:
    return SourceError(
        f"{name} is no Parquet file",
        allowed="Parquet, in which every row has its place; a cluster reads nothing else",
        todo="write it as Parquet, for instance with DuckDB: COPY (FROM 'events.csv') TO 'events.parquet'",
    )


def _no_such(given: str, error: Exception) -> SourceError:
    cause = getattr(error, "java_exception", None)
    said = str(cause.getMessage()) if cause is not None else str(error)
    if "FileNotFoundException" in str(error) or "does not exist" in said:
        return SourceError(
            f"there is no file {given}", allowed="an existing file or folder", todo="check the path"
        )
    return SourceError(
        f"{given} cannot be opened: {said.splitlines()[0]}",
        allowed="a path that Spark itself can read",
        todo="check the path and Spark's access to it",
    )


def put(spark: SparkSession, content: bytes, target: str) -> None:
    """Write a small file to wherever Spark can write."""
    path = spark.sparkContext._jvm.org.apache.hadoop.fs.Path(target)
    stream = path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()).create(path)
    try:
        stream.write(bytearray(content))
    finally:
        stream.close()
