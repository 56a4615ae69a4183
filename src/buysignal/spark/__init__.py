"""The same fold on a Spark cluster: repartition by visitor, sort within partitions, fold in Arrow batches."""

from buysignal.spark.folding import features
from buysignal.spark.options import Options
from buysignal.spark.outcome import Outcome
from buysignal.spark.scores import score

__all__ = ["Options", "Outcome", "features", "score"]
