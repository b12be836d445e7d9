# SPDX-License-Identifier: Apache-2.0
"""Resampling of runs, against nilearn's ``resample_img`` on float64 data."""

import nibabel as nib
import numpy as np
import pytest
from nilearn.image import resample_img

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.interpolation import Interpolation
from nipype_mapsmasker.core.resampling import BlockResampler, data_range, fill_non_finite
from tests.conftest import AFFINES, SHAPE, read_only

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")

TURNED = AFFINES["anisotropic"][:, [1, 2, 0, 3]].copy()

TARGETS = {
    "finer": Grid((12, 9, 13), np.diag([1.7, 2.9, 2.2, 1.0])),
    "flipped": Grid((8, 8, 8), AFFINES["flipped"]),
    "permuted": Grid((9, 8, 7), TURNED + 0.3 * np.eye(4, k=3)),
    "oblique": Grid((9, 8, 7), AFFINES["oblique"]),
}


def ours(
    run: np.ndarray, source: Grid, target: Grid, kind: Interpolation, *, clip: bool = True
) -> np.ndarray:
    """Resample an (X, Y, Z, T) run as one block."""
    block = read_only(run.reshape(-1, run.shape[-1], order="F").T.copy())
    limits = data_range([block]) if clip else None
    moved = BlockResampler(source, target, kind, limits)(block)
    return moved.T.reshape((*target.shape, -1), order="F")


def theirs(
    run: np.ndarray, source: Grid, target: Grid, kind: str, *, clip: bool = True
) -> np.ndarray:
    image = nib.Nifti1Image(run, source.affine)
    moved = resample_img(
        image, target_affine=target.affine, target_shape=target.shape, interpolation=kind,
        clip=clip,
    )  # fmt: skip
    return np.nan_to_num(np.asarray(moved.dataobj), nan=0.0, posinf=0.0, neginf=0.0)


@pytest.fixture
def holed(bold: np.ndarray) -> np.ndarray:
    run = bold.copy()
    run[2:5, 1:4, 3:6] = np.nan  # deeper than what is filled from neighbours
    run[0, 0, 0, 3] = np.inf
    run[6, :, 2, 4:6] = -np.inf
    return read_only(run)


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("kind", ["continuous", "linear", "nearest"])
@pytest.mark.parametrize("name", TARGETS)
def test_finite_runs(
    bold: np.ndarray, grid: Grid, name: str, kind: Interpolation, clip: bool
) -> None:
    run = bold - 99.0  # both signs, so that both limits of clipping show
    found = ours(run, grid, TARGETS[name], kind, clip=clip)
    expected = theirs(run, grid, TARGETS[name], kind, clip=clip)
    assert np.abs(found - expected).max() < 1e-11


@pytest.mark.parametrize("kind", ["continuous", "linear", "nearest"])
@pytest.mark.parametrize("name", TARGETS)
def test_runs_with_non_finite_voxels(
    holed: np.ndarray, grid: Grid, name: str, kind: Interpolation
) -> None:
    """nilearn fills them from their neighbours, resamples, and puts NaN where they were."""
    found = ours(holed, grid, TARGETS[name], kind)
    expected = theirs(holed, grid, TARGETS[name], kind)
    assert np.abs(found - expected).max() < 1e-11


@pytest.mark.parametrize("dtype", ["i2", "u1", "i4", ">i2", "f4"])
def test_stored_types_are_resampled_in_float64(bold: np.ndarray, grid: Grid, dtype: str) -> None:
    run = np.rint(bold)
    found = ours(run.astype(dtype), grid, TARGETS["finer"], "continuous")
    assert np.array_equal(found, ours(run, grid, TARGETS["finer"], "continuous"))


def test_the_range_is_the_run_s_widened_to_hold_zero() -> None:
    blocks = [np.array([[3, 5]], dtype="u1"), np.array([[4, 9]], dtype="u1")]
    assert data_range(blocks) == (0.0, 9.0)
    assert data_range([np.array([[-3.0, np.nan, -1.0]])]) == (-3.0, 0.0)
    assert data_range([]) == (0.0, 0.0)


def test_outside_the_field_of_view_is_the_fill_value(bold: np.ndarray) -> None:
    source = Grid(SHAPE, np.eye(4))
    affine = np.eye(4)
    affine[0, 3] = 4.0
    moved = BlockResampler(source, Grid(SHAPE, affine), "linear", None, fill_value=-7.0)
    found = moved(bold.reshape(-1, 11, order="F").T)[0].reshape(SHAPE, order="F")
    assert np.array_equal(found[:3], bold[4:, ..., 0])
    assert (found[3:] == -7.0).all()


def test_two_shells_of_a_hole_are_filled() -> None:
    volume = np.full((7, 7, 7), 5.0)
    volume[1:6, 1:6, 1:6] = np.nan
    filled = fill_non_finite(volume, np.isnan(volume))
    assert filled[3, 3, 3] == 0.0
    filled[3, 3, 3] = 5.0
    assert np.allclose(filled, 5.0)


@pytest.mark.parametrize("kind", ["continuous", "nearest"])
@pytest.mark.parametrize("name", TARGETS)
def test_the_reach_of_voxels_is_what_their_share_depends_on(
    rng: np.random.Generator, grid: Grid, name: str, kind: Interpolation
) -> None:
    target = TARGETS[name]
    resampler = BlockResampler(grid, target, kind)
    voxels = rng.choice(target.n_voxels, 5, replace=False)
    reached = resampler.reach(voxels)
    known = rng.random(grid.n_voxels) < 0.7
    elsewhere = np.where(reached, known, rng.random(grid.n_voxels) < 0.5)
    np.testing.assert_array_equal(
        resampler.share(elsewhere)[voxels], resampler.share(known)[voxels]
    )
    everything = np.ones(grid.n_voxels, np.bool_)
    whole = resampler.share(everything)[voxels]
    for voxel in np.flatnonzero(reached)[:20]:
        known = everything.copy()
        known[voxel] = False
        assert (resampler.share(known)[voxels] < whole).any()
