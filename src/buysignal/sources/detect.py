"""Which profile fits a file, and how sure that is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from buysignal.errors import ProfileError
from buysignal.sources.own import own_profiles
from buysignal.sources.profile import Layout, Profile, builtin_profiles, folded

SURE_ENOUGH = 0.5
"""Below this confidence no profile is taken without being asked for."""

_BY_ALL, _BY_ANY, _BY_VALUES = 0.6, 0.2, 0.2


def detect(columns: Sequence[str], head: list[dict[str, str]]) -> list[tuple[Profile, float]]:
    """Return the profiles that fit, best first, each with a confidence from 0 to 1.

    Args:
        columns: the source's column names (``column_1``, … where it has no header).
        head: its first rows as text.

    Every column a profile names as identifying must be there; more confidence comes from the columns it
    expects beside them and from cells that look as it says. Without a header, all cells must fit.
    Of equals, a profile the user kept goes before one that ships.
    """
    own = own_profiles()
    known = [*own.values(), *builtin_profiles().values()]
    scored = [(profile, _confidence(profile, columns, head)) for profile in known]
    fitting = [(profile, round(score, 3)) for profile, score in scored if score > 0]
    return sorted(
        fitting,
        key=lambda pair: (-pair[1], pair[0].name not in own, -len(pair[0].identify.all), pair[0].name),
    )


def layout_of(profile: Profile, head: list[dict[str, str]]) -> Layout | None:
    """Return the layout of ``profile`` that a file without header has, if any."""
    for layout in profile.layouts:
        width = {len(row) for row in head}
        if head and width == {len(layout.columns)} and _cells_fit(layout, head):
            return layout
    return None


def _cells_fit(layout: Layout, head: list[dict[str, str]]) -> bool:
    patterns = [re.compile(p) for p in layout.patterns]
    return all(
        pattern.fullmatch(cell) for row in head for pattern, cell in zip(patterns, row.values(), strict=True)
    )


def _confidence(profile: Profile, columns: Sequence[str], head: list[dict[str, str]]) -> float:
    if all(column.startswith("column_") for column in columns):
        return 0.9 if layout_of(profile, head) else 0.0
    present = {folded(c): c for c in columns}
    identify = profile.identify
    if not identify.all or not all(folded(c) in present for c in identify.all):
        return 0.0
    score = _BY_ALL
    if identify.any:
        hits = sum(folded(c) in present for c in identify.any)
        if not hits:
            return 0.0
        score += _BY_ANY * hits / len(identify.any)
    else:
        score += _BY_ANY
    return score + _BY_VALUES * _share_of_values(profile, present, head)


def _share_of_values(profile: Profile, present: dict[str, str], head: list[dict[str, str]]) -> float:
    """The share of filled cells that look as the profile says; 1 where it says nothing."""
    checked = [(present.get(folded(c)), re.compile(p)) for c, p in profile.identify.values.items()]
    cells = [(row[c], p) for row in head for c, p in checked if c is not None and row.get(c)]
    if not cells:
        return 1.0 if not checked else 0.0
    return sum(pattern.fullmatch(cell) is not None for cell, pattern in cells) / len(cells)


def best(columns: Sequence[str], head: list[dict[str, str]], shown: str) -> tuple[Profile, float]:
    """Return the best fitting profile and its confidence.

    Raises:
        ProfileError: none fits well enough.
    """
    ranked = detect(columns, head)
    if ranked and ranked[0][1] >= SURE_ENOUGH:
        return ranked[0]
    listed = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")
    raise ProfileError(
        f"no known format fits {shown}, whose columns are {listed}",
        allowed=", ".join(builtin_profiles()),
        todo="name a profile, or map columns, such as visitor_id=… event_time=… event_name=…",
    )
