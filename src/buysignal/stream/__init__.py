"""Scores over Apache Kafka while the visit is still going on: events in, scores out, each exactly once."""
