"""Pictures of amounts: residuals, and predicted against actual."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from buysignal.plots.style import FAINT, PALETTE, Caption, blank, finish, legend, numbers
from buysignal.report import Curve
from buysignal.wording import readable

Clouds = dict[str, Curve]


def residuals(clouds: Clouds, *, currency: str | None = None, caption: Caption | None = None) -> Figure:
    """Draw predicted amounts against what they missed (actual less predicted)."""
    unit = f" ({currency})" if currency else ""
    figure, axes = blank(f"Predicted{unit}", f"Actual less predicted{unit}", "Residuals")
    axes.axhline(0, color=FAINT, linewidth=1, linestyle=":", label="No error")
    for i, (name, cloud) in enumerate(clouds.items()):
        _dots(axes, cloud, i, name)
    legend(axes, loc="best")
    return finish(figure, caption)


def predicted_actual(
    clouds: Clouds, *, currency: str | None = None, caption: Caption | None = None
) -> Figure:
    """Draw predicted against actual amounts, on a scale that shows zeros and large orders."""
    unit = f" ({currency})" if currency else ""
    figure, axes = blank(f"Predicted{unit}", f"Actual{unit}", "Predicted against actual")
    tops = [v for c in clouds.values() for v in (*numbers(c.x), *numbers(c.y))]
    top = float(np.nanmax(tops)) if tops else 1.0
    axes.plot([0, top], [0, top], color=FAINT, linewidth=1, linestyle=":", label="Perfect")
    for i, (name, cloud) in enumerate(clouds.items()):
        _dots(axes, cloud, i, name)
    if _skewed(tops):
        axes.set_xscale("symlog", linthresh=1)
        axes.set_yscale("symlog", linthresh=1)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,.0f}")
    legend(axes, loc="upper left")
    return finish(figure, caption)


def _dots(axes: Axes, cloud: Curve, i: int, name: str) -> None:
    axes.scatter(
        numbers(cloud.x),
        numbers(cloud.y),
        s=9,
        color=PALETTE[i % len(PALETTE)],
        alpha=0.45,
        linewidths=0,
        marker="os^D"[i % 4],
        label=readable(name),
    )


def _skewed(values: list[float]) -> bool:
    positive = [v for v in values if v > 0]
    return bool(positive) and max(values) > 12 * float(np.median(positive))
