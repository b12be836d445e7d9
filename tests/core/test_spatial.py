# SPDX-License-Identifier: Apache-2.0
"""Resampling and smoothing as matrices: equal to SciPy's routines, with true transposes."""

from itertools import product

import numpy as np
import pytest
from scipy import ndimage

from nipype_mapsmasker.core.grids import Grid, voxel_transform
from nipype_mapsmasker.core.interpolation import (
    Interpolation,
    check_overlap,
    resampling_operator,
)
from nipype_mapsmasker.core.smoothing import sigma_voxels, smoothing_operator
from nipype_mapsmasker.core.spatial import (
    DirectResampling,
    PermutedOperator,
    SeparableOperator,
    SparseOperator,
)
from nipype_mapsmasker.errors import GridError, ParameterError
from tests.conftest import AFFINES, SHAPE, read_only

ORDERS: dict[Interpolation, int] = {"nearest": 0, "linear": 1, "continuous": 3}

TURNED = AFFINES["anisotropic"][:, [2, 0, 1, 3]].copy()
TURNED[:3, 1] *= -1

TARGETS = {
    "finer": Grid((13, 9, 12), np.diag([1.7, 2.9, 2.2, 1.0])),
    "flipped": Grid((8, 8, 8), AFFINES["flipped"]),
    "shifted outside": Grid((9, 7, 8), np.diag([2.0, 2.0, 2.0, 1.0]) + 5.3 * np.eye(4, k=3)),
    "permuted": Grid((6, 9, 8), TURNED),
    "oblique": Grid((9, 8, 7), AFFINES["oblique"]),
}

KINDS = {"nearest": SparseOperator, "linear": SparseOperator, "continuous": DirectResampling}


def scipy_s(volume: np.ndarray, source: Grid, target: Grid, order: int) -> np.ndarray:
    """Resample a (Z, Y, X) volume the plain way, in (X, Y, Z), as nilearn calls SciPy."""
    transform = voxel_transform(source, target)
    matrix = transform[:3, :3]
    if np.array_equal(np.diag(np.diag(matrix)), matrix):
        matrix = np.diag(matrix)  # SciPy's own way for these; ties may round differently
    return ndimage.affine_transform(
        volume.T, matrix, transform[:3, 3], target.shape, order=order
    ).T


@pytest.fixture
def volume(rng: np.random.Generator) -> np.ndarray:
    return read_only(100 + 10 * rng.standard_normal(SHAPE[::-1]))


@pytest.mark.parametrize("interpolation", ORDERS)
@pytest.mark.parametrize("name", TARGETS)
def test_resampling_is_scipy_s(
    grid: Grid, volume: np.ndarray, name: str, interpolation: Interpolation
) -> None:
    operator = resampling_operator(grid, TARGETS[name], interpolation)
    expected = scipy_s(volume, grid, TARGETS[name], ORDERS[interpolation])
    found = operator.apply(volume)
    assert found.flags.c_contiguous
    assert found.shape == operator.target_shape[::-1] == TARGETS[name].shape[::-1]
    assert np.abs(found - expected).max() < 1e-11


@pytest.mark.parametrize("interpolation", ORDERS)
def test_kinds_of_operators(interpolation: Interpolation) -> None:
    source = Grid(SHAPE, AFFINES["anisotropic"])

    def kind(target: Grid) -> type:
        return type(resampling_operator(source, target, interpolation))

    assert kind(TARGETS["finer"]) is kind(TARGETS["flipped"]) is SeparableOperator
    assert kind(TARGETS["permuted"]) is PermutedOperator
    assert kind(TARGETS["oblique"]) is KINDS[interpolation]


@pytest.mark.parametrize("interpolation", ["nearest", "linear"])
@pytest.mark.parametrize("name", TARGETS)
def test_transposes_are_adjoint(
    grid: Grid, rng: np.random.Generator, name: str, interpolation: Interpolation
) -> None:
    operator = resampling_operator(grid, TARGETS[name], interpolation)
    assert not isinstance(operator, DirectResampling)
    source = rng.standard_normal(SHAPE[::-1])
    target = rng.standard_normal(TARGETS[name].shape[::-1])
    left, right = (
        (operator.apply(source) * target).sum(),
        (source * operator.T.apply(target)).sum(),
    )
    assert left == pytest.approx(right, abs=1e-11)


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0), (0, 2, 1)])
@pytest.mark.parametrize("interpolation", ORDERS)
def test_every_order_of_axes_is_separable(
    volume: np.ndarray,
    rng: np.random.Generator,
    axes: tuple[int, ...],
    interpolation: Interpolation,
) -> None:
    source = Grid(SHAPE, AFFINES["anisotropic"])
    for signs in product((1.0, -1.0), repeat=3):
        affine = np.eye(4)
        affine[:3, :3] = (np.diag([2.3, 3.1, 2.7]) * signs)[:, axes]
        centre = source.affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2) + source.affine[:3, 3]
        affine[:3, 3] = centre - affine[:3, :3] @ (np.array([6, 7, 8]) / 2 - 0.2)
        target = Grid((7, 8, 9), affine)
        operator = resampling_operator(source, target, interpolation)
        assert isinstance(operator, (SeparableOperator, PermutedOperator))
        expected = scipy_s(volume, source, target, ORDERS[interpolation])
        assert np.abs(operator.apply(volume) - expected).max() < 1e-11
        there, back = rng.standard_normal(target.shape[::-1]), rng.standard_normal(SHAPE[::-1])
        assert (operator.apply(back) * there).sum() == pytest.approx(
            (back * operator.T.apply(there)).sum()
        )


@pytest.mark.parametrize("interpolation", ORDERS)
def test_grids_that_are_rotated_alike_are_axis_aligned_to_each_other(
    volume: np.ndarray, interpolation: Interpolation
) -> None:
    """The affines are oblique, their quotient is not, but for rounding."""
    turn = ndimage_rotation(0.3)
    source = Grid(SHAPE, turn @ AFFINES["anisotropic"])
    inner = np.diag([1.9, 2.6, 3.3, 1.0])
    inner[:3, 3] = [-5.77, -10.13, -18.9]
    target = Grid((6, 7, 8), turn @ inner)
    operator = resampling_operator(source, target, interpolation)
    assert isinstance(operator, SeparableOperator)
    expected = scipy_s(volume, source, target, ORDERS[interpolation])
    assert np.abs(operator.apply(volume) - expected).max() < 1e-9


@pytest.mark.parametrize("interpolation", ORDERS)
def test_where_rounding_decides_on_edges_the_full_matrix_is_used(
    volume: np.ndarray, interpolation: Interpolation
) -> None:
    """Both grids begin at one corner: which edge voxels are inside is in the last bits."""
    turn = ndimage_rotation(0.3)
    source = Grid(SHAPE, turn @ np.diag([2.0, 3.0, 4.5, 1.0]))
    target = Grid((6, 7, 8), turn @ np.diag([1.9, 2.6, 3.3, 1.0]))
    operator = resampling_operator(source, target, interpolation)
    assert isinstance(operator, KINDS[interpolation])
    expected = scipy_s(volume, source, target, ORDERS[interpolation])
    assert np.abs(operator.apply(volume) - expected).max() < 1e-11


def ndimage_rotation(angle: float) -> np.ndarray:
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    tilt = np.eye(4)
    tilt[1:3, 1:3] = turn[:2, :2]
    return turn @ tilt


@pytest.mark.parametrize("name", ["finer", "permuted"])
def test_a_box_gives_what_the_whole_volume_gives(name: str, rng: np.random.Generator) -> None:
    source = Grid(SHAPE, AFFINES["anisotropic"])
    operator = resampling_operator(source, TARGETS[name], "linear")
    assert isinstance(operator, (SeparableOperator, PermutedOperator))
    volume = np.zeros(SHAPE[::-1])
    where = (slice(2, 5), slice(1, 4), slice(3, 6))
    volume[where] = rng.standard_normal((3, 3, 3))
    part, place = operator.apply_box(volume[where], where)
    whole = np.zeros(TARGETS[name].shape[::-1])
    whole[place] = part
    assert np.abs(whole - operator.apply(volume)).max() < 1e-13
    assert part.size < whole.size


def test_a_box_that_nothing_reaches_is_empty() -> None:
    operator = SeparableOperator(np.eye(3, 4), np.eye(3, 4), np.eye(3, 4))
    last = (slice(3, 4),) * 3
    part, _ = operator.apply_box(np.ones((1, 1, 1)), last)
    assert part.size == 0


@pytest.mark.parametrize("fwhm", [4.0, (4.0, 7.0, 10.0), (0.0, 6.0, 0.0)])
def test_smoothing_is_a_gaussian_along_each_axis(
    grid: Grid, volume: np.ndarray, fwhm: float | tuple[float, float, float]
) -> None:
    expected = volume
    sizes = np.sqrt((grid.affine[:3, :3] ** 2).sum(axis=0))
    for axis, (width, size) in enumerate(zip(np.broadcast_to(fwhm, 3), sizes, strict=True)):
        if width:
            sigma = width / (np.sqrt(8 * np.log(2)) * size)
            expected = ndimage.gaussian_filter1d(expected, sigma, axis=2 - axis)
    operator = smoothing_operator(grid, fwhm)
    assert operator is not None
    assert np.abs(operator.apply(volume) - expected).max() < 1e-11


@pytest.mark.parametrize("fwhm", [0, 0.0, (0.0, 0.0, 0.0)])
def test_no_width_is_no_operator(grid: Grid, fwhm: float) -> None:
    assert smoothing_operator(grid, fwhm) is None


def test_one_sigma_is_the_width_over_root_8_ln_2() -> None:
    grid = Grid(SHAPE, AFFINES["anisotropic"])
    assert np.allclose(sigma_voxels(grid, 2.354820045030949 * 9), [4.5, 3.0, 2.0])


@pytest.mark.parametrize("fwhm", [-1.0, np.nan, np.inf, (1.0, 2.0), (1.0, 2.0, -3.0)])
def test_widths_without_meaning_are_refused(fwhm: float) -> None:
    with pytest.raises(ParameterError, match="smoothing_fwhm must be one width in mm or three"):
        smoothing_operator(Grid(SHAPE, np.eye(4)), fwhm)


def test_unknown_interpolation_is_refused() -> None:
    grid = Grid(SHAPE, np.eye(4))
    with pytest.raises(ParameterError, match=r"interpolation must be one of .*got 'cubic'"):
        resampling_operator(grid, grid, "cubic")  # type: ignore[arg-type]


def test_grids_far_apart_are_refused_and_touching_ones_are_not() -> None:
    grid = Grid(SHAPE, np.eye(4))
    far, near = np.eye(4), np.eye(4)
    far[0, 3], near[0, 3] = 60.0, 6.2
    with pytest.raises(GridError, match="This and that do not overlap anywhere in space"):
        check_overlap(grid, Grid(SHAPE, far), source_name="This", target_name="that")
    check_overlap(grid, Grid(SHAPE, near), source_name="This", target_name="that")
