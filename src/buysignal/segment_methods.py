"""Which way of finding segments won, and why, told from the report alone."""

from __future__ import annotations

from dataclasses import dataclass

from buysignal.report import Row, Table

METHOD_NAMES = {
    "kmeans": "K-means",
    "dbscan": "DBSCAN",
    "hierarchical": "Hierarchical clustering",
}
NOT_ELIGIBLE = "splits off slivers, or leaves one crowd or many visits outside"


@dataclass(frozen=True)
class Method:
    """One way of finding segments with its figures.

    Attributes:
        name: for people.
        segments: how many it found; 0 where it found no parts.
        silhouette: -1 to 1, higher is better.
        davies_bouldin: 0 or more, lower is better.
        stability: mean adjusted Rand index over bootstrap refits, at most 1.
        covered: share of visits that have a segment, 0 to 1.
        worth: silhouette × stability × covered, by which the winner is chosen; None where it cannot win.
        chosen: whether it won.
        verdict: one sentence on why it won, or did not.
    """

    name: str
    segments: int
    silhouette: float | None
    davies_bouldin: float | None
    stability: float | None
    covered: float
    worth: float | None
    chosen: bool
    verdict: str


def compared(table: Table) -> list[Method]:
    """Return every method of a segments table, the winner first, the others by their worth."""
    winner = next((row for row in table.rows if row.champion), None)
    found = [_method(row, winner) for row in table.rows]
    return sorted(found, key=lambda one: (not one.chosen, -(one.worth or -1.0)))


def why(table: Table) -> str:
    """Return in words which method won and why; empty where nothing was found."""
    methods = compared(table)
    if not methods or not methods[0].chosen:
        return ""
    best, others = methods[0], [one for one in methods[1:] if one.worth is not None]
    if len(methods) == 1:
        return f"{best.name} was the only way that was tried."
    if not others or best.worth is None:
        return f"{best.name} was chosen: no other way finds parts that tell a shop something."
    rival = others[0]
    return (
        f"{best.name} was chosen with {best.segments} segments: clearness × stability × share of visits with "
        f"a segment is {best.worth:.2f}, against {rival.worth:.2f} for {rival.name}. {_edge(best, rival)}"
    )


def _edge(best: Method, rival: Method) -> str:
    """Say what the winner is better at than its nearest rival."""
    ahead = [
        words
        for words, ours, theirs in (
            ("are set apart more clearly", best.silhouette, rival.silhouette),
            ("come back more alike on other samples of the visits", best.stability, rival.stability),
            ("leave fewer visits without a segment", best.covered, rival.covered),
        )
        if ours is not None and theirs is not None and ours > theirs + 0.005
    ]
    return f"Its segments {' and '.join(ahead)}." if ahead else "The two are close."


def _method(row: Row, winner: Row | None) -> Method:
    covered = 1.0 - float(row.params.get("outside", 0.0))
    metrics = row.metrics
    return Method(
        name=METHOD_NAMES.get(row.model, row.model),
        segments=int(row.params.get("segments", 0)),
        silhouette=metrics.get("silhouette"),
        davies_bouldin=metrics.get("davies_bouldin"),
        stability=metrics.get("stability"),
        covered=covered if metrics else 0.0,
        worth=_worth(row),
        chosen=row.champion,
        verdict=_verdict(row, winner),
    )


def _worth(row: Row) -> float | None:
    silhouette, stability = row.metrics.get("silhouette"), row.metrics.get("stability")
    if silhouette is None or stability is None or not row.params.get("useful", True):
        return None
    return silhouette * max(stability, 0.0) * (1.0 - float(row.params.get("outside", 0.0)))


def _verdict(row: Row, winner: Row | None) -> str:
    if row.champion:
        return "Chosen."
    if row.undefined:
        return f"{row.undefined[:1].upper()}{row.undefined[1:]}."
    if not row.params.get("useful", True):
        return f"Not chosen: {NOT_ELIGIBLE}."
    if winner is None:
        return "Not chosen."
    return f"Not chosen: {_behind(row, winner)}."


def _behind(row: Row, winner: Row) -> str:
    behind = [
        words
        for metric, words in (("silhouette", "less clear"), ("stability", "less stable"))
        if (row.metrics.get(metric) or 0.0) < (winner.metrics.get(metric) or 0.0) - 0.005
    ]
    if float(row.params.get("outside", 0.0)) > float(winner.params.get("outside", 0.0)) + 0.005:
        behind.append("more visits without a segment")
    return ", ".join(behind) or "as good, but found no more"
