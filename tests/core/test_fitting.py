# SPDX-License-Identifier: Apache-2.0
"""Fitting against float64 least squares, whatever the maps look like."""

import numpy as np
import pytest
from scipy import ndimage, sparse

from nipype_mapsmasker.core.fitting import (
    MapsOperator,
    fit_maps,
    fold_resampling,
)
from nipype_mapsmasker.core.grids import Grid, voxel_transform
from nipype_mapsmasker.core.interpolation import resampling_operator
from nipype_mapsmasker.core.maps import MapsMatrix
from nipype_mapsmasker.core.masking import mask_operator
from nipype_mapsmasker.core.smoothing import smoothing_operator
from nipype_mapsmasker.core.spatial import DirectResampling
from nipype_mapsmasker.errors import MapsError, ParameterError
from tests.conftest import AFFINES, SHAPE, read_only

GRID = Grid((20, 21, 22), np.diag([2.0, 2.0, 2.0, 1.0]))


def as_maps(matrix: np.ndarray, *, kept_sparse: bool = False, grid: Grid = GRID) -> MapsMatrix:
    """Put (V, K) weights on the first V voxels of a grid."""
    weights = sparse.csc_array(matrix) if kept_sparse else read_only(matrix)
    coverage = np.ones(matrix.shape[1])
    return MapsMatrix(grid, np.arange(matrix.shape[0]), weights, coverage)


def fit(maps: MapsMatrix, **kwargs: object) -> MapsOperator:
    names = [f"m{k}" for k in range(maps.n_maps)]
    return fit_maps(maps, names, **kwargs)  # type: ignore[arg-type]


def signals(operator: MapsOperator, volumes: np.ndarray) -> np.ndarray:
    """Apply an operator to (T, V) volumes."""
    return (operator.mixing @ (operator.basis @ volumes[:, operator.voxels].T)).T


def lstsq(matrix: np.ndarray, volumes: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(matrix, volumes.T, rcond=None)[0].T


def difference_sd(ours: np.ndarray, other: np.ndarray) -> float:
    return float((np.abs(ours - other).max(axis=0) / other.std(axis=0)).max())


def random_maps(rng: np.random.Generator, kind: str) -> np.ndarray:
    """Make (9240, K) weights of one kind."""
    n_voxels = GRID.n_voxels
    if kind == "sparse":
        matrix = np.zeros((n_voxels, 1024))
        for k in range(1024):
            voxels = (9 * k + np.arange(27)) % n_voxels
            matrix[voxels, k] = rng.uniform(0.1, 1.0, 27)
        return matrix
    if kind == "ICA-like":
        return rng.laplace(size=(n_voxels, 300)) + 0.3 * rng.standard_normal((n_voxels, 1))
    plain = rng.standard_normal((n_voxels, 6))
    if kind == "negative":
        return -np.abs(plain) * [1, 2, 3, 4, 5, 6]
    if kind == "duplicate":
        return plain[:, [0, 1, 2, 3, 4, 5, 2]]
    if kind == "sum of two":
        return np.column_stack([plain, plain[:, 0] + plain[:, 3]])
    if kind == "many dependent":
        return plain @ rng.standard_normal((6, 11))
    if kind == "empty":
        plain[:, 2] = 0.0
        return plain
    if kind == "units":
        return plain * [1e-3, 1, 1e3, 1, 1e-3, 1]
    if kind.startswith("near"):
        plain[:, 5] = plain[:, 1] + float(kind.split()[1]) * plain[:, 5]
    return plain


KINDS = [
    "plain", "negative", "duplicate", "sum of two", "many dependent", "empty", "units",
    "near 1e-2", "near 1e-5",
]  # fmt: skip


@pytest.mark.parametrize("kept_sparse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_signals_are_the_minimum_norm_least_squares(
    rng: np.random.Generator, kind: str, kept_sparse: bool
) -> None:
    matrix = random_maps(rng, kind)
    volumes = 50 + rng.standard_normal((12, matrix.shape[0]))
    volumes += rng.standard_normal((12, matrix.shape[1])) @ matrix.T
    found = signals(fit(as_maps(matrix.copy(), kept_sparse=kept_sparse)), volumes)
    expected = lstsq(matrix, volumes)
    if kind == "empty":
        assert not found[:, 2].any()
        found, expected = np.delete(found, 2, axis=1), np.delete(expected, 2, axis=1)
    # Of maps 1e-5 apart lstsq itself keeps no more digits.
    assert difference_sd(found, expected) < (1e-8 if kind == "near 1e-5" else 1e-9)


@pytest.mark.parametrize("kind", ["sparse", "ICA-like"])
def test_many_maps(rng: np.random.Generator, kind: str) -> None:
    matrix = random_maps(rng, kind)
    volumes = 50 + rng.standard_normal((6, matrix.shape[0]))
    operator = fit(as_maps(matrix, kept_sparse=kind == "sparse"))
    assert kind != "sparse" or operator.basis.values.size < matrix.size / 4
    assert operator.rank == matrix.shape[1]
    assert difference_sd(signals(operator, volumes), lstsq(matrix, volumes)) < 1e-9


def test_exact_duplicates_among_sparse_maps_keep_them_sparse(rng: np.random.Generator) -> None:
    matrix = random_maps(rng, "sparse")[:, :200]
    matrix = np.column_stack([matrix, matrix[:, 7], matrix[:, 3] + matrix[:, 90]])
    volumes = 50 + rng.standard_normal((6, matrix.shape[0]))
    operator = fit(as_maps(matrix, kept_sparse=True))
    assert operator.basis.values.size < matrix.size / 4
    assert operator.rank == 200
    assert difference_sd(signals(operator, volumes), lstsq(matrix, volumes)) < 1e-9


@pytest.mark.parametrize("closeness", [1e-6, 1e-8])
def test_maps_nearly_alike_are_told_apart_as_far_as_float64_can(
    rng: np.random.Generator, closeness: float
) -> None:
    """The bar is the condition number: both solvers lose that many digits."""
    matrix = random_maps(rng, f"near {closeness}")
    truth = rng.standard_normal((12, 6))
    volumes = truth @ matrix.T
    operator = fit(as_maps(matrix))
    assert operator.rank == 6
    assert np.abs(signals(operator, volumes) - truth).max() < 100 * np.finfo(float).eps / closeness


def test_two_equal_maps_share_the_signal(rng: np.random.Generator) -> None:
    matrix = rng.standard_normal((500, 1))[:, [0, 0]]
    volumes = rng.standard_normal((4, 1)) * matrix[:, 0]
    found = signals(fit(as_maps(matrix)), volumes)
    assert np.allclose(found[:, 0], found[:, 1])
    assert np.allclose(found.sum(axis=1), (volumes @ matrix[:, 0]) / (matrix[:, 0] ** 2).sum())


@pytest.mark.parametrize(
    ("kind", "unit", "bar"),
    [("plain", 2.0**-60, 1e-12), ("duplicate", 2.0**-20, 1e-9), ("near 1e-6", 2.0**-60, 1e-8)],
)
def test_units_of_a_map_decide_nothing_about_the_others(
    rng: np.random.Generator, kind: str, unit: float, bar: float
) -> None:
    """In lstsq a map of weights around 1e-18 counts as none at all."""
    matrix = random_maps(rng, kind)
    volumes = rng.standard_normal((4, matrix.shape[1])) @ matrix.T
    units = np.ones(matrix.shape[1])
    units[0] = unit
    one, other = (signals(fit(as_maps(m)), volumes) for m in (matrix, matrix * units))
    assert np.abs(other * units - one).max() < bar


def test_a_map_on_its_own_is_a_weighted_mean() -> None:
    weights = np.array([[1.0], [2.0], [3.0]])
    volumes = np.array([[5.0, 4.0, 6.0]])
    assert signals(fit(as_maps(weights)), volumes)[0, 0] == pytest.approx(31 / 14)


def test_variance_inflation_by_hand() -> None:
    cosine = 0.8
    matrix = np.array([[2.0, cosine * 3.0], [0.0, 0.6 * 3.0]])
    assert np.allclose(fit(as_maps(matrix)).variance_inflation, 1 / (1 - cosine**2))


def test_variance_inflation_is_one_over_one_minus_r_squared(rng: np.random.Generator) -> None:
    matrix = rng.standard_normal((400, 5)) + rng.standard_normal((400, 1))
    found = fit(as_maps(matrix)).variance_inflation
    for k in range(5):
        others = np.delete(matrix, k, axis=1)
        residual = matrix[:, k] - others @ np.linalg.lstsq(others, matrix[:, k], rcond=None)[0]
        assert found[k] == pytest.approx((matrix[:, k] ** 2).sum() / (residual**2).sum())


def test_variance_inflation_of_combinations_and_empty_maps(rng: np.random.Generator) -> None:
    matrix = rng.standard_normal((300, 6))
    matrix[:, 3], matrix[:, 4] = matrix[:, 0] + matrix[:, 1], 0.0
    found = fit(as_maps(matrix)).variance_inflation
    assert np.isinf(found[[0, 1, 3]]).all()
    assert np.isnan(found[4])
    assert (found[[2, 5]] < 1.2).all()
    assert np.isnan(fit(as_maps(np.zeros((2, 2)))).variance_inflation).all()


def test_sizes_and_centres() -> None:
    volume = np.zeros(SHAPE)
    volume[2:5, 3, 4] = [1.0, -1.0, 2.0]
    affine = AFFINES["anisotropic"]
    grid = Grid(SHAPE, affine)
    flat = volume.reshape(-1, order="F")
    weights = np.stack([flat, 0 * flat], axis=1)[flat != 0]
    maps = MapsMatrix(grid, np.flatnonzero(flat), weights, np.array([1.0, 0.0]))
    operator = fit(maps)
    assert operator.n_voxels.tolist() == [3, 0]
    assert operator.lost.tolist() == [False, True]
    assert np.allclose(operator.centres[0], affine[:3, :3] @ [3.25, 3, 4] + affine[:3, 3])
    assert np.isnan(operator.centres[1]).all()


@pytest.mark.parametrize("fwhm", [5.0, (4.0, 0.0, 9.0)])
@pytest.mark.parametrize("kind", ["smooth", "small", "combination"])
def test_folded_smoothing_equals_smoothing_each_volume(
    rng: np.random.Generator, grid: Grid, kind: str, fwhm: float | tuple[float, float, float]
) -> None:
    mask = rng.random(grid.n_voxels) < 0.7
    matrix = rng.standard_normal((grid.n_voxels, 5)) * mask[:, None]
    if kind == "small":
        matrix[rng.random(matrix.shape) < 0.97] = 0.0
    if kind == "combination":
        matrix[:, 4] = matrix[:, 0] - matrix[:, 1] * (1 + 1e-9)
    used = np.flatnonzero(matrix.any(axis=1))
    weights = sparse.csc_array(matrix[used]) if kind == "small" else matrix[used]
    operator = fit(MapsMatrix(grid, used, weights, np.ones(5)), smoothing_fwhm=fwhm)
    volumes = 100 + rng.standard_normal((9, *grid.shape[::-1]))
    sizes = np.sqrt((grid.affine[:3, :3] ** 2).sum(axis=0))
    sigma = np.broadcast_to(fwhm, 3) / np.sqrt(8 * np.log(2)) / sizes
    smoothed = ndimage.gaussian_filter(volumes, (0, *sigma[::-1]))
    expected = lstsq(matrix, smoothed.reshape(9, -1))
    found = signals(operator, volumes.reshape(9, -1))
    assert operator.folded
    assert operator.smoothing_fwhm == tuple(np.atleast_1d(fwhm))
    assert difference_sd(found, expected) < 1e-9


def test_smoothing_by_nothing_is_no_smoothing(rng: np.random.Generator) -> None:
    maps = as_maps(rng.standard_normal((50, 2)))
    operator = fit(maps, smoothing_fwhm=0.0)
    assert operator.smoothing_fwhm is None
    assert not operator.folded
    for wrong in (-1.0, np.nan, 1e9):  # the kernel of the last would fill any memory
        with pytest.raises(ParameterError, match="none of them negative or over 1000"):
            fit(maps, smoothing_fwhm=wrong)


@pytest.mark.parametrize("name", ["flipped", "oblique"])
def test_folded_resampling_equals_resampling_each_volume(
    rng: np.random.Generator, name: str
) -> None:
    source, target = Grid((9, 8, 7), AFFINES[name]), Grid(SHAPE, AFFINES["anisotropic"])
    matrix = rng.standard_normal((target.n_voxels, 4))
    resampling = resampling_operator(source, target, "linear")
    assert not isinstance(resampling, DirectResampling)
    maps = MapsMatrix(target, np.arange(target.n_voxels), matrix, np.ones(4))
    folded = fold_resampling(fit(maps), resampling, source)
    volumes = rng.standard_normal((5, *source.shape[::-1]))
    transform = voxel_transform(source, target)
    moved = [
        ndimage.affine_transform(
            volume.T, transform[:3, :3], transform[:3, 3], target.shape, order=1
        ).reshape(-1, order="F")
        for volume in volumes
    ]
    expected = lstsq(matrix, np.array(moved))
    found = signals(folded, volumes.reshape(5, -1))
    assert np.abs(found - expected).max() < 1e-12
    assert folded.grid is source


@pytest.mark.parametrize("kind", ["dense", "sparse", "partition"])
@pytest.mark.parametrize("n_mask", [700, GRID.n_voxels])
def test_demeaned_maps_give_what_fsl_glm_does(rng, kind, n_mask):
    weights = rng.random((600, 4))
    if kind != "dense":
        weights = np.eye(4)[rng.integers(0, 4, 600)] * (1 if kind == "partition" else weights)
    if kind == "partition":  # its maps add up to a constant, where the mask ends with them
        weights = np.eye(4)[np.arange(n_mask) % 4]
    maps = as_maps(weights, kept_sparse=kind != "dense")
    volumes = 1e3 + 10 * rng.normal(size=(9, GRID.n_voxels)) + rng.normal(size=(9, 1)) * 50
    found = signals(fit(maps, demean_over=np.arange(n_mask)), volumes)
    whole = np.zeros((n_mask, 4))
    whole[: len(weights)] = weights
    inside = volumes[:, :n_mask]
    centred = inside - inside.mean(axis=1, keepdims=True)
    expected = centred @ np.linalg.pinv(whole - whole.mean(axis=0), rcond=1e-12).T
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    # The other volumes' voxels and any constant count for nothing.
    volumes[:, n_mask:] = 0
    again = signals(fit(maps, demean_over=np.arange(n_mask)), volumes + 777)
    np.testing.assert_allclose(again, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


def test_a_constant_map_leaves_nothing_to_demean(rng):
    weights = np.column_stack([rng.random(50), np.full(50, 0.1)])
    with pytest.raises(MapsError, match="'m1' has the same weight in all voxels"):
        fit(as_maps(weights), demean_over=np.arange(50))
    fit(as_maps(weights), demean_over=np.arange(51))


def test_smoothing_comes_before_demeaning(rng):
    maps = as_maps(rng.random((GRID.n_voxels, 3)))
    inside = np.flatnonzero(rng.random(GRID.n_voxels) < 0.5)
    within = MapsMatrix(GRID, inside, maps.matrix[inside], maps.coverage)
    volumes = 100 + rng.normal(size=(5, GRID.n_voxels))
    smoothing = smoothing_operator(GRID, 5.0)
    smooth = [smoothing.apply(v.reshape(GRID.shape[::-1])).ravel() for v in volumes]
    found = signals(fit(within, smoothing_fwhm=5.0, demean_over=inside), volumes)
    expected = signals(fit(within, demean_over=inside), np.stack(smooth))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_an_operator_without_means_has_the_mask_of_its_fit(rng):
    operator = fit(as_maps(rng.random((90, 2))), demean_over=np.arange(90))
    assert operator.demeaned
    with pytest.raises(MapsError, match="fit them with this one"):
        mask_operator(operator, np.arange(GRID.n_voxels) < 50)
