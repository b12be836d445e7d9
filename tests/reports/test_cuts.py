# SPDX-License-Identifier: Apache-2.0
"""The small volumes that FitMaps keeps for the report: place, orientation, levels, size."""

import io

import numpy as np
import pytest

from nipype_mapsmasker.core import cut_volumes, cuts, orientation
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.maps import collect_maps

SHAPE = (7, 8, 9)
RAS = np.array([[3.0, 0, 0, -10], [0, 3.0, 0, -12], [0, 0, 4.0, -16], [0, 0, 0, 1]])


def stored_as(volume: np.ndarray, affine: np.ndarray, axes: tuple, flips: tuple) -> tuple:
    """Store the same head with other voxel axes: permuted, then flipped."""
    turned = np.transpose(volume, axes)
    matrix = affine.copy()
    matrix[:3, :3] = affine[:3, list(axes)]
    for axis, flip in enumerate(flips):
        if flip:
            turned = np.flip(turned, axis)
            matrix[:3, 3] += matrix[:3, axis] * (turned.shape[axis] - 1)
            matrix[:3, axis] *= -1
    return turned, matrix


def read_only(values: np.ndarray) -> np.ndarray:
    values.flags.writeable = False
    return values


def kept(volume: np.ndarray, affine: np.ndarray) -> dict:
    """Keep one map."""
    return cuts.collect_cuts([volume], affine)


def test_pictures_are_neurological_with_superior_on_top() -> None:
    volume = np.zeros(SHAPE)
    volume[1, 2, 3] = 1.0
    stored = kept(read_only(volume), RAS)
    assert stored["voxel"].tolist() == [[1, 2, 3]]
    np.testing.assert_allclose(stored["centre"], [[-7, -6, -4]])
    got = cut_volumes.cut_volume(cut_volumes.unpack_volume(stored, 0), stored["voxel"][0])
    assert got.axial.shape == (8, 7)
    assert got.axial[8 - 1 - 2, 1] == 1.0  # left is on the left, anterior on top
    assert got.coronal.shape == (9, 7)
    assert got.coronal[9 - 1 - 3, 1] == 1.0
    assert got.sagittal.shape == (9, 8)
    assert got.sagittal[9 - 1 - 3, 2] == 1.0  # anterior on the right


@pytest.mark.parametrize(
    "axes", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0), (0, 2, 1)]
)
@pytest.mark.parametrize("flips", [(0, 0, 0), (1, 0, 0), (0, 1, 1), (1, 1, 1)])
def test_volumes_do_not_depend_on_how_the_grid_is_stored(axes: tuple, flips: tuple) -> None:
    rng = np.random.default_rng(0)
    volume = rng.random(SHAPE)
    volume[4, 5, 3] = 2.0
    reference = kept(volume, RAS)
    turned, affine = stored_as(volume, RAS, axes, flips)
    got = kept(turned, affine)
    np.testing.assert_allclose(got["centre"], reference["centre"])
    np.testing.assert_allclose(got["small_affine"], reference["small_affine"], atol=1e-12)
    np.testing.assert_array_equal(
        cut_volumes.unpack_volume(got, 0), cut_volumes.unpack_volume(reference, 0)
    )
    mean = orientation.coarse_means(turned, affine, 1)
    np.testing.assert_array_equal(mean, orientation.coarse_means(volume, RAS, 1))


@pytest.mark.parametrize("step", [1, 2, 3])
def test_the_small_affine_leads_to_the_middle_of_each_block(step: int) -> None:
    affine = RAS @ np.diag([-1, 1, 1, 1])
    places = np.indices(SHAPE).reshape(3, -1).T @ affine[:3, :3].T + affine[:3, 3]
    small = orientation.coarse_affine(SHAPE, affine, step)
    for axis in range(3):  # the mean of a coordinate over a whole block is that of its middle
        coordinate = places[:, axis].reshape(SHAPE)
        means = orientation.coarse_means(coordinate, affine, step)
        at_first = small[:3, 3][axis]
        assert means[0, 0, 0] == pytest.approx(at_first)


def test_centre_lies_inside_the_heaviest_part() -> None:
    volume = np.zeros((20, 20, 20))
    volume[2:10, 2:10, 2:10] = -1.0  # the larger part, negative and hollow
    volume[4:8, 4:8, 2:10] = 0.0
    volume[15, 15, 15] = 1.5
    voxel = kept(volume, np.eye(4))["voxel"][0]
    assert volume[tuple(voxel)] == -1.0


def test_empty_and_non_finite_maps_are_kept_too() -> None:
    empty = kept(np.zeros(SHAPE), RAS)
    assert empty["voxel"].tolist() == [[3, 4, 4]]
    assert empty["peak"].tolist() == [0.0]
    assert not cut_volumes.unpack_volume(empty, 0).any()
    volume = np.zeros(SHAPE)
    volume[0, 0, 0] = np.nan
    volume[5, 5, 5] = 2.0
    got = kept(volume, RAS)
    assert got["voxel"].tolist() == [[5, 5, 5]]
    assert got["peak"].tolist() == [2.0]
    assert np.isfinite(cut_volumes.unpack_volume(got, 0)).all()


def test_oblique_grids_say_their_tilt() -> None:
    turn = np.deg2rad(12)
    oblique = np.eye(4)
    oblique[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    assert orientation.nearest_ras(oblique).tilt == pytest.approx(12)
    assert orientation.nearest_ras(RAS).tilt == 0
    assert orientation.nearest_ras(RAS).sizes == (3.0, 3.0, 4.0)


def test_stored_maps_come_back_to_within_half_a_level() -> None:
    rng = np.random.default_rng(1)
    volumes = [rng.standard_normal(SHAPE) * 10.0**k for k in range(3)]
    stored = cuts.collect_cuts((read_only(v) for v in volumes), RAS)
    for index, volume in enumerate(volumes):
        back = cut_volumes.unpack_volume(stored, index)
        step = np.abs(volume).max() / cut_volumes.LEVELS
        drawn = np.abs(volume) >= (cut_volumes.SMALLEST_LEVEL + 0.5) * step
        assert drawn.any()
        np.testing.assert_allclose(back[drawn], volume[drawn], atol=0.501 * step)
        assert not back[np.abs(volume) < (cut_volumes.SMALLEST_LEVEL - 0.5) * step].any()


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("size", [5, 90])
@pytest.mark.parametrize("share", [0.05, 0.9])
def test_weights_give_what_their_volumes_give(share: float, size: int, flip: bool) -> None:
    rng = np.random.default_rng(3)
    shape = (size, 8, 7)
    weights = rng.standard_normal((np.prod(shape), 4)) * (rng.random((np.prod(shape), 4)) < share)
    weights[:, 2] = 0.0
    grid = Grid(shape, np.diag([-1.0 if flip else 1.0, 1.0, 1.0, 1.0]))
    volumes = [column.reshape(shape[::-1]) for column in weights.T]
    maps = collect_maps(volumes, grid, grid)
    assert isinstance(maps.matrix, np.ndarray) == (share > 0.5)
    got = cuts.collect_map_cuts(maps)
    expected = cuts.collect_cuts(maps.volumes(), grid.affine)
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array)


def test_a_map_of_many_pieces_is_shown_in_its_heaviest() -> None:
    ring = np.zeros((24, 24, 3))
    ring[2:20, 2:20, 1] = 1.0
    ring[4:18, 4:18, 1] = 0.0  # one piece, whose middle is not in it
    ring[10:12, 2:20, 1] = 0.0  # and now two alike, of which the first is shown
    for x in range(0, 24, 2):
        ring[x, 22, 1] = 5.0  # twelve of one voxel each
    stored = kept(ring, np.eye(4))
    assert ring[tuple(stored["voxel"][0])] == 5.0
    ring[:, 22, 1] *= 0.3
    x, y, z = kept(ring, np.eye(4))["voxel"][0]
    assert x < 10
    assert ring[x, y, z] == 1.0


def test_some_maps_can_be_kept_in_another_order() -> None:
    rng = np.random.default_rng(1)
    volumes = [rng.standard_normal(SHAPE) for _ in range(4)]
    stored = cuts.collect_cuts(volumes, RAS)
    some = cut_volumes.select_cuts(stored, [3, 1])
    for new, old in enumerate([3, 1]):
        expected = cut_volumes.unpack_volume(stored, old)
        np.testing.assert_array_equal(cut_volumes.unpack_volume(some, new), expected)
        assert ((some["glance"] == new + 1) == (stored["glance"] == old + 1)).all()
    assert set(np.unique(some["glance"])) <= {0, 1, 2}


def test_the_picture_of_all_maps_names_the_relatively_strongest() -> None:
    volumes = np.zeros((2, 6, 6, 6))
    volumes[0, :3] = 1.0
    volumes[1, 2:] = 100.0
    volumes[1, 2] = 50.0
    stored = cuts.collect_cuts(volumes, np.eye(4))
    assert set(stored["glance"][:, :, :3].ravel()) == {1}
    assert set(stored["glance"][:, :, 3:].ravel()) == {2}
    levels = stored["glance_level"].tolist()
    assert levels == sorted(levels)


def test_no_maps_and_only_empty_maps_are_kept_too() -> None:
    assert cuts.collect_cuts([], RAS)["ends"].shape == (0,)
    assert kept(np.zeros(SHAPE), RAS)["glance"].shape[0] == 0


def test_fine_grids_are_thinned_no_thin_map_is_lost_and_files_stay_small() -> None:
    thin = np.zeros((182, 40, 30))
    thin[101, 21, 11] = -3.0
    stored = cuts.collect_cuts([thin, np.random.default_rng(2).random(thin.shape)], np.eye(4))
    assert int(stored["step"]) == 3
    assert stored["small_shape"].tolist() == [61, 14, 10]
    assert cut_volumes.unpack_volume(stored, 0).min() == -3.0
    target = io.BytesIO()
    np.savez_compressed(target, **stored)
    again = io.BytesIO()
    np.savez_compressed(again, **stored)
    assert target.getvalue() == again.getvalue()
    assert len(target.getvalue()) < 12_000
