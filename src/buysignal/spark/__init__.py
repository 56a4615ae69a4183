"""The same fold on a Spark cluster: repartition by visitor, sort within partitions, fold in Arrow batches."""

from buysignal.spark.outcome import Outcome
from buysignal.spark.run import features

__all__ = ["Outcome", "features"]
