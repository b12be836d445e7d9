# SPDX-License-Identifier: Apache-2.0
"""A group of connectomes: mean, QC-FC, its dependence on distance, modularity."""

import numpy as np
import pytest
from scipy import stats

from nipype_mapsmasker.core.group import (
    edges_of,
    mean_connectome,
    modularity,
    motion_edges,
    region_distances,
    standardize_runs,
)
from nipype_mapsmasker.errors import ParameterError


def test_qcfc_is_pearson_of_those_who_have_the_edge(rng):
    motion = rng.random(25)
    edges = rng.normal(size=(25, 40)) + motion[:, None]
    edges[rng.random(edges.shape) < 0.2] = np.nan
    found = motion_edges(edges, motion)
    for edge in range(40):
        has = np.isfinite(edges[:, edge])
        expected = stats.pearsonr(edges[has, edge], motion[has])
        assert abs(found.correlation[edge] - expected.statistic) < 1e-12
        assert abs(found.probability[edge] - expected.pvalue) < 1e-10
        assert found.n_subjects[edge] == has.sum()
    assert found.share_significant == np.mean(found.probability < 0.05)
    fdr = stats.false_discovery_control(found.probability)
    assert found.share_significant_fdr == np.mean(fdr <= 0.05)
    assert found.median_absolute == np.median(np.abs(found.correlation))


def test_edges_of_too_few_subjects_are_not_counted(rng):
    edges = rng.normal(size=(10, 3))
    edges[3:, 1] = np.nan
    found = motion_edges(edges, rng.random(10))
    assert np.isnan(found.correlation).tolist() == [False, True, False]
    nothing = motion_edges(edges[:3], np.ones(3))
    assert np.isnan(nothing.share_significant)


def test_distance_dependence(rng):
    centres = rng.uniform(-60, 60, size=(12, 3))
    distances = region_distances(centres)
    assert distances[0] == np.linalg.norm(centres[0] - centres[1])
    motion = rng.random(200)
    # Motion binds near regions, and parts far ones.
    edges = rng.normal(size=(200, distances.size)) * 0.1 + np.outer(
        motion, 1 - distances / distances.mean()
    )
    found = motion_edges(edges, motion, distances)
    assert found.distance_dependence < -0.9
    expected = stats.spearmanr(found.correlation, distances).statistic
    assert found.distance_dependence == expected


def test_mean_over_those_who_have_the_edge(rng):
    matrices = rng.normal(size=(4, 3, 3))
    matrices[0, 1] = matrices[0, :, 1] = np.nan
    matrices[1, 1] = matrices[1, :, 1] = np.nan
    mean, share = mean_connectome(matrices, 0.5)
    np.testing.assert_allclose(mean, np.nanmean(matrices, axis=0))
    assert share[1].tolist() == [0.5, 0.5, 0.5]
    mean, _ = mean_connectome(matrices, 0.51)
    assert np.isnan(mean[1]).all()
    assert np.isfinite(mean[0, [0, 2]]).all()
    with pytest.raises(ParameterError, match="min_share"):
        mean_connectome(matrices, 2)
    with pytest.raises(ParameterError, match="got none"):
        mean_connectome(matrices[:0])


def test_runs_are_standardised_before_they_are_joined(rng):
    base = rng.normal(size=(50, 3))
    runs = [base[:20] * 100 + 5000, base[20:]]
    joined = standardize_runs(runs)
    assert joined.shape == (50, 3)
    for part in (joined[:20], joined[20:]):
        np.testing.assert_allclose(part.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(part.std(axis=0), 1)
    runs[0][:, 1] = 3.0
    assert np.isnan(standardize_runs(runs)).all(axis=0).tolist() == [False, True, False]


def test_modularity_of_planted_communities(rng):
    labels = np.repeat([0, 1, 2], 8)
    order = rng.permutation(24)
    matrix = np.where(labels[:, None] == labels, 0.8, 0.1) + 0.02 * rng.random((24, 24))
    matrix = (matrix + matrix.T)[np.ix_(order, order)]
    quality, communities = modularity(matrix)
    for label in range(3):
        assert len(set(communities[labels[order] == label])) == 1
    assert len(set(communities)) == 3
    weights = matrix - np.diag(np.diag(matrix))
    total, degrees = weights.sum(), weights.sum(axis=0)
    same = communities[:, None] == communities
    expected = ((weights - np.outer(degrees, degrees) / total) * same).sum() / total
    assert abs(quality - expected) < 1e-12


def test_modularity_ignores_negative_and_missing_edges():
    matrix = np.kron(np.eye(2), np.ones((2, 2)))
    matrix[matrix == 0] = -0.5
    quality, communities = modularity(matrix)
    assert (quality, communities.tolist()) == (0.5, [0, 0, 1, 1])
    matrix[3] = matrix[:, 3] = np.nan
    assert np.isfinite(modularity(matrix)[0])
    assert np.isnan(modularity(np.full((3, 3), np.nan))[0])


def test_edges_come_once(rng):
    matrices = rng.normal(size=(2, 5, 5))
    assert edges_of(matrices).shape == (2, 10)
    assert edges_of(matrices)[1, 4] == matrices[1, 1, 2]
