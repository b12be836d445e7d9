# SPDX-License-Identifier: Apache-2.0
"""Laws of cleaning, over strategies and data that hypothesis thinks up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from nipype_mapsmasker.core.cleaning import Cleaning, clean
from nipype_mapsmasker.core.confounds import high_variance_confounds

T = 70
SEEDS = st.integers(0, 2**32 - 1)
CUT_OFFS = st.sampled_from(
    [
        {"filter": None},
        {"low_pass": 0.1},
        {"high_pass": 0.01},
        {"low_pass": 0.09, "high_pass": 0.008},
        {"low_pass": 0.08, "butterworth_padtype": "constant", "butterworth_order": 3},
        {"filter": "cosine", "high_pass": 0.015},
    ]
)
STRATEGIES = st.builds(
    lambda cut_offs, **rest: Cleaning(t_r=2.0, **cut_offs, **rest),
    CUT_OFFS,
    detrend=st.booleans(),
    standardize=st.sampled_from([None, "zscore", "zscore_sample", "psc"]),
    standardize_confounds=st.booleans(),
    extrapolate=st.booleans(),
)
CENSORED = st.one_of(
    st.just(frozenset()),
    st.frozensets(st.integers(0, T - 1), max_size=12),
    st.frozensets(st.sampled_from([0, 1, 2, 3, 10, 30, 31, 66, 67, 68, 69]), max_size=11),
)


def make(seed: int, n_signals: int = 3, n_confounds: int = 2) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    signals = rng.standard_normal((T, n_signals)) * 5 + rng.uniform(50, 500, n_signals)
    confounds = rng.standard_normal((T, n_confounds)) + rng.uniform(-3, 3, n_confounds)
    signals.flags.writeable = confounds.flags.writeable = False
    return signals, confounds


def keeping(censored: frozenset[int]) -> Any:
    keep = np.ones(T, dtype=bool)
    keep[list(censored)] = False
    keep.flags.writeable = False
    return keep


def close(one: Any, other: Any, scale: float = 1.0) -> bool:
    return bool(np.abs(one - other).max() <= 1e-8 * scale)


@given(STRATEGIES, SEEDS, CENSORED)
def test_censored_values_cannot_influence_kept_ones(
    params: Cleaning, seed: int, censored: frozenset[int]
) -> None:
    signals, confounds = make(seed)
    keep = keeping(censored)
    wild_signals = np.where(keep[:, None], signals, 1e6)
    wild_confounds = np.where(keep[:, None], confounds, np.nan)
    calm, _ = clean(signals, params, confounds=confounds, sample_mask=keep)
    wild, _ = clean(wild_signals, params, confounds=wild_confounds, sample_mask=keep)
    assert np.array_equal(calm, wild)


@given(STRATEGIES, SEEDS, CENSORED)
def test_one_row_per_kept_volume_and_signals_do_not_meet(
    params: Cleaning, seed: int, censored: frozenset[int]
) -> None:
    signals, confounds = make(seed)
    keep = keeping(censored)
    together, summary = clean(signals, params, confounds=confounds, sample_mask=keep)
    assert together.shape == (keep.sum(), 3)
    assert summary.n_kept == keep.sum()
    backwards, _ = clean(signals[:, ::-1], params, confounds=confounds[:, ::-1], sample_mask=keep)
    assert close(backwards[:, ::-1], together, 500)
    alone, _ = clean(signals[:, 1:2], params, confounds=confounds, sample_mask=keep)
    assert close(alone, together[:, 1:2], 500)


@given(STRATEGIES, SEEDS, CENSORED)
def test_what_is_left_is_orthogonal_to_the_cleaned_confounds(
    params: Cleaning, seed: int, censored: frozenset[int]
) -> None:
    assume(params.filter != "cosine")
    signals, confounds = make(seed)
    keep = keeping(censored)
    params = replace(params, standardize=None)
    cleaned, _ = clean(signals, params, confounds=confounds, sample_mask=keep)
    regressors, _ = clean(confounds, params, sample_mask=keep)
    if params.standardize_confounds:
        regressors = regressors - regressors.mean(axis=0)
    assert close(regressors.T @ cleaned, 0, 500 * T)


@given(STRATEGIES, SEEDS, CENSORED)
def test_linear_in_the_signals_where_nothing_is_standardised(
    params: Cleaning, seed: int, censored: frozenset[int]
) -> None:
    params = replace(params, standardize=None)
    signals, confounds = make(seed)
    arrays = {"confounds": confounds, "sample_mask": keeping(censored)}
    one, _ = clean(signals[:, :1], params, **arrays)
    two, _ = clean(signals[:, 1:2], params, **arrays)
    mixed, _ = clean(2.5 * signals[:, :1] - signals[:, 1:2], params, **arrays)
    assert close(mixed, 2.5 * one - two, 2000)


@given(STRATEGIES, SEEDS, st.sampled_from([2.0**-80, 2.0**-8, 2.0**60]))
def test_units_of_signals_do_not_matter_once_standardised(
    params: Cleaning, seed: int, scale: float
) -> None:
    assume(params.standardize is not None)
    signals, confounds = make(seed)
    one, _ = clean(signals, params, confounds=confounds)
    other, _ = clean(signals * scale, params, confounds=confounds)
    assert np.allclose(one, other, rtol=1e-12, atol=0)


@given(STRATEGIES, SEEDS, CENSORED)
def test_the_space_of_the_confounds_is_all_that_matters(
    params: Cleaning, seed: int, censored: frozenset[int]
) -> None:
    signals, confounds = make(seed)
    keep = keeping(censored)
    mixed = confounds @ np.array([[1e4, 3.0, 1.0], [-2.0, 1e-3, 1.0]])
    one, first = clean(signals, params, confounds=confounds, sample_mask=keep)
    other, second = clean(signals, params, confounds=mixed, sample_mask=keep)
    assert first.confound_rank == second.confound_rank
    assert close(one, other, 1e4)


@given(SEEDS, CENSORED, st.booleans(), st.booleans())
def test_regression_and_detrending_are_idempotent(
    seed: int, censored: frozenset[int], detrend: bool, standardize_confounds: bool
) -> None:
    params = Cleaning(detrend=detrend, standardize_confounds=standardize_confounds, filter=None)
    signals, confounds = make(seed)
    keep = keeping(censored)
    once, _ = clean(signals, params, confounds=confounds, sample_mask=keep)
    # Put back at their places in time, or a line would be another one.
    back = np.full(signals.shape, np.nan)
    back[keep] = once
    twice, _ = clean(back, params, confounds=confounds, sample_mask=keep)
    assert close(once, twice, 500)


@given(SEEDS, CENSORED, st.sampled_from(["zscore", "zscore_sample", "psc"]))
def test_standardised_signals_have_their_mean_and_deviation(
    seed: int, censored: frozenset[int], method: Any
) -> None:
    signals, _ = make(seed)
    keep = keeping(censored)
    cleaned, _ = clean(signals, Cleaning(standardize=method), sample_mask=keep)
    assert close(cleaned.mean(axis=0), 0)
    kept = signals[keep]
    expected = {
        "zscore": 1.0,
        "zscore_sample": np.sqrt(1 - 1 / keep.sum()),
        "psc": 100 * kept.std(axis=0) / kept.mean(axis=0),
    }[method]
    assert close(cleaned.std(axis=0), expected)


@given(STRATEGIES, SEEDS)
def test_a_mask_that_keeps_all_is_no_mask(params: Cleaning, seed: int) -> None:
    signals, confounds = make(seed)
    masked, one = clean(signals, params, confounds=confounds, sample_mask=keeping(frozenset()))
    plain, other = clean(signals, params, confounds=confounds)
    assert np.array_equal(masked, plain)
    assert one == other


@given(SEEDS, st.integers(1, T), st.booleans())
def test_confounds_of_a_run_do_not_know_its_blocks_nor_the_order_of_its_voxels(
    seed: int, size: int, detrend: bool
) -> None:
    rng = np.random.default_rng(seed)
    run = rng.standard_normal((T, 400)) * rng.uniform(1, 9, 400) + 100
    run[:, :20] += 40 * rng.standard_normal((T, 3)) @ rng.standard_normal((3, 20))
    order = rng.permutation(400)
    words: dict[str, Any] = {"n_confounds": 3, "detrend": detrend, "percentile": 4.0}
    whole = high_variance_confounds(lambda: [run], T, **words)
    parts = high_variance_confounds(
        lambda: (run[left : left + size][:, order] for left in range(0, T, size)), T, **words
    )
    gap = np.minimum(np.abs(whole - parts), np.abs(whole + parts))
    assert gap.max() < 1e-7
