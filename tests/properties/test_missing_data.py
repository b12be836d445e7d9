# SPDX-License-Identifier: Apache-2.0
"""Holes in space and time, in numbers of any type, against least squares over what is there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from nipype_mapsmasker.core.extraction import Target, extract
from nipype_mapsmasker.core.fitting import MapsOperator, fit_maps
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.maps import MapsMatrix, collect_maps
from tests.conftest import read_only

TOLERANCE_SD = 1e-6
"""Largest difference in standard deviations of the signal."""


@dataclass(frozen=True, eq=False)
class Case:
    """Maps (V, K), a run (T, V), what is known of it (T, V), and the step of scaled integers."""

    grid: Grid
    maps: np.ndarray
    run: np.ndarray
    known: np.ndarray
    step: float


def make_case(seed: int) -> Case:
    rng = np.random.default_rng((4, seed))
    shape = tuple(int(n) for n in rng.integers(4, 7, 3))
    grid = Grid((shape[0], shape[1], shape[2]), np.diag([3.0, 3.0, 3.0, 1.0]))
    n_maps, n_volumes, n_voxels = int(rng.integers(2, 5)), int(rng.integers(8, 20)), grid.n_voxels
    maps = rng.random((n_voxels, n_maps)) * (rng.random((n_voxels, n_maps)) < 0.6)
    truth = rng.standard_normal((n_volumes, n_maps)).cumsum(axis=0) * 20 + 300
    run = 1000 + truth @ maps.T + rng.standard_normal((n_volumes, n_voxels)) * 5
    known = np.ones(run.shape, dtype=bool)
    never = rng.random(n_voxels) < rng.choice([0.0, 0.2, 0.4])
    known[:, never] = False
    planes = np.arange(n_voxels) // (shape[0] * shape[1])
    for _ in range(int(rng.integers(0, 5))):  # slices and single voxels, in some volumes
        volumes = rng.random(n_volumes) < 0.3
        voxels = planes == rng.integers(shape[2])
        if rng.random() < 0.4:
            voxels = rng.random(n_voxels) < 0.1
        known[np.ix_(volumes, voxels)] = False
    known[rng.random(n_volumes) < rng.choice([0.0, 0.1])] = False
    known[:2] |= ~never  # so that every voxel is seen to change
    kind, step = rng.choice(["f8", "f4", "i2", "scaled"]), 0.0
    if kind == "scaled":
        step = float(10.0 ** rng.uniform(-3, 0))
        shift = rng.uniform(-0.45, 0.45) * step  # zero itself is no value of such a file
        run = np.rint((run - shift) / step) * step + shift
        run[~known] = shift
        run[:, never] = np.where(rng.random(never.sum()) < 0.5, shift, 501.0 * step)
    else:
        run = np.rint(run) if kind == "i2" else run.astype(kind)
        holes = np.where(rng.random(run.shape) < 0.5, np.nan, 0.0) if kind != "i2" else 0.0
        run = np.where(known, run, holes)
        fixed = never & (rng.random(n_voxels) < 0.3)
        run[:, fixed] = rng.integers(1, 900, int(fixed.sum()))
        run = run.astype(kind)
    return Case(grid, maps, read_only(run), known, step)


def fit(case: Case) -> MapsOperator:
    volumes = [case.maps[:, k].reshape(case.grid.shape[::-1]) for k in range(case.maps.shape[1])]
    design: MapsMatrix = collect_maps(volumes, case.grid, case.grid)
    return fit_maps(design, [str(k) for k in range(case.maps.shape[1])])


def blocks(case: Case, size: int) -> list[np.ndarray]:
    return [case.run[left : left + size] for left in range(0, len(case.run), size)]


@pytest.mark.parametrize("seed", range(200))
def test_what_is_missing_is_left_out_and_counted(seed: int) -> None:
    case = make_case(seed)
    operator = fit(case)
    found, _ = extract(
        blocks(case, 1 + seed % 7), [Target(operator)], missing_voxels="exclude", step=case.step
    )
    result = found[0]
    ever = case.known.any(axis=0)
    weight = np.abs(case.maps)
    assert np.allclose(result.coverage_data, weight[ever].sum(axis=0) / weight.sum(axis=0))
    under = case.maps.any(axis=1)
    empty = ~case.known[:, under].any(axis=1)
    assert np.array_equal(result.empty, empty)
    missing = (~case.known & ever).astype(int) @ (case.maps != 0)
    assert np.array_equal(result.missing, missing)
    expected = np.full(result.signals.shape, np.nan)
    for t in np.flatnonzero(~empty):
        there = case.known[t]
        expected[t] = np.linalg.lstsq(case.maps[there], case.run[t, there].astype(float))[0]
    gone = ~(case.known.astype(float) @ weight > 0)
    assert np.array_equal(np.isnan(result.signals), gone & (ever @ weight > 0))
    assert not result.signals[:, ever @ weight == 0].any()
    sizes = np.nanstd(np.where(gone, np.nan, expected), axis=0)
    difference = np.where(gone, 0.0, result.signals - expected)
    assert np.abs(difference / sizes).max() < TOLERANCE_SD


@pytest.mark.parametrize("seed", range(200))
def test_what_is_missing_counts_as_zero_by_default_and_is_counted(seed: int) -> None:
    case = make_case(seed)
    operator = fit(case)
    results = [
        extract(blocks(case, size), [Target(operator)], step=case.step)[0][0] for size in (3, 50)
    ]
    values = np.nan_to_num(case.run.astype(float))
    expected = np.linalg.lstsq(case.maps, values.T)[0].T
    for result in results:
        difference = np.abs(result.signals - expected) / expected.std(axis=0)
        assert difference.max() < TOLERANCE_SD
        ever = case.known.any(axis=0)
        missing = (~case.known & ever).astype(int) @ (case.maps != 0)
        assert np.array_equal(result.missing, missing)
