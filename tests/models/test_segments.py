from __future__ import annotations

import io

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from buysignal.errors import SamplesError
from buysignal.models.segment_words import titles, words
from buysignal.models.segmentation import OUTSIDE, Segmentation
from buysignal.models.segments import choose, engagement_view, fit_segments, make_space

NAMES = ("n_events", "price_mean", "distinct_categories", "always_one")


def three_crowds(n: int = 900, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Short cheap visits, long ones over many categories, and dear ones; a third each."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    centres = np.array([[3, 20, 1], [40, 22, 7], [5, 90, 2]])[truth]
    X = np.column_stack([centres * rng.lognormal(0, 0.08, (n, 3)), np.ones(n)]).astype(np.float32)
    X[rng.random(n) < 0.02, 1] = np.nan
    return X, truth


@pytest.fixture(scope="module")
def found():  # type: ignore[no-untyped-def]
    return fit_segments(three_crowds()[0], NAMES)


def test_every_method_finds_the_three_crowds(found) -> None:  # type: ignore[no-untyped-def]
    _, truth = three_crowds()
    best, methods = found
    assert set(methods) == {"kmeans", "dbscan", "hierarchical"}
    for one in methods.values():
        inside = one.labels != OUTSIDE
        assert inside.mean() > 0.9
        assert adjusted_rand_score(truth[inside], one.labels[inside]) > 0.95
        assert one.metrics["stability"] > 0.9
        assert one.metrics["silhouette"] > 0.6
    assert best is methods[choose({name: one.metrics for name, one in methods.items()})]


def test_new_sessions_find_their_segment(found) -> None:  # type: ignore[no-untyped-def]
    X, truth = three_crowds(seed=5)
    for one in found[1].values():
        labels = one.segmentation.assign(X)
        assert adjusted_rand_score(truth, labels) > 0.9
        member = one.segmentation.members(X, 0)
        assert (labels[member] == 0).all()
        assert len(member) == (labels == 0).sum()


def test_a_session_unlike_any_is_outside_for_dbscan(found) -> None:  # type: ignore[no-untyped-def]
    odd = np.array([[3000, 5000, 300, 1]], np.float32)
    assert found[1]["dbscan"].segmentation.assign(odd)[0] == OUTSIDE
    assert found[1]["dbscan"].segmentation.title(OUTSIDE) == "unlike any segment"
    assert found[1]["kmeans"].segmentation.assign(odd)[0] != OUTSIDE


def test_a_segmentation_comes_back_from_npz(found) -> None:  # type: ignore[no-untyped-def]
    X, _ = three_crowds(seed=2)
    for one in found[1].values():
        file = io.BytesIO()
        np.savez(file, **one.segmentation.to_arrays())
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            again = Segmentation.from_arrays(arrays)
        assert np.array_equal(again.assign(X), one.segmentation.assign(X))
        assert again.titles == one.segmentation.titles


def test_titles_say_what_sets_apart(found) -> None:  # type: ignore[no-untyped-def]
    X, _ = three_crowds()
    one = found[1]["kmeans"].segmentation
    dear = one.title(one.assign(X[2:3])[0])
    wide = one.title(one.assign(X[1:2])[0])
    assert "dear items" in dear
    assert "long visits" in wide or "many categories" in wide
    assert len(set(one.titles.values())) == 3


def test_titles_differ_even_where_segments_are_alike() -> None:
    alike = {0: np.array([2.0, 1.0, 0.1]), 1: np.array([2.0, 1.0, 0.5]), 2: np.zeros(3), 3: np.zeros(3)}
    made = titles(alike, ("n_events", "price_mean", "page_max"))
    assert len(set(made.values())) == 4
    assert made[2] == "average visits"
    assert words("attr_dwell_time", True) == "high dwell time"


def test_a_lone_column_and_one_that_never_varies() -> None:
    X, _ = three_crowds()
    space = make_space(X, NAMES, {})
    assert "always_one" not in space.names
    best, _ = fit_segments(X[:, :1], NAMES[:1])
    assert best.segmentation.n_segments >= 2
    with pytest.raises(SamplesError, match="no column varies"):
        fit_segments(X[:, 3:], NAMES[3:])
    with pytest.raises(SamplesError, match="too few for segments"):
        fit_segments(X[:10], NAMES)
    with pytest.raises(SamplesError, match="'n_events' is missing"):
        space.place(X[:, 1:], NAMES[1:])


def test_engagement_is_high_or_low() -> None:
    rng = np.random.default_rng(0)
    clicks = np.concatenate([rng.poisson(4, 900), rng.poisson(40, 100)]).astype(np.float32)
    one = engagement_view(clicks[:, None], ["n_events"], ["n_events"])
    assert one.metrics["silhouette"] > 0.7
    assert one.segmentation.titles == {0: "low engagement", 1: "high engagement"}
    assert (one.labels[900:] == 1).mean() > 0.95
    assert list(one.segmentation.assign(np.array([[2.0], [50.0]]))) == [0, 1]
