"""The broker of the tests of Kafka, for the door that needs it."""

from stream.conftest import broker

__all__ = ["broker"]
