# SPDX-License-Identifier: Apache-2.0
"""Butterworth, cosine drifts and splines, each against what is known of it."""

from __future__ import annotations

from pathlib import Path

import nilearn
import numpy as np
import pytest

from nipype_mapsmasker.core.filters import (
    MIN_CUTOFF,
    cosine_drifts,
    design_butterworth,
    interpolate_censored,
)
from nipype_mapsmasker.errors import ParameterError, SignalError


def test_half_power_at_the_cut_off_twice() -> None:
    """Forwards and backwards: the gain at the cut-off is 1/2, not 1/sqrt(2)."""
    time = np.arange(4000) * 2.0
    wave = np.sin(2 * np.pi * 0.05 * time)[:, None]
    passed = design_butterworth(2.0, low_pass=0.05).apply(wave)
    assert passed[1000:3000].std() == pytest.approx(wave[1000:3000].std() / 2, rel=1e-3)


def test_no_cut_off_is_no_filter(rng: np.random.Generator) -> None:
    noise = rng.standard_normal((5, 2))
    assert np.array_equal(design_butterworth(2.0).apply(noise), noise)


def test_wrong_order_of_cut_offs() -> None:
    with pytest.raises(ParameterError, match="must be below low_pass"):
        design_butterworth(2.0, low_pass=0.01, high_pass=0.1)


@pytest.mark.parametrize("t_r", [1e-300, 1e-9, 1e300])
def test_cut_offs_too_slow_for_numbers(t_r: float) -> None:
    with pytest.raises(ParameterError, match="of the Nyquist frequency"):
        design_butterworth(t_r, high_pass=0.01)
    slowest = 1.01 * MIN_CUTOFF * 0.25
    filtered = design_butterworth(2.0, high_pass=slowest).apply(np.eye(60)[:, :1])
    assert np.isfinite(filtered).all()


def test_phase_is_left_alone() -> None:
    wave = np.sin(2 * np.pi * 0.02 * np.arange(1000))[:, None]
    passed = design_butterworth(1.0, low_pass=0.1).apply(wave)
    assert np.abs(passed - wave)[200:800].max() < 1e-3


def test_cosines_are_spm_s() -> None:
    file = Path(nilearn.__file__).parent / "glm" / "tests" / "spm_dmtx.npz"
    spm = np.load(file)["cosbf_dt_1_nt_20_hcut_0p1"]
    drifts = cosine_drifts(20, 1.0, 0.1)
    # SPM's first column is the constant; its cut-off leaves out the cosine of exactly 0.1 Hz.
    assert np.abs(spm[:, 1:] - drifts[:, : spm.shape[1] - 1]).max() < 1e-7


@pytest.mark.parametrize(("n_volumes", "n_drifts"), [(1, 0), (2, 0), (200, 8), (10, 0)])
def test_number_of_cosines(n_volumes: int, n_drifts: int) -> None:
    assert cosine_drifts(n_volumes, 2.0, 0.01).shape == (n_volumes, n_drifts)


def test_there_are_never_more_cosines_than_span_the_run() -> None:
    assert cosine_drifts(10, 2.0, 5.0).shape == (10, 9)


@pytest.mark.parametrize("extrapolate", [False, True])
def test_a_cubic_is_interpolated_exactly(extrapolate: bool) -> None:
    time = np.arange(30.0)
    cubic = np.stack([(time - 12) ** 3 / 100, time**2], axis=1)
    keep = np.ones(30, dtype=bool)
    keep[[0, 1, 9, 10, 11, 20, 29]] = False
    spoilt = np.where(keep[:, None], cubic, np.nan)
    spoilt.flags.writeable = keep.flags.writeable = False
    filled, inside = interpolate_censored(spoilt, keep, extrapolate=extrapolate)
    rows = slice(None) if extrapolate else slice(2, 29)
    assert np.abs(filled - cubic[rows]).max() < 1e-9
    assert np.array_equal(inside, keep[rows])


def test_kept_volumes_are_not_touched_by_the_spline(rng: np.random.Generator) -> None:
    signals = rng.standard_normal((25, 2))
    keep = rng.random(25) < 0.7
    filled, inside = interpolate_censored(signals, keep)
    assert np.array_equal(filled[inside], signals[keep])


def test_nothing_kept() -> None:
    with pytest.raises(SignalError, match="keeps none of the 3 volumes"):
        interpolate_censored(np.zeros((3, 1)), np.zeros(3, dtype=bool))
