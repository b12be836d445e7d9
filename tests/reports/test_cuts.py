# SPDX-License-Identifier: Apache-2.0
"""The cuts that FitMaps keeps for the report: place, orientation, size on disk."""

import io

import numpy as np
import pytest

from nipype_mapsmasker.core import cuts

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


def test_pictures_are_neurological_with_superior_on_top() -> None:
    volume = np.zeros(SHAPE)
    volume[1, 2, 3] = 1.0
    got = cuts.map_cuts(read_only(volume), RAS)
    assert got.voxel == (1, 2, 3)
    np.testing.assert_allclose(got.centre, [-7, -6, -4])
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
def test_pictures_do_not_depend_on_how_the_grid_is_stored(axes: tuple, flips: tuple) -> None:
    rng = np.random.default_rng(0)
    volume = rng.random(SHAPE)
    volume[4, 5, 3] = 9.0
    reference = cuts.map_cuts(volume, RAS)
    got = cuts.map_cuts(*stored_as(volume, RAS, axes, flips))
    np.testing.assert_allclose(got.centre, reference.centre)
    for plane in ("sagittal", "coronal", "axial"):
        np.testing.assert_array_equal(getattr(got, plane), getattr(reference, plane))


def test_centre_lies_inside_the_heaviest_part() -> None:
    volume = np.zeros((20, 20, 20))
    volume[2:10, 2:10, 2:10] = -1.0  # the larger part, negative and hollow
    volume[4:8, 4:8, 2:10] = 0.0
    volume[15, 15, 15] = 1.5
    voxel = cuts.map_cuts(volume, np.eye(4)).voxel
    assert volume[voxel] == -1.0


def test_empty_and_non_finite_maps_have_cuts() -> None:
    empty = cuts.map_cuts(np.zeros(SHAPE), RAS)
    assert empty.voxel == (3, 4, 4)
    assert empty.peak == 0.0
    volume = np.zeros(SHAPE)
    volume[0, 0, 0] = np.nan
    volume[5, 5, 5] = 2.0
    got = cuts.map_cuts(volume, RAS)
    assert (got.voxel, got.peak) == ((5, 5, 5), 2.0)
    assert np.isfinite(got.axial).all()


def test_oblique_grids_say_their_tilt() -> None:
    turn = np.deg2rad(12)
    oblique = np.eye(4)
    oblique[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    assert cuts.nearest_ras(oblique).tilt == pytest.approx(12)
    assert cuts.nearest_ras(RAS).tilt == 0
    assert cuts.nearest_ras(RAS).sizes == (3.0, 3.0, 4.0)


def test_stored_cuts_come_back_to_within_half_a_level() -> None:
    rng = np.random.default_rng(1)
    volumes = [rng.standard_normal(SHAPE) * 10.0**k for k in range(3)]
    stored = cuts.collect_cuts((read_only(v) for v in volumes), RAS)
    for index, volume in enumerate(volumes):
        back = cuts.unpack_cuts(stored, index)
        direct = cuts.map_cuts(volume, RAS)
        assert back.voxel == direct.voxel
        np.testing.assert_allclose(
            back.coronal, direct.coronal, atol=0.501 * direct.peak / cuts.LEVELS
        )


def test_the_picture_of_all_maps_names_the_relatively_strongest() -> None:
    volumes = np.zeros((2, 6, 6, 6))
    volumes[0, :3] = 1.0
    volumes[1, 2:] = 100.0
    volumes[1, 2] = 50.0
    stored = cuts.collect_cuts(volumes, np.eye(4))
    assert set(stored["glance"][:, :, :3].ravel()) == {1}
    assert set(stored["glance"][:, :, 3:].ravel()) == {2}
    levels = stored["glance_voxel"].tolist()
    assert levels == sorted(levels)


def test_no_maps_and_only_empty_maps_are_kept_too() -> None:
    assert cuts.collect_cuts([], RAS)["axial"].shape[0] == 0
    stored = cuts.collect_cuts([np.zeros(SHAPE)], RAS)
    assert stored["glance"].shape[0] == 0
    assert cuts.unpack_cuts(stored, 0).peak == 0


def test_fine_grids_are_thinned_and_files_stay_small() -> None:
    rng = np.random.default_rng(2)
    volumes = (rng.standard_normal((182, 40, 30)) for _ in range(2))
    stored = cuts.collect_cuts(volumes, np.eye(4))
    assert int(stored["step"]) == 2
    assert stored["axial"].shape == (2, 20, 91)
    target = io.BytesIO()
    np.savez_compressed(target, **stored)
    again = io.BytesIO()
    np.savez_compressed(again, **stored)
    assert target.getvalue() == again.getvalue()
