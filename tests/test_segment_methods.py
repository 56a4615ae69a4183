from __future__ import annotations

from buysignal.models.segments import choose
from buysignal.report import Row, Table
from buysignal.segment_methods import compared, why
from shop import Shop


def row(model: str, silhouette: float, stability: float, **more: object) -> Row:
    metrics = {"silhouette": silhouette, "stability": stability, "davies_bouldin": 1.0, "inertia": 1.0}
    champion = bool(more.pop("champion", False))
    params = {"segments": 3, "useful": True, **more}
    return Row(model=model, metrics=dict(metrics), params=params, champion=champion)


def table(*rows: Row) -> Table:
    return Table(
        name="segments", unit="session", task="segments", split="all", n_train=9, n_test=9, rows=list(rows)
    )


def test_the_winner_comes_first_and_the_reason_names_its_rival() -> None:
    made = table(
        row("kmeans", 0.3, 0.5), row("dbscan", 0.6, 0.9, outside=0.8, useful=False),
        row("hierarchical", 0.4, 0.7, champion=True),
    )  # fmt: skip
    best, rival, last = compared(made)
    assert (best.name, rival.name, last.name) == ("Hierarchical clustering", "K-means", "DBSCAN")
    assert best.worth == 0.4 * 0.7
    assert last.worth is None
    assert abs(last.covered - 0.2) < 1e-12
    assert "slivers" in last.verdict
    assert rival.verdict == "Not chosen: less clear, less stable."
    said = why(made)
    assert "0.28, against 0.15 for K-means" in said
    assert "set apart more clearly and come back more alike" in said


def test_a_method_that_finds_no_parts_says_so() -> None:
    made = table(
        row("kmeans", 0.3, 0.5, champion=True), Row(model="dbscan", undefined="finds one crowd only")
    )
    assert compared(made)[1].verdict == "Finds one crowd only."
    assert compared(made)[1].covered == 0
    assert "no other way finds parts" in why(made)


def test_the_worth_shown_is_the_one_chosen_by(shop: Shop) -> None:
    made = shop.report.table("segments")
    methods = compared(made)
    eligible = {
        str(i): {"silhouette": m.silhouette or 0, "stability": m.stability or 0, "outside": 1 - m.covered}
        for i, m in enumerate(methods)
        if m.worth is not None
    }
    assert choose(eligible) == "0"
    assert methods[0].chosen
    assert methods[0].name in why(made)


def test_every_segment_of_a_run_has_its_stability(shop: Shop) -> None:
    for one in shop.report.table("segments").segments:
        assert one.segment == -1 or (one.stability is not None and 0 <= one.stability <= 1)
    assert shop.bundle.segment_profiles == shop.report.table("segments").segments
