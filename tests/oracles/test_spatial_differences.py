# SPDX-License-Identifier: Apache-2.0
"""Where maps knowingly differ from nilearn 0.14.1: each law holds for ours and not for theirs."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nilearn.maskers import NiftiMapsMasker

from nipype_mapsmasker.errors import MapsError, TableError
from nipype_mapsmasker.io.tables.confounds import read_confounds
from tests.conftest import AFFINES, SHAPE
from tests.oracles.chain import Job, difference_sd, nilearn_chain, our_chain, save_image

pytestmark = pytest.mark.filterwarnings("ignore")

AFFINE = AFFINES["anisotropic"]


def boxes(*corners: tuple[slice, slice, slice]) -> np.ndarray:
    maps = np.zeros((*SHAPE, len(corners)))
    for k, box in enumerate(corners):
        maps[(*box, k)] = 1.0
    return maps


@pytest.fixture
def run(tmp_path: Path, bold: np.ndarray) -> Path:
    return save_image(tmp_path / "run.nii", bold, AFFINE)


def test_item_4_a_mask_of_probabilities_is_an_error(
    tmp_path: Path, run: Path, maps: np.ndarray, rng: np.random.Generator
) -> None:
    job = Job(run, save_image(tmp_path / "maps.nii", maps, AFFINE))
    job.mask = save_image(tmp_path / "gm.nii", rng.random(SHAPE), AFFINE)
    with pytest.raises(MapsError, match=r"is not a binary mask: .* or mask_threshold to cut"):
        our_chain(job, tmp_path / "ours")
    stored = nib.load(job.run)
    masker = NiftiMapsMasker(job.maps, mask_img=job.mask, standardize=None, reports=False)
    # nilearn cuts at 0 (or refuses, in a version to come, and then this difference is gone).
    everything = NiftiMapsMasker(job.maps, standardize=None, reports=False)
    assert np.allclose(masker.fit_transform(stored), everything.fit_transform(stored))


def test_item_7_negative_weights_overlap_too(tmp_path: Path, run: Path) -> None:
    maps = boxes((slice(0, 3),) * 3, (slice(2, 5),) * 3)
    maps[..., 1] *= -1
    job = Job(run, save_image(tmp_path / "maps.nii", maps, AFFINE), allow_overlap=False)
    with pytest.raises(MapsError, match="Overlap detected in the maps: 'map_1' and 'map_2' share"):
        our_chain(job, tmp_path / "ours")
    assert nilearn_chain(job).shape == (11, 2)


def test_item_7_the_test_for_overlap_does_not_change_the_maps(tmp_path: Path, run: Path) -> None:
    maps = boxes((slice(0, 3),) * 3, (slice(3, 6),) * 3)
    maps[0, 0, :2, 0] = -2.0
    path = save_image(tmp_path / "maps.nii", maps, AFFINE)
    tested, untested = (Job(run, path, allow_overlap=allow) for allow in (False, True))
    ours, ours_untested = (our_chain(job, tmp_path / "ours")[0] for job in (tested, untested))
    assert np.array_equal(ours, ours_untested)
    assert difference_sd(nilearn_chain(tested), nilearn_chain(untested)) > 0.1


def test_item_8_leading_gaps_are_filled_by_policy_and_others_refused(tmp_path: Path) -> None:
    table = tmp_path / "confounds.tsv"
    table.write_text("a\tb\n1\tn/a\n2\t7\n3\t8\n")
    fill = {"next": 7.0, "zero": 0.0}
    for policy, value in fill.items():
        assert read_confounds([table], 3, na=policy)[0][0, 1] == value  # type: ignore[arg-type]
    with pytest.raises(TableError, match="b"):
        read_confounds([table], 3, na="error")
    table.write_text("a\tb\n1\t6\n2\tn/a\n3\t8\n")
    with pytest.raises(TableError, match=r"confounds\.tsv.*'b'|'b'.*confounds\.tsv"):
        read_confounds([table], 3)


@pytest.mark.parametrize("how", ["NaN", "zero", "outside"])
def test_missing_voxels_exclude_is_the_mean_of_what_is_there(tmp_path: Path, how: str) -> None:
    data = 100.0 + np.zeros((*SHAPE, 6)) + np.arange(6)
    affine = AFFINE.copy()
    if how == "outside":
        data = data[:, :4]
    else:
        data[:, 4:] = {"NaN": np.nan, "zero": 0.0}[how]
    maps = boxes((slice(0, 4), slice(0, 8), slice(0, 9)), (slice(4, 7), slice(0, 4), slice(0, 9)))
    job = Job(
        save_image(tmp_path / "run.nii", data, affine),
        save_image(tmp_path / "maps.nii", maps, AFFINE),
        resampling_target="maps" if how == "outside" else "data",
    )
    truth = 100.0 + np.arange(6)
    assert np.allclose(nilearn_chain(job)[:, 0], truth / 2)
    assert np.allclose(our_chain(job, tmp_path / "zero")[0][:, 0], truth / 2)
    job.missing_voxels = "exclude"
    found, _ = our_chain(job, tmp_path / "exclude")
    assert np.abs(found - truth[:, None]).max() < 1e-10
