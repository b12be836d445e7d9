# SPDX-License-Identifier: Apache-2.0
"""Connectomes beside NumPy's and nilearn's with the same estimator."""

import numpy as np
import pytest
from nilearn.connectome import ConnectivityMeasure
from sklearn.covariance import EmpiricalCovariance, LedoitWolf

from nipype_mapsmasker.core.connectivity import connectivity, ledoit_wolf
from nipype_mapsmasker.core.tangent import tangent_space

THEIR_NAMES = {"pearson": "correlation", "partial": "partial correlation"}
ESTIMATORS = {"none": EmpiricalCovariance, "ledoit-wolf": LedoitWolf}


def made(rng, n_volumes=60, n_regions=20):
    mixing = rng.normal(size=(n_regions, n_regions))
    return rng.normal(size=(n_volumes, n_regions)) @ mixing + 100 * rng.normal(size=n_regions)


@pytest.mark.parametrize("shape", [(60, 20), (200, 3), (15, 40), (2, 2)])
def test_pearson_is_that_of_numpy(rng, shape):
    signals = made(rng, *shape)
    matrix = connectivity(signals, "pearson").matrix
    np.testing.assert_allclose(matrix, np.corrcoef(signals.T), rtol=0, atol=1e-12)


def test_pearson_far_above_zero_is_that_of_numpy(rng):
    """As of scanner units: what is common to all volumes takes no digits from what varies."""
    signals = 1e-3 * rng.normal(size=(60, 20)) + 1e6
    matrix = connectivity(signals, "pearson").matrix
    np.testing.assert_allclose(matrix, np.corrcoef(signals.T), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shrinkage", ESTIMATORS)
@pytest.mark.parametrize("measure", ["pearson", "partial", "precision", "covariance"])
def test_measures_are_those_of_nilearn(rng, measure, shrinkage):
    signals = made(rng)
    theirs = ConnectivityMeasure(
        kind=THEIR_NAMES.get(measure, measure), cov_estimator=ESTIMATORS[shrinkage]()
    ).fit_transform([signals])[0]
    ours = connectivity(signals, measure, shrinkage=shrinkage).matrix
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8 * np.abs(theirs).max())


@pytest.mark.parametrize("shape", [(60, 20), (15, 40), (30, 1)])
def test_shrinkage_is_that_of_scikit_learn(rng, shape):
    signals = made(rng, *shape)
    theirs = LedoitWolf().fit(signals)
    covariance, weight = ledoit_wolf(signals)
    np.testing.assert_allclose(covariance, theirs.covariance_, rtol=1e-10)
    assert abs(weight - theirs.shrinkage_) < 1e-12


@pytest.mark.parametrize("shrinkage", ESTIMATORS)
def test_tangent_space_is_that_of_nilearn(rng, shrinkage):
    mixing = np.eye(8) + 0.1 * rng.normal(size=(8, 8))
    runs = [rng.normal(size=(n_volumes, 8)) @ mixing for n_volumes in (60, 80, 100, 70)]
    theirs = ConnectivityMeasure(kind="tangent", cov_estimator=ESTIMATORS[shrinkage]())
    deviations = theirs.fit_transform(runs)
    covariances = [connectivity(run, "covariance", shrinkage=shrinkage).matrix for run in runs]
    mean, ours, warnings = tangent_space(np.array(covariances))
    assert warnings == []
    np.testing.assert_allclose(ours, deviations, rtol=0, atol=1e-8)
    np.testing.assert_allclose(mean, theirs.mean_, rtol=0, atol=1e-8 * np.abs(mean).max())


class TestDifferences:
    """Where nilearn 0.14.1 is not followed; docs/how-to/strategies.md lists each."""

    def test_its_correlation_is_shrunk_unless_told_otherwise(self, rng):
        signals = made(rng)
        theirs = ConnectivityMeasure(kind="correlation").fit_transform([signals])[0]
        assert np.abs(theirs - connectivity(signals).matrix).max() > 0.05

    def test_a_constant_signal_has_no_correlation(self, rng):
        signals = made(rng)
        signals[:, 3] = 0
        measure = ConnectivityMeasure(kind="correlation", cov_estimator=LedoitWolf())
        theirs = measure.fit_transform([signals])[0]
        assert (np.delete(theirs[3], 3) == 0).all()
        assert np.isnan(connectivity(signals).matrix[3]).all()
