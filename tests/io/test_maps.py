# SPDX-License-Identifier: Apache-2.0
"""Maps, masks and the space of a fit, from files."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

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
        (-labels_of(3, 4), r"distinct integers from -4 to -3, expected at most 10000 positive"),
        (
            np.arange(12 * 30 * 40, dtype=np.int32).reshape(12, 30, 40),
            r"with 14399 distinct integers from 1 to 14399",
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
