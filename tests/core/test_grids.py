# SPDX-License-Identifier: Apache-2.0
"""Grids: positions, displacement, and which axis runs along which."""

import numpy as np
import pytest

from nipype_mapsmasker.core.grids import (
    Grid,
    apply_affine,
    axis_order,
    is_axis_aligned,
    same_grid,
    voxel_sizes,
    voxel_transform,
)
from nipype_mapsmasker.errors import GridError
from tests.conftest import AFFINES, SHAPE


def moved(affine: np.ndarray, shift_mm: float) -> np.ndarray:
    other = affine.copy()
    other[0, 3] += shift_mm
    return other


def test_a_grid_keeps_a_read_only_copy_of_its_affine() -> None:
    affine = np.eye(4)
    grid = Grid((2, 3, 4), affine)
    affine[0, 0] = 9
    assert grid.affine[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 0] = 2


@pytest.mark.parametrize(
    ("affine", "text"),
    [
        (np.full((4, 4), np.nan), "must be a finite 4 x 4 matrix"),
        (np.eye(3), "must be a finite 4 x 4 matrix"),
        (np.diag([1.0, 0.0, 1.0, 1.0]), "cannot be inverted, so voxels have no position"),
    ],
)
def test_affines_without_meaning_are_refused(affine: np.ndarray, text: str) -> None:
    with pytest.raises(GridError, match=text):
        Grid((2, 3, 4), affine)


def test_the_transform_sends_target_voxels_to_source_voxels() -> None:
    source = Grid(SHAPE, AFFINES["oblique"])
    target = Grid(SHAPE, AFFINES["flipped"])
    points = np.array([[0.0, 0, 0], [3, 1, 4]])
    through = apply_affine(voxel_transform(source, target), points)
    assert np.allclose(
        apply_affine(source.affine, through), apply_affine(target.affine, points), atol=1e-12
    )


def test_equal_affines_are_the_identity_to_the_last_bit(grid: Grid) -> None:
    assert np.array_equal(voxel_transform(grid, Grid((1, 2, 3), grid.affine)), np.eye(4))


def test_voxel_sizes_are_lengths_of_edges() -> None:
    assert voxel_sizes(Grid(SHAPE, AFFINES["anisotropic"])).tolist() == [2.0, 3.0, 4.5]
    assert voxel_sizes(Grid(SHAPE, AFFINES["flipped"])).tolist() == [3.0, 3.0, 3.0]


@pytest.mark.parametrize(("shift_voxels", "same"), [(0.0009, True), (0.0011, False)])
def test_grids_are_compared_by_displacement_in_voxels(shift_voxels: float, same: bool) -> None:
    for size in (0.5, 10.0):
        affine = np.diag([size, size, size, 1.0])
        first = Grid(SHAPE, affine)
        second = Grid(SHAPE, moved(affine, shift_voxels * size))
        assert same_grid(first, second) is same


def test_a_small_difference_in_scale_adds_up_over_a_large_grid() -> None:
    affine = np.eye(4)
    stretched = np.diag([1 + 5e-6, 1, 1, 1])  # nilearn's allclose calls these equal
    assert same_grid(Grid((10, 10, 10), affine), Grid((10, 10, 10), stretched))
    assert not same_grid(Grid((1000, 10, 10), affine), Grid((1000, 10, 10), stretched))


def test_grids_of_other_shapes_differ() -> None:
    assert not same_grid(Grid((2, 3, 4), np.eye(4)), Grid((2, 3, 5), np.eye(4)))


@pytest.mark.parametrize(
    ("matrix", "order"),
    [
        (np.diag([2.0, -1.0, 3.0]), (0, 1, 2)),
        (np.array([[0.0, 2, 0], [0, 0, -1], [3, 0, 0]]), (1, 2, 0)),
        (np.array([[1.0, 1e-10, 0], [0, 1, 0], [0, 0, 1]]), (0, 1, 2)),
        (np.array([[1.0, 1e-8, 0], [0, 1, 0], [0, 0, 1]]), None),
        (AFFINES["oblique"][:3, :3], None),
        (np.array([[1.0, 0, 0], [1, 0, 0], [0, 0, 1]]), None),
    ],
)
def test_axis_order(matrix: np.ndarray, order: tuple[int, int, int] | None) -> None:
    transform = np.eye(4)
    transform[:3, :3] = matrix
    assert axis_order(transform, (11, 12, 13)) == order


def test_axis_alignment_is_exact() -> None:
    assert is_axis_aligned(np.diag([2.0, -3.0, 1.0, 1.0]))
    assert not is_axis_aligned(np.eye(4) + 1e-300 * (np.eye(4)[[1, 0, 2, 3]]))
