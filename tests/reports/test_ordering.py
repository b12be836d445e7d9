# SPDX-License-Identifier: Apache-2.0
"""The order of maps in a matrix."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from nipype_mapsmasker.reports.measures import correlation_matrix
from nipype_mapsmasker.reports.ordering import clustered_order


def _mixed(n_maps: int) -> np.ndarray:
    """Correlate mixtures of a few signals."""
    rng = np.random.default_rng(n_maps)
    signals = rng.standard_normal((150, 6)) @ rng.standard_normal((6, n_maps)) ** 3
    return correlation_matrix(signals + rng.standard_normal(signals.shape))


def test_like_signals_stand_together_and_lost_ones_last() -> None:
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((100, 3))[:, [0, 1, 2, 0, 1, 2, 0]]
    signals = signals + 0.1 * rng.standard_normal(signals.shape)
    signals[:, 4] = 0.0
    order = clustered_order(correlation_matrix(signals))
    assert sorted(order) == list(range(7))
    assert order[-1] == 4
    places = [order.index(index) for index in (0, 3, 6)]
    assert max(places) - min(places) == 2


@pytest.mark.parametrize("n_maps", [5, 40, 130])
def test_branches_are_those_of_average_linkage(n_maps: int) -> None:
    matrix = _mixed(n_maps)
    order = clustered_order(matrix)
    place = np.argsort(order)
    tree = hierarchy.average(squareform(1 - matrix, checks=False))
    clusters = [{leaf} for leaf in range(n_maps)]
    for left, right, *_ in tree:
        clusters.append(clusters[int(left)] | clusters[int(right)])
        places = place[list(clusters[-1])]
        assert np.ptp(places) == len(places) - 1
    # Turning branches brings the alike closer than the tree alone would.
    plain = hierarchy.leaves_list(tree)
    assert matrix[order[:-1], order[1:]].sum() > matrix[plain[:-1], plain[1:]].sum()


@pytest.mark.parametrize("n_maps", [0, 1, 2, 3])
def test_few_maps_can_be_ordered(n_maps: int) -> None:
    assert sorted(clustered_order(np.eye(n_maps))) == list(range(n_maps))


def test_equal_distances_come_to_an_end() -> None:
    assert sorted(clustered_order(np.ones((30, 30)))) == list(range(30))
