# SPDX-License-Identifier: Apache-2.0
"""Standardisation, rank and projection at their edges."""

from __future__ import annotations

import numpy as np
import pytest

from nipype_mapsmasker.core.regression import confound_basis, project_out, scale_confounds
from nipype_mapsmasker.core.standardize import detrend, percent_signal_change, zscore


def test_rank_of_dependent_confounds(rng: np.random.Generator) -> None:
    confounds = rng.standard_normal((50, 4))
    dependent = np.hstack([confounds, confounds @ rng.standard_normal((4, 6)), np.zeros((50, 1))])
    basis = confound_basis(dependent)
    assert basis.shape == (50, 4)
    assert np.abs(project_out(dependent, basis)).max() < 1e-13
    assert confound_basis(np.zeros((5, 2))).shape == (5, 0)
    assert confound_basis(np.zeros((5, 0))).shape == (5, 0)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_rank_does_not_know_the_units(rng: np.random.Generator, scale: float) -> None:
    confounds = rng.standard_normal((50, 4)) * scale
    assert confound_basis(confounds).shape == (50, 4)
    scaled, flat = scale_confounds(confounds)
    assert np.allclose(scaled.std(axis=0, ddof=1), 1)
    assert not flat.any()


def test_a_confound_of_which_round_off_is_left_is_zero() -> None:
    line = np.arange(40.0)[:, None] * 0.1 + 1e6 / 3
    scaled, flat = scale_confounds(detrend(line), scale=np.abs(line).max(axis=0))
    assert flat.all()
    assert not scaled.any()
    scaled, flat = scale_confounds(
        detrend(line), standardize=False, scale=np.abs(line).max(axis=0)
    )
    assert flat.all()
    assert not scaled.any()


def test_no_digit_changes_without_standardising(rng: np.random.Generator) -> None:
    confounds = rng.standard_normal((9, 3)) + np.array([-4, 3e10, 1e200])
    scaled, _ = scale_confounds(confounds, standardize=False)
    largest = np.abs(scaled).max(axis=0)
    assert ((largest >= 1) & (largest < 2)).all()
    factors = np.log2(confounds[0] / scaled[0])
    assert np.array_equal(np.rint(factors), factors)
    assert np.array_equal(scaled * 2.0**factors, confounds)


def test_a_single_volume_is_not_standardised() -> None:
    assert scale_confounds(np.array([[4.0]]))[0].tolist() == [[1.0]]


def test_inputs_are_not_changed(rng: np.random.Generator) -> None:
    signals = rng.standard_normal((9, 3))
    signals.flags.writeable = False
    for function in (detrend, zscore, scale_confounds, confound_basis):
        function(signals)
    percent_signal_change(signals, signals.mean(axis=0))
    assert detrend(signals[:1]) is not signals


def test_constant_detrending(rng: np.random.Generator) -> None:
    signals = rng.standard_normal((9, 3))
    assert np.allclose(detrend(signals, "constant"), signals - signals.mean(axis=0))
