"""The broker of the tests of Kafka, for what Spark reads from it."""

from stream.conftest import broker, unique

__all__ = ["broker", "unique"]
