# SPDX-License-Identifier: Apache-2.0
"""High-variance confounds: streaming, masks, odd voxels, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nipype_mapsmasker.core.confounds import (
    high_variance_confounds,
    main_components,
    mean_squares,
    most_variable,
)
from nipype_mapsmasker.core.standardize import detrend
from nipype_mapsmasker.errors import ParameterError, SignalError

T, V = 24, 700


@pytest.fixture
def run(rng: np.random.Generator) -> np.ndarray:
    run = rng.standard_normal((T, V)) * rng.uniform(1, 20, V) + 1000
    run += np.arange(T)[:, None] * rng.standard_normal(V)
    run.flags.writeable = False
    return run


def blocks_of(run: np.ndarray, size: int) -> Any:
    def blocks() -> Iterator[np.ndarray]:
        for left in range(0, len(run), size):
            yield run[left : left + size]

    return blocks


@pytest.mark.parametrize("size", [1, 5, 24])
def test_mean_squares_are_those_of_the_detrended_series(run: np.ndarray, size: int) -> None:
    expected = (detrend(run) ** 2).mean(axis=0)
    assert np.allclose(mean_squares(blocks_of(run, size), T), expected, rtol=1e-10)
    plain = mean_squares(blocks_of(run, size), T, detrend=False)
    assert np.allclose(plain, (run**2).mean(axis=0), rtol=1e-13)


def test_more_voxels_than_are_worked_on_at_a_time(rng: np.random.Generator) -> None:
    run = rng.standard_normal((3, 150_001)).astype(np.float32)
    expected = (detrend(run.astype(float)) ** 2).mean(axis=0)
    assert np.allclose(mean_squares(lambda: [run], 3), expected, atol=1e-15)
    voxels = np.arange(0, 150_001, 2)
    assert np.allclose(mean_squares(lambda: [run], 3, voxels=voxels), expected[voxels], atol=1e-15)


@pytest.mark.parametrize("with_trend", [True, False])
def test_block_size_does_not_matter(run: np.ndarray, with_trend: bool) -> None:
    whole = high_variance_confounds(blocks_of(run, T), T, detrend=with_trend)
    for size in (1, 7):
        parts = high_variance_confounds(blocks_of(run, size), T, detrend=with_trend)
        assert np.allclose(parts, whole, atol=1e-9)
    assert np.allclose(whole.T @ whole, np.eye(5), atol=1e-12)


def test_a_mask_is_a_smaller_run(run: np.ndarray) -> None:
    voxels = np.flatnonzero(np.arange(V) % 3 == 0)
    expected = high_variance_confounds(blocks_of(run[:, voxels], 5), T, percentile=10)
    found = high_variance_confounds(blocks_of(run, 5), T, percentile=10, voxels=voxels)
    assert np.allclose(found, expected, atol=1e-10)
    flags = np.arange(V) % 3 == 0
    assert np.array_equal(
        high_variance_confounds(blocks_of(run, 5), T, percentile=10, voxels=flags), found
    )


@pytest.mark.parametrize("with_trend", [True, False])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("volume", [0, 9])
def test_voxels_that_are_ever_not_finite_are_left_out(
    run: np.ndarray, bad: float, volume: int, with_trend: bool
) -> None:
    spoilt = run.astype(np.float32)
    spoilt[volume, 100:110] = bad
    others = np.delete(spoilt, np.s_[100:110], axis=1)
    found = high_variance_confounds(blocks_of(spoilt, 5), T, detrend=with_trend)
    expected = high_variance_confounds(blocks_of(others, 5), T, detrend=with_trend)
    assert np.allclose(found, expected, atol=1e-10)


def test_units_and_sign_do_not_matter(run: np.ndarray) -> None:
    found = high_variance_confounds(blocks_of(run, 5), T)
    assert np.allclose(high_variance_confounds(blocks_of(-8 * run, 5), T), found, atol=1e-9)


@pytest.mark.parametrize("n_series", [6, 60])
def test_components_are_singular_vectors(rng: np.random.Generator, n_series: int) -> None:
    series = rng.standard_normal((20, n_series))
    left, _, _ = np.linalg.svd(series, full_matrices=False)
    found = main_components(series, 4)
    assert np.allclose(np.abs((left[:, :4] * found).sum(axis=0)), 1)


def test_all_voxels_nan() -> None:
    assert most_variable(np.full(4, np.nan), 50).size == 0


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"n_confounds": 0}, "n_confounds must be a whole number of at least 1; got 0"),
        ({"n_confounds": 2.5}, "n_confounds must be a whole number"),
        ({"percentile": 0}, "percentile must lie above 0 and not above 100; got 0"),
        ({"percentile": 101}, "percentile must lie above 0"),
        ({"voxels": [[1, 2]]}, r"voxels must be 1D flat indices.*\(1, 2\)"),
        ({"voxels": [0.5]}, "voxels must be 1D flat indices"),
    ],
)
def test_refused_parameters(run: np.ndarray, params: dict[str, Any], text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        high_variance_confounds(blocks_of(run, 5), T, **params)


def test_refused_data(run: np.ndarray) -> None:
    with pytest.raises(SignalError, match="No voxel lies above the 98th percentile"):
        high_variance_confounds(lambda: [np.full((T, V), 7)], T)
    with pytest.raises(SignalError, match=r"hold \d independent time courses .*n_confounds=5"):
        high_variance_confounds(lambda: [run[:, :100]], T)
    with pytest.raises(SignalError, match="gave 24 volumes where n_volumes=25 were promised"):
        high_variance_confounds(blocks_of(run, 5), 25)
    with pytest.raises(SignalError, match="gave too many volumes where n_volumes=23"):
        high_variance_confounds(blocks_of(run, 5), 23)
    with pytest.raises(SignalError, match="n_confounds=5 confounds cannot be independent over 3"):
        high_variance_confounds(blocks_of(run[:3], 5), 3)
