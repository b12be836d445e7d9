# SPDX-License-Identifier: Apache-2.0
"""Connectomes: lost regions, too few degrees of freedom, Fisher's z, tangent space."""

import numpy as np
import pytest

from nipype_mapsmasker.core.connectivity import MEASURES, connectivity
from nipype_mapsmasker.core.tangent import tangent_space
from nipype_mapsmasker.errors import ParameterError, SignalError


@pytest.fixture
def signals(rng):
    return rng.normal(size=(80, 6)) @ rng.normal(size=(6, 6)) + 1000


@pytest.mark.parametrize("shrinkage", ["none", "ledoit-wolf"])
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    "lost", [np.full(80, np.nan), np.zeros(80), np.full(80, 77.7), np.r_[np.nan, np.arange(79.0)]]
)
def test_lost_regions_change_nothing_for_others(signals, measure, shrinkage, lost):
    alone = connectivity(signals, measure, shrinkage=shrinkage).matrix
    with_lost = np.insert(signals, 2, lost, axis=1)
    found = connectivity(with_lost, measure, shrinkage=shrinkage)
    rest = np.delete(np.arange(7), 2)
    np.testing.assert_array_equal(found.matrix[np.ix_(rest, rest)], alone)
    assert np.isnan(found.matrix[2]).all()
    assert np.isnan(found.matrix[:, 2]).all()
    assert found.lost.tolist() == [False, False, True, False, False, False, False]


@pytest.mark.parametrize("measure", MEASURES)
def test_censored_volumes_of_an_uncensored_table_are_left_out(signals, measure):
    gappy = signals.copy()
    gappy[[3, 4, 50]] = np.nan
    kept = np.delete(signals, [3, 4, 50], axis=0)
    found = connectivity(gappy, measure)
    np.testing.assert_array_equal(found.matrix, connectivity(kept, measure).matrix)
    assert found.n_volumes == 77


@pytest.mark.parametrize("measure", ["partial", "precision"])
def test_degrees_of_freedom_have_to_exceed_regions(signals, measure):
    connectivity(signals, measure, degrees_of_freedom=7)
    with pytest.raises(SignalError, match="6 are left of 80 volumes for 6 regions"):
        connectivity(signals, measure, degrees_of_freedom=6)
    shrunk = connectivity(signals, measure, degrees_of_freedom=6, shrinkage="ledoit-wolf")
    assert np.isfinite(shrunk.matrix).all()
    connectivity(signals, "pearson", degrees_of_freedom=1)


@pytest.mark.parametrize("measure", ["partial", "precision"])
def test_a_region_given_twice_has_no_inverse(signals, measure):
    twice = np.column_stack([signals, 3 * signals[:, 0] + signals[:, 1]])
    with pytest.raises(SignalError, match="some region is a combination of others"):
        connectivity(twice, measure)
    assert np.isfinite(connectivity(twice, measure, shrinkage="ledoit-wolf").matrix).all()


@pytest.mark.parametrize("measure", MEASURES)
def test_matrices_are_symmetric_and_correlations_have_ones(signals, measure):
    matrix = connectivity(signals, measure).matrix
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12)
    if measure in ("pearson", "partial"):
        assert (np.diag(matrix) == 1).all()
        assert np.abs(matrix).max() == 1


def test_units_of_regions_do_not_matter_to_correlations(signals):
    units = 10.0 ** np.array([-8, -4, 0, 3, 6, 9])
    for measure in ("pearson", "partial"):
        np.testing.assert_allclose(
            connectivity(signals * units, measure).matrix,
            connectivity(signals, measure).matrix,
            atol=1e-9,
        )


def test_partial_correlation_is_that_of_residuals(signals):
    others = np.column_stack([np.ones(80), signals[:, 2:]])
    left = signals[:, :2] - others @ np.linalg.lstsq(others, signals[:, :2])[0]
    expected = np.corrcoef(left.T)[0, 1]
    assert abs(connectivity(signals, "partial").matrix[0, 1] - expected) < 1e-9


def test_fisher_z(signals):
    plain, found = connectivity(signals), connectivity(signals, fisher_z=True)
    assert np.isnan(np.diag(found.matrix)).all()
    off = ~np.eye(6, dtype=bool)
    np.testing.assert_array_equal(found.matrix[off], np.arctanh(plain.matrix[off]))
    assert found.fisher_z


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"measure": "correlation"}, "measure must be one of 'pearson'"),
        ({"shrinkage": "oas"}, "shrinkage must be 'none' or 'ledoit-wolf'"),
        ({"measure": "covariance", "fisher_z": True}, "fisher_z is for correlations"),
    ],
)
def test_words_that_are_not_known(signals, words, message):
    with pytest.raises(ParameterError, match=message):
        connectivity(signals, **words)


def test_a_single_volume_is_refused():
    with pytest.raises(SignalError, match="2 volumes at least, and 1 hold"):
        connectivity([[1.0, 2.0]])


def test_all_regions_lost(signals):
    assert np.isnan(connectivity(np.zeros((9, 3))).matrix).all()


def test_tangents_add_up_to_nothing_and_lead_back(rng):
    covariances = np.array([np.cov(rng.normal(size=(5, 40))) for _ in range(6)])
    mean, tangents, _ = tangent_space(covariances)
    assert np.abs(tangents.mean(axis=0)).max() < 1e-6
    values, vectors = np.linalg.eigh(mean)
    root = (vectors * np.sqrt(values)) @ vectors.T
    for tangent, covariance in zip(tangents, covariances, strict=True):
        values, vectors = np.linalg.eigh(tangent)
        back = root @ (vectors * np.exp(values)) @ vectors.T @ root
        np.testing.assert_allclose(back, covariance, atol=1e-10)


def test_tangent_space_needs_a_group_of_definite_matrices(rng):
    one = np.eye(3)
    with pytest.raises(SignalError, match="2 covariances at least; got 1"):
        tangent_space(one[None])
    with pytest.raises(SignalError, match="Covariance 1 of 2 is not positive definite"):
        tangent_space(np.array([one, np.diag([1.0, 1.0, 0.0])]))
