# SPDX-License-Identifier: Apache-2.0
"""
Our masker classes, and our steps from files to files, against nilearn 0.14.1's classes on float64
data, over random combinations: both against one reading of nilearn's, which takes longest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.maskers import MultiNiftiMapsMasker as TheirMulti
from nilearn.maskers import NiftiMapsMasker as TheirSingle

from nipype_mapsmasker.maskers import MultiNiftiMapsMasker, NiftiMapsMasker
from tests.oracles.chain import Job, difference_sd, nilearn_chain, our_chain
from tests.oracles.random_jobs import random_job

# nilearn warns of what it resamples, casts and will change.
pytestmark = pytest.mark.filterwarnings("ignore")

TOLERANCE_SD = 1e-9
"""Largest difference, in standard deviations of the signal: two solvers of the same equations."""

N_COMBINATIONS = 300

CLEANING = ("filter", "ensure_finite", "extrapolate")

BUTTERWORTH = ("order", "padtype", "padlen")


def as_given(rng: np.random.Generator, path: Path, folder: Path) -> Any:
    """Give an image in one of the forms that a user may have it in."""
    image = nib.load(path)
    data = np.asarray(image.dataobj)
    forms = [
        lambda: path,
        lambda: str(path),
        lambda: image,
        lambda: nib.Nifti1Image(data, image.affine),
        lambda: nib.Nifti2Image(np.ascontiguousarray(data), image.affine),
        lambda: [nib.Nifti1Image(volume, image.affine) for volume in np.moveaxis(data, -1, 0)],
    ]
    return forms[rng.integers(len(forms))]()


def confounds_as_given(rng: np.random.Generator, table: np.ndarray, folder: Path) -> Any:
    """Give confounds in one of the forms that the reference takes."""
    frame = pd.DataFrame(table, columns=[f"c{k}" for k in range(table.shape[1])])
    kind = rng.integers(7)
    if kind == 0:
        return table
    if kind == 1:
        return frame
    if kind == 2:
        return [table[:, :1], table[:, 1:]] if table.shape[1] > 1 else [table]
    if kind == 3:
        return frame.to_records(index=False)
    path = folder / f"confounds.{'csv' if kind == 4 else 'tsv'}"
    separator = "," if kind == 4 else "\t"
    frame.to_csv(path, sep=separator, index=False, header=kind != 5)
    return path if kind < 6 else [str(path)]


def sample_mask_as_given(rng: np.random.Generator, mask: np.ndarray) -> Any:
    """Give a sample mask in one of the forms that the reference takes."""
    forms = [mask, mask.tolist(), [mask], [mask.tolist()], pd.Series(mask)]
    return forms[rng.integers(len(forms))]


def arguments(rng: np.random.Generator, job: Job) -> dict[str, Any]:
    """Say a job in the words of the constructor, with either way of the cleaning's arguments."""
    words = dict(job.cleaning)
    extra = {name: words.pop(name) for name in CLEANING if name in words}
    for name in BUTTERWORTH:
        if f"butterworth_{name}" in words:
            extra[f"butterworth__{name}"] = words.pop(f"butterworth_{name}")
    if rng.random() < 0.5:
        words |= {f"clean__{name}": value for name, value in extra.items()}
    elif extra:
        words["clean_args"] = extra
    return words | {
        "resampling_target": job.resampling_target,
        "smoothing_fwhm": job.smoothing_fwhm,
        "allow_overlap": job.allow_overlap,
        "high_variance_confounds": job.high_variance,
        "reports": bool(rng.random() < 0.3),
    }


@pytest.mark.parametrize("seed", range(N_COMBINATIONS))
def test_random_combinations(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng((20261126, seed))
    job = random_job(rng, tmp_path)
    multi = bool(seed % 2)
    masker = (MultiNiftiMapsMasker if multi else NiftiMapsMasker)(
        as_given(rng, job.maps, tmp_path),
        None if job.mask is None else job.mask,
        **arguments(rng, job),
    )
    image = as_given(rng, job.run, tmp_path)
    confounds = sample_mask = None
    if job.confounds is not None:
        confounds = confounds_as_given(rng, job.confounds, tmp_path)
    if job.sample_mask is not None:
        sample_mask = sample_mask_as_given(rng, job.sample_mask)
    if multi:
        found = masker.fit_transform(
            [image],
            confounds=None if confounds is None else [confounds],
            sample_mask=None if sample_mask is None else [sample_mask],
        )[0]
    else:
        found = masker.fit_transform(image, confounds=confounds, sample_mask=sample_mask)
    expected = nilearn_chain(job, masker_class=TheirMulti if multi else TheirSingle)
    assert difference_sd(found, expected) < TOLERANCE_SD
    by_steps, names = our_chain(job, tmp_path / "steps")
    assert difference_sd(by_steps, expected) < TOLERANCE_SD
    assert names == list(masker.get_feature_names_out())
    if job.mask is None or job.resampling_target is not None:
        rebuilt = masker.inverse_transform(found)
        assert rebuilt.shape == (*masker.maps_img_.shape[:3], len(found))
