# SPDX-License-Identifier: Apache-2.0
"""Every refusal of `Cleaning.check` names the parameter, what arrived, and the way out."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from nipype_mapsmasker.core.parameters import Cleaning
from nipype_mapsmasker.errors import ParameterError, SignalError


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"detrend": 1}, "detrend must be True or False; got 1"),
        ({"ensure_finite": None}, "ensure_finite must be True or False; got None"),
        ({"extrapolate": "no"}, "extrapolate must be True or False; got 'no'"),
        ({"standardize_confounds": "yes"}, "standardize_confounds must be True or False"),
        ({"standardize": "z"}, "standardize must be one of 'zscore', 'zscore_sample', 'psc'"),
        ({"standardize": 1}, "standardize must be one of .* got 1"),
        (
            {"filter": "boxcar"},
            "filter must be one of .*'cosine', False, None; got 'boxc",
        ),
        ({"filter": True}, "filter must be one of"),
        ({"low_pass": -0.1}, "low_pass must be a positive number of Hz, or None for none"),
        ({"low_pass": 0}, "low_pass must be a positive number"),
        ({"high_pass": np.nan}, "high_pass must be a positive number"),
        ({"high_pass": "0.01"}, "high_pass must be a positive number of Hz.* got '0.01'"),
        ({"t_r": 0}, "t_r must be a positive number of seconds"),
        ({"t_r": True}, "t_r must be a positive number of seconds"),
        ({"t_r": np.inf}, "t_r must be a positive number of seconds"),
        ({"butterworth_order": 0}, "butterworth_order must be a whole number between 1 and 100"),
        ({"butterworth_order": 2.5}, "butterworth_order must be a whole number"),
        ({"butterworth_padlen": -1}, "butterworth_padlen must be a whole number of at least 0"),
        ({"butterworth_padtype": "zero"}, "butterworth_padtype must be one of 'odd', 'even', 'c"),
        ({"low_pass": 0.1}, "filter='butterworth' needs t_r, the repetition time in seconds"),
        ({"filter": "cosine", "high_pass": 0.01}, "filter='cosine' needs t_r"),
        ({"filter": "cosine", "t_r": 2.0}, "filter='cosine' needs high_pass, in Hz; got None"),
        (
            {"filter": "cosine", "t_r": 2.0, "high_pass": 0.01, "low_pass": 0.1},
            "cannot use low_pass=0.1 Hz; use filter='butterworth' or drop low_pass",
        ),
        (
            {"t_r": 2.0, "high_pass": 0.1, "low_pass": 0.1},
            "high_pass=0.1 Hz must be below low_pass=0.1 Hz: .*swap them or drop one",
        ),
    ],
)
def test_refusals(params: dict[str, Any], text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        Cleaning(**params).check()


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"filter": False, "low_pass": 0.1},
        {"filter": None, "high_pass": 1, "low_pass": 0.5},
        {"standardize": np.True_, "detrend": np.False_},
        {"t_r": np.float32(2), "low_pass": np.float64(0.1), "butterworth_order": np.int64(3)},
        {"t_r": 2, "high_pass": 0.01, "filter": "cosine"},
    ],
)
def test_what_is_fine(params: dict[str, Any]) -> None:
    Cleaning(**params).check()
    Cleaning(**params).check(200)
    assert pickle.loads(pickle.dumps(Cleaning(**params))) == Cleaning(**params)


@pytest.mark.parametrize(
    ("extra", "padding"),
    [
        ({"low_pass": 0.1}, 18),
        ({"high_pass": 0.01}, 18),
        ({"low_pass": 0.1, "high_pass": 0.01}, 33),
        ({"low_pass": 0.1, "butterworth_order": 2}, 9),
        ({"low_pass": 0.1, "butterworth_order": 1}, 6),
        ({"low_pass": 0.1, "butterworth_padlen": 40}, 40),
        ({"low_pass": 0.1, "butterworth_padtype": None, "butterworth_padlen": 40}, 0),
    ],
)
def test_a_run_too_short_for_the_padding_is_refused_from_its_header(
    extra: dict[str, Any], padding: int
) -> None:
    params = Cleaning(t_r=2.0, **extra)
    params.check(padding + 1)
    with pytest.raises(SignalError, match=f"pads {padding} volumes|no volumes"):
        params.check(padding)


def test_the_padding_is_scipy_s() -> None:
    """A signal that is one volume longer than the padding is filtered; scipy agrees."""
    for order in range(1, 8):
        for cuts in ({"low_pass": 0.1}, {"high_pass": 0.02}, {"low_pass": 0.1, "high_pass": 0.02}):
            bandpass = Cleaning(t_r=2.0, butterworth_order=order, **cuts).butterworth()
            assert bandpass is not None
            from scipy.signal import sosfiltfilt

            noise = np.random.default_rng(0).standard_normal((bandpass.padding + 1, 1))
            expected = sosfiltfilt(bandpass.sections, noise, axis=0)
            assert np.array_equal(bandpass.apply(noise), expected)
            with pytest.raises(ValueError, match="padlen"):
                sosfiltfilt(bandpass.sections, noise[1:], axis=0)


def test_true_means_zscore() -> None:
    assert Cleaning(standardize=True).standardization() == "zscore"
    assert Cleaning(standardize=False).standardization() is None


def test_no_volumes() -> None:
    with pytest.raises(SignalError, match="n_volumes=0"):
        Cleaning().check(0)
