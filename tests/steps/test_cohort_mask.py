# SPDX-License-Identifier: Apache-2.0
"""The mask of a cohort: voxels in at least half of the runs' masks."""

import numpy as np
import pytest

from nipype_mapsmasker.errors import GridError, MapsError
from nipype_mapsmasker.io.maps import read_mask
from nipype_mapsmasker.steps.cohort_mask import write_cohort_mask
from tests.tiny import GRIDS, write_mask


@pytest.fixture
def masks(tmp_path):
    """Three masks: a voxel in all, one in two, one in one of them; and one in none."""
    files = []
    for number, voxels in enumerate([(0, 1, 2), (0, 1), (0,)]):
        inside = np.zeros(GRIDS[0].n_voxels, dtype=bool)
        inside[list(voxels)] = True
        files.append(write_mask(tmp_path / f"{number}.nii.gz", inside))
    return files


def test_voxels_in_half_of_the_masks(masks, tmp_path):
    out = tmp_path / "new" / "mask.nii.gz"
    grid, inside = read_mask(write_cohort_mask(masks, out))
    assert np.flatnonzero(inside).tolist() == [0, 1]
    assert grid.shape == GRIDS[0].shape
    # Exactly half is enough.
    _, inside = read_mask(write_cohort_mask(masks[:2], tmp_path / "two.nii.gz"))
    assert np.flatnonzero(inside).tolist() == [0, 1, 2]


def test_the_same_mask_is_left_untouched(masks, tmp_path):
    out = tmp_path / "mask.nii.gz"
    before = write_cohort_mask(masks, out).stat()
    assert write_cohort_mask(masks, out).stat().st_mtime_ns == before.st_mtime_ns
    write_cohort_mask(masks[:1], out)
    assert np.flatnonzero(read_mask(out)[1]).tolist() == [0, 1, 2]


def test_masks_that_have_nothing_in_common(tmp_path):
    files = []
    for number in range(3):
        inside = np.zeros(GRIDS[0].n_voxels, dtype=bool)
        inside[number] = True
        files.append(write_mask(tmp_path / f"{number}.nii.gz", inside))
    with pytest.raises(MapsError, match="No voxel lies in half of the 3 masks"):
        write_cohort_mask(files, tmp_path / "mask.nii.gz")


def test_masks_on_different_grids(masks, tmp_path):
    other = write_mask(tmp_path / "x.nii.gz", np.ones(GRIDS[1].n_voxels, dtype=bool), grid=1)
    with pytest.raises(GridError, match="are masks on different grids"):
        write_cohort_mask([*masks, other], tmp_path / "mask.nii.gz")


def test_no_mask_at_all(tmp_path):
    with pytest.raises(MapsError, match="No run has a brain mask"):
        write_cohort_mask([], tmp_path / "mask.nii.gz")
