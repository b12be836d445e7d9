# SPDX-License-Identifier: Apache-2.0
"""`FitMaps`: maps, mask and grid to an operator, by files."""

import numpy as np
import pytest

from nipype_mapsmasker.errors import GridError, MapsError, ParameterError
from nipype_mapsmasker.interfaces import FitMaps
from nipype_mapsmasker.io.fitted import load_operator
from nipype_mapsmasker.io.sidecars import checksum
from nipype_mapsmasker.io.tables.rows import read_rows
from tests.tiny import GRIDS, N_MAPS, write_maps, write_mask


def test_describes_what_it_fitted(fitted, tiny):
    assert fitted.n_maps == N_MAPS
    assert fitted.maps_file == tiny.maps_file
    assert fitted.mask_file is None
    assert fitted.cuts_file is None
    assert fitted.maps_checksum == checksum(tiny.maps_file)
    rows = read_rows(fitted.coverage_file)
    assert [row["name"] for row in rows] == ["map_1", "map_2", "map_3"]
    assert [float(row["coverage"]) for row in rows] == [1.0] * N_MAPS
    assert [int(row["n_voxels"]) for row in rows] == [GRIDS[0].n_voxels] * N_MAPS


def test_takes_names_and_makes_cuts(tiny, tmp_path):
    outputs = FitMaps(
        maps_file=tiny.maps_file,
        reference_file=tiny.in_files[0],
        labels_file=tiny.labels_file,
        save_cuts=True,
    ).run(cwd=tmp_path).outputs  # fmt: skip
    assert load_operator(outputs.operator_file).names == ("one", "two", "three")
    assert outputs.cuts_file == str(tmp_path / "cuts.npz")


def test_mask_lowers_the_coverage(tiny, tmp_path):
    outputs = FitMaps(
        maps_file=tiny.maps_file, reference_file=tiny.in_files[0], mask_file=tiny.mask_file
    ).run(cwd=tmp_path).outputs  # fmt: skip
    coverage = [float(row["coverage"]) for row in read_rows(outputs.coverage_file)]
    assert all(0.7 < value < 0.9 for value in coverage)
    assert outputs.mask_file == tiny.mask_file


@pytest.mark.parametrize(
    ("target", "grid"), [("data", GRIDS[1]), ("maps", GRIDS[0]), ("mask", GRIDS[0])]
)
def test_fits_on_the_grid_that_is_asked_for(tiny, tmp_path, target, grid):
    outputs = FitMaps(
        maps_file=tiny.maps_file,
        mask_file=tiny.mask_file,
        reference_file=tiny.in_files[1],
        resampling_target=target,
    ).run(cwd=tmp_path).outputs  # fmt: skip
    fitted_on = load_operator(outputs.operator_file).grid
    assert fitted_on.shape == grid.shape
    np.testing.assert_allclose(fitted_on.affine, grid.affine)


def test_resampling_target_none_wants_one_grid(tiny, tmp_path):
    fit = FitMaps(
        maps_file=tiny.maps_file, reference_file=tiny.in_files[1], resampling_target=None
    )
    match = r"wants one grid, but .*sub-02.* has shape \(8, 7, 9\) .* maps .*maps\.nii\.gz"
    with pytest.raises(GridError, match=match):
        fit.run(cwd=tmp_path)


@pytest.mark.parametrize(("target", "needed"), [("mask", "a mask"), ("data", "an image")])
def test_needs_the_image_whose_grid_is_the_target(tiny, tmp_path, target, needed):
    fit = FitMaps(maps_file=tiny.maps_file, resampling_target=target)
    with pytest.raises(ParameterError, match=f"{target}.* needs {needed}"):
        fit.run(cwd=tmp_path)


def test_refuses_overlap_on_demand_and_leaves_the_maps_alone(tiny, tmp_path):
    before = checksum(tiny.maps_file)
    fit = FitMaps(maps_file=tiny.maps_file, reference_file=tiny.in_files[0], allow_overlap=False)
    with pytest.raises(MapsError, match=r"map_1.*map_2"):
        fit.run(cwd=tmp_path)
    assert checksum(tiny.maps_file) == before


def test_keeps_maps_that_the_mask_removes(tiny, tmp_path):
    left = np.arange(GRIDS[0].n_voxels) < GRIDS[0].n_voxels // 2
    weights = np.stack([left, ~left]).astype(float)
    maps = write_maps(tmp_path / "halves.nii.gz", weights)
    mask = write_mask(tmp_path / "left.nii.gz", left)
    outputs = FitMaps(
        maps_file=str(maps), reference_file=str(maps), mask_file=str(mask)
    ).run(cwd=tmp_path).outputs  # fmt: skip
    assert outputs.n_maps == 2
    assert [float(row["coverage"]) for row in read_rows(outputs.coverage_file)] == [1.0, 0.0]


def test_smoothing_may_differ_between_axes(tiny, tmp_path):
    fit = FitMaps(
        maps_file=tiny.maps_file, reference_file=tiny.in_files[0], smoothing_fwhm=(4.0, 5.0, 6.0)
    )
    operator = load_operator(fit.run(cwd=tmp_path).outputs.operator_file)
    assert operator.n_maps == N_MAPS
