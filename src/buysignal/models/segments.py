"""Finding segments: K-means, DBSCAN and hierarchical clustering, judged alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from buysignal.errors import SamplesError
from buysignal.models import segment_words
from buysignal.models.segmentation import OUTSIDE, Floats, Labels, Method, Segmentation, Space

METHODS: tuple[Method, ...] = ("kmeans", "dbscan", "hierarchical")

SILHOUETTE_ROWS = 10_000
_CHOOSE_ROWS = 2_500
_WARD_ROWS = 3_000
_DBSCAN_ROWS = 3_000
_REFITS = 5
_LEAST_ROWS = 60
_LEAST_SHARE = 0.01
_MOST_OUTSIDE = 0.25
_STABLE = 0.75
_VARIANCE_KEPT = 0.85
_TWIN = 0.95


@dataclass(frozen=True, eq=False)
class Clustered:
    """One method's best segmentation, with labels (n,) of the rows it was made from and its metrics."""

    segmentation: Segmentation
    labels: Labels
    metrics: dict[str, float]


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

    The number of segments (2 to ``most``) and the method are those with the highest silhouette among
    the ones whose labels hold under resampling (adjusted Rand index between bootstrap refits of at
    least 0.75); where none holds, silhouette × stability decides. Segments of less than 1 % of the
    rows do not count as an answer. Categorical columns are left out of the distance.

    Raises:
        SamplesError: too few rows, or no column that varies.
    """
    space = make_space(X, names, categories or {})
    places = space.place(X, names)
    found: dict[str, Clustered] = {}
    for method in methods:
        best = _best_of(method, places, most, seed)
        if best is not None:
            draft = replace(best, space=space, input_names=tuple(names))
            found[method] = _finished(draft, X, names, places, method, seed)
    if not found:
        raise SamplesError("no method finds two segments", todo="bring more sessions, or more columns")
    return found[choose({m: c.metrics for m, c in found.items()})], found


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
    done = _finished(draft, X, names, places, "kmeans", seed)
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
    """Return the name with the highest silhouette among the stable ones; see `fit_segments`."""
    stable = {name: m for name, m in metrics.items() if m["stability"] >= _STABLE}
    if stable:
        return max(stable, key=lambda name: stable[name]["silhouette"])
    return max(metrics, key=lambda name: metrics[name]["silhouette"] * max(metrics[name]["stability"], 0))


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
    from scipy.stats import skew

    with np.errstate(invalid="ignore", divide="ignore"):
        tail = np.nan_to_num(skew(values, axis=0))
    return np.asarray((values.min(0, initial=0) >= 0) & (tail > 1.0))


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


def _best_of(method: Method, places: Floats, most: int, seed: int) -> Segmentation | None:
    """The method's best number of segments, by silhouette and stability on a sample."""
    tried: dict[str, Segmentation] = {}
    metrics: dict[str, dict[str, float]] = {}
    sample = places[_sample(len(places), _CHOOSE_ROWS, seed)]
    for setting, fit in _settings(method, places, most, seed):
        draft = fit(places, seed)
        if draft is None or not _useful(draft.assign_places(sample)):
            continue
        _, values = silhouette_values(sample, draft.assign_places(sample), rows=_CHOOSE_ROWS, seed=seed)
        tried[setting] = draft
        metrics[setting] = {
            "silhouette": float(values.mean()),
            "stability": _stability(fit, draft, places, seed),
        }
    return tried[choose(metrics)] if tried else None


Fit = Callable[[Floats, int], Segmentation | None]


def _settings(method: Method, places: Floats, most: int, seed: int) -> list[tuple[str, Fit]]:
    if method == "kmeans":
        return [(str(k), _kmeans_fit(k)) for k in range(2, most + 1)]
    if method == "hierarchical":
        return [(str(k), _ward_fit(k)) for k in range(2, most + 1)]
    reaches = _reaches(places, seed)
    return [(f"{reach:.4g}", _dbscan_fit(reach, most)) for reach in reaches]


def _kmeans_fit(k: int) -> Fit:
    return lambda places, seed: _draft("kmeans", _kmeans(places, k, seed), np.arange(k))


def _kmeans(places: Floats, k: int, seed: int) -> Floats:
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(k, n_init=3, random_state=seed).fit(places).cluster_centers_, np.float64)


def _ward_fit(k: int) -> Fit:
    def fit(places: Floats, seed: int) -> Segmentation | None:
        from scipy.cluster.hierarchy import fcluster, linkage

        sample = places[_sample(len(places), _WARD_ROWS, seed)]
        labels = fcluster(linkage(sample, "ward"), k, criterion="maxclust")
        centroids = np.array([sample[labels == label].mean(0) for label in np.unique(labels)])
        return _draft("hierarchical", centroids, np.arange(len(centroids)))

    return fit


def _dbscan_fit(reach: float, most: int) -> Fit:
    def fit(places: Floats, seed: int) -> Segmentation | None:
        from sklearn.cluster import DBSCAN

        sample = places[_sample(len(places), _DBSCAN_ROWS, seed)]
        model = DBSCAN(eps=reach, min_samples=_neighbours(places)).fit(sample)
        core = model.core_sample_indices_
        labels = model.labels_[core]
        if not 2 <= len(np.unique(labels)) <= most:
            return None
        return replace(_draft("dbscan", sample[core], labels.astype(np.int64)), reach=reach)

    return fit


def _reaches(places: Floats, seed: int) -> list[float]:
    """Distances to the k-th neighbour at a few quantiles: the usual way to choose eps (Ester 1996)."""
    from sklearn.neighbors import NearestNeighbors

    sample = places[_sample(len(places), _DBSCAN_ROWS, seed)]
    neighbours = min(_neighbours(places), len(sample) - 1)
    distance = NearestNeighbors(n_neighbors=neighbours).fit(sample).kneighbors()[0][:, -1]
    reaches = np.quantile(distance, [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98])
    return sorted({float(reach) for reach in reaches if reach > 0})


def _neighbours(places: Floats) -> int:
    return max(10, 2 * places.shape[1])


def _draft(method: Method, anchors: Floats, labels: Labels) -> Segmentation:
    nowhere = Space((), np.zeros(0), np.zeros(0, bool), np.zeros(0), np.ones(0), np.zeros((0, 0)))
    return Segmentation(method, nowhere, anchors, labels, np.inf, {}, ())


def _useful(labels: Labels) -> bool:
    counts = np.bincount(labels[labels != OUTSIDE])
    counts = counts[counts > 0]
    if len(counts) < 2 or counts.min() < _LEAST_SHARE * len(labels):
        return False
    return bool((labels == OUTSIDE).mean() <= _MOST_OUTSIDE)


def _stability(fit: Fit, draft: Segmentation, places: Floats, seed: int) -> float:
    """Mean adjusted Rand index between the labels and those of bootstrap refits (Hennig 2007)."""
    from sklearn.metrics import adjusted_rand_score

    judge = places[_sample(len(places), _CHOOSE_ROWS, seed + 1)]
    labels = draft.assign_places(judge)
    rng = np.random.default_rng(seed)
    agreement = []
    for refit in range(_REFITS):
        drawn = places[rng.integers(len(places), size=min(len(places), 2 * _WARD_ROWS))]
        again = fit(drawn, seed + 100 + refit)
        agreement.append(0.0 if again is None else adjusted_rand_score(labels, again.assign_places(judge)))
    return float(np.mean(agreement))


def _finished(
    draft: Segmentation,
    X: npt.NDArray[np.float32],
    names: Sequence[str],
    places: Floats,
    method: Method,
    seed: int,
) -> Clustered:
    """Number the segments by size, give them titles, and judge them on all rows."""
    labels = draft.assign_places(places)
    kinds = np.unique(labels[labels != OUTSIDE])
    if draft.titles or method != "kmeans" or draft.space.axes.shape[0] != draft.space.axes.shape[1]:
        order = sorted(kinds, key=lambda label: -(labels == label).sum())
    else:
        order = list(kinds)
    renamed = {int(old): new for new, old in enumerate(order)}
    anchors = np.array([renamed.get(int(label), OUTSIDE) for label in draft.anchor_labels], dtype=np.int64)
    labels = np.array([renamed.get(int(label), OUTSIDE) for label in range(-1, labels.max() + 1)])[labels + 1]
    standard = draft.space.standard(X, names)
    differences = {new: standard[labels == new].mean(0) for new in renamed.values()}
    words = segment_words.titles(differences, draft.space.names)
    done = replace(draft, anchor_labels=anchors, titles=words)
    fit = _refit_of(done, method)
    return Clustered(done, labels, _judged(done, labels, places, fit, seed))


def _refit_of(done: Segmentation, method: Method) -> Fit:
    if method == "dbscan":
        return _dbscan_fit(done.reach, 8)
    return _kmeans_fit(done.n_segments) if method == "kmeans" else _ward_fit(done.n_segments)


def _judged(done: Segmentation, labels: Labels, places: Floats, fit: Fit, seed: int) -> dict[str, float]:
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
        "stability": _stability(fit, done, places, seed),
    }


def _sample(n: int, rows: int, seed: int) -> Labels:
    if n <= rows:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, rows, replace=False))
