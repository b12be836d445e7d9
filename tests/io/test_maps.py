# SPDX-License-Identifier: Apache-2.0
"""Maps, masks and the space of a fit, from files."""

import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.core.maps import to_dense
from nipype_mapsmasker.errors import GridError, MapsError, ParameterError
from nipype_mapsmasker.io.maps import load_maps, mask_on_grid, open_maps, read_mask
from nipype_mapsmasker.steps.fit import fit_space
from tests.conftest import AFFINES, SHAPE

AFFINE = AFFINES["anisotropic"]


def save(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    nib.save(nib.Nifti1Image(data, affine), path)
    return path


def labels_of(*values: int) -> np.ndarray:
    data = np.zeros(SHAPE, dtype=np.int16)
    for number, value in enumerate(values):
        data[number] = value
    return data


def test_four_dimensions_are_maps_of_weights(tmp_path: Path, maps: np.ndarray) -> None:
    found = open_maps(save(tmp_path / "maps.nii.gz", maps))
    assert (found.n_maps, found.label_values) == (3, None)
    assert found.names() == ["map_1", "map_2", "map_3"]
    design = load_maps(found, found.grid)
    assert np.array_equal(to_dense(design.matrix), maps.reshape(-1, 3, order="F"))


def test_integers_in_three_dimensions_are_labels(tmp_path: Path) -> None:
    found = open_maps(save(tmp_path / "labels.nii", labels_of(3, 40, 7)))
    assert found.label_values is not None
    assert found.label_values.tolist() == [3, 7, 40]
    assert found.names() == ["label_03", "label_07", "label_40"]
    design = load_maps(found, found.grid)
    assert np.array_equal(to_dense(design.matrix).sum(axis=0), [72, 72, 72])


def test_fractions_in_three_dimensions_are_one_map(tmp_path: Path, maps: np.ndarray) -> None:
    found = open_maps(save(tmp_path / "map.nii", maps[..., 0]))
    assert (found.n_maps, found.label_values) == (1, None)
    assert np.array_equal(
        to_dense(load_maps(found, found.grid).matrix)[:, 0], maps[..., 0].ravel(order="F")
    )


@pytest.mark.parametrize(
    ("factor", "slope"), [(85, 3 / 255), (13, 1 / 13), (7, np.float32(0.1428)), (1, 1.0)]
)
def test_labels_that_a_scale_factor_rounds_are_labels(
    tmp_path: Path, factor: int, slope: float
) -> None:
    image = nib.Nifti1Image((labels_of(1, 2, 3) * factor).astype(np.int16), AFFINE)
    image.header.set_slope_inter(slope, 0)
    nib.save(image, tmp_path / "labels.nii.gz")
    found = open_maps(tmp_path / "labels.nii.gz")
    assert found.names() == ["label_1", "label_2", "label_3"]
    design = load_maps(found, found.grid)
    expected = load_maps(open_maps(save(tmp_path / "whole.nii", labels_of(1, 2, 3))), found.grid)
    np.testing.assert_array_equal(to_dense(design.matrix), to_dense(expected.matrix))


@settings(max_examples=200)
@given(st.integers(2, 300), st.floats(1e-3, 0.09), st.sampled_from([0.0, 1e-4, -1e-3]))
def test_labels_of_any_scale_are_labels(n_labels: int, slope: float, inter: float) -> None:
    # As a program stores labels with a scale factor: each as the nearest step.
    stored = np.rint((np.arange(n_labels + 1) - inter) / slope).astype(np.int32)
    with tempfile.TemporaryDirectory() as folder:
        image = nib.Nifti1Image(stored.reshape(1, 1, -1), AFFINE)
        image.header.set_slope_inter(slope, inter)
        nib.save(image, Path(folder, "labels.nii"))
        found = open_maps(Path(folder, "labels.nii"))
        assert found.label_values is not None
        assert found.label_values.tolist() == list(range(1, n_labels + 1))
        assert sum(volume.sum() for volume in found.volumes()) == n_labels


def test_weights_of_a_scale_factor_are_no_labels(tmp_path: Path, caplog) -> None:
    data = np.arange(504, dtype=np.int16).reshape(SHAPE) % 256
    image = nib.Nifti1Image(data, AFFINE)
    image.header.set_slope_inter(1 / 255, 0)
    nib.save(image, tmp_path / "map.nii")
    found = open_maps(tmp_path / "map.nii")
    assert (found.n_maps, found.label_values) == (1, None)
    assert "taken for one map of weights, not for labels" in caplog.text


@pytest.mark.parametrize("axes", [3, 4])
def test_interpolated_labels_are_asked_about(tmp_path: Path, axes: int) -> None:
    data = labels_of(1, 2, 3).astype(np.float32)
    data[0, 0, 0], data[1, 0, 0] = 1.4, 2.6
    path = save(tmp_path / "atlas.nii.gz", data if axes == 3 else data[..., None])
    with pytest.raises(MapsError, match=r"whole numbers \(1 to 3\).*such as 1\.4.*nearest neigh"):
        open_maps(path)
    smooth = scipy.ndimage.zoom(np.repeat(labels_of(1, 2, 3), 3, 0).astype(float), 1.3, order=1)
    with pytest.raises(MapsError, match="interpolation; resample the labels anew"):
        open_maps(save(tmp_path / "smooth.nii", smooth))
    divided = open_maps(save(tmp_path / "weights.nii", data / data.max()))
    assert divided.n_maps == 1


def test_labels_of_one_volume_are_labels(tmp_path: Path) -> None:
    found = open_maps(save(tmp_path / "labels.nii", labels_of(1, 2, 3)[..., None]))
    assert found.names() == ["label_1", "label_2", "label_3"]
    assert [volume.sum() for volume in found.volumes()] == [72, 72, 72]
    one = open_maps(save(tmp_path / "mask.nii", labels_of(1, 1)[..., None]))
    assert (one.names(), one.label_values) == (["map_1"], None)


@pytest.mark.parametrize("baseline", [100.0, 1000.0])
def test_a_run_is_no_maps(tmp_path: Path, rng: np.random.Generator, baseline: float) -> None:
    data = baseline + rng.standard_normal((*SHAPE, 12))
    with pytest.raises(MapsError, match=r"run\.nii does not look like maps: .* not swapped"):
        open_maps(save(tmp_path / "run.nii", data))


def test_maps_that_are_twins_are_maps(tmp_path: Path, maps: np.ndarray) -> None:
    twins = np.stack([maps[..., 0], maps[..., 0] * (1 + 1e-9), maps[..., 1]], axis=-1)
    assert open_maps(save(tmp_path / "twins.nii", twins)).n_maps == 3
    assert open_maps(save(tmp_path / "two.nii", twins[..., :2])).n_maps == 2


def test_labels_are_resampled_by_nearest_voxel(tmp_path: Path) -> None:
    found = open_maps(save(tmp_path / "labels.nii", labels_of(3, 40, 7)))
    target = Grid((9, 10, 11), AFFINES["oblique"])
    matrix = to_dense(load_maps(found, target).matrix)
    assert set(np.unique(matrix)) == {0.0, 1.0}
    assert (matrix.sum(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (np.zeros(SHAPE), r"empty.nii contains no map: every voxel is zero; pass 4D maps or a 3D"),
        (
            -labels_of(3, 4),
            r"distinct whole numbers from -4 to -3, expected at most 10000",
        ),
        (
            np.arange(12 * 30 * 40, dtype=np.int32).reshape(12, 30, 40),
            r"with 14399 distinct whole numbers from 1 to 14399",
        ),
    ],
)
def test_three_dimensions_without_labels_are_refused(
    tmp_path: Path, data: np.ndarray, text: str
) -> None:
    with pytest.raises(MapsError, match=text):
        open_maps(save(tmp_path / "empty.nii", data))


def test_errors_of_the_fit_name_the_file(tmp_path: Path) -> None:
    found = open_maps(save(tmp_path / "zeros.nii", np.zeros((*SHAPE, 2))))
    with pytest.raises(MapsError, match=r"zeros\.nii: The maps image contains no map"):
        load_maps(found, found.grid)


def test_masks_are_binary(tmp_path: Path, rng: np.random.Generator) -> None:
    data = (rng.random(SHAPE) < 0.5).astype(np.uint8) * 3
    grid, mask = read_mask(save(tmp_path / "mask.nii", data))
    assert same_grid(grid, Grid(SHAPE, AFFINE))
    assert np.array_equal(mask, data.ravel(order="F") > 0)
    everywhere = read_mask(save(tmp_path / "ones.nii", np.ones(SHAPE)))[1]
    assert everywhere.all()


def test_probabilities_are_cut_where_asked(tmp_path: Path, rng: np.random.Generator) -> None:
    data = rng.random(SHAPE)
    path = save(tmp_path / "gm.nii", data)
    with pytest.raises(
        MapsError, match=r"not a binary mask: it has 504 distinct .*mask_threshold"
    ):
        read_mask(path)
    assert np.array_equal(read_mask(path, 0.3)[1], data.ravel(order="F") > 0.3)
    for threshold in (-0.1, 1.0, 2.0):
        with pytest.raises(ParameterError, match=r"mask_threshold must lie in \[0, "):
            read_mask(path, threshold)


def test_masks_that_hold_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MapsError, match="is an empty mask: no voxel is inside; pass a mask"):
        read_mask(save(tmp_path / "none.nii", np.zeros(SHAPE)))
    with pytest.raises(MapsError, match="is not a binary mask: it has 2 distinct values from 1"):
        read_mask(save(tmp_path / "onetwo.nii", labels_of(1, 1, 1, 1, 1, 1, 1) + labels_of(1)))


def test_masks_come_to_a_grid_by_nearest_voxel(tmp_path: Path) -> None:
    data = np.zeros(SHAPE, dtype=np.uint8)
    data[2:5, 2:6, 3:6] = 1
    path = save(tmp_path / "mask.nii", data)
    affine = AFFINE @ np.diag([0.5, 0.5, 0.5, 1])
    affine[:3, 3] -= AFFINE[:3, :3] @ [0.25, 0.25, 0.25]
    fine = Grid((14, 16, 18), affine)
    expected = data.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    assert np.array_equal(mask_on_grid(path, fine), np.flatnonzero(expected.ravel(order="F")))
    shifted = AFFINE.copy()
    shifted[0, 3] -= 2.0 * 5
    with pytest.raises(MapsError, match=r"is empty once it is resampled to the images' grid"):
        mask_on_grid(path, Grid((7, 8, 9), shifted))
    shifted[0, 3] -= 1e4
    with pytest.raises(GridError, match=r"mask\.nii and the images' grid do not overlap anywhere"):
        mask_on_grid(path, Grid((7, 8, 9), shifted))


@pytest.fixture
def files(tmp_path: Path, maps: np.ndarray) -> dict[str, Path]:
    data, mask = np.ones((6, 7, 8, 2)), np.ones((9, 9, 9), dtype=np.uint8)
    return {
        "maps": save(tmp_path / "maps.nii", maps),
        "data": save(tmp_path / "run.nii", data, AFFINES["flipped"]),
        "mask": save(tmp_path / "mask.nii", mask, AFFINES["isotropic"] - 9 * np.eye(4, k=3)),
    }


@pytest.mark.parametrize(
    ("target", "shape"), [("data", (6, 7, 8)), ("mask", (9, 9, 9)), ("maps", SHAPE)]
)
def test_whose_grid_the_fit_is_on(
    files: dict[str, Path], target: str, shape: tuple[int, ...]
) -> None:
    grid, mask = fit_space(
        open_maps(files["maps"]),
        mask_file=files["mask"],
        reference_file=files["data"],
        resampling_target=target,  # type: ignore[arg-type]
    )
    assert grid.shape == shape
    assert mask is not None
    assert mask.shape == (np.prod(shape),)


def test_no_target_wants_one_grid(files: dict[str, Path]) -> None:
    maps = open_maps(files["maps"])
    assert fit_space(maps, resampling_target=None) == (maps.grid, None)
    for kind, name in (("reference_file", "data"), ("mask_file", "mask")):
        with pytest.raises(
            GridError,
            match=rf"=None wants one grid, but .*{files[name].name} .* choose 'data', 'mask' or",
        ):
            fit_space(maps, resampling_target=None, **{kind: files[name]})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("data", r"resampling_target='data' needs an image of the runs, and none was given; give"),
        ("mask", r"resampling_target='mask' needs a mask \(mask_img\), and none was given; give"),
    ],
)
def test_the_image_whose_grid_is_wanted_must_be_there(
    files: dict[str, Path], target: str, text: str
) -> None:
    with pytest.raises(ParameterError, match=text):
        fit_space(open_maps(files["maps"]), resampling_target=target)  # type: ignore[arg-type]
