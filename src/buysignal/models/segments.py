"""Finding segments: K-means, DBSCAN and hierarchical clustering, judged alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError
from buysignal.models import segment_words
from buysignal.models.preprocess import skewness
from buysignal.models.segment_stability import Fit, Stability, stability
from buysignal.models.segmentation import OUTSIDE, Floats, Labels, Method, Segmentation, Space
from buysignal.models.threads import OneBlasThread

METHODS: tuple[Method, ...] = ("kmeans", "dbscan", "hierarchical")

SILHOUETTE_ROWS = 5_000
_CHOOSE_ROWS = 2_000
_WARD_ROWS = 2_000
_DBSCAN_ROWS = 3_000
_REFITS = 20
_REFITS_TO_CHOOSE = 3
_SHORT_LIST = 3
_LEAST_ROWS = 60
_LEAST_SHARE = 0.01
_MOST_OUTSIDE = 0.3
_MOST_IN_ONE = 0.85
_VARIANCE_KEPT = 0.85
_TWIN = 0.95


@dataclass(frozen=True, eq=False)
class Clustered:
    """One method's best segmentation, with labels (n,) of the rows it was made from and its metrics.

    ``useful`` is false where it only splits off slivers, or leaves many sessions outside: it is shown,
    and never chosen while another method has an answer. ``stability`` is each segment's mean Jaccard
    coefficient over bootstrap refits.
    """

    segmentation: Segmentation
    labels: Labels
    metrics: dict[str, float]
    useful: bool = True
    stability: dict[int, float] = field(default_factory=dict)


@OneBlasThread()
def fit_segments(
    X: npt.NDArray[np.float32],
    names: Sequence[str],
    *,
    categories: Mapping[str, tuple[str, ...]] | None = None,
    methods: Sequence[Method] = METHODS,
    most: int = 8,
    seed: int = 0,
) -> tuple[Clustered, dict[str, Clustered]]:
    """Return the best segmentation of the rows of X (n, f), and each method's best.

    The number of segments (2 to ``most``) and the method are those with the highest silhouette ×
    stability (the adjusted Rand index between bootstrap refits) × share of rows that have a segment.
    Segments of less than 1 % or more than 85 % of the rows do not count as an answer. Categorical
    columns are left out of the distance.

    Raises:
        SamplesError: too few rows, or no column that varies.
    """
    space = make_space(X, names, categories or {})
    places = space.place(X, names)
    found: dict[str, Clustered] = {}
    for method in methods:
        best = _best_of(method, places, most, seed)
        if best is not None:
            draft = replace(best[0], space=space, input_names=tuple(names))
            found[method] = _finished(draft, best[1], X, names, seed)
    if not found:
        raise SamplesError("no method finds two segments", todo="bring more sessions, or more columns")
    eligible = {m: c for m, c in found.items() if c.useful} or found
    return found[choose({m: c.metrics for m, c in eligible.items()})], found


@OneBlasThread()
def engagement_view(
    X: npt.NDArray[np.float32], names: Sequence[str], columns: Sequence[str], *, seed: int = 0
) -> Clustered:
    """Return two segments, high and low engagement: 2-means on raw ``columns`` such as clicks.

    Columns are divided by their standard deviation and not logged, so that the long tail is what
    sets the engaged apart.

    Raises:
        SamplesError: a column is missing or never varies, or there are too few rows.
    """
    picked = [list(names).index(column) for column in columns if column in names]
    space = make_space(X[:, picked], [names[i] for i in picked], {}, log=False, turn=False)
    places = space.place(X, names)
    centroids = _kmeans(places, 2, seed)
    order = np.argsort(centroids.sum(1))
    draft = Segmentation("kmeans", space, centroids[order], np.arange(2), np.inf, {}, tuple(names))
    done = _finished(draft, _kmeans_fit(2), X, names, seed, by_size=False)
    titled = replace(done.segmentation, titles={0: "low engagement", 1: "high engagement"})
    return replace(done, segmentation=titled)


def make_space(
    X: npt.NDArray[np.float32],
    names: Sequence[str],
    categories: Mapping[str, tuple[str, ...]],
    *,
    log: bool = True,
    turn: bool = True,
) -> Space:
    """Return the space for X (n, f): columns that vary and are no twin of another, scaled and turned.

    Without ``turn`` the axes are the columns; with it, the principal axes that carry 85 % of the
    variance, so that many columns about one thing do not outvote the others.

    Raises:
        SamplesError: too few rows, or no column that varies.
    """
    if len(X) < _LEAST_ROWS:
        raise SamplesError(
            f"{len(X)} sessions are too few for segments",
            allowed=f"at least {_LEAST_ROWS}",
            todo="bring more",
        )
    numeric = [i for i, name in enumerate(names) if name not in categories]
    values = X[:, numeric].astype(np.float64)
    known = [c for c in range(values.shape[1]) if not np.isnan(values[:, c]).all()]
    values, numeric = values[:, known], [numeric[c] for c in known]
    fill = np.nanmedian(values, axis=0) if numeric else np.zeros(0)
    values = np.where(np.isnan(values), fill, values)
    logged = _long_tails(values) if log else np.zeros(len(numeric), dtype=bool)
    values = np.where(logged, np.log1p(np.maximum(values, 0)), values)
    keep = _telling_columns(values)
    if not keep:
        raise SamplesError("no column varies between sessions", todo="bring columns that do")
    values = values[:, keep]
    mean, scale = values.mean(0), values.std(0)
    axes = _principal_axes((values - mean) / scale) if turn else np.eye(len(keep))
    used = tuple(names[numeric[c]] for c in keep)
    return Space(used, fill[keep], logged[keep], mean, scale, axes)


def choose(metrics: Mapping[str, Mapping[str, float]]) -> str:
    """Return the name with the highest silhouette × stability × share of rows that have a segment.

    >>> choose({"a": {"silhouette": 0.5, "stability": 0.5}, "b": {"silhouette": 0.4, "stability": 0.9}})
    'b'
    """

    def worth(name: str) -> float:
        one = metrics[name]
        return one["silhouette"] * max(one["stability"], 0.0) * (1 - one.get("outside", 0.0))

    return max(metrics, key=worth)


def silhouette_values(places: Floats, labels: Labels, *, rows: int, seed: int) -> tuple[Labels, Floats]:
    """Return positions of a seeded sample of rows and their silhouettes; empty with one segment."""
    from sklearn.metrics import silhouette_samples

    picked = _sample(len(places), rows, seed)
    inside = picked[labels[picked] != OUTSIDE]
    kinds = len(np.unique(labels[inside]))
    if kinds < 2 or kinds >= len(inside):
        return inside[:0], np.zeros(0)
    return inside, np.asarray(silhouette_samples(places[inside], labels[inside]), np.float64)


def _long_tails(values: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray((values.min(0, initial=0) >= 0) & (skewness(values) > 1.0))


def _telling_columns(values: Floats) -> list[int]:
    spread = values.std(0)
    keep: list[int] = []
    for c in np.flatnonzero(spread > 1e-9 * (1 + np.abs(values.mean(0)))):
        twins = (abs(np.corrcoef(values[:, c], values[:, other])[0, 1]) > _TWIN for other in keep)
        if not any(twins):
            keep.append(int(c))
    return keep


def _principal_axes(standard: Floats) -> Floats:
    variance, axes = np.linalg.eigh(np.cov(standard, rowvar=False).reshape(standard.shape[1], -1))
    order = np.argsort(-variance)
    carried = np.cumsum(variance[order]) / variance.sum()
    return np.asarray(axes[:, order[: int(np.searchsorted(carried, _VARIANCE_KEPT)) + 1]])


def _best_of(method: Method, places: Floats, most: int, seed: int) -> tuple[Segmentation, Fit] | None:
    """The method's best number of segments: silhouette for all, stability for the best few."""
    sample = places[_sample(len(places), _CHOOSE_ROWS, seed)]
    tried: list[tuple[bool, float, Segmentation, Fit]] = []
    for fit in _settings(method, places, most, seed):
        draft = fit(places, seed)
        if draft is None:
            continue
        labels = draft.assign_places(sample)
        _, values = silhouette_values(sample, labels, rows=_CHOOSE_ROWS, seed=seed)
        if len(values):
            tried.append((_useful(labels), float(values.mean()), draft, fit))
    if not tried:
        return None
    tried.sort(key=lambda one: (not one[0], -one[1]))
    short = [one for one in tried[:_SHORT_LIST] if one[0] == tried[0][0]]
    metrics = {}
    for place, (_, value, draft, fit) in enumerate(short):
        again = _stability(fit, draft, places, seed, _REFITS_TO_CHOOSE).overall
        outside = float((draft.assign_places(sample) == OUTSIDE).mean())
        metrics[str(place)] = {"silhouette": value, "stability": again, "outside": outside}
    _, _, draft, fit = short[int(choose(metrics))]
    return draft, fit


def _settings(method: Method, places: Floats, most: int, seed: int) -> list[Fit]:
    if method == "kmeans":
        return [_kmeans_fit(k) for k in range(2, most + 1)]
    if method == "hierarchical":
        trees: dict[tuple[int, int], tuple[Floats, Floats]] = {}
        return [_ward_fit(k, trees) for k in range(2, most + 1)]
    return [_dbscan_fit(*setting, most) for setting in _densities(places, seed)]


def _kmeans_fit(k: int) -> Fit:
    return lambda places, seed: _draft("kmeans", _kmeans(places, k, seed), np.arange(k))


def _kmeans(places: Floats, k: int, seed: int) -> Floats:
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(k, n_init=2, random_state=seed).fit(places).cluster_centers_, np.float64)


def _ward_fit(k: int, trees: dict[tuple[int, int], tuple[Floats, Floats]]) -> Fit:
    """Ward's tree of a sample, cut into k; the tree is kept in ``trees``, as k is all that changes."""

    def fit(places: Floats, seed: int) -> Segmentation | None:
        from scipy.cluster.hierarchy import fcluster, linkage

        if (len(places), seed) not in trees:
            sample = places[_sample(len(places), _WARD_ROWS, seed)]
            trees[len(places), seed] = sample, linkage(sample, "ward")
        sample, tree = trees[len(places), seed]
        labels = fcluster(tree, k, criterion="maxclust")
        centroids = np.array([sample[labels == label].mean(0) for label in np.unique(labels)])
        return _draft("hierarchical", centroids, np.arange(len(centroids)))

    return fit


def _dbscan_fit(reach: float, neighbours: int, most: int) -> Fit:
    def fit(places: Floats, seed: int) -> Segmentation | None:
        from sklearn.cluster import DBSCAN

        sample = places[_sample(len(places), _DBSCAN_ROWS, seed)]
        model = DBSCAN(eps=reach, min_samples=neighbours).fit(sample)
        core = model.core_sample_indices_
        labels = model.labels_[core]
        if not 2 <= len(np.unique(labels)) <= most:
            return None
        return replace(_draft("dbscan", sample[core], labels.astype(np.int64)), reach=reach)

    return fit


def _densities(places: Floats, seed: int) -> list[tuple[float, int]]:
    """Settings (eps, least neighbours) of DBSCAN.

    Neighbours are twice the dimensions (Sander et al. 1998) and 1 % of the rows; eps are quantiles of
    the distance to the last of them, as its inventors advise (Ester et al. 1996).
    """
    from sklearn.neighbors import NearestNeighbors

    sample = places[_sample(len(places), _DBSCAN_ROWS, seed)]
    found = []
    for neighbours in sorted({max(10, 2 * places.shape[1]), max(20, len(sample) // 100)}):
        model = NearestNeighbors(n_neighbors=min(neighbours, len(sample) - 1)).fit(sample)
        reaches = np.quantile(model.kneighbors()[0][:, -1], [0.1, 0.3, 0.5, 0.7, 0.9])
        found += [(reach, neighbours) for reach in sorted({float(r) for r in reaches if r > 0})]
    return found


def _draft(method: Method, anchors: Floats, labels: Labels) -> Segmentation:
    nowhere = Space((), np.zeros(0), np.zeros(0, bool), np.zeros(0), np.ones(0), np.zeros((0, 0)))
    return Segmentation(method, nowhere, anchors, labels, np.inf, {}, ())


def _useful(labels: Labels) -> bool:
    counts = np.bincount(labels[labels != OUTSIDE])
    counts = counts[counts > 0]
    if len(counts) < 2 or counts.min() < _LEAST_SHARE * len(labels):
        return False
    if counts.max() > _MOST_IN_ONE * len(labels):
        return False  # one crowd with a fringe tells a shop nothing about most of its visitors
    return bool((labels == OUTSIDE).mean() <= _MOST_OUTSIDE)


def _finished(
    draft: Segmentation,
    fit: Fit,
    X: npt.NDArray[np.float32],
    names: Sequence[str],
    seed: int,
    by_size: bool = True,
) -> Clustered:
    """Number the segments (largest first, or as they are), give them titles, and judge them."""
    standard = draft.space.standard(X, names)
    places = standard @ draft.space.axes
    labels = draft.assign_places(places)
    kinds, counts = np.unique(labels[labels != OUTSIDE], return_counts=True)
    order = kinds[np.argsort(-counts, kind="stable")] if by_size else kinds
    renamed = np.full(int(draft.anchor_labels.max()) + 2, OUTSIDE)
    renamed[order + 1] = np.arange(len(order))
    kept = renamed[draft.anchor_labels + 1] != OUTSIDE
    labels = renamed[labels + 1]
    differences = {number: standard[labels == number].mean(0) for number in range(len(order))}
    done = replace(
        draft,
        anchors=draft.anchors[kept],
        anchor_labels=renamed[draft.anchor_labels[kept] + 1],
        titles=segment_words.titles(differences, draft.space.names),
    )
    stable = _stability(fit, done, places, seed, _REFITS)
    metrics = {**_judged(labels, places, seed), "stability": stable.overall}
    return Clustered(done, labels, metrics, _useful(labels), stable.each)


def _stability(fit: Fit, draft: Segmentation, places: Floats, seed: int, refits: int) -> Stability:
    judged = places[_sample(len(places), _CHOOSE_ROWS, seed + 1)]
    return stability(fit, draft, places, judged, refits=refits, seed=seed)


def _judged(labels: Labels, places: Floats, seed: int) -> dict[str, float]:
    from sklearn.metrics import davies_bouldin_score

    inside = labels != OUTSIDE
    _, values = silhouette_values(places, labels, rows=SILHOUETTE_ROWS, seed=seed)
    centres = {label: places[labels == label].mean(0) for label in np.unique(labels[inside])}
    inertia = sum(((places[labels == label] - centre) ** 2).sum() for label, centre in centres.items())
    scores = davies_bouldin_score(places[inside], labels[inside]) if len(centres) > 1 else np.nan
    return {
        "silhouette": float(values.mean()) if len(values) else float("nan"),
        "davies_bouldin": float(scores),
        "inertia": float(inertia),
        "outside": float((~inside).mean()),
    }


def _sample(n: int, rows: int, seed: int) -> Labels:
    if n <= rows:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, rows, replace=False))
