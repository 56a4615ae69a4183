"""Pictures of segments: the map in two dimensions, and the silhouette of each segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from buysignal.plots.style import FAINT, INK, PALETTE, SMALL, Caption, blank, finish, legend, numbers
from buysignal.report import Curve, Point

MARKERS = "os^DvPX*<>"
NOISE = -1
"""DBSCAN's label of what belongs to no segment."""


def segment_map(
    points: Sequence[Point],
    *,
    names: Mapping[int, str] | None = None,
    axes_titles: tuple[str, str] | None = None,
    caption: Caption | None = None,
) -> Figure:
    """Draw sessions on the first two principal components, one colour and marker a segment."""
    x, y = axes_titles or ("First principal component", "Second principal component")
    figure, axes = blank(x, y, "Segments")
    for i, segment in enumerate(sorted({p.segment for p in points})):
        ours = [p for p in points if p.segment == segment]
        axes.scatter(
            numbers([p.x for p in ours]),
            numbers([p.y for p in ours]),
            s=12,
            linewidths=0,
            alpha=0.6,
            color=FAINT if segment == NOISE else PALETTE[i % len(PALETTE)],
            marker=MARKERS[i % len(MARKERS)],
            label=segment_name(segment, names),
        )
    legend(axes, loc="best", markerscale=1.4)
    return finish(figure, caption)


def segment_name(segment: int, names: Mapping[int, str] | None = None) -> str:
    """Return the segment's name, or its number where it has none."""
    if names and segment in names:
        return names[segment]
    return "Belongs to none" if segment == NOISE else f"Segment {segment}"


def silhouette(curves: Mapping[str, Curve], *, caption: Caption | None = None) -> Figure:
    """Draw, segment by segment, the silhouette of its sessions from best to worst (Rousseeuw 1987).

    ``curves`` holds a curve a segment, whose ``y`` are silhouettes; they are sorted here. Bars left
    of zero are sessions nearer to another segment.
    """
    figure, axes = blank("Silhouette (1: well apart, below 0: nearer to another)", "Sessions", "Silhouette")
    start, all_values = 0.0, []
    for i, (name, curve) in enumerate(curves.items()):
        values = np.sort(numbers(curve.y))
        values = values[np.isfinite(values)]
        all_values += list(values)
        height = np.arange(len(values)) + start
        axes.fill_betweenx(height, 0, values, color=PALETTE[i % len(PALETTE)], alpha=0.8, linewidth=0)
        axes.text(0.01, start + len(values) / 2, f" {name}", fontsize=SMALL, color=INK, va="center")
        start += len(values) * 1.08 + 2
    if all_values:
        mean = float(np.mean(all_values))
        axes.axvline(mean, color=INK, linewidth=1, linestyle="--", label=f"Mean of these sessions {mean:.2f}")
        legend(axes, loc="lower right")
    axes.set_yticks([])
    axes.set_xlim(min(-0.1, *all_values, 0) * 1.05, 1)
    return finish(figure, caption)
