# SPDX-License-Identifier: Apache-2.0
"""`clean` as a whole: order, summary, what it refuses, what it leaves alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from nipype_mapsmasker.core.cleaning import Cleaning, clean
from nipype_mapsmasker.errors import ParameterError, SignalError

T, K = 80, 3


@pytest.fixture
def run(rng: np.random.Generator) -> np.ndarray:
    run = rng.standard_normal((T, K)).cumsum(axis=0) + 100
    run.flags.writeable = False
    return run


@pytest.fixture
def motion(rng: np.random.Generator) -> np.ndarray:
    motion = rng.standard_normal((T, 4))
    motion.flags.writeable = False
    return motion


def test_nothing_asked_is_nothing_done(run: np.ndarray) -> None:
    cleaned, summary = clean(run, Cleaning())
    assert np.array_equal(cleaned, run)
    assert cleaned.flags.writeable
    assert not np.shares_memory(cleaned, run)
    assert summary.steps == summary.warnings == []
    assert (summary.n_volumes, summary.n_kept, summary.degrees_of_freedom) == (T, T, T)


@pytest.mark.parametrize(
    ("params", "steps"),
    [
        (
            {"detrend": True, "low_pass": 0.1, "t_r": 2.0, "standardize": "zscore"},
            ["interpolate censored volumes", "detrend", "butterworth", "censor",
             "regress confounds", "standardize zscore"],
        ),
        (
            {"detrend": True, "filter": "cosine", "high_pass": 0.01, "t_r": 2.0,
             "standardize": True},
            ["cosine", "censor", "detrend", "regress confounds", "standardize zscore"],
        ),
        ({"filter": False, "standardize": "psc"},
         ["censor", "regress confounds", "standardize psc"]),
    ],
)  # fmt: skip
def test_order_of_steps(
    run: np.ndarray, motion: np.ndarray, params: dict[str, Any], steps: list[str]
) -> None:
    keep = np.arange(T) % 11 != 5
    cleaned, summary = clean(run, Cleaning(**params), confounds=motion, sample_mask=keep)
    assert summary.steps == steps
    assert summary.warnings == []
    assert cleaned.shape == (keep.sum(), K)
    assert json.loads(json.dumps(asdict(summary))) == asdict(summary)


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint8, ">f4", ">i2"])
def test_any_real_type_is_computed_in_float64(run: np.ndarray, dtype: Any) -> None:
    stored = run.astype(dtype)
    params = Cleaning(detrend=True, standardize="zscore_sample", high_pass=0.01, t_r=2.0)
    cleaned, _ = clean(stored, params)
    assert cleaned.dtype == np.float64
    assert np.array_equal(cleaned, clean(stored.astype(float), params)[0])


def test_both_kinds_of_sample_mask_are_one(run: np.ndarray, motion: np.ndarray) -> None:
    keep = np.ones(T, dtype=bool)
    keep[[0, 1, 30, 79]] = False
    params = Cleaning(detrend=True, low_pass=0.1, t_r=2.0, standardize="psc")
    one, _ = clean(run, params, confounds=motion, sample_mask=keep)
    other, _ = clean(run, params, confounds=motion, sample_mask=np.flatnonzero(keep))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("filtering", [{}, {"low_pass": 0.1, "t_r": 2.0}])
def test_a_lost_map_stays_lost_and_alone(run: np.ndarray, filtering: dict[str, Any]) -> None:
    lost = run.copy()
    lost[:, 1] = np.nan
    params = Cleaning(detrend=True, standardize="zscore_sample", **filtering)
    cleaned, summary = clean(lost, params)
    assert np.isnan(cleaned[:, 1]).all()
    assert np.array_equal(cleaned[:, [0, 2]], clean(run[:, [0, 2]], params)[0])
    assert summary.warnings == []


def test_a_signal_with_some_nan_is_lost_with_a_warning(run: np.ndarray) -> None:
    broken = run.copy()
    broken[3, 0], broken[7, 2] = np.nan, np.inf
    cleaned, summary = clean(broken, Cleaning(detrend=True))
    assert np.isnan(cleaned[:, [0, 2]]).all()
    assert np.isfinite(cleaned[:, 1]).all()
    assert [text[:38] for text in summary.warnings] == ["2 of 3 signals (columns 0, 2) hold NaN"]
    untouched, summary = clean(broken, Cleaning())
    assert np.array_equal(untouched, broken, equal_nan=True)
    assert summary.warnings == []


def test_nan_at_censored_volumes_is_no_harm(run: np.ndarray, motion: np.ndarray) -> None:
    keep = np.arange(T) % 7 != 3
    signals, confounds = run.copy(), motion.copy()
    signals[~keep], confounds[~keep] = np.nan, np.inf
    for filtering in ({}, {"low_pass": 0.1, "t_r": 2.0, "extrapolate": True}):
        params = Cleaning(detrend=True, standardize="zscore", **filtering)
        with_nan, _ = clean(signals, params, confounds=confounds, sample_mask=keep)
        without, _ = clean(run, params, confounds=motion, sample_mask=keep)
        assert np.array_equal(with_nan, without)


def test_ensure_finite_sets_zeros(run: np.ndarray) -> None:
    broken = run.copy()
    broken[3, 0], broken[7, 2] = np.nan, -np.inf
    zeros = np.where(np.isfinite(broken), broken, 0)
    params = Cleaning(detrend=True, ensure_finite=True)
    assert np.array_equal(clean(broken, params)[0], clean(zeros, Cleaning(detrend=True))[0])
    assert np.isnan(broken[3, 0])


def test_a_constant_signal_becomes_zero(run: np.ndarray) -> None:
    constant = np.full((T, 1), 1e4 / 3)
    for extra in ({}, {"detrend": True}, {"high_pass": 0.01, "t_r": 0.7}, {"low_pass": 0.1,
                  "t_r": 2.0}):  # fmt: skip
        cleaned, summary = clean(constant, Cleaning(standardize="zscore_sample", **extra))
        assert not cleaned.any()
        assert "1 of 1 signals are constant" in summary.warnings[-1]


def test_psc_of_a_mean_of_zero_is_zero(run: np.ndarray) -> None:
    centred = run - run.mean(axis=0)
    cleaned, summary = clean(centred, Cleaning(standardize="psc"))
    assert not cleaned.any()
    assert "3 of 3 signals have a mean of zero" in summary.warnings[0]


def test_psc_of_a_negative_mean_keeps_the_sign_of_the_change() -> None:
    cleaned, _ = clean(np.array([[-9.0], [-11.0]]), Cleaning(standardize="psc"))
    assert np.allclose(cleaned.ravel(), [10, -10])


def test_a_single_volume_is_not_detrended_nor_standardised() -> None:
    one = np.array([[1.0, 2.0]])
    cleaned, summary = clean(one, Cleaning(detrend=True, standardize="zscore"))
    assert np.array_equal(cleaned, one)
    assert summary.steps == []
    assert len(summary.warnings) == 2
    cleaned, _ = clean(one, Cleaning(filter="cosine", high_pass=0.01, t_r=2.0))
    assert np.array_equal(cleaned, one)


def test_no_maps_at_all() -> None:
    params = Cleaning(detrend=True, standardize="psc", low_pass=0.1, t_r=2.0)
    cleaned, _ = clean(np.zeros((T, 0)), params, sample_mask=np.arange(3, 60, 2))
    assert cleaned.shape == (29, 0)


def test_all_maps_lost(motion: np.ndarray) -> None:
    params = Cleaning(detrend=True, standardize="psc", low_pass=0.1, t_r=2.0)
    cleaned, summary = clean(np.full((T, 2), np.nan), params, confounds=motion)
    assert np.isnan(cleaned).all()
    assert summary.confound_rank == 4


def test_more_confounds_than_volumes_leave_nothing(rng: np.random.Generator) -> None:
    signals, confounds = rng.standard_normal((12, 2)), rng.standard_normal((12, 30))
    cleaned, summary = clean(
        signals, Cleaning(standardize="zscore_sample", detrend=True), confounds=confounds
    )
    assert not cleaned.any()
    assert summary.confound_rank == 10
    assert summary.degrees_of_freedom == 0
    assert "No degrees of freedom are left: 12 of 12 volumes" in summary.warnings[0]


def test_confounds_of_zeros_are_named(run: np.ndarray, motion: np.ndarray) -> None:
    zeros = np.hstack([np.zeros((T, 1)), motion, np.full((T, 1), 7.7)])
    cleaned, summary = clean(run, Cleaning(), confounds=zeros)
    assert np.allclose(cleaned, clean(run, Cleaning(), confounds=motion)[0], atol=1e-12)
    assert summary.confound_rank == 4
    assert "2 of 6 confounds (columns 0, 5) are zero" in summary.warnings[0]


def test_a_confound_in_one_dimension_and_none_in_two(run: np.ndarray, motion: np.ndarray) -> None:
    column, _ = clean(run, Cleaning(), confounds=motion[:, 0])
    assert np.array_equal(column, clean(run, Cleaning(), confounds=motion[:, :1])[0])
    assert np.array_equal(clean(run, Cleaning(), confounds=np.zeros((T, 0)))[0], run)


@pytest.mark.parametrize(
    ("params", "freedom"),
    [
        ({}, 80 - 4),
        ({"detrend": True}, 80 - 4 - 2),
        ({"standardize": "zscore"}, 80 - 4 - 1),
        # Waves of half periods: 0 to 39 pass below 0.125 Hz, the 40th loses half of its size.
        ({"low_pass": 0.125, "t_r": 2.0, "detrend": True}, 41 - 4 - 2),
        ({"high_pass": 0.0125, "t_r": 2.0, "detrend": True}, 75 - 4),
        ({"high_pass": 0.0125, "t_r": 2.0}, 75 - 4),
        ({"high_pass": 1e-5, "t_r": 2.0, "detrend": True}, 80 - 4 - 2),
        ({"high_pass": 1e-5, "t_r": 2.0}, 80 - 4 - 1),
        ({"high_pass": 0.0125, "t_r": 2.0, "detrend": True, "filter": "cosine"}, 80 - 8 - 2),
    ],
)
def test_degrees_of_freedom(
    run: np.ndarray, motion: np.ndarray, params: dict[str, Any], freedom: int
) -> None:
    assert clean(run, Cleaning(**params), confounds=motion)[1].degrees_of_freedom == freedom


def test_warnings_of_frequencies(run: np.ndarray) -> None:
    _, summary = clean(run, Cleaning(low_pass=0.3, high_pass=0.01, t_r=2.0))
    assert summary.warnings[0].startswith("low_pass=0.3 Hz is not below the Nyquist frequency")
    assert 0.2499 < summary.low_pass < 0.25
    assert summary.high_pass == 0.01
    cleaned, summary = clean(run, Cleaning(low_pass=2, high_pass=1, t_r=2.0))
    assert np.array_equal(cleaned, run)
    assert summary.low_pass is summary.high_pass is None
    assert summary.warnings[-1].startswith("Signals were not filtered: low_pass=2.0 Hz and high")
    _, summary = clean(run, Cleaning(filter="cosine", high_pass=1, t_r=2.0))
    assert "the cosines explain every signal" in summary.warnings[0]
    cleaned, summary = clean(run, Cleaning(filter="cosine", high_pass=0.001, t_r=2.0))
    assert np.array_equal(cleaned, run)
    assert "has no cosine of 0.001 Hz or slower in 80 volumes" in summary.warnings[0]
    _, summary = clean(run, Cleaning(filter=None, low_pass=0.1))
    assert "low_pass=0.1 and high_pass=None were not used" in summary.warnings[0]


def test_confounds_that_keep_their_mean_are_warned_of(run: np.ndarray, motion: np.ndarray) -> None:
    _, summary = clean(run, Cleaning(standardize_confounds=False), confounds=motion + 3)
    assert "unless they have zero mean" in summary.warnings[0]


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"signals": np.zeros(5)}, r"signals must be a \(T, K\) array.*got shape \(5,\)"),
        ({"signals": np.zeros((0, 3))}, r"at least one volume; got shape \(0, 3\)"),
        ({"signals": np.zeros((5, 2), dtype=complex)}, "real numbers.*complex128"),
        ({"signals": np.array([["a"]])}, "real numbers"),
        ({"confounds": np.zeros((T - 1, 2))}, f"confounds have {T - 1} rows for {T} volumes"),
        ({"confounds": np.zeros((T, 2, 2))}, r"confounds must be a \(T, C\) array"),
        ({"confounds": np.full((T, 1), "x")}, "confounds must be.*real numbers"),
        ({"confounds": np.full((T, 2), np.nan)}, "NaN or infinite values in column 0, 1 at"),
        ({"sample_mask": np.zeros(T, dtype=bool)}, f"keeps none of the {T} volumes"),
        ({"sample_mask": []}, f"keeps none of the {T} volumes"),
        ({"sample_mask": np.ones(T - 1, dtype=bool)}, f"{T - 1} booleans for {T} volumes"),
        ({"sample_mask": [0.5, 1.0]}, "booleans or integer indices; got 1D of type float64"),
        ({"sample_mask": np.ones((T, 1), dtype=bool)}, "must be 1D"),
        ({"sample_mask": [1, T]}, f"the index {T}, but the run's {T} volumes are numbered 0 to"),
        ({"sample_mask": [-1, 2]}, "the index -1"),
        ({"sample_mask": [4, 2]}, "sorted and without repetition"),
        ({"sample_mask": [1] * T}, r"look like 0/1 flags: convert them with astype\(bool\)"),
        ({"sample_mask": "keep"}, "must be 1D"),
    ],
)
def test_arrays_that_are_refused(run: np.ndarray, arrays: dict[str, Any], text: str) -> None:
    arrays = {"signals": run, "params": Cleaning()} | arrays
    with pytest.raises(SignalError, match=text):
        clean(**arrays)


def test_too_short_for_the_filter_once_censored(run: np.ndarray) -> None:
    params = Cleaning(low_pass=0.1, t_r=2.0)
    with pytest.raises(SignalError, match=r"pads 18 volumes at both ends and.*got 18"):
        clean(run, params, sample_mask=np.arange(18))
    assert clean(run, params, sample_mask=np.arange(19))[0].shape == (19, K)
    with pytest.raises(SignalError, match="keeps 1 of 80 volumes"):
        clean(run, Cleaning(low_pass=0.1, t_r=2.0, extrapolate=True), sample_mask=[4])


def test_parameters_are_checked_before_arrays() -> None:
    with pytest.raises(ParameterError, match="needs t_r"):
        clean(np.zeros((3, 1)), Cleaning(low_pass=0.1), confounds=np.zeros((7, 1)))
