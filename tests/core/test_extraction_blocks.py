# SPDX-License-Identifier: Apache-2.0
"""Running sums over blocks: pieces and batches change nothing, to the last bit."""

from collections.abc import Iterator

import numpy as np
import pytest

from nipype_mapsmasker.core import accumulation
from nipype_mapsmasker.core.accumulation import MaskedMean, RunningSum, RunProducts
from nipype_mapsmasker.core.confounds import high_variance_confounds
from nipype_mapsmasker.core.extraction import Target, extract
from nipype_mapsmasker.core.fitting import fit_maps
from nipype_mapsmasker.core.gathering import Gathering
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.maps import collect_maps
from nipype_mapsmasker.core.resampling import BlockResampler, data_range
from nipype_mapsmasker.core.supports import Supports
from nipype_mapsmasker.core.tiles import tile_rows
from nipype_mapsmasker.core.variance import MeanSquares
from nipype_mapsmasker.io.fitted import load_operator, save_operator
from tests.conftest import AFFINES, SHAPE, read_only

SPACE = (35, 19, 9)
"""Two cubes and a bit along every axis."""

N_VOXELS = SPACE[0] * SPACE[1] * SPACE[2]

N_VOLUMES = 2 * accumulation.BATCH_VOLUMES[1] + 3
"""Volumes of these runs: two whole batches and a bit."""


@pytest.fixture
def run(rng: np.random.Generator) -> np.ndarray:
    return read_only(rng.integers(-300, 300, (N_VOLUMES, N_VOXELS)).astype(np.int16))


@pytest.fixture
def basis(rng: np.random.Generator) -> np.ndarray:
    dense = rng.normal(size=(3, N_VOXELS - 5))
    dense[1:, ::2] = 0
    dense[1, N_VOXELS // 2 :] = 0
    return read_only(dense)


VOXELS = np.arange(5, N_VOXELS)


def cut(run: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(run), size):
        yield run[start : start + size]


def sums(run: np.ndarray, basis: np.ndarray, size: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rows, voxels = tile_rows(Supports(basis, VOXELS), SPACE)
    running = RunProducts([rows], Gathering([voxels], SPACE))
    for block in cut(run, size):
        running.add(block)
    return running.finish()[0]


@pytest.mark.parametrize("dtype", ["i2", "u1", "f4", "f8"])
def test_products_and_squares_are_those_of_the_whole_run(
    run: np.ndarray, basis: np.ndarray, dtype: str
) -> None:
    stored = (run + 300).astype(dtype) if dtype == "u1" else run.astype(dtype)
    products, squares = sums(stored, basis)
    values = stored[:, VOXELS].astype(np.float64)
    np.testing.assert_allclose(products, values @ basis.T, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(squares, (values**2).sum(axis=1), rtol=1e-13)


def test_blocks_of_any_size_give_the_same_bits(run: np.ndarray, basis: np.ndarray) -> None:
    first = sums(run, basis, 1)
    for size in (2, 31, 32, 33, N_VOLUMES):
        for one, other in zip(first, sums(run, basis, size), strict=True):
            assert np.array_equal(one, other)


def test_numbers_of_a_float32_basis_are_multiplied_in_float64(
    run: np.ndarray, basis: np.ndarray
) -> None:
    narrow = basis.astype(np.float32)
    assert np.array_equal(sums(run, narrow)[0], sums(run, narrow.astype(np.float64))[0])


def test_what_is_not_finite_counts_as_zero(run: np.ndarray, basis: np.ndarray) -> None:
    broken, zeroed = run.astype(np.float64), run.astype(np.float64)
    for t, v, bad in ((0, 9, np.nan), (40, 2100, np.inf), (N_VOLUMES - 1, N_VOXELS - 1, -np.inf)):
        broken[t, v], zeroed[t, v] = bad, 0.0
    for one, other in zip(sums(broken, basis), sums(zeroed, basis), strict=True):
        assert np.array_equal(one, other)


def test_a_run_without_volumes_has_no_sums(basis: np.ndarray) -> None:
    products, squares = sums(np.zeros((0, N_VOXELS), np.int16), basis)
    assert products.shape == (0, 3)
    assert squares.shape == (0,)


@pytest.fixture(params=[0, accumulation.FEW_VOXELS])
def few_voxels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Sum volume by volume as for large ones, or block by block."""
    monkeypatch.setattr(accumulation, "FEW_VOXELS", request.param)
    return request.param


@pytest.mark.parametrize("dtype", ["i2", "u2", "i4", "f4", "f8"])
def test_mean_of_the_largest_numbers_is_exact(dtype: str, few_voxels: int) -> None:
    kind = np.dtype(dtype)
    largest = np.iinfo(kind).max if kind.kind in "iu" else 2.0**60
    mean = RunningSum()
    for size in (1, 40, 9):
        mean.add(read_only(np.full((size, 3), largest, dtype=kind)))
    assert np.array_equal(mean.mean(), np.full(3, float(largest)))


@pytest.mark.parametrize("dtype", ["i2", "u2"])
@pytest.mark.parametrize("span", [(0, 3), (-40, 1200), (-32768, 32767), (0, 65535), (-9000, 0)])
def test_mean_of_short_numbers_is_exact(
    rng: np.random.Generator, dtype: str, span: tuple[int, int], few_voxels: int
) -> None:
    kind = np.iinfo(dtype)
    low, high = max(span[0], kind.min), min(span[1], kind.max)
    run = rng.integers(low, high, (200, 21), endpoint=True).astype(dtype)
    run[60:80] //= 50  # so that kinds of volumes follow each other
    mean, sliced = RunningSum(), RunningSum()
    for start in range(0, 200, 7):
        mean.add(run[start : start + 7])
        sliced.add(np.repeat(run[start : start + 7], 2, axis=1)[:, ::2])
    wanted = run.sum(axis=0, dtype=np.int64) / 200
    assert np.array_equal(mean.mean(), wanted)
    assert np.array_equal(sliced.mean(), wanted)


def test_mean_is_that_of_finite_values_with_zeros_for_the_others() -> None:
    mean = RunningSum()
    mean.add(np.array([[1.0, np.nan], [3.0, 2.0]], dtype=np.float32))
    mean.add(np.array([[5.0, np.inf], [7.0, 2.0]], dtype=np.float32))
    assert mean.mean().tolist() == [4.0, 1.0]


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8", "g"])
@pytest.mark.parametrize("n_others", [0, 300, 1500])
@pytest.mark.parametrize("first_new", [17, N_VOLUMES])
def test_mean_of_masked_volumes(
    rng: np.random.Generator, dtype: str, n_others: int, first_new: int, few_voxels: int
) -> None:
    run = rng.integers(0, 200, (N_VOLUMES, N_VOXELS)).astype(dtype)
    voxels = rng.permutation(N_VOXELS)[:4000]
    others = rng.permutation(np.setdiff1d(np.arange(N_VOXELS), voxels))
    run[:, others[n_others:]] = 0
    run[first_new:, others[-1]] = 9  # one value more is enough
    mean = MaskedMean(voxels)
    for volume in run:
        mean.add(volume, volume[voxels])
    np.testing.assert_allclose(mean.mean(), run.mean(axis=0, dtype=np.float64), rtol=1e-14, atol=0)


def test_mean_of_masked_volumes_leaves_out_what_is_not_finite(rng: np.random.Generator) -> None:
    run = rng.normal(size=(9, 50)).astype(np.float32)
    run[:, 20:] = 0
    run[3, 4], run[5, 30] = np.nan, np.inf
    run[7, 40] = -0.0  # has a bit set
    mean = MaskedMean(np.arange(20))
    for volume in run:
        mean.add(volume, volume[:20])
    wanted = np.where(np.isfinite(run), run, 0).mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(mean.mean(), wanted, rtol=1e-14)


def test_mean_of_no_volumes_is_empty() -> None:
    assert MaskedMean(np.arange(3)).mean().size == RunningSum().mean().size == 0


def test_resampling_only_what_is_looked_at_gives_the_same_there(
    rng: np.random.Generator,
) -> None:
    source = Grid(SHAPE, AFFINES["anisotropic"])
    affine = source.affine.copy()
    affine[:3, :3] *= 0.7
    target = Grid((9, 8, 7), affine)
    block = read_only(rng.integers(0, 99, (3, source.n_voxels)).astype(np.int16))
    voxels = np.array([100, 130, 275])
    limits = data_range([block])
    whole = BlockResampler(source, target, "continuous", limits)(block)
    part = BlockResampler(source, target, "continuous", limits, voxels=voxels)(block)
    np.testing.assert_allclose(part[:, voxels], whole[:, voxels], rtol=1e-13)
    assert (part == 0).sum() > (whole == 0).sum()


def test_maps_of_float32_are_kept_so_and_give_the_same_signals(
    maps: np.ndarray, bold: np.ndarray, tmp_path
) -> None:
    grid = Grid(SHAPE, AFFINES["anisotropic"])
    design = collect_maps(
        [np.ascontiguousarray(m.T, dtype=np.float32) for m in np.moveaxis(maps, -1, 0)],
        grid,
        grid,
    )
    fitted = fit_maps(design, [f"m{k}" for k in range(maps.shape[-1])])
    loaded = load_operator(save_operator(tmp_path / "operator.npz", fitted))
    assert loaded.basis.values.dtype == np.float32
    table = read_only(np.ascontiguousarray(bold.reshape(-1, bold.shape[-1], order="F").T))
    holes = table.copy()
    holes[:, ::5] = 0
    for values, missing in ((table, "zero"), (holes, "exclude")):
        results = [
            extract([values], [Target(operator)], missing_voxels=missing)[0][0]
            for operator in (fitted, loaded)
        ]
        np.testing.assert_allclose(results[0].signals, results[1].signals, rtol=1e-12)
        np.testing.assert_allclose(results[0].coverage_data, results[1].coverage_data, rtol=1e-12)


def test_maps_that_float32_cannot_hold_stay_in_float64(maps: np.ndarray, tmp_path) -> None:
    grid = Grid(SHAPE, AFFINES["anisotropic"])
    design = collect_maps(
        [np.ascontiguousarray(m.T) / 3 for m in np.moveaxis(maps, -1, 0)], grid, grid
    )
    fitted = fit_maps(design, [f"m{k}" for k in range(maps.shape[-1])])
    loaded = load_operator(save_operator(tmp_path / "operator.npz", fitted))
    assert loaded.basis.values.dtype == np.float64
    assert np.array_equal(loaded.basis.values, fitted.basis.values)


def test_mean_squares_of_another_reading_give_the_same_confounds(run: np.ndarray) -> None:
    voxels = np.arange(3, 4000)
    known = MeanSquares(N_VOLUMES)
    for block in cut(run, 8):
        known.add(read_only(block))
    squares = known.finish()
    values = run - run.mean(axis=0)
    times = np.arange(N_VOLUMES) - (N_VOLUMES - 1) / 2
    values -= np.outer(times, times @ values / (times @ times))
    np.testing.assert_allclose(squares, (values**2).mean(axis=0), rtol=1e-10)
    readings = []

    def blocks() -> Iterator[np.ndarray]:
        readings.append(1)
        return cut(run, 8)

    found = [
        high_variance_confounds(blocks, N_VOLUMES, voxels=voxels, squares=given)
        for given in (None, squares)
    ]
    assert np.array_equal(*found)
    assert len(readings) == 3
