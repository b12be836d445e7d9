# SPDX-License-Identifier: Apache-2.0
"""Maps as columns: masking, resampling, coverage by known geometry, overlap."""

import numpy as np
import pytest
from scipy import ndimage, sparse

from nipype_mapsmasker.core.grids import Grid, voxel_transform
from nipype_mapsmasker.core.maps import (
    MapsMatrix,
    bounding_box,
    check_no_overlap,
    collect_maps,
    label_volumes,
    to_dense,
)
from nipype_mapsmasker.errors import GridError, MapsError
from tests.conftest import AFFINES, SHAPE, read_only

GRID = Grid(SHAPE, AFFINES["anisotropic"])
N_VOXELS = GRID.n_voxels


def boxes(*corners: tuple[slice, slice, slice]) -> list[np.ndarray]:
    """Make (Z, Y, X) maps of ones from boxes in (x, y, z)."""
    volumes = []
    for box in corners:
        volume = np.zeros(SHAPE)
        volume[box] = 1.0
        volumes.append(read_only(np.ascontiguousarray(volume.T)))
    return volumes


def dense(maps: MapsMatrix) -> np.ndarray:
    whole = np.zeros((maps.grid.n_voxels, maps.n_maps))
    whole[maps.voxels] = to_dense(maps.matrix)
    return whole


def as_volumes(maps: np.ndarray) -> list[np.ndarray]:
    return [read_only(np.ascontiguousarray(maps[..., k].T)) for k in range(maps.shape[-1])]


def test_columns_are_the_maps_in_disk_order(maps: np.ndarray) -> None:
    found = collect_maps(as_volumes(maps), GRID, GRID)
    assert np.array_equal(dense(found), maps.reshape(-1, 3, order="F"))
    assert np.array_equal(np.stack(list(found.volumes()), axis=-1), maps)
    assert found.coverage.tolist() == [1.0, 1.0, 1.0]


def test_few_weights_are_kept_sparse_and_many_dense(maps: np.ndarray) -> None:
    assert isinstance(collect_maps(as_volumes(maps), GRID, GRID).matrix, np.ndarray)
    large = boxes(*((slice(x, x + 1), slice(0, 8), slice(0, 9)) for x in range(2))) * 2
    found = collect_maps(large, GRID, GRID)
    assert isinstance(found.matrix, np.ndarray)  # one voxel in two
    points = [
        volume
        for x in range(7)
        for y in range(2)
        for volume in boxes((slice(x, x + 1), slice(4 * y, 4 * y + 4), slice(0, 9)))
    ]
    found = collect_maps(points, GRID, GRID)
    assert sparse.issparse(found.matrix)
    expected = np.stack([volume.reshape(-1) for volume in points], axis=1)
    assert np.array_equal(dense(found), expected)
    assert np.array_equal(np.stack([v.T.reshape(-1) for v in found.volumes()], axis=1), expected)


def test_outside_the_mask_there_is_no_weight(maps: np.ndarray) -> None:
    mask = read_only(np.arange(N_VOXELS) % 3 == 0)
    found = collect_maps(as_volumes(maps), GRID, GRID, mask)
    assert np.array_equal(found.voxels, np.flatnonzero(mask))
    flat = maps.reshape(-1, 3, order="F")
    assert np.allclose(found.coverage, np.abs(flat[mask]).sum(axis=0) / np.abs(flat).sum(axis=0))


@pytest.mark.parametrize("name", ["flipped", "oblique"])
def test_between_grids_weights_are_trilinear(maps: np.ndarray, name: str) -> None:
    target = Grid((6, 7, 8), AFFINES[name])
    found = dense(collect_maps(as_volumes(maps), GRID, target))
    transform = voxel_transform(GRID, target)
    for k in range(3):
        expected = ndimage.affine_transform(
            maps[..., k], transform[:3, :3], transform[:3, 3], target.shape, order=1
        )
        assert np.abs(found[:, k] - expected.reshape(-1, order="F")).max() < 1e-13


def test_non_finite_weights_count_as_zero(maps: np.ndarray) -> None:
    broken = maps.copy()
    broken[0, 0, 0] = np.nan
    broken[1, 1, 1] = [np.inf, -np.inf, np.nan]
    zeroed = np.where(np.isfinite(broken), broken, 0.0)
    one, other = (collect_maps(as_volumes(m), GRID, GRID) for m in (broken, zeroed))
    assert np.array_equal(dense(one), dense(other))


@pytest.mark.parametrize(
    ("part", "share"), [(slice(0, 7), 1.0), (slice(0, 4), 4 / 7), (slice(3, 4), 1 / 7)]
)
def test_coverage_of_a_box_by_a_mask(part: slice, share: float) -> None:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[part] = True
    found = collect_maps(
        boxes((slice(0, 7), slice(2, 5), slice(1, 3))), GRID, GRID, mask.reshape(-1, order="F")
    )
    assert found.coverage[0] == pytest.approx(share, abs=1e-15)


@pytest.mark.parametrize("step", [1.0, 0.5, 2.0])
def test_coverage_of_a_box_by_a_field_of_view(step: float) -> None:
    """The target begins in the middle of the source, whatever its voxel size."""
    source = Grid((8, 8, 8), np.eye(4))
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = [4 - 0.5 + step / 2, -0.5 + step / 2, -0.5 + step / 2]
    target = Grid((int(4 / step), int(8 / step), int(8 / step)), affine)
    volume = np.zeros((8, 8, 8))
    volume[1:7, 1:7, 1:7] = -2.5
    found = collect_maps([volume.T.copy()], source, target)
    assert found.coverage[0] == pytest.approx(0.5, abs=1e-15)


def test_a_map_outside_is_lost_and_keeps_its_column() -> None:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:3] = True
    inside, outside = (slice(0, 2),) * 3, (slice(5, 7),) * 3
    found = collect_maps(boxes(inside, outside), GRID, GRID, mask.reshape(-1, order="F"))
    assert found.n_maps == 2
    assert found.coverage.tolist() == [1.0, 0.0]
    assert not dense(found)[:, 1].any()


def test_maps_that_cannot_be_fitted_are_refused() -> None:
    box = boxes((slice(0, 2),) * 3)
    with pytest.raises(MapsError, match="contains no map: every weight is zero; pass an image"):
        collect_maps([np.zeros(SHAPE[::-1])], GRID, GRID)
    nowhere = np.zeros(N_VOXELS, dtype=bool)
    with pytest.raises(MapsError, match="inside the mask and the field of view of the fit; check"):
        collect_maps(box, GRID, GRID, nowhere)
    shifted = GRID.affine.copy()
    shifted[0, 3] += 10.0
    with pytest.raises(MapsError, match="No map has any weight left inside the field of view"):
        collect_maps(box, GRID, Grid(SHAPE, shifted))
    shifted[0, 3] += 1000.0
    with pytest.raises(GridError, match="The maps and the images do not overlap anywhere"):
        collect_maps(box, GRID, Grid(SHAPE, shifted))


def test_labels_become_maps_of_ones() -> None:
    labels = np.zeros(SHAPE[::-1])
    labels[0], labels[3], labels[5:7] = 7, 2, 40
    found = dense(collect_maps(label_volumes(labels, np.array([2.0, 7, 40])), GRID, GRID))
    flat = labels.reshape(-1)
    assert np.array_equal(found, np.stack([flat == 2, flat == 7, flat == 40], axis=1))


def three_boxes(weight: float) -> MapsMatrix:
    """Make two boxes apart, and a third that shares a voxel with the second."""
    volumes = boxes((slice(0, 2),) * 3, (slice(3, 5),) * 3, (slice(4, 6),) * 3)
    volumes[2] = volumes[2] * weight
    return collect_maps(volumes, GRID, GRID)


@pytest.mark.parametrize("weight", [1.0, -1.0, 1e-6, -1e-20])
def test_overlap_names_the_maps_whatever_the_sign_or_size_of_weights(weight: float) -> None:
    maps = three_boxes(weight)
    before = dense(maps)
    with pytest.raises(MapsError, match=r"Overlap detected in the maps: 'b' and 'c' share voxels"):
        check_no_overlap(maps, ["a", "b", "c"])
    assert np.array_equal(dense(maps), before)


def test_overlap_says_the_way_out_and_counts_further_pairs() -> None:
    volumes = boxes(*[(slice(0, 2),) * 3] * 5)
    maps = collect_maps(volumes, GRID, GRID)
    with pytest.raises(MapsError, match=r"and 5 more pairs share .* or allow_overlap=True"):
        check_no_overlap(maps, list("abcde"))


def test_maps_apart_pass_and_rounding_is_no_overlap() -> None:
    volumes = boxes((slice(0, 2),) * 3, (slice(3, 5),) * 3)
    check_no_overlap(collect_maps(volumes, GRID, GRID), ["a", "b"])
    touched = volumes[1].copy()
    touched[0, 0, 0] = 1e-17
    check_no_overlap(collect_maps([volumes[0], touched], GRID, GRID), ["a", "b"])


def test_bounding_box() -> None:
    index = np.ravel_multi_index(([1, 2], [2, 2], [3, 5]), (4, 5, 6))
    assert bounding_box(index, (6, 5, 4)) == (slice(1, 3), slice(2, 3), slice(3, 6))
