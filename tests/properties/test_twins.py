# SPDX-License-Identifier: Apache-2.0
"""Maps that resemble others, to any degree: rank, variance inflation and signals agree."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from nipype_mapsmasker.core.least_squares import Solution, solve_maps

TOLERANCE_SD = 1e-6
"""Largest difference in standard deviations of the signal."""


def twins(rng: np.random.Generator) -> tuple[np.ndarray, float, bool]:
    """Make maps (V, K), the last of them a combination of some others, and its distance."""
    n_voxels, n_maps = int(rng.integers(300, 900)), int(rng.integers(3, 9))
    maps = rng.random((n_voxels, n_maps)) * (rng.random((n_voxels, n_maps)) < 0.5)
    distance = float(10.0 ** -rng.integers(1, 16))
    others = rng.choice(n_maps - 1, size=int(rng.integers(1, min(4, n_maps))), replace=False)
    mixed = maps[:, others] @ rng.uniform(0.5, 2.0, others.size)
    maps[:, -1] = mixed * (1 + distance * rng.standard_normal(n_voxels))
    narrow = bool(rng.random() < 0.5)
    return maps * rng.choice([1e-6, 1.0, 1e4], n_maps), distance, narrow


def signals(solution: Solution, run: np.ndarray) -> np.ndarray:
    return (solution.mixing @ (solution.basis @ run.T)).T


@pytest.mark.parametrize("seed", range(200))
def test_rank_inflation_and_signals_agree(seed: int) -> None:
    rng = np.random.default_rng((5, seed))
    maps, distance, narrow = twins(rng)
    rounding = 0.0
    if narrow:
        maps = maps.astype(np.float32).astype(np.float64)
        rounding = float(np.finfo(np.float32).eps) / 2
    n_maps = maps.shape[1]
    store = sparse.csc_array if rng.random() < 0.5 else np.asarray
    solution = solve_maps(store(maps), rounding)
    limit = 3e-8 if narrow else 1e-15
    merged = solution.rank < n_maps
    assert merged or distance > limit
    assert not merged or distance < 100 * limit * n_maps
    # What the rank says, inflation and the groups say as well.
    assert np.isinf(solution.variance_inflation).any() == merged
    assert len(solution.merged) == n_maps - solution.rank
    assert np.array_equal(np.isinf(solution.variance_inflation), solution.merged.any(axis=0))
    # The solution is least squares: the residual has nothing of the maps that are told apart.
    unit = maps / np.sqrt((maps**2).sum(axis=0))
    run = 100 + rng.standard_normal((12, n_maps)) @ unit.T + rng.standard_normal((12, len(maps)))
    found = signals(solution, run)
    scaled = found * np.sqrt((maps**2).sum(axis=0))
    if not merged:
        residual = run - scaled @ unit.T
        bar = 1e-11 / distance if distance < 1e-5 else 1e-6
        assert np.abs(residual @ unit).max() < bar * np.abs(run).max()
        return
    expected = np.linalg.lstsq(maps_of_norm(maps), run.T, rcond=1e-6 if narrow else 1e-12)[0].T
    apart = ~solution.merged.any(axis=0)
    difference = np.abs(scaled - expected)[:, apart] / expected.std(axis=0)[apart]
    assert difference.max(initial=0.0) < (1e-4 if narrow else TOLERANCE_SD)
    fitted, best = scaled @ unit.T, expected @ unit.T
    assert np.abs(fitted - best).max() < (1e-4 if narrow else TOLERANCE_SD) * best.std()
    # Minimum norm: in the maps' own units nothing of a combination that adds up to nothing.
    null = np.linalg.svd(unit)[2][solution.rank :]
    null = np.where(np.abs(null) > 1e-4, null, 0.0) / np.sqrt((maps**2).sum(axis=0))
    null /= np.sqrt((null**2).sum(axis=1))[:, None]
    assert np.abs(null @ found.T).max() < 1e-3 * np.abs(found).max()
    # And of the size of the data, not of their rounding.
    assert np.abs(scaled).max() < 100 * np.abs(expected).max()


def maps_of_norm(maps: np.ndarray) -> np.ndarray:
    return maps / np.sqrt((maps**2).sum(axis=0))


@pytest.mark.parametrize("seed", range(200))
def test_signals_of_twins_apart_are_those_of_longer_arithmetic(seed: int) -> None:
    """Data of a level of 10,000 deviations; the reference works with 64 bits of mantissa."""
    rng = np.random.default_rng((6, seed))
    maps = rng.random((600, 5))
    maps[:, 4] = maps[:, 1] + 10.0 ** -rng.uniform(1, 2.5) * rng.standard_normal(600)
    run = 1e4 + rng.standard_normal((8, 600))
    found = signals(solve_maps(maps), run)
    long = maps.astype(np.longdouble)
    expected = solve_positive(long.T @ long, long.T @ run.astype(np.longdouble).T).T
    difference = np.abs(found - expected) / expected.std(axis=0)
    assert difference.max() < 2e-9


def solve_positive(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve by elimination, which LAPACK does not offer for longer types."""
    gram, right = gram.copy(), right.copy()
    for i in range(len(gram)):
        for j in range(i + 1, len(gram)):
            factor = gram[j, i] / gram[i, i]
            gram[j] -= factor * gram[i]
            right[j] -= factor * right[i]
    for i in reversed(range(len(gram))):
        right[i] = (right[i] - gram[i, i + 1 :] @ right[i + 1 :]) / gram[i, i]
    return right
