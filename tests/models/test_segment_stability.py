from __future__ import annotations

import numpy as np
import pytest
from test_segments import NAMES, three_crowds

from buysignal.models.segment_stability import stability, word
from buysignal.models.segmentation import OUTSIDE, Segmentation, Space
from buysignal.models.segments import fit_segments


def centred(*centres: float, reach: float = np.inf) -> Segmentation:
    """Segments on a line, one a centre."""
    nowhere = Space((), np.zeros(0), np.zeros(0, bool), np.zeros(0), np.ones(0), np.zeros((0, 0)))
    anchors = np.array(centres, np.float64)[:, None]
    return Segmentation("kmeans", nowhere, anchors, np.arange(len(centres)), reach, {}, ())


LINE = np.array([0.0, 0.1, 0.2, 9.0, 9.1, 9.2, 20.0, 20.1])[:, None]


def test_the_same_segments_found_again_are_perfectly_stable() -> None:
    found = stability(lambda places, seed: centred(0, 9, 20), centred(0, 9, 20), LINE, LINE, refits=4)
    assert found.overall == 1
    assert found.each == {0: 1.0, 1: 1.0, 2: 1.0}


def test_a_segment_that_is_swallowed_is_not_stable_while_another_stays() -> None:
    """Rows 3 to 7 become one segment: of it 3 of 5 are segment 1, and 2 of 5 are segment 2."""
    found = stability(lambda places, seed: centred(0, 15), centred(0, 9, 20), LINE, LINE, refits=3)
    assert found.each[0] == 1
    assert found.each[1] == pytest.approx(3 / 5)
    assert found.each[2] == pytest.approx(2 / 5)
    assert found.overall < 1


def test_a_refit_that_finds_nothing_counts_as_zero() -> None:
    answers = iter([centred(0, 9, 20), None])
    found = stability(lambda places, seed: next(answers), centred(0, 9, 20), LINE, LINE, refits=2)
    assert found.overall == pytest.approx(0.5)
    assert set(found.each.values()) == {0.5}


def test_visits_outside_belong_to_no_segment() -> None:
    near = centred(0, 9, reach=1.0)
    found = stability(lambda places, seed: near, near, LINE, LINE, refits=2)
    assert (near.assign_places(LINE) == OUTSIDE).sum() == 2
    assert found.each == {0: 1.0, 1: 1.0}


def test_crowds_far_apart_are_very_stable_and_a_cut_crowd_is_not() -> None:
    best, _ = fit_segments(three_crowds()[0], NAMES)
    assert {word(value) for value in best.stability.values()} == {"very stable"}
    noise = np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32)
    _, methods = fit_segments(noise, ("a", "b", "c"), methods=("hierarchical",), most=4)
    assert min(methods["hierarchical"].stability.values()) < 0.75
